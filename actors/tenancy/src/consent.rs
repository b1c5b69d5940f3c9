//! Consent per purpose, with as-of time: the latest word of the customer counts, whenever it reaches us.

use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why somebody is contacted. PIPL asks for consent per purpose; a service message (an appointment, a recall) rests
/// on the contract, marketing needs a grant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Purpose {
    /// Needed for what the customer asked for or owns. Allowed unless withdrawn.
    Service,
    /// Everything that advertises. Allowed only while granted.
    Marketing,
}

/// What the customer last said about one purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Allowed.
    Granted,
    /// Refused. Orders after `Granted`: of two words at one instant the refusal counts.
    Withdrawn,
}

/// One verdict with the time it was given.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// When the customer said it (not when it reached us).
    pub as_of: Moment,
    /// What was said.
    pub verdict: Verdict,
}

/// The standing of every purpose. Joining two ledgers takes the later word of each purpose, so the order in which
/// words or merges arrive does not matter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsentLedger(BTreeMap<Purpose, Standing>);

impl ConsentLedger {
    /// Whether nothing was ever said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a word. An older word than the one known changes nothing.
    pub fn note(&mut self, purpose: Purpose, standing: Standing) {
        self.0.entry(purpose).and_modify(|known| *known = (*known).max(standing)).or_insert(standing);
    }

    /// Takes over every word of another ledger (merge of two customers).
    pub fn join(&mut self, other: &ConsentLedger) {
        for (purpose, standing) in &other.0 {
            self.note(*purpose, *standing);
        }
    }

    /// What was last said about a purpose, if anything.
    pub fn standing(&self, purpose: Purpose) -> Option<Standing> {
        self.0.get(&purpose).copied()
    }

    /// Whether the purpose is open: see [`Purpose`] for the default of each.
    pub fn allows(&self, purpose: Purpose) -> bool {
        match (purpose, self.standing(purpose).map(|standing| standing.verdict)) {
            (_, Some(Verdict::Withdrawn)) => false,
            (Purpose::Service, _) | (Purpose::Marketing, Some(Verdict::Granted)) => true,
            (Purpose::Marketing, None) => false,
        }
    }

    /// All purposes something was said about.
    pub fn iter(&self) -> impl Iterator<Item = (Purpose, Standing)> + '_ {
        self.0.iter().map(|(purpose, standing)| (*purpose, *standing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(at: i64, verdict: Verdict) -> Standing {
        Standing { as_of: Moment::from_millis(at), verdict }
    }

    #[test]
    fn marketing_needs_a_grant_and_service_does_not() {
        let mut ledger = ConsentLedger::default();
        assert!(ledger.allows(Purpose::Service));
        assert!(!ledger.allows(Purpose::Marketing));
        ledger.note(Purpose::Marketing, word(1, Verdict::Granted));
        assert!(ledger.allows(Purpose::Marketing));
        ledger.note(Purpose::Service, word(2, Verdict::Withdrawn));
        assert!(!ledger.allows(Purpose::Service));
    }

    #[test]
    fn the_later_word_counts_in_any_order_of_arrival() {
        let words = [word(1, Verdict::Granted), word(5, Verdict::Withdrawn), word(3, Verdict::Granted)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            let mut ledger = ConsentLedger::default();
            for index in order {
                ledger.note(Purpose::Marketing, words[index]);
            }
            assert!(!ledger.allows(Purpose::Marketing), "withdrawn at 5 must win in order {order:?}");
        }
    }

    #[test]
    fn at_one_instant_the_refusal_counts() {
        let mut ledger = ConsentLedger::default();
        ledger.note(Purpose::Marketing, word(5, Verdict::Withdrawn));
        ledger.note(Purpose::Marketing, word(5, Verdict::Granted));
        assert!(!ledger.allows(Purpose::Marketing));
    }
}
