//! Where an event that could not be read is wrong. Only walked after a failure: the reader itself stays fast, and this
//! names the place that its error cannot.

use crate::rejected::{Flaw, step};
use serde_json::Value;
use serde_json::error::Category;

const TEXTS: [&str; 13] = [
    "type",
    "messageId",
    "userId",
    "anonymousId",
    "previousId",
    "groupId",
    "event",
    "name",
    "category",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "writeKey",
];

/// The flaw of an event that serde_json gave up on. serde_json's own sentence about a wrong type quotes the value, so
/// it is used for syntax only.
pub(crate) fn flaw(body: &str, raw: &str, error: &serde_json::Error) -> Flaw {
    if error.classify() != Category::Data {
        let byte = place(body, raw, error);
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        return Flaw::new("malformed_event", "", format!("{what}, at byte {byte} of the body"));
    }
    match serde_json::from_str::<Value>(raw) {
        Ok(value) => wrong_type(&value).unwrap_or_else(|| {
            Flaw::new("malformed_event", "", "a field that is read here stands twice in it, or in its `context`")
        }),
        Err(_) => Flaw::new("malformed_event", "", "it is nested too deep or holds a broken escape sequence"),
    }
}

/// The byte of the body that the error in one of its events is at.
fn place(body: &str, raw: &str, error: &serde_json::Error) -> usize {
    // `raw` is a part of `body`: both are addresses inside one allocation.
    let begin = (raw.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
    let lines = error.line().saturating_sub(1);
    let before: usize = raw.split_inclusive('\n').take(lines).map(str::len).sum();
    begin + before + error.column()
}

fn wrong_type(event: &Value) -> Option<Flaw> {
    TEXTS
        .iter()
        .find_map(|key| not_text("", event, key))
        .or_else(|| ["properties", "traits", "context"].iter().find_map(|key| not_object("", event, key)))
        .or_else(|| event.get("context").and_then(in_context))
}

fn in_context(context: &Value) -> Option<Flaw> {
    let at = "/context";
    ["device", "traits", "roadbook"]
        .iter()
        .find_map(|key| not_object(at, context, key))
        .or_else(|| context.get("device").and_then(|device| not_text("/context/device", device, "id")))
        .or_else(|| not_list(at, context, "externalIds", &["id", "type", "scope", "collection"]))
        .or_else(|| context.get("roadbook").and_then(in_extension))
}

fn in_extension(own: &Value) -> Option<Flaw> {
    let at = "/context/roadbook";
    let operations = ["set", "set_once", "append", "increment"];
    not_list(at, own, "identifiers", &["kind", "scope", "value"])
        .or_else(|| not_text(at, own, "previous_kind"))
        .or_else(|| not_object(at, own, "traits"))
        .or_else(|| {
            own.get("traits").and_then(|all| operations.iter().find_map(|key| not_object(OPERATIONS, all, key)))
        })
}

const OPERATIONS: &str = "/context/roadbook/traits";

fn not_text(at: &str, parent: &Value, key: &str) -> Option<Flaw> {
    let fits = match parent.get(key)? {
        Value::Null | Value::String(_) => true,
        Value::Number(number) => number.is_i64() || number.is_u64() || exact(number.as_f64()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    (!fits).then(|| wrong(at, key, "expected a text or a whole number that fits 64 bits"))
}

fn exact(number: Option<f64>) -> bool {
    number.is_some_and(|number| number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0)
}

fn not_object(at: &str, parent: &Value, key: &str) -> Option<Flaw> {
    (!is_object(parent.get(key)?)).then(|| wrong(at, key, "expected an object"))
}

fn is_object(value: &Value) -> bool {
    match value {
        Value::Null | Value::Object(_) => true,
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn not_list(at: &str, parent: &Value, key: &str, texts: &[&str]) -> Option<Flaw> {
    let list = match parent.get(key)? {
        Value::Null => return None,
        Value::Array(list) => list,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return Some(wrong(at, key, "expected a list of objects"));
        }
    };
    list.iter().enumerate().find_map(|(index, entry)| {
        let at = format!("{at}/{key}/{index}");
        match is_object(entry) {
            true => texts.iter().find_map(|text| not_text(&at, entry, text)),
            false => Some(Flaw::new("wrong_type", at, "expected an object")),
        }
    })
}

fn wrong(at: &str, key: &str, expected: &'static str) -> Flaw {
    Flaw::new("wrong_type", format!("{at}/{}", step(key)), expected)
}
