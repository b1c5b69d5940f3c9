//! The Segment shape of an event, as far as it is read. Every other field is skipped. None of these types has `Debug`:
//! they hold personal data that is not wrapped yet. A struct stands inside [`Object`], because serde would also read it
//! from a list, by position.

use crate::loose::{Object, Text};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One event of any call.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub message_id: Text<'a>,
    #[serde(borrow)]
    pub user_id: Text<'a>,
    #[serde(borrow)]
    pub anonymous_id: Text<'a>,
    #[serde(borrow)]
    pub previous_id: Text<'a>,
    #[serde(borrow)]
    pub group_id: Text<'a>,
    #[serde(borrow)]
    pub event: Text<'a>,
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub category: Text<'a>,
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    #[serde(borrow)]
    pub original_timestamp: Text<'a>,
    #[serde(borrow)]
    pub sent_at: Text<'a>,
    #[serde(borrow)]
    pub write_key: Text<'a>,
    pub properties: Object<Map<String, Value>>,
    pub traits: Object<BTreeMap<String, Value>>,
    #[serde(borrow)]
    pub context: Object<Context<'a>>,
}

/// What the producer's library adds, as far as it says who somebody is, and our own extension.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Context<'a> {
    #[serde(borrow)]
    pub device: Object<Device<'a>>,
    #[serde(borrow)]
    pub external_ids: Option<Vec<Object<ExternalId<'a>>>>,
    pub traits: Object<BTreeMap<String, Value>>,
    #[serde(borrow)]
    pub roadbook: Object<Extension<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Device<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
}

/// An id that another system gave. The scope of an openid or external_userid stands in `scope`, or in `collection`
/// where a library knows no other field.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExternalId<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub scope: Text<'a>,
    #[serde(borrow)]
    pub collection: Text<'a>,
}

/// `context.roadbook`: what the Segment shape has no place for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Extension<'a> {
    #[serde(borrow)]
    pub identifiers: Option<Vec<Object<NamedId<'a>>>>,
    /// What kind of identifier an alias's `previousId` is.
    #[serde(borrow)]
    pub previous_kind: Text<'a>,
    /// How sure the producer is of an identifier, by kind.
    pub evidence: Object<BTreeMap<String, Value>>,
    #[serde(borrow)]
    pub traits: Object<Operations<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedId<'a> {
    #[serde(borrow)]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub scope: Text<'a>,
    #[serde(borrow)]
    pub value: Text<'a>,
}

/// Trait operations. Amounts stay text until they are read exactly.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Operations<'a> {
    pub set: Object<BTreeMap<String, Value>>,
    pub set_once: Object<BTreeMap<String, Value>>,
    pub append: Object<BTreeMap<String, Value>>,
    #[serde(borrow)]
    pub increment: Object<BTreeMap<String, &'a RawValue>>,
}
