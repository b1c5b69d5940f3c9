//! What a producer called an event that nobody could read.

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_id_is_found_also_in_what_is_no_json() {
        let found = |event: Value| producer_id(&event).map(Cow::into_owned);
        assert_eq!(found(json!({ "messageId": "m-1" })), Some("m-1".into()));
        assert_eq!(found(json!({ "messageId": 7 })), Some("7".into()));
        assert_eq!(found(json!(r#"{"a":{"b":1e999},"messageId" : "m-2"}"#)), Some("m-2".into()));
        for event in [json!({}), json!({ "messageId": " " }), json!("x"), json!(r#""messageId":"cut"#), json!(3)] {
            assert_eq!(found(event.clone()), None, "{event}");
        }
    }
}
