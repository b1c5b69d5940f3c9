//! The customer said yes or no to a purpose.

use super::reaction::Reaction;
use crate::command::ConsentWord;
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_kernel::Draft;
use roadbook_tenancy::Standing;

pub(super) fn decide(draft: &mut Draft<'_, Customer>, word: &ConsentWord, world: &World<'_>) {
    let standing = Standing {
        as_of: world.at,
        verdict: word.verdict,
        text_version: word.text_version.clone(),
        evidence: word.evidence.clone(),
    };
    let (purpose, channel) = (word.purpose, word.channel);
    draft.emit(Event::ConsentNoted { purpose, channel, standing, by: world.message });
    let mut reaction = Reaction::new(draft, world);
    reaction.touched.consents = true;
    reaction.settle();
}
