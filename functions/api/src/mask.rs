//! What of a person is shown to whoever holds a secret key: enough to recognise, not enough to learn.

use roadbook_customer::{TraitOps, is_personal_trait};
use roadbook_identity::{Kind, normalise};
use roadbook_kernel::Personal;
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Longest text that is looked at for a phone number or an address: longer ones are prose.
const LOOKED_AT_BYTES_MAX: usize = 128;

/// A trait's or a property's value as it may be shown. Values under a personal name are masked, with everything in
/// them; under any other name, what has the form of a phone number or an e-mail address is.
pub(crate) fn value(key: &str, value: &Value) -> Value {
    if is_personal_trait(key) { all(value) } else { by_form(value) }
}

/// Every entry of a map.
pub(crate) fn map(map: &Map<String, Value>) -> Value {
    Value::Object(map.iter().map(|(key, entry)| (key.clone(), value(key, entry))).collect())
}

/// What an event says about traits; `Null` where it says nothing.
pub(crate) fn trait_ops(ops: &TraitOps) -> Value {
    if ops.is_empty() {
        return Value::Null;
    }
    let shown = |named: &BTreeMap<String, Value>| -> Value {
        Value::Object(named.iter().map(|(key, entry)| (key.clone(), value(key, entry))).collect())
    };
    let mut out = Map::new();
    for (name, named) in [("set", &ops.set), ("set_once", &ops.set_once), ("append", &ops.append)] {
        if let Some(named) = named {
            out.insert(name.into(), shown(named.reveal()));
        }
    }
    if !ops.increment.is_empty() {
        let amounts = ops.increment.iter().map(|(key, millionths)| (key.clone(), units(*millionths)));
        out.insert("increment".into(), Value::Object(amounts.collect()));
    }
    Value::Object(out)
}

fn units(millionths: i64) -> Value {
    if millionths % 1_000_000 == 0 {
        return Value::from(millionths / 1_000_000);
    }
    Number::from_f64(millionths as f64 / 1_000_000.0).map_or(Value::Null, Value::Number)
}

/// A value of which nothing is known: every text and number in it.
pub(crate) fn all(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(number) => masked(number.to_string()),
        Value::String(text) => masked(text.clone()),
        Value::Array(entries) => Value::Array(entries.iter().map(all).collect()),
        Value::Object(fields) => Value::Object(fields.iter().map(|(key, entry)| (key.clone(), all(entry))).collect()),
    }
}

/// A value under a name that says nothing of a person.
pub(crate) fn by_form(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(number) => {
            let text = number.to_string();
            if names_a_person(&text) { masked(text) } else { value.clone() }
        }
        Value::String(text) if names_a_person(text) => masked(text.clone()),
        Value::String(_) => value.clone(),
        Value::Array(entries) => Value::Array(entries.iter().map(by_form).collect()),
        Value::Object(fields) => map(fields),
    }
}

fn masked(text: String) -> Value {
    Value::String(Personal::new(text).masked())
}

/// Whether a text has the form of a phone number or an e-mail address.
pub(crate) fn names_a_person(text: &str) -> bool {
    text.len() <= LOOKED_AT_BYTES_MAX
        && (normalise(Kind::Phone, text).is_ok() || text.contains('@') && normalise(Kind::Email, text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn personal_names_and_personal_forms_are_masked_however_deep() {
        let shown = map(json!({
            "phone": "+8613800000000",
            "name": { "first": "Test", "all": ["Test Person", 7] },
            "contact": "13800000000",
            "number": 13_800_000_000_u64,
            "nested": [{ "vin": "LTESTVIN000000000", "note": "test@example.com", "model": "T-1" }],
            "price": 199_900,
            "newsletter": true,
            "gone": null,
        })
        .as_object()
        .expect("an object"));
        let text = shown.to_string();
        for planted in ["13800000000", "Test Person", "LTESTVIN000000000", "test@example.com"] {
            assert!(!text.contains(planted), "{planted} in {text}");
        }
        assert_eq!(shown["nested"][0]["model"], "T-1");
        assert_eq!((&shown["price"], &shown["newsletter"]), (&json!(199_900), &json!(true)));
    }
}
