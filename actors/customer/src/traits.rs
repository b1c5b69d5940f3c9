//! Traits (属性): what is known about a customer, each folded by the time it was true, not by the time it arrived.

use crate::command::TraitOps;
use crate::event::Cause;
use roadbook_kernel::{CustomerId, Moment, Personal};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Entries a list trait keeps, the newest by time.
pub const LIST_ENTRIES_MAX: usize = 50;

/// Millionths in one unit of an incremented trait.
const UNIT: i64 = 1_000_000;

/// Keys whose values describe a person directly. They are held as [`Personal`] and masked wherever they are shown.
/// Source: PIPL Art. 4 and 28 applied to the field names that Segment's clients and dealer systems use.
const PERSONAL_KEYS: &[&str] = &[
    "address",
    "avatar",
    "birthday",
    "email",
    "external_userid",
    "firstname",
    "first_name",
    "fullname",
    "id_card",
    "idcard",
    "lastname",
    "last_name",
    "licence",
    "license_plate",
    "mobile",
    "name",
    "openid",
    "phone",
    "plate",
    "plate_no",
    "telephone",
    "unionid",
    "username",
    "vin",
    "wechat",
    "姓名",
    "手机",
    "手机号",
    "电话",
    "车牌",
    "车牌号",
];

/// Whether the value of this trait (or event property) describes a person directly.
pub fn is_personal_trait(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    let lower = last.to_lowercase();
    PERSONAL_KEYS.contains(&lower.as_str())
}

/// A value in the state: personal ones inside their wrapper.
#[derive(Clone, PartialEq, Debug)]
enum Held {
    Plain(Value),
    Personal(Personal<Value>),
}

impl Held {
    fn new(key: &str, value: &Value) -> Self {
        if is_personal_trait(key) { Held::Personal(Personal::new(value.clone())) } else { Held::Plain(value.clone()) }
    }

    fn value(&self) -> &Value {
        match self {
            Held::Plain(value) => value,
            Held::Personal(value) => value.reveal(),
        }
    }

    /// A total order for tie-breaks; any will do as long as every host has the same.
    fn rank(&self) -> String {
        self.value().to_string()
    }
}

/// A written value with what decides between two of them.
#[derive(Clone, PartialEq, Debug)]
struct Written {
    at: Moment,
    by: Cause,
    held: Held,
}

/// The stored form: `v` for a plain value, `p` for a personal one. Written by hand because every turn writes every
/// trait, and a derived enum inside a struct costs twice the time of the whole rest.
impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut stored = serializer.serialize_struct("Written", 3)?;
        stored.serialize_field("at", &self.at)?;
        stored.serialize_field("by", &self.by)?;
        match &self.held {
            Held::Plain(value) => stored.serialize_field("v", value)?,
            Held::Personal(value) => stored.serialize_field("p", value)?,
        }
        stored.end()
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Stored {
            at: Moment,
            by: Cause,
            // A stored null is a value (it removes the trait), so it must differ from an absent field.
            #[serde(default, deserialize_with = "present")]
            v: Option<Value>,
            p: Option<Personal<Value>>,
        }
        fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
            Value::deserialize(deserializer).map(Some)
        }
        let Stored { at, by, v, p } = Stored::deserialize(deserializer)?;
        let held = match (v, p) {
            (Some(value), None) => Held::Plain(value),
            (None, Some(value)) => Held::Personal(value),
            (Some(_), Some(_)) | (None, None) => return Err(serde::de::Error::custom("a trait has either `v` or `p`")),
        };
        Ok(Self { at, by, held })
    }
}

impl Written {
    fn key(&self) -> (Moment, Cause) {
        (self.at, self.by)
    }

    fn later(&self, other: &Written) -> bool {
        (self.key(), self.held.rank()) > (other.key(), other.held.rank())
    }
}

