//! Where a definition names segments and journeys: what it names must exist, and what is named by something published
//! must stay.

use crate::actor::Catalog;
use roadbook_audience::{Compiled, parse};
use roadbook_journey::Revision;
use roadbook_kernel::{JourneyId, Place, Refusal, SegmentId};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a definition refers to.
#[derive(Default)]
pub(crate) struct Named {
    segments: BTreeSet<SegmentId>,
    journeys: BTreeSet<JourneyId>,
}

impl Named {
    /// In a condition; nothing where it cannot be read, which its own check says better.
    pub(crate) fn in_condition(condition: &Value) -> Self {
        let Ok(condition) = parse(condition) else { return Self::default() };
        let compiled = Compiled::new(condition);
        Self { segments: compiled.reads().segments.clone(), journeys: compiled.reads().journeys.clone() }
    }

    /// In a journey.
    pub(crate) fn in_journey(definition: &Value) -> Self {
        let Ok(revision) = Revision::parse(definition) else { return Self::default() };
        Self { segments: revision.segments(), journeys: revision.journeys() }
    }
}

/// What may not be retired while something refers to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    Segment(SegmentId),
    Journey(JourneyId),
}

impl Thing {
    /// The field that names it, the code of its refusal, its id.
    fn words(self) -> (&'static str, &'static str, String) {
        match self {
            Thing::Segment(id) => ("segment", "segment_in_use", id.to_string()),
            Thing::Journey(id) => ("journey", "journey_in_use", id.to_string()),
        }
    }

    fn is_in(self, named: &Named) -> bool {
        match self {
            Thing::Segment(id) => named.segments.contains(&id),
            Thing::Journey(id) => named.journeys.contains(&id),
        }
    }
}

/// Refuses a body that names what nobody has, another tenant has, or what was retired. `field` is the field of the
/// author's body that holds it.
pub(crate) fn check(state: &Catalog, named: &Named, body: &Value, field: &str) -> Result<(), Refusal> {
    let stands = |entry: Option<&crate::Entry>| entry.is_some_and(|entry| entry.archived.is_none());
    let segments = named.segments.iter().filter(|id| !stands(state.segments.get(id))).map(SegmentId::to_string);
    unknown(body, field, "segment", "unknown_segment", segments.collect())?;
    let journeys = named.journeys.iter().filter(|id| !stands(state.journeys.get(id))).map(JourneyId::to_string);
    unknown(body, field, "journey", "unknown_journey", journeys.collect())
}

fn unknown(
    body: &Value,
    field: &str,
    kind: &'static str,
    code: &'static str,
    missing: BTreeSet<String>,
) -> Result<(), Refusal> {
    if missing.is_empty() {
        return Ok(());
    }
    let places = find_all(body, kind, &missing, &format!("/{field}")).into_iter().map(|pointer| Place {
        pointer,
        code: code.into(),
        detail: format!("there is no such {kind}; create it first"),
    });
    let detail = format!("it refers to {kind}s that do not exist; `errors` names each place");
    Err(Refusal::new(code, detail).at(places))
}

/// Refuses to retire what something published refers to. Pointers begin with the list and the id of what refers to it.
pub(crate) fn unused(state: &Catalog, thing: Thing) -> Result<(), Refusal> {
    let (kind, code, id) = thing.words();
    let wanted = BTreeSet::from([id]);
    let mut found = Vec::new();
    for (other, entry) in state.segments.iter().filter(|(other, _)| thing != Thing::Segment(**other)) {
        let published = entry.published.as_ref().filter(|(_, body)| thing.is_in(&Named::in_condition(body)));
        if let Some((_, condition)) = published {
            let root = format!("/segments/{other}/condition");
            found.push((&entry.name, find_all(condition, kind, &wanted, &root)));
        }
    }
    for (other, entry) in state.journeys.iter().filter(|(other, _)| thing != Thing::Journey(**other)) {
        let published = entry.published.as_ref().filter(|(_, body)| thing.is_in(&Named::in_journey(body)));
        if let Some((_, definition)) = published {
            let root = format!("/journeys/{other}/definition");
            found.push((&entry.name, find_all(definition, kind, &wanted, &root)));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let places = found.into_iter().flat_map(|(name, pointers)| {
        pointers.into_iter().map(move |pointer| Place {
            pointer,
            code: code.into(),
            detail: format!("the published revision of \"{name}\" refers to it; publish one that does not"),
        })
    });
    let detail = format!("something published refers to this {kind}; `errors` names each place");
    Err(Refusal::new(code, detail).at(places))
}

/// JSON pointers to every field `segment` of a definition that holds one of the ids, behind `root`.
pub fn places(body: &Value, segments: &BTreeSet<SegmentId>, root: &str) -> Vec<String> {
    find_all(body, "segment", &segments.iter().map(SegmentId::to_string).collect(), root)
}

fn find_all(body: &Value, field: &str, ids: &BTreeSet<String>, root: &str) -> Vec<String> {
    let mut found = Vec::new();
    find(body, field, ids, &mut root.to_owned(), &mut found);
    found
}

fn find(value: &Value, field: &str, ids: &BTreeSet<String>, pointer: &mut String, found: &mut Vec<String>) {
    let mut below = |step: &str, value: &Value, pointer: &mut String| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&escaped(step));
        match value {
            Value::String(text) if step == field && ids.contains(text) => found.push(pointer.clone()),
            _ => find(value, field, ids, pointer, found),
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
