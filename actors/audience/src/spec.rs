//! What a tracker follows. The id is derived from it, so the same filter in two segments is one tracker.

use crate::{Filter, ValueTest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// Which events a tracker counts: 64 bits of a hash of event name and filters. Text form `trk_` + 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackerId(u64);

/// The text is not `trk_` and 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected `trk_` followed by 16 hex digits in lower case")]
pub struct TrackerIdError;

const PREFIX: &str = "trk_";

impl TrackerId {
    /// The bits, for keys.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Wraps bits that were derived elsewhere.
    pub const fn from_u64(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for TrackerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:016x}", self.0)
    }
}

impl fmt::Debug for TrackerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TrackerId {
    type Err = TrackerIdError;

    fn from_str(text: &str) -> Result<Self, TrackerIdError> {
        let digits = text.strip_prefix(PREFIX).ok_or(TrackerIdError)?;
        let plain = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !plain {
            return Err(TrackerIdError);
        }
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| TrackerIdError)
    }
}

impl Serialize for TrackerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TrackerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = TrackerId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a tracker id that begins with {PREFIX}")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TrackerId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A tracker to be kept for every customer: which events it takes in, and how many.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackerSpec {
    /// Derived from `event` and `filters`.
    pub id: TrackerId,
    /// The event's name.
    pub event: String,
    /// What its properties must all satisfy.
    pub filters: Vec<Filter>,
    /// How many of the newest occurrences to keep.
    pub keep: u32,
}

impl TrackerSpec {
    /// The tracker of an event and its filters; their order does not matter.
    pub fn new(event: &str, filters: &[Filter], keep: u32) -> Self {
        Self { id: derive(event, filters), event: event.to_owned(), filters: filters.to_vec(), keep }
    }

    /// Whether an event is one of those it follows.
    pub fn matches(&self, event: &str, properties: &Map<String, Value>) -> bool {
        self.event == event && self.filters.iter().all(|filter| filter.holds(properties))
    }
}

/// The id is on disk in every customer: never change how it is derived.
fn derive(event: &str, filters: &[Filter]) -> TrackerId {
    let mut texts: Vec<String> = filters.iter().map(canonical).collect();
    texts.sort_unstable();
    texts.dedup();
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"roadbook tracker 1");
    for text in std::iter::once(event).chain(texts.iter().map(String::as_str)) {
        // The length in front: no two lists of texts hash the same bytes.
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut bits = [0u8; 8];
    bits.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    TrackerId(u64::from_be_bytes(bits))
}

fn canonical(filter: &Filter) -> String {
    let (word, mut values) = match &filter.test {
        ValueTest::Exists => ("exists", Vec::new()),
        ValueTest::NotExists => ("not_exists", Vec::new()),
        ValueTest::Compare(comparison, value) => (comparison.word(), vec![value.canonical()]),
        ValueTest::In(values) => ("in", values.iter().map(crate::Scalar::canonical).collect()),
        ValueTest::NotIn(values) => ("not_in", values.iter().map(crate::Scalar::canonical).collect()),
        ValueTest::Contains(value) => ("contains", vec![value.canonical()]),
        ValueTest::StartsWith(prefix) => ("starts_with", vec![format!("s{prefix}")]),
    };
    values.sort_unstable();
    values.dedup();
    // JSON quoting keeps a value with a comma apart from two values.
    Value::from(std::iter::once(filter.property.clone()).chain([word.to_owned()]).chain(values).collect::<Vec<_>>())
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Comparison, Scalar};
    use serde_json::json;

    fn amount_over(value: Value) -> Filter {
        let Value::Number(number) = value else { panic!("a number") };
        Filter { property: "amount".to_owned(), test: ValueTest::Compare(Comparison::Gte, Scalar::Number(number)) }
    }

    fn shop_in(shops: &[&str]) -> Filter {
        let shops = shops.iter().map(|shop| Scalar::Text((*shop).to_owned())).collect();
        Filter { property: "shop".to_owned(), test: ValueTest::In(shops) }
    }

    #[test]
    fn the_same_filter_is_one_tracker_however_it_is_written() {
        let one = TrackerSpec::new("purchase", &[amount_over(json!(100)), shop_in(&["A", "B"])], 3);
        let same = TrackerSpec::new("purchase", &[shop_in(&["B", "A", "B"]), amount_over(json!(100.0))], 9);
        assert_eq!(one.id, same.id);
        let others = [
            TrackerSpec::new("purchase", &[amount_over(json!(101)), shop_in(&["A", "B"])], 3),
            TrackerSpec::new("purchase", &[amount_over(json!(100)), shop_in(&["A,B"])], 3),
            TrackerSpec::new("refund", &[amount_over(json!(100)), shop_in(&["A", "B"])], 3),
            TrackerSpec::new("purchase", &[], 3),
        ];
        for other in others {
            assert_ne!(one.id, other.id);
        }
    }

    #[test]
    fn the_derivation_is_frozen() {
        assert_eq!(TrackerSpec::new("purchase", &[], 1).id.to_string(), "trk_c045b381e40c5f26");
        let filtered = TrackerSpec::new("purchase", &[amount_over(json!(100)), shop_in(&["A", "B"])], 1);
        assert_eq!(filtered.id.to_string(), "trk_c56cd4c541e8ee86");
    }

    #[test]
    fn the_text_form_reads_back_and_sorts_as_the_number() {
        let (low, high) = (TrackerId(0xff), TrackerId(u64::MAX));
        assert!(low.to_string() < high.to_string());
        assert_eq!(low.to_string().parse(), Ok(low));
        for text in ["trk_ff", "ff", "trk_00000000000000FF", "trk_+0000000000000ff", ""] {
            assert_eq!(text.parse::<TrackerId>(), Err(TrackerIdError), "{text}");
        }
        let map = std::collections::BTreeMap::from([(high, 1)]);
        let stored = serde_json::to_string(&map).unwrap();
        assert_eq!(stored, r#"{"trk_ffffffffffffffff":1}"#);
        assert_eq!(serde_json::from_str::<std::collections::BTreeMap<TrackerId, i32>>(&stored).unwrap(), map);
    }
}