/// One trait. Each operation has its own part and each part is a join, so events and merges may come in any order.
/// The parts are boxed: almost every trait has one of them, and an awake customer has dozens of traits. What is shown is the strongest part that exists: set, then set_once, then the list, then the sum.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Trait {
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<Box<Written>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    once: Option<Box<Written>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<Written>,
    /// Millionths per founding id: the larger wins within one, the total is shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sums: BTreeMap<CustomerId, i64>,
}

impl Trait {
    fn note_set(&mut self, written: Written) {
        if self.set.as_ref().is_none_or(|known| written.later(known)) {
            self.set = Some(Box::new(written));
        }
    }

    fn note_once(&mut self, written: Written) {
        if self.once.as_ref().is_none_or(|known| known.later(&written)) {
            self.once = Some(Box::new(written));
        }
    }

    fn note_entry(&mut self, written: Written) {
        if self.list.contains(&written) {
            return;
        }
        let place = self.list.partition_point(|known| written.later(known));
        self.list.insert(place, written);
        if self.list.len() > LIST_ENTRIES_MAX {
            self.list.remove(0);
        }
    }

    /// Takes over everything another customer knew about this trait.
    pub fn join(&mut self, other: &Trait) {
        other.set.iter().for_each(|written| self.note_set((**written).clone()));
        other.once.iter().for_each(|written| self.note_once((**written).clone()));
        other.list.iter().for_each(|written| self.note_entry(written.clone()));
        for (founding, sum) in &other.sums {
            let known = self.sums.entry(*founding).or_insert(*sum);
            if (sum.unsigned_abs(), *sum) > (known.unsigned_abs(), *known) {
                *known = *sum;
            }
        }
    }

    /// What a reader sees; `None` where the trait was removed or says nothing.
    pub fn value(&self) -> Option<Cow<'_, Value>> {
        if let Some(set) = &self.set {
            return (!set.held.value().is_null()).then(|| Cow::Borrowed(set.held.value()));
        }
        if let Some(once) = &self.once {
            return Some(Cow::Borrowed(once.held.value()));
        }
        if !self.list.is_empty() {
            let values = self.list.iter().map(|written| written.held.value().clone()).collect();
            return Some(Cow::Owned(Value::Array(values)));
        }
        if self.sums.is_empty() {
            return None;
        }
        let total = self.sums.values().fold(0i64, |sum, part| sum.saturating_add(*part));
        Some(Cow::Owned(number(total)))
    }

    /// As of when the shown value is known, where it is a written one.
    pub fn as_of(&self) -> Option<Moment> {
        let list = self.list.last();
        self.set.as_deref().or(self.once.as_deref()).or(list).map(|written| written.at)
    }
}

/// Millionths as the JSON number a reader expects: whole where it is whole.
fn number(millionths: i64) -> Value {
    if millionths % UNIT == 0 { Value::from(millionths / UNIT) } else { Value::from(millionths as f64 / UNIT as f64) }
}

/// Applies one event's operations.
pub(crate) fn apply(traits: &mut BTreeMap<String, Trait>, ops: &TraitOps, at: Moment, by: Cause, founding: CustomerId) {
    let written = |key: &str, value: &Value| Written { at, by, held: Held::new(key, value) };
    for (key, value) in ops.set.iter().flat_map(|set| set.reveal()) {
        slot(traits, key).note_set(written(key, value));
    }
    for (key, value) in ops.set_once.iter().flat_map(|once| once.reveal()) {
        slot(traits, key).note_once(written(key, value));
    }
    for (key, value) in ops.append.iter().flat_map(|append| append.reveal()) {
        slot(traits, key).note_entry(written(key, value));
    }
    for (key, amount) in &ops.increment {
        let sum = slot(traits, key).sums.entry(founding).or_default();
        *sum = sum.saturating_add(*amount);
    }
}

/// Writes one value, as a journey does.
pub(crate) fn set(traits: &mut BTreeMap<String, Trait>, key: &str, value: &Value, at: Moment, by: Cause) {
    slot(traits, key).note_set(Written { at, by, held: Held::new(key, value) });
}

