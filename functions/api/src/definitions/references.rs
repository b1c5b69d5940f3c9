//! A definition may only refer to segments the tenant has. The catalog itself checks this again when it is published;
//! here the author is told while they still look at it, and where.

use crate::failure::Failure;
use roadbook_catalog::Catalog;
use roadbook_kernel::{Place, Refusal, SegmentId};
use serde_json::Value;
use std::collections::BTreeSet;

/// Refuses a body that names a segment nobody has, or another tenant has. Segments are never removed, so what is there
/// now stays there.
pub(super) fn check(catalog: &Catalog, named: &BTreeSet<SegmentId>, body: &Value, field: &str) -> Result<(), Failure> {
    let missing: BTreeSet<String> =
        named.iter().filter(|id| !catalog.segments.contains_key(id)).map(SegmentId::to_string).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut places = Vec::new();
    find(body, &missing, &mut format!("/{field}"), &mut places);
    let detail = "it refers to segments that do not exist; `errors` names each place";
    Err(Failure::refused(Refusal::new("unknown_segment", detail).at(places)))
}

fn find(value: &Value, missing: &BTreeSet<String>, pointer: &mut String, places: &mut Vec<Place>) {
    let mut below = |step: &str, value: &Value, pointer: &mut String| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::String(text) if step == "segment" && missing.contains(text) => places.push(Place {
                pointer: pointer.clone(),
                code: "unknown_segment".into(),
                detail: "there is no such segment; create it first".to_owned(),
            }),
            _ => find(value, missing, pointer, places),
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
