//! The description of a tag, read from a body.

use crate::failure::Failure;
use crate::fields::Fields;
use roadbook_catalog::{TagDefinition, TagOrigin, TagType};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a description. Behind a path that names the key the body may leave it out, and may not name another.
pub(super) fn read(mut fields: Fields, key: Option<&str>) -> Result<TagDefinition, Failure> {
    let key = match key {
        None => fields.text("key"),
        Some(key) => {
            if fields.optional_text("key").is_some_and(|said| said != key) {
                fields.wrong("key", "other_key", "the path names another key; a key cannot be changed");
            }
            Some(key.to_owned())
        }
    };
    let (name_zh, name_en, group) = (fields.text("name_zh"), fields.text("name_en"), fields.text("group"));
    let kind: Option<TagType> = word(&mut fields, "type", "bool, enum, string, number, date, multi");
    let origin: Option<TagOrigin> = word(&mut fields, "origin", "fact, rule, model, hand");
    let values = typed(&mut fields, "values", "expected a list of texts").unwrap_or_default();
    let pii = typed(&mut fields, "pii", "expected true or false").unwrap_or_default();
    let ttl_days = typed(&mut fields, "ttl_days", "expected a whole number of days");
    fields.close()?;
    let (Some(key), Some(name_zh), Some(name_en), Some(group)) = (key, name_zh, name_en, group) else {
        return Err(Failure::defect());
    };
    let (Some(kind), Some(origin)) = (kind, origin) else { return Err(Failure::defect()) };
    Ok(TagDefinition { key, name_zh, name_en, group, kind, values, origin, pii, ttl_days })
}

fn word<T: DeserializeOwned>(fields: &mut Fields, name: &str, words: &str) -> Option<T> {
    let text = fields.text(name)?;
    let read = serde_json::from_value(Value::String(text)).ok();
    if read.is_none() {
        fields.wrong(name, "unknown_choice", format!("write one of: {words}"));
    }
    read
}

fn typed<T: DeserializeOwned>(fields: &mut Fields, name: &str, expected: &str) -> Option<T> {
    let value = fields.optional(name)?;
    let read = serde_json::from_value(value).ok();
    if read.is_none() {
        fields.wrong(name, "wrong_type", expected);
    }
    read
}