/// The trait of this key. Spares the copy of the key where it exists, as it does for almost every event.
fn slot<'a>(traits: &'a mut BTreeMap<String, Trait>, key: &str) -> &'a mut Trait {
    if !traits.contains_key(key) {
        traits.insert(key.to_owned(), Trait::default());
    }
    traits.get_mut(key).expect("inserted above")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use roadbook_kernel::MessageId;
    use serde_json::json;

    const ME: CustomerId = CustomerId::from_u128(1);

    fn ops(kind: &str, key: &str, value: Value) -> TraitOps {
        let map = Some(Personal::new(BTreeMap::from([(key.to_owned(), value.clone())])));
        match kind {
            "set" => TraitOps { set: map, ..TraitOps::default() },
            "once" => TraitOps { set_once: map, ..TraitOps::default() },
            "append" => TraitOps { append: map, ..TraitOps::default() },
            _ => TraitOps {
                increment: BTreeMap::from([(key.to_owned(), value.as_i64().unwrap_or(0) * UNIT)]),
                ..TraitOps::default()
            },
        }
    }

    fn fold(writes: &[(&str, i64, Value)]) -> Option<Value> {
        let mut traits = BTreeMap::new();
        for (index, (kind, at, value)) in writes.iter().enumerate() {
            let by = Cause::Event(MessageId::from_u128(index as u128));
            apply(&mut traits, &ops(kind, "k", value.clone()), Moment::from_millis(*at), by, ME);
        }
        traits.get("k").and_then(|known| known.value().map(Cow::into_owned))
    }

    #[test]
    fn a_late_event_does_not_overwrite_a_newer_value() {
        assert_eq!(fold(&[("set", 10, json!("new")), ("set", 5, json!("old"))]), Some(json!("new")));
        assert_eq!(fold(&[("once", 10, json!("second")), ("once", 5, json!("first"))]), Some(json!("first")));
        assert_eq!(fold(&[("append", 10, json!("b")), ("append", 5, json!("a"))]), Some(json!(["a", "b"])));
        assert_eq!(fold(&[("inc", 10, json!(2)), ("inc", 5, json!(3))]), Some(json!(5)));
        assert_eq!(fold(&[("set", 1, json!(1)), ("set", 2, Value::Null)]), None, "null removes");
    }

    #[test]
    fn personal_values_are_stored_in_their_wrapper_and_print_as_a_mask() {
        let mut traits = BTreeMap::new();
        let by = Cause::Event(MessageId::from_u128(1));
        apply(&mut traits, &ops("set", "phone", json!("+8613800000000")), Moment::from_millis(1), by, ME);
        assert!(!format!("{traits:?}").contains("138"));
        assert!(serde_json::to_string(&traits).unwrap().contains(r#""p":{"p0":"+8613800000000"}"#));
    }

    proptest! {
        #[test]
        fn any_order_of_writes_gives_one_value(writes in prop::collection::vec((0i64..5, 0i64..4), 1..8), seed in 0usize..100) {
            let kinds = ["set", "once", "append"];
            let all: Vec<(&str, i64, Value, u128)> = writes.iter().enumerate()
                .map(|(index, (at, value))| (kinds[index % 3], *at, json!(value), index as u128)).collect();
            let apply_all = |order: &[usize]| {
                let mut traits = BTreeMap::new();
                for index in order {
                    let (kind, at, value, id) = &all[*index];
                    let by = Cause::Event(MessageId::from_u128(*id));
                    apply(&mut traits, &ops(kind, "k", value.clone()), Moment::from_millis(*at), by, ME);
                }
                traits
            };
            let forward: Vec<usize> = (0..all.len()).collect();
            let mut other = forward.clone();
            other.rotate_left(seed % all.len());
            other.reverse();
            prop_assert_eq!(apply_all(&forward), apply_all(&other));
        }
    }
}
