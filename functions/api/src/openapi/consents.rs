//! What customers said about being contacted, 授权.

use super::common::{AnyTime, ChannelKind, ConsentPurpose, CustomerId};
use super::describe::Description;
use super::profile_shapes::{ConsentWord, Evidence, Verdict};
use schemars::JsonSchema;
use serde_json::json;
use std::collections::BTreeMap;

/// What a customer said about being contacted.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ConsentDraft {
    purpose: ConsentPurpose,
    /// The channel it is about; all of them, where absent.
    #[serde(default)]
    channel: Option<ChannelKind>,
    verdict: Verdict,
    /// When they said it: an older word than the one known changes nothing. Now, where absent.
    #[serde(default)]
    as_of: Option<AnyTime>,
    /// Which version of the consent text they were shown.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    text_version: Option<String>,
    #[serde(default)]
    evidence: Option<Evidence>,
}

/// A word with what it is about.
#[derive(JsonSchema)]
struct ConsentEntry {
    #[schemars(flatten)]
    word: ConsentWord,
    purpose: ConsentPurpose,
    /// `null` where it is about every channel.
    channel: Option<ChannelKind>,
}

/// A word that was noted.
#[derive(JsonSchema)]
struct NotedConsent {
    /// Whose it is: the customer an id leads to that was merged away.
    id: CustomerId,
    #[schemars(flatten)]
    entry: ConsentEntry,
}

/// Every word that counts, and what follows from them.
#[derive(JsonSchema)]
struct ConsentList {
    id: CustomerId,
    data: Vec<ConsentEntry>,
    /// By purpose and channel: whether a message may go out.
    open: BTreeMap<String, BTreeMap<String, bool>>,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/profiles/{id}/consents", "listConsents")
            .says("Consents (授权) of a customer", "The words that count, and for which purpose which channel is open.")
            .of::<CustomerId>("id", "Which customer.")
            .answers::<ConsentList>(200, "The words, and what follows."),
        Description::post("/v1/profiles/{id}/consents", "noteConsent")
            .says(
                "Note a consent (授权)",
                "What the customer said. Names of texts, places and records only, no personal data.",
            )
            .of::<CustomerId>("id", "Which customer.")
            .idempotent()
            .takes::<ConsentDraft>(
                "What they said.",
                json!({ "purpose": "marketing", "verdict": "withdrawn", "evidence": { "source": "call" } }),
            )
            .answers::<NotedConsent>(200, "It is noted.")
            .refuses(404, &["no_such_customer"])
            .refuses(422, &["customer_full"]),
    ]
}
