//! Descriptions of tags, and whether what journeys set fits them.

use crate::actor::Catalog;
use crate::event::Event;
use crate::references::escaped;
use crate::tag::TagDefinition;
use roadbook_journey::Revision;
use roadbook_kernel::{Draft, Expected, Moment, Place, Refusal};
use serde_json::Value;
use std::collections::BTreeMap;

/// Tags a tenant may describe.
const TAGS_MAX: usize = 2_000;

pub(crate) fn create(draft: &mut Draft<'_, Catalog>, definition: &TagDefinition, at: Moment) -> Result<(), Refusal> {
    if draft.state().tags.contains_key(&definition.key) {
        let detail = "this tag is described already; change it with PUT and its ETag";
        return Err(Refusal::new("already_defined", detail));
    }
    room(draft.state(), 1)?;
    check(draft.state(), definition)?;
    draft.emit(Event::TagDefined { definition: definition.clone(), at });
    Ok(())
}

pub(crate) fn edit(
    draft: &mut Draft<'_, Catalog>,
    definition: &TagDefinition,
    expected: &Expected,
    at: Moment,
) -> Result<(), Refusal> {
    known(draft.state(), &definition.key, expected)?;
    check(draft.state(), definition)?;
    draft.emit(Event::TagDefined { definition: definition.clone(), at });
    Ok(())
}

pub(crate) fn delete(
    draft: &mut Draft<'_, Catalog>,
    key: &str,
    expected: &Expected,
    at: Moment,
) -> Result<(), Refusal> {
    known(draft.state(), key, expected)?;
    draft.emit(Event::TagDeleted { key: key.to_owned(), at });
    Ok(())
}

/// What is described already stays as the tenant has it.
pub(crate) fn load(draft: &mut Draft<'_, Catalog>, definitions: &[TagDefinition], at: Moment) -> Result<(), Refusal> {
    let new: BTreeMap<&str, &TagDefinition> = definitions
        .iter()
        .filter(|definition| !draft.state().tags.contains_key(&definition.key))
        .map(|definition| (definition.key.as_str(), definition))
        .collect();
    room(draft.state(), new.len())?;
    for definition in new.values() {
        check(draft.state(), definition)?;
    }
    for definition in new.into_values() {
        draft.emit(Event::TagDefined { definition: definition.clone(), at });
    }
    Ok(())
}

fn room(state: &Catalog, more: usize) -> Result<(), Refusal> {
    if state.tags.len() + more <= TAGS_MAX {
        return Ok(());
    }
    Err(Refusal::new("too_many_definitions", format!("a tenant can describe {TAGS_MAX} tags; remove one first")))
}

fn known(state: &Catalog, key: &str, expected: &Expected) -> Result<(), Refusal> {
    let known = state.tags.get(key);
    let known = known.ok_or_else(|| Refusal::new("not_found", "there is no description of this tag"))?;
    expected.check(known.revision)
}

/// The description itself must be sound, and what published journeys set must fit it.
fn check(state: &Catalog, definition: &TagDefinition) -> Result<(), Refusal> {
    let places = definition.problems();
    if !places.is_empty() {
        return Err(
            Refusal::new("invalid_tag_definition", "the description cannot be used; `errors` says why").at(places)
        );
    }
    let only = |key: &str| (key == definition.key).then_some(definition);
    let places: Vec<Place> = state
        .journeys
        .iter()
        .filter_map(|(id, entry)| Some((id, entry.published.as_ref()?)))
        .flat_map(|(id, (_, body))| unfit(body, &format!("/journeys/{id}/definition"), only))
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    let detail = "published journeys set this tag to values that would not fit; `errors` names each place";
    Err(Refusal::new("tag_in_use", detail).at(places))
}

/// Refuses a journey that sets a described tag to what does not fit its description.
pub(crate) fn check_journey(state: &Catalog, definition: &Value) -> Result<(), Refusal> {
    let places = unfit(definition, "/definition", |key| state.tags.get(key).map(|entry| &entry.definition));
    if places.is_empty() {
        return Ok(());
    }
    let detail = "it sets tags to values that do not fit their descriptions; `errors` names each place";
    Err(Refusal::new("unfit_tag_value", detail).at(places))
}

fn unfit<'d>(body: &Value, root: &str, described: impl Fn(&str) -> Option<&'d TagDefinition>) -> Vec<Place> {
    let Ok(revision) = Revision::parse(body) else { return Vec::new() };
    let wrong = revision.tags_set().filter_map(|(node, tag, value)| {
        let detail = described(tag)?.fits(value).err()?;
        let pointer = format!("{root}/nodes/{}/value", escaped(node));
        Some(Place { pointer, code: "unfit_tag_value".into(), detail })
    });
    wrong.collect()
}
