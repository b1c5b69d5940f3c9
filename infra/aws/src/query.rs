//! Paginated questions, and what their rows mean.

use crate::action::{Attributes, binary, text};
use crate::codec::unpack;
use crate::keys::{due_entry, item_key};
use crate::store::Dynamo;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use roadbook_runtime::ports::{DueEntry, Fault, Item, ItemKey};
use std::collections::BTreeSet;

/// One row of an answer, with the bytes it is ordered by.
pub(crate) struct Row<T> {
    pub(crate) order: Vec<u8>,
    pub(crate) value: T,
}

/// What rows can be read as.
pub(crate) trait Stored: Sized + Send {
    /// The index that is asked, or the table itself.
    const INDEX: Option<&'static str>;
    /// The names of the partition key and of the sort key there.
    const KEY: [&'static str; 2];

    /// Reads a row; `None` where it does not count.
    fn read(attributes: &Attributes) -> Result<Option<Row<Self>>, Fault>;
}

impl Stored for (ItemKey, Item) {
    const INDEX: Option<&'static str> = None;
    const KEY: [&'static str; 2] = ["pk", "sk"];

    fn read(attributes: &Attributes) -> Result<Option<Row<Self>>, Fault> {
        let Some(item) = read_item(attributes)? else { return Ok(None) };
        let order = bytes(attributes, "sk")?.to_vec();
        let key = item_key(word(attributes, "pk")?, &order)?;
        Ok(Some(Row { order, value: (key, item) }))
    }
}

impl Stored for DueEntry {
    const INDEX: Option<&'static str> = Some(crate::tables::DUE);
    const KEY: [&'static str; 2] = ["dl", "nd"];

    fn read(attributes: &Attributes) -> Result<Option<Row<Self>>, Fault> {
        let order = bytes(attributes, "nd")?.to_vec();
        let value = due_entry(word(attributes, "dl")?, &order)?;
        Ok(Some(Row { order, value }))
    }
}

/// A page of an answer, and where the next begins.
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<Row<T>>,
    pub(crate) next: Option<Attributes>,
}

impl Dynamo {
    /// Rows of one partition between two places, both included, in order.
    pub(crate) async fn page<T: Stored>(
        &self,
        partition: &str,
        range: &(Vec<u8>, Vec<u8>),
        from: Option<Attributes>,
        limit: usize,
    ) -> Result<Page<T>, Fault> {
        let request = self.reads.query().table_name(&self.names.items).set_index_name(T::INDEX.map(str::to_owned));
        let request = request.key_condition_expression("#p = :p AND #s BETWEEN :low AND :high");
        let request = request.expression_attribute_names("#p", T::KEY[0]);
        let request = request.expression_attribute_names("#s", T::KEY[1]);
        let request = request.expression_attribute_values(":p", text(partition));
        let request = request.expression_attribute_values(":low", binary(range.0.as_slice()));
        let request = request.expression_attribute_values(":high", binary(range.1.as_slice()));
        // An index cannot be read consistently: it trails the table by moments.
        let request = request.consistent_read(T::INDEX.is_none());
        let request = request.limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1));
        let answer = request.set_exclusive_start_key(from).send().await;
        let answer = answer.map_err(|error| self.fault("query", &error))?;
        let mut rows = Vec::new();
        for attributes in answer.items() {
            rows.extend(T::read(attributes)?);
        }
        Ok(Page { rows, next: answer.last_evaluated_key })
    }
}

/// Reads an item; `None` where there is only its place in the due index.
pub(crate) fn read_item(attributes: &Attributes) -> Result<Option<Item>, Fault> {
    if !attributes.contains_key("v") {
        return Ok(None);
    }
    let version = whole(attributes, "v")?;
    let body = match attributes.get("a") {
        Some(amount) => Bytes::copy_from_slice(&read_amount(amount)?.to_be_bytes()),
        None => unpack(bytes(attributes, "s")?)?,
    };
    Ok(Some(Item { version, body }))
}

fn read_amount(value: &AttributeValue) -> Result<i64, Fault> {
    let amount = value.as_n().ok().and_then(|text| text.parse::<i128>().ok());
    let amount = amount.ok_or_else(|| Fault::Corrupt("a counter's amount".into()))?;
    // DynamoDB counts on where 64 bits end.
    Ok(i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX }))
}

pub(crate) fn bytes<'a>(attributes: &'a Attributes, name: &str) -> Result<&'a [u8], Fault> {
    let value = attributes.get(name).and_then(|value| value.as_b().ok());
    value.map(AsRef::as_ref).ok_or_else(|| missing(name))
}

pub(crate) fn word<'a>(attributes: &'a Attributes, name: &str) -> Result<&'a str, Fault> {
    attributes.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| missing(name))
}

pub(crate) fn whole(attributes: &Attributes, name: &str) -> Result<u64, Fault> {
    let value = attributes.get(name).and_then(|value| value.as_n().ok());
    value.and_then(|text| text.parse().ok()).ok_or_else(|| missing(name))
}

pub(crate) fn wholes(attributes: &Attributes, name: &str) -> Result<BTreeSet<u64>, Fault> {
    let values = attributes.get(name).and_then(|value| value.as_ns().ok()).ok_or_else(|| missing(name))?;
    values.iter().map(|text| text.parse().map_err(|_| missing(name))).collect()
}

fn missing(name: &str) -> Fault {
    Fault::Corrupt(format!("attribute {name} of an item"))
}
