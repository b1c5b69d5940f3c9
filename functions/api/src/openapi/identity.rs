//! Who is whom.

use super::common::CustomerId;
use super::describe::Description;
use schemars::JsonSchema;
use serde_json::json;

/// Two customers who are one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Merge {
    /// The ids of both.
    #[schemars(length(equal = 2), extend("uniqueItems" = true))]
    customers: Vec<CustomerId>,
    /// The one the caller expects to stay.
    #[serde(default)]
    into: Option<CustomerId>,
}

/// Two customers who are one now.
#[derive(JsonSchema)]
struct Merged {
    /// The id that stays: the elder one.
    id: CustomerId,
    /// Both ids, as they were given.
    merged: Vec<CustomerId>,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::post("/v1/identity/merge", "mergeProfiles")
            .says(
                "Merge two customers (合并)",
                "The elder id stays, and the other one leads to it from now on. Merging those who are one already \
                 changes nothing.",
            )
            .idempotent()
            .takes::<Merge>(
                "Whom.",
                json!({ "customers": ["cus_01jdxmx0005d5nmpjtb9d5nmpj", "cus_01jdxmx0006d5nmpjtb9d5nmpj"] }),
            )
            .answers::<Merged>(200, "They are one.")
            .refuses(400, &["not_the_survivor"])
            .refuses(404, &["not_found", "no_such_customer"]),
    ]
}
