//! What is known of one customer.

use super::common::{CustomerId, Page, written};
use super::describe::Description;
use super::profile_shapes::{Profile, TimelineLine};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

written! {
    /// An identifier as people write it.
    LookupKey true => json_schema!({
        "type": "string",
        "pattern": "^[a-z_]+:.+$",
        "examples": ["phone:13800000000", "user_id:u-1001", "openid:wx-sim-app:oTestOpenid"],
    });
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
    ]
}
