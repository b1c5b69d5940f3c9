//! Where a definition names a segment: what it names must exist, and what is named by something published must stay.

use crate::actor::Catalog;
use roadbook_audience::{Compiled, parse};
use roadbook_journey::Revision;
use roadbook_kernel::{Place, Refusal, SegmentId};
use serde_json::Value;
use std::collections::BTreeSet;

/// The segments a condition refers to; none where it cannot be read, which its own check says better.
pub(crate) fn of_condition(condition: &Value) -> BTreeSet<SegmentId> {
    parse(condition).map(|condition| Compiled::new(condition).reads().segments.clone()).unwrap_or_default()
}

/// The segments a journey refers to.
pub(crate) fn of_journey(definition: &Value) -> BTreeSet<SegmentId> {
    Revision::parse(definition).map(|revision| revision.segments()).unwrap_or_default()
}

/// Refuses a body that names a segment nobody has, another tenant has, or that was retired. `field` is the field of
/// the author's body that holds it.
pub(crate) fn check(state: &Catalog, named: &BTreeSet<SegmentId>, body: &Value, field: &str) -> Result<(), Refusal> {
    let known = |id: &SegmentId| state.segments.get(id).is_some_and(|entry| entry.archived.is_none());
    let missing: BTreeSet<SegmentId> = named.iter().copied().filter(|id| !known(id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let places = places(body, &missing, &format!("/{field}")).into_iter().map(|pointer| Place {
        pointer,
        code: "unknown_segment".into(),
        detail: "there is no such segment; create it first".to_owned(),
    });
    let detail = "it refers to segments that do not exist; `errors` names each place";
    Err(Refusal::new("unknown_segment", detail).at(places))
}

/// Refuses to retire a segment that something published refers to. Pointers begin with the list and the id of what
/// refers to it.
pub(crate) fn unused(state: &Catalog, id: SegmentId) -> Result<(), Refusal> {
    let wanted = BTreeSet::from([id]);
    let mut found = Vec::new();
    for (other, entry) in state.segments.iter().filter(|(other, _)| **other != id) {
        if let Some((_, condition)) = entry.published.as_ref().filter(|(_, body)| of_condition(body).contains(&id)) {
            found.push((&entry.name, places(condition, &wanted, &format!("/segments/{other}/condition"))));
        }
    }
    for (other, entry) in &state.journeys {
        if let Some((_, definition)) = entry.published.as_ref().filter(|(_, body)| of_journey(body).contains(&id)) {
            found.push((&entry.name, places(definition, &wanted, &format!("/journeys/{other}/definition"))));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let places = found.into_iter().flat_map(|(name, pointers)| {
        pointers.into_iter().map(move |pointer| Place {
            pointer,
            code: "segment_in_use".into(),
            detail: format!("the published revision of \"{name}\" refers to it; publish one that does not"),
        })
    });
    let detail = "something published refers to this segment; `errors` names each place";
    Err(Refusal::new("segment_in_use", detail).at(places))
}

/// JSON pointers to every field `segment` of a definition that holds one of the ids, behind `root`.
pub fn places(body: &Value, segments: &BTreeSet<SegmentId>, root: &str) -> Vec<String> {
    let ids = segments.iter().map(SegmentId::to_string).collect();
    let mut found = Vec::new();
    find(body, &ids, &mut root.to_owned(), &mut found);
    found
}

fn find(value: &Value, ids: &BTreeSet<String>, pointer: &mut String, found: &mut Vec<String>) {
    let mut below = |step: &str, value: &Value, pointer: &mut String| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&escaped(step));
        match value {
            Value::String(text) if step == "segment" && ids.contains(text) => found.push(pointer.clone()),
            _ => find(value, ids, pointer, found),
        }
        pointer.truncate(length);
    };
    match value {
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                below(&index.to_string(), entry, pointer);
            }
        }
        Value::Object(fields) => fields.iter().for_each(|(key, entry)| below(key, entry, pointer)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One step of a JSON pointer (RFC 6901).
pub(crate) fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}
