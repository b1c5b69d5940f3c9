//! Tags whose description says that the value names or reaches a person are masked like a phone number.

use crate::mask;
use roadbook_catalog::Published;
use serde_json::Value;

fn is_personal(catalog: &Published, key: &str) -> bool {
    catalog.tag(key).is_some_and(|tag| tag.pii)
}

fn value(shown: &mut Value) {
    if let Some(value) = shown.get_mut("value") {
        *value = mask::all(value);
    }
}

/// The tags of a profile.
pub(crate) fn in_profile(catalog: &Published, profile: &mut Value) {
    let tags = profile.get_mut("tags").and_then(Value::as_object_mut);
    for (key, tag) in tags.into_iter().flatten() {
        if is_personal(catalog, key) {
            value(tag);
        }
    }
}

/// A line of a timeline.
pub(crate) fn in_line(catalog: &Published, line: &mut Value) {
    if line["fact"] == "tag_set" && line["tag"].as_str().is_some_and(|key| is_personal(catalog, key)) {
        value(line);
    }
}
