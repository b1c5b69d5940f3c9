//! What is known of one customer.

use super::common::{AnyTime, CustomerId, Page, Purpose, Time, written};
use super::describe::Description;
use super::profile_shapes::{Profile, TimelineLine, Verdict};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use std::borrow::Cow;

written! {
    /// An identifier as people write it.
    LookupKey true => json_schema!({
        "type": "string",
        "pattern": "^[a-z_]+:.+$",
        "examples": ["phone:13800000000", "user_id:u-1001", "openid:wx-sim-app:oTestOpenid"],
    });
}

/// What a customer said about being contacted.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ConsentDraft {
    purpose: Purpose,
    verdict: Verdict,
    /// When they said it: an older word than the one known changes nothing. Now, where absent.
    #[serde(default)]
    as_of: Option<AnyTime>,
}

/// A consent that was noted.
#[derive(JsonSchema)]
struct NotedConsent {
    /// Whose it is: the customer an id leads to that was merged away.
    id: CustomerId,
    purpose: Purpose,
    verdict: Verdict,
    as_of: Time,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/profiles/lookup", "lookupProfile")
            .says(
                "Find a customer by an identifier",
                "`key` is `<kind>:<value>`, with the scope in between for the kinds that need one: \
                 `openid:<appid>:<value>`, `external_userid:<corp>:<value>`.",
            )
            .asks::<LookupKey>("key", "The identifier.")
            .answers::<Profile>(200, "The customer who has it now.")
            .refuses(
                400,
                &[
                    "identifier_blocked",
                    "identifier_empty",
                    "identifier_malformed",
                    "identifier_scope_missing",
                    "identifier_too_long",
                    "malformed_key",
                    "unknown_identifier_kind",
                ],
            )
            .refuses(404, &["not_found"]),
        Description::get("/v1/profiles/{id}", "getProfile")
            .says("Get a customer", "An id that was merged away leads to the customer it is now.")
            .of::<CustomerId>("id", "Which customer.")
            .answers::<Profile>(200, "The customer."),
        Description::get("/v1/profiles/{id}/timeline", "getProfileTimeline")
            .says("What happened with a customer", "Newest first, under every id they ever had.")
            .of::<CustomerId>("id", "Which customer.")
            .paged()
            .answers::<Page<TimelineLine>>(200, "A page of the timeline."),
        Description::post("/v1/profiles/{id}/consents", "noteConsent")
            .says("Note a consent (授权)", "What the customer said about being contacted for a purpose.")
            .of::<CustomerId>("id", "Which customer.")
            .idempotent()
            .takes::<ConsentDraft>("What they said.", json!({ "purpose": "marketing", "verdict": "withdrawn" }))
            .answers::<NotedConsent>(200, "It is noted.")
            .refuses(404, &["no_such_customer"]),
    ]
}
