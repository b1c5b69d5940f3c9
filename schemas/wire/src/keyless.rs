//! An event without the write key it came by: what is kept of it may be read by people who must not have the key.

use serde_json::Value;

const MEMBER: &str = "writeKey";

/// Takes every `writeKey` out of an event that is kept. A text that is no JSON loses what stands in quotation marks after
/// the name.
pub fn keyless(mut event: Value) -> Value {
    strip(&mut event);
    if let Value::String(text) = &mut event {
        *text = blanked(text);
    }
    event
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove(MEMBER);
            fields.values_mut().for_each(strip);
        }
        Value::Array(entries) => entries.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn blanked(text: &str) -> String {
    let quoted = format!("\"{MEMBER}\"");
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(quoted.as_str()) {
        out.push_str(before);
        out.push_str(&quoted);
        // An event that was cut may end inside of its key.
        let value = after.trim_start().strip_prefix(':').map(str::trim_start).and_then(|text| text.strip_prefix('"'));
        rest = match value {
            Some(value) => {
                out.push_str(":\"");
                let end = value.find('"').unwrap_or(value.len());
                &value[end..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_write_key_is_kept() {
        let event =
            json!({ "writeKey": "k-1", "event": "e", "context": { "writeKey": "k-1", "list": [{ "writeKey": 1 }] } });
        assert_eq!(keyless(event), json!({ "event": "e", "context": { "list": [{}] } }));
        for (text, kept) in [
            (r#"{"writeKey": "k-1", "event": "#, r#"{"writeKey":"", "event": "#),
            (r#"{"a":1,"writeKey" :"k-1","b":{"writeKey":"k-1"}"#, r#"{"a":1,"writeKey":"","b":{"writeKey":""}"#),
            (r#"{"writeKey":"k-"#, r#"{"writeKey":""#),
            (r#"the "writeKey" is none"#, r#"the "writeKey" is none"#),
            ("名字", "名字"),
        ] {
            assert_eq!(keyless(json!(text)), json!(kept), "{text}");
        }
    }
}
