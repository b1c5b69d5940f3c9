//! One change of one item, as DynamoDB takes it: alone or in a transaction.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use bytes::Bytes;
use roadbook_runtime::ports::{Expect, ItemKey};
use std::collections::HashMap;

/// The attributes of an item.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A partition key and a sort key, under the names both tables give them.
pub(crate) fn key(partition: impl Into<String>, sort: AttributeValue) -> Attributes {
    HashMap::from([("pk".to_owned(), text(partition)), ("sk".to_owned(), sort)])
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::S(text) => text.len(),
        _ => 8,
    }
}

/// A change being put together. Names of attributes go in as `#name` and values as `:name`, so that no reserved word
/// of DynamoDB stands in the way; it refuses requests that bring a name or a value they do not use. It holds what
/// customers are, so it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Action {
    pub(crate) table: String,
    pub(crate) key: Attributes,
    /// Whose item, for a conflict to name. History's rows have none.
    pub(crate) item: Option<ItemKey>,
    sets: Vec<String>,
    removes: Vec<String>,
    adds: Vec<String>,
    pub(crate) condition: Option<String>,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Attributes,
    /// Bytes this change writes, roughly: what the limits of DynamoDB count.
    pub(crate) bytes: usize,
    /// Removes the item.
    pub(crate) deletes: bool,
    /// What the writer drew, where a second try can tell by it that the first was applied.
    pub(crate) mark: Option<[u8; 8]>,
    /// Writes the record of a turn.
    pub(crate) logs: bool,
    /// A condition that does not hold means that there is nothing to do.
    pub(crate) may_miss: bool,
}

impl Action {
    pub(crate) fn new(table: &str, key: Attributes) -> Self {
        Self {
            table: table.to_owned(),
            key,
            item: None,
            sets: Vec::new(),
            removes: Vec::new(),
            adds: Vec::new(),
            condition: None,
            names: HashMap::new(),
            values: HashMap::new(),
            bytes: 0,
            deletes: false,
            mark: None,
            logs: false,
            may_miss: false,
        }
    }

    fn named(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn valued(&mut self, name: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{name}");
        self.bytes += name.len() + value_bytes(&value);
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    pub(crate) fn set(&mut self, name: &str, value: AttributeValue) {
        let set = format!("{} = {}", self.named(name), self.valued(name, value));
        self.sets.push(set);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let name = self.named(name);
        self.removes.push(name);
    }

    pub(crate) fn add(&mut self, name: &str, amount: i64) {
        let add = format!("{} {}", self.named(name), self.valued(name, number(amount)));
        self.adds.push(add);
    }

    /// Adds to a set of numbers, which is made where there is none.
    pub(crate) fn add_each(&mut self, name: &str, numbers: impl Iterator<Item = u64>) {
        let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
        self.bytes += 8 * numbers.len();
        let add = format!("{} {}", self.named(name), self.valued(name, AttributeValue::Ns(numbers)));
        self.adds.push(add);
    }

    /// Takes back [`Action::set`].
    pub(crate) fn unset(&mut self, name: &str) {
        let set = format!("#{name} = :{name}");
        self.sets.retain(|one| *one != set);
        self.names.remove(&format!("#{name}"));
        let value = self.values.remove(&format!(":{name}"));
        self.bytes -= value.map_or(0, |value| name.len() + value_bytes(&value));
    }

    pub(crate) fn expect(&mut self, expect: Expect) {
        self.condition = match expect {
            Expect::Absent => Some(format!("attribute_not_exists({})", self.named("v"))),
            Expect::Version(version) => {
                Some(format!("{} = {}", self.named("v"), self.valued("expected", number(version))))
            }
            Expect::Anything => None,
        };
    }

    pub(crate) fn expect_equal(&mut self, name: &str, value: AttributeValue) {
        self.condition = Some(format!("{} = {}", self.named(name), self.valued("expected", value)));
    }

    pub(crate) fn expect_none(&mut self, name: &str) {
        self.condition = Some(format!("attribute_not_exists({})", self.named(name)));
    }

    /// The version this turn makes, and its packed record.
    pub(crate) fn logged(&self) -> Option<(u64, Bytes)> {
        let version = self.values.get(":lv")?.as_n().ok()?.parse().ok()?;
        let log = self.values.get(":log")?.as_b().ok()?;
        Some((version, Bytes::copy_from_slice(log.as_ref())))
    }

    /// Writes whatever is there.
    pub(crate) fn give_up_condition(&mut self) {
        self.condition = None;
        self.values.remove(":expected");
    }

    /// The update expression.
    pub(crate) fn update(&self) -> String {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        [clause("SET", &self.sets), clause("REMOVE", &self.removes), clause("ADD", &self.adds)].concat().trim().into()
    }

    pub(crate) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    pub(crate) fn values(&self) -> Option<Attributes> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// The same change as a part of a transaction.
    pub(crate) fn transacted(&self) -> Result<TransactWriteItem, BuildError> {
        let part = TransactWriteItem::builder();
        if self.deletes {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(self.key.clone()));
            let delete = delete.set_condition_expression(self.condition.clone());
            let delete = delete.set_expression_attribute_names(self.names());
            let delete = delete.set_expression_attribute_values(self.values());
            let delete = delete.return_values_on_condition_check_failure(OnFailure::AllOld);
            return Ok(part.delete(delete.build()?).build());
        }
        let update = Update::builder().table_name(&self.table).set_key(Some(self.key.clone()));
        let update = update.update_expression(self.update()).set_condition_expression(self.condition.clone());
        let update = update.set_expression_attribute_names(self.names());
        let update = update.set_expression_attribute_values(self.values());
        let update = update.return_values_on_condition_check_failure(OnFailure::AllOld);
        Ok(part.update(update.build()?).build())
    }
}
