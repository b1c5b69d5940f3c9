//! Dead letters: what could not be applied, why, and how it is sent again.

use serde_json::Value;
use std::borrow::Cow;

/// What its producer called an event that could not be read. An event that is kept as text, because it is no JSON or
/// too large, is searched for it.
pub(crate) fn producer_id(event: &Value) -> Option<Cow<'_, str>> {
    match event {
        Value::Object(fields) => match fields.get("messageId")? {
            Value::String(id) => Some(id.as_str().into()).filter(|id: &Cow<'_, str>| !id.trim().is_empty()),
            Value::Number(id) => Some(id.to_string().into()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        },
        Value::String(text) => {
            let rest = text.split_once("\"messageId\"")?.1.trim_start().strip_prefix(':')?.trim_start();
            let id = rest.strip_prefix('"')?.split_once('"')?.0;
            (!id.trim().is_empty() && id.len() <= 200 && !id.contains('\\')).then_some(id.into())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}
