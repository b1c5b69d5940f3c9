//! The words of consent: for what, by which way, when, and where it was said.

use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};

/// Bytes of a text version.
pub const TEXT_VERSION_BYTES_MAX: usize = 64;
/// Bytes of an evidence's source.
pub const EVIDENCE_SOURCE_BYTES_MAX: usize = 64;
/// Bytes of an evidence's reference.
pub const EVIDENCE_REFERENCE_BYTES_MAX: usize = 200;

/// Why somebody is contacted, or their data used. PIPL asks for consent per purpose; a service message (an
/// appointment, a recall) rests on the contract, everything else needs a grant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Needed for what the customer asked for or owns. Allowed unless withdrawn.
    Service,
    /// Everything that advertises. Allowed only while granted.
    Marketing,
    /// Choosing by a profile what is advertised (PIPL 24). Nothing is sent for it: it says how, not whether.
    Personalisation,
    /// Handing the customer's data to a dealer, who is another controller (PIPL 23). Nothing is sent for it.
    DealerSharing,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 4] =
        [Purpose::Service, Purpose::Marketing, Purpose::Personalisation, Purpose::DealerSharing];
    /// The purposes a journey may send for.
    pub const OF_SENDS: [Purpose; 2] = [Purpose::Service, Purpose::Marketing];

    /// Its name, as it is stored and written.
    pub const fn word(self) -> &'static str {
        match self {
            Purpose::Service => "service",
            Purpose::Marketing => "marketing",
            Purpose::Personalisation => "personalisation",
            Purpose::DealerSharing => "dealer_sharing",
        }
    }

    /// Whether it is allowed while the customer has said nothing.
    pub const fn is_open_unsaid(self) -> bool {
        match self {
            Purpose::Service => true,
            Purpose::Marketing | Purpose::Personalisation | Purpose::DealerSharing => false,
        }
    }
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

/// Where a word was given, for whoever must prove it later.
///
/// Both parts name places and records of the tenant's own systems. They hold no personal data: they are shown and
/// kept as they are, also after the customer's own values are masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// What kind of place: `page`, `form`, `agent`, `call`, or the tenant's own word for it. At most
    /// [`EVIDENCE_SOURCE_BYTES_MAX`] bytes.
    pub source: String,
    /// Which one: a form's id, a call's id, a path. At most [`EVIDENCE_REFERENCE_BYTES_MAX`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// One word: a verdict with the time it was given, and what there is to prove it.
///
/// Words are ordered: the later one counts, at one instant the refusal. What follows only makes the order total, so
/// that two hosts that learn the same words in different orders keep the same one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// When the customer said it (not when it reached us).
    pub as_of: Moment,
    /// What was said.
    pub verdict: Verdict,
    /// Which version of the consent text they were shown. At most [`TEXT_VERSION_BYTES_MAX`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_version: Option<String>,
    /// Where they said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

impl Standing {
    /// A word without proof.
    pub const fn bare(as_of: Moment, verdict: Verdict) -> Self {
        Self { as_of, verdict, text_version: None, evidence: None }
    }
}

/// Whether a text may stand as a text version or in an evidence: 1 to `bytes_max` printable ASCII characters without
/// spaces, and without `@`, so that it can be neither a sentence nor a name nor an address.
pub fn is_label(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_stored_under_its_own_name() {
        for purpose in Purpose::ALL {
            assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.word());
        }
    }

    #[test]
    fn a_label_is_short_and_names_nobody() {
        for good in ["2026-03-01/v3", "form-17", "/test-drive?step=2", "c_0001"] {
            assert!(is_label(good, 64), "{good}");
        }
        for bad in ["", "Test Person", "test@example.com", "张三", "a\nb", &"x".repeat(65)] {
            assert!(!is_label(bad, 64), "{bad}");
        }
    }
}
