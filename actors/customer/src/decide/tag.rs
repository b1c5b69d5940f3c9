//! Somebody sets a tag by hand, or takes it away.

use super::reaction::Reaction;
use crate::event::{Cause, Event};
use crate::hand::Hand;
use crate::state::Customer;
use crate::world::World;
use roadbook_kernel::{DAY_MS, Draft, Moment, Place, Refusal};

/// Tags one customer can have, cleared ones included.
const TAGS_MAX: usize = 500;

/// What is said of a tag.
pub(super) struct Said<'a> {
    pub(super) tag: &'a str,
    pub(super) value: Option<&'a str>,
    pub(super) expires_at: Option<Moment>,
    pub(super) by: Hand,
}

pub(super) fn decide(draft: &mut Draft<'_, Customer>, said: &Said<'_>, world: &World<'_>) -> Result<(), Refusal> {
    let known = draft.state().tags.get(said.tag);
    if known.is_none() && (said.value.is_none() || draft.state().tags.len() >= TAGS_MAX) {
        return match said.value {
            None => Ok(()),
            Some(_) => Err(Refusal::new("too_many_tags", format!("a customer can have {TAGS_MAX} tags"))),
        };
    }
    if let Some((described, value)) = world.catalog.tag(said.tag).zip(said.value)
        && let Err(detail) = described.fits(value)
    {
        let place = Place { pointer: "/value".into(), code: "unfit_tag_value".into(), detail: detail.clone() };
        return Err(Refusal::new("unfit_tag_value", detail).at([place]));
    }
    // Of two writes at one instant the tie-break would choose; a person means the later one.
    let at = known.map_or(world.at, |known| world.at.max(known.at.plus_ms(1)));
    let (tag, value) = (said.tag.to_owned(), said.value.map(str::to_owned));
    let mut reaction = Reaction::new(draft, world);
    let life = reaction.life_of(&tag).map(|ms| at.plus_ms(ms));
    let expires_at = said.expires_at.or(life).filter(|_| value.is_some());
    reaction.touched.tags.insert(tag.clone());
    reaction.emit(Event::TagSet { tag, value, at, cause: Cause::Hand(said.by), expires_at });
    reaction.settle();
    Ok(())
}

impl Reaction<'_, '_, '_> {
    /// How long a value of a tag lives unless whoever sets it says otherwise, in milliseconds.
    pub(super) fn life_of(&self, tag: &str) -> Option<i64> {
        let days = self.world.catalog.tag(tag)?.ttl_days?;
        Some(i64::from(days) * DAY_MS)
    }
}
