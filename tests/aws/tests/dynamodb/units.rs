//! Units by the rules of DynamoDB's documentation, from items as the wire has them: a write unit per kilobyte begun of
//! the larger of the item before and after, twice that in a transaction; a read unit per four kilobytes begun, half of
//! it where the latest is not asked for; in an index a write unit for an entry that comes and one for an entry that goes.

use crate::meter::Call;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// Bytes of a write unit.
const WRITTEN: usize = 1_024;
/// Bytes of a read unit.
const READ: usize = 4 * 1_024;
/// Bytes that a set takes besides its elements.
const SET: usize = 3;

/// An item before and after a request; null where there is none.
pub struct Image {
    pub before: Value,
    pub after: Value,
}

/// Bytes of an item: of its names and its values.
pub fn bytes(item: &Value) -> usize {
    item.as_object().into_iter().flatten().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    let text = value.as_str().unwrap_or_default();
    match kind.as_str() {
        "B" => BASE64_STANDARD.decode(text).map_or(0, |bytes| bytes.len()),
        "N" => number_bytes(text),
        "NS" => {
            SET + value
                .as_array()
                .into_iter()
                .flatten()
                .map(|n| 1 + number_bytes(n.as_str().unwrap_or("0")))
                .sum::<usize>()
        }
        _ => text.len(),
    }
}

/// Two digits a byte, one byte more, and one for a sign.
fn number_bytes(text: &str) -> usize {
    let digits = text.trim_start_matches('-').trim_end_matches('0').len();
    digits.div_ceil(2) + 1 + usize::from(text.starts_with('-'))
}

/// The keys of what a request writes, by table.
pub fn written_keys(operation: &str, asked: &Value) -> Vec<(String, Value)> {
    let of = |part: &Value| (part["TableName"].as_str().unwrap_or_default().to_owned(), part["Key"].clone());
    match operation {
        "UpdateItem" | "DeleteItem" => vec![of(asked)],
        "TransactWriteItems" => {
            let parts = asked["TransactItems"].as_array().into_iter().flatten();
            parts.filter_map(|part| part.as_object()?.values().next()).map(of).collect()
        }
        "BatchWriteItem" => {
            let tables = asked["RequestItems"].as_object().into_iter().flatten();
            let rows =
                tables.flat_map(|(table, rows)| rows.as_array().into_iter().flatten().map(move |row| (table, row)));
            let key = |item: &Value| json!({ "pk": item["pk"], "sk": item["sk"] });
            rows.map(|(table, row)| (table.clone(), key(&row["PutRequest"]["Item"]))).collect()
        }
        _ => Vec::new(),
    }
}

/// What a request wrote.
pub fn of_writes(operation: &str, images: &[Image]) -> Call {
    let times = if operation == "TransactWriteItems" { 2.0 } else { 1.0 };
    let mut call = Call::default();
    for image in images {
        let (before, after) = (bytes(&image.before), bytes(&image.after));
        call.writes += times * units(before.max(after), WRITTEN);
        let place = |item: &Value| item["dl"].is_object().then(|| (item["dl"].clone(), item["nd"].clone()));
        let (was, is) = (place(&image.before), place(&image.after));
        // An index follows by itself, once, also where a transaction moved the row.
        if was != is {
            call.index += f64::from(u8::from(was.is_some()) + u8::from(is.is_some()));
        }
        call.written.push(after);
    }
    call
}

/// What a read of so many bytes consumes.
pub fn of_read(asked: &Value, bytes: usize) -> f64 {
    let latest = asked["ConsistentRead"].as_bool().unwrap_or(false);
    units(bytes, READ) * if latest { 1.0 } else { 0.5 }
}

/// Units begun; nothing is free.
fn units(bytes: usize, unit: usize) -> f64 {
    f64::from(u32::try_from(bytes.div_ceil(unit).max(1)).unwrap_or(u32::MAX))
}

#[test]
fn an_item_is_billed_by_names_and_values() {
    let item = json!({ "pk": { "S": "abc" }, "v": { "N": "1200" }, "s": { "B": BASE64_STANDARD.encode([0; 900]) } });
    assert_eq!(bytes(&item), 2 + 3 + 1 + 2 + 1 + 900);
    let image = |due: Option<&str>| {
        let mut item = item.clone();
        due.into_iter().for_each(|due| item["dl"] = json!({ "S": due }));
        item
    };
    let one = of_writes("UpdateItem", &[Image { before: Value::Null, after: image(None) }]);
    assert_eq!((one.writes, one.index), (1.0, 0.0));
    let moved = of_writes("TransactWriteItems", &[Image { before: image(Some("a")), after: image(Some("b")) }]);
    assert_eq!((moved.writes, moved.index), (2.0, 2.0));
    assert_eq!(of_read(&json!({ "ConsistentRead": true }), 4_097), 2.0);
    assert_eq!(of_read(&json!({}), 0), 0.5);
}
