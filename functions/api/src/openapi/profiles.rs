//! What is known of one customer.

use super::common::{CustomerId, OrNothing, Page, SegmentId, written};
use super::describe::Description;
use super::lifecycle::StageWord;
use super::profile_shapes::{Profile, ShortProfile};
use super::timeline_shapes::TimelineLine;
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

/// What can be wrong with an identifier that is looked for.
const KEY_FLAWS: &[&str] = &[
    "identifier_blocked",
    "identifier_empty",
    "identifier_malformed",
    "identifier_scope_missing",
    "identifier_too_long",
    "malformed_key",
    "unknown_identifier_kind",
];

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/profiles", "searchProfiles")
            .says(
                "Search customers (查找客户)",
                "By `key` or `q` at once; by what they have in common page by page, eldest first, where a page may be \
                 short and have more behind it. `key`, `q` and the filters exclude each other.",
            )
            .query::<String>("key", "An identifier: `<kind>:<value>`, as `/v1/profiles/lookup` takes it.")
            .query::<String>(
                "q",
                "What somebody said: a phone number, an address, a profile id, a VIN, any identifier.",
            )
            .query::<String>("tag", "Only those with this tag: `<key>`, or `<key>:<value>`.")
            .query::<OrNothing<SegmentId>>("segment", "Only those in this segment.")
            .query::<OrNothing<StageWord>>("stage", "Only those at this stage (阶段).")
            .paged()
            .answers::<Page<ShortProfile>>(200, "A page of customers.")
            .refuses(400, KEY_FLAWS)
            .refuses(400, &["bad_id", "conflicting_parameters", "query_too_long", "unknown_choice"]),
        Description::get("/v1/profiles/lookup", "lookupProfile")
            .says(
                "Find a customer by an identifier",
                "`key` is `<kind>:<value>`, with the scope in between for the kinds that need one: \
                 `openid:<appid>:<value>`, `external_userid:<corp>:<value>`.",
            )
            .asks::<LookupKey>("key", "The identifier.")
            .answers::<Profile>(200, "The customer who has it now.")
            .refuses(400, KEY_FLAWS)
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
