//! Stores (门店): which dealers a customer has a tie with, because an event named them.

use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Stores kept, the ones seen last. Merges that exceed it keep the newest of both.
pub const STORES_MAX: usize = 20;
/// Characters of a store's code; a longer text is no code.
const CODE_CHARS_MAX: usize = 64;
/// Properties that name a store.
const KEYS: [&str; 2] = ["store_id", "dealer_id"];

/// First and last moment per code of a store.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stores(BTreeMap<String, (Moment, Moment)>);

impl Stores {
    /// Whether no store was ever named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the customer has a tie with this store.
    pub fn has(&self, code: &str) -> bool {
        self.0.contains_key(code)
    }

    /// Codes with the first and the last moment, by code.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Moment, Moment)> + '_ {
        self.0.iter().map(|(code, (first, last))| (code.as_str(), *first, *last))
    }

    /// Takes in the stores an event names. Costs two look-ups where it names none.
    pub(crate) fn note_all(&mut self, properties: &Map<String, Value>, at: Moment) {
        for code in KEYS.iter().filter_map(|key| properties.get(*key)?.as_str()) {
            self.note(code.trim(), at);
        }
    }

    fn note(&mut self, code: &str, at: Moment) {
        if code.is_empty() || code.chars().count() > CODE_CHARS_MAX {
            return;
        }
        match self.0.get_mut(code) {
            Some((first, last)) => (*first, *last) = ((*first).min(at), (*last).max(at)),
            None => {
                self.0.insert(code.to_owned(), (at, at));
                self.shorten();
            }
        }
    }

    /// Takes over the stores of another customer (merge).
    pub(crate) fn join(&mut self, other: &Stores) {
        for (code, (first, last)) in &other.0 {
            let mine = self.0.entry(code.clone()).or_insert((*first, *last));
            *mine = (mine.0.min(*first), mine.1.max(*last));
        }
        self.shorten();
    }

    fn shorten(&mut self) {
        while self.0.len() > STORES_MAX {
            let oldest = self.0.iter().min_by_key(|(code, (_, last))| (*last, *code)).map(|(code, _)| code.clone());
            oldest.and_then(|code| self.0.remove(&code));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn noted(events: &[(Value, i64)]) -> Stores {
        let mut stores = Stores::default();
        for (properties, at) in events {
            stores.note_all(properties.as_object().unwrap(), Moment::from_millis(*at));
        }
        stores
    }

    #[test]
    fn a_store_has_its_first_and_last_moment_whatever_the_order() {
        let stores = noted(&[
            (json!({ "store_id": "4S001" }), 5),
            (json!({ "dealer_id": " 4S001 ", "store_id": "4S002" }), 3),
            (json!({ "store_id": "4S001" }), 9),
            (json!({ "store_id": "", "dealer_id": 7 }), 9),
            (json!({ "store_id": "x".repeat(65) }), 9),
        ]);
        assert_eq!(serde_json::to_value(&stores).unwrap(), json!({ "4S001": [3, 9], "4S002": [3, 3] }));
        assert!(stores.has("4S002") && !stores.has("4S003"));
    }

    #[test]
    fn the_newest_twenty_stay() {
        let named: Vec<(Value, i64)> = (0..30).map(|n| (json!({ "store_id": format!("S{n:02}") }), n)).collect();
        let (all, mut half) = (noted(&named), noted(&named[..15]));
        assert_eq!(all.iter().count(), STORES_MAX);
        assert!(all.has("S10") && !all.has("S09"));
        half.join(&noted(&named[15..]));
        assert_eq!(half, all);
    }
}
