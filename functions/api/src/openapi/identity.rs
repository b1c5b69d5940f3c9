//! Who is whom, One ID.

use super::common::{
    Anything, ConflictId, CustomerId, IdentifierKind, JourneyId, MessageId, OrNothing, Page, ReviewId, SegmentId, Time,
};
use super::describe::Description;
use super::profile_shapes::Consents;
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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

/// Two customers who may be one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Pair {
    /// The ids of both.
    #[schemars(length(equal = 2), extend("uniqueItems" = true))]
    customers: Vec<CustomerId>,
}

/// What a merge would do.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum MergePreview {
    One(AlreadyOne),
    Two(MergeOfTwo),
}

/// They are one already.
#[derive(JsonSchema)]
struct AlreadyOne {
    stays: CustomerId,
    #[schemars(extend("const" = true))]
    already_one: bool,
}

/// What the two would be together.
#[derive(JsonSchema)]
struct MergeOfTwo {
    /// The elder id.
    stays: CustomerId,
    goes: CustomerId,
    #[schemars(extend("const" = false))]
    already_one: bool,
    identifiers: Vec<MergedIdentifier>,
    /// Events counted together.
    events: u64,
    traits_that_differ: Vec<TraitDifference>,
    consents_after: Consents,
    segments_of_both: Vec<SegmentId>,
    journeys_of_both: Vec<JourneyId>,
    against: AgainstMerge,
}

/// An identifier, and whose it is now.
#[derive(JsonSchema)]
struct MergedIdentifier {
    kind: IdentifierKind,
    /// Masked.
    value: String,
    from: CustomerId,
}

/// A trait that both have with different values, masked where it is personal.
#[derive(JsonSchema)]
struct TraitDifference {
    r#trait: String,
    stays: Anything,
    goes: Anything,
    /// The value that would count.
    after: Anything,
}

/// What speaks against a merge.
#[derive(JsonSchema)]
struct AgainstMerge {
    too_many_identifiers: bool,
    /// A kind of which the two would have more than the policy allows.
    over_limit: Option<IdentifierKind>,
}

/// A merge to be undone.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Unmerge {
    customer: CustomerId,
    /// The id that was merged into `customer` and is to come back.
    restore: CustomerId,
}

/// Two customers again.
#[derive(JsonSchema)]
struct Unmerged {
    stayed: PartedCustomer,
    restored: PartedCustomer,
}

/// One of the two.
#[derive(JsonSchema)]
struct PartedCustomer {
    id: CustomerId,
    /// Events that are theirs now.
    events: u64,
}

/// An identifier that is not theirs.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Unbind {
    kind: IdentifierKind,
    /// The appid of an openid, the corp of an external_userid.
    #[serde(default)]
    scope: Option<String>,
    value: String,
}

/// It leads nowhere now.
#[derive(JsonSchema)]
struct Unbound {
    id: CustomerId,
    identifiers_left: u64,
}

/// How a suggested merge stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum ConflictStatus {
    Open,
    Merged,
    Dismissed,
}

/// Which suggested merges.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum ConflictFilter {
    Open,
    Merged,
    Dismissed,
    All,
}

/// A suggested merge (疑似同一人): two customers were met in one event, and the rules keep them apart.
#[derive(JsonSchema)]
struct Conflict {
    id: ConflictId,
    /// Who they are by now; one where they are one, or where one customer has too much.
    #[schemars(length(min = 1, max = 2))]
    customers: Vec<CustomerId>,
    /// The identifier that both claim.
    kind: IdentifierKind,
    /// Stable snake_case code of the rule.
    reason: String,
    message: MessageId,
    met_at: Time,
    status: ConflictStatus,
    dismissed: Option<Decision>,
}

/// Who decided, and what they noted.
#[derive(JsonSchema)]
struct Decision {
    /// The public id of a key or a person.
    by: String,
    at: Time,
    note: String,
}

/// What somebody notes about a decision.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Note {
    /// No personal data.
    #[serde(default)]
    #[schemars(length(max = 500))]
    note: Option<String>,
}

/// Something that happened while two customers were one, and that no rule gives to one of them.
#[derive(JsonSchema)]
struct Review {
    id: ReviewId,
    /// The customer who stayed, and has it.
    stayed: CustomerId,
    /// The customer who came back.
    restored: CustomerId,
    message: MessageId,
    happened_at: Time,
    /// What it was.
    what: String,
    /// Stable snake_case code.
    why: String,
    status: ReviewStatus,
    resolved: Option<Decision>,
}

/// Whether somebody has looked.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum ReviewStatus {
    Open,
    Resolved,
}

/// How many identifiers of each kind one person may have.
#[derive(JsonSchema)]
struct IdentityPolicy {
    /// 0 is what is built in.
    revision: u64,
    /// By kind.
    limits: BTreeMap<String, IdentifierLimit>,
    /// Of all kinds together.
    identifiers_max: u64,
}

/// How many of one kind.
#[derive(JsonSchema)]
struct IdentifierLimit {
    max: u32,
    /// Only those bound in so many days count; all, where `null`.
    within_days: Option<u32>,
}

/// The limits that are to be in force.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct IdentityPolicyDraft {
    /// By kind; a kind that is not named has no limit of its own.
    limits: BTreeMap<String, IdentifierLimitDraft>,
}

/// How many of one kind.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct IdentifierLimitDraft {
    #[schemars(range(min = 1, max = roadbook_identity::IDENTIFIERS_MAX))]
    max: u32,
    #[serde(default)]
    #[schemars(range(min = 1, max = 3650))]
    within_days: Option<u32>,
}

fn two() -> [&'static str; 2] {
    ["cus_01jdxmx0005d5nmpjtb9d5nmpj", "cus_01jdxmx0006d5nmpjtb9d5nmpj"]
}

fn noted() -> Value {
    json!({ "note": "Two brothers with one phone" })
}

pub(super) fn routes() -> Vec<Description> {
    let mut all = merging();
    all.extend(deciding());
    all.extend(policy());
    all
}

fn merging() -> Vec<Description> {
    vec![
        Description::post("/v1/identity/merge", "mergeProfiles")
            .says(
                "Merge two customers (合并)",
                "The elder id stays, and the other one leads to it from now on. Merging those who are one already \
                 changes nothing.",
            )
            .idempotent()
            .takes::<Merge>("Whom.", json!({ "customers": two() }))
            .answers::<Merged>(200, "They are one.")
            .refuses(400, &["not_the_survivor"])
            .refuses(404, &["not_found", "no_such_customer"])
            .refuses(422, &["customer_full", "too_many_identifiers"]),
        Description::post("/v1/identity/merge/preview", "previewMerge")
            .says("What would a merge do?", "Who would stay, what they would be together, and what speaks against it.")
            .takes::<Pair>("Whom.", json!({ "customers": two() }))
            .answers::<MergePreview>(200, "What would be.")
            .refuses(404, &["not_found"]),
        Description::post("/v1/identity/unmerge", "unmergeProfiles")
            .says(
                "Undo a merge (拆分)",
                "State, tags, consents, passages and history go back. What has happened since goes to whose identifiers \
                 it carries; what nobody can tell apart is listed under `/v1/identity/reviews`.",
            )
            .idempotent()
            .takes::<Unmerge>("Whom.", json!({ "customer": two()[0], "restore": two()[1] }))
            .answers::<Unmerged>(200, "They are two.")
            .refuses(404, &["not_found", "no_such_customer"])
            .refuses(409, &["merged_into_another", "not_merged", "unmerge_out_of_order"])
            .refuses(422, &["customer_full", "too_much_since"]),
        Description::post("/v1/profiles/{id}/identifiers/unbind", "unbindIdentifier")
            .says(
                "Unbind an identifier (解绑)",
                "It leads nowhere until somebody brings it again; what hangs on it goes with it.",
            )
            .of::<CustomerId>("id", "Which customer.")
            .idempotent()
            .takes::<Unbind>("Which identifier.", json!({ "kind": "phone", "value": "13800000000" }))
            .answers::<Unbound>(200, "It is not theirs any more.")
            .refuses(404, &["no_such_customer"])
            .refuses(422, &["last_identifier", "no_such_identifier"]),
    ]
}

fn deciding() -> Vec<Description> {
    vec![
        Description::get("/v1/identity/conflicts", "listConflicts")
            .says(
                "List suggested merges (疑似同一人)",
                "Two customers were met in one event, and the rules keep them apart. A filter that finds little may end \
                 its page early.",
            )
            .query::<OrNothing<ConflictFilter>>("status", "Only those that stand so; `open` where absent.")
            .paged()
            .answers::<Page<Conflict>>(200, "A page of suggestions.")
            .refuses(400, &["unknown_choice"]),
        Description::post("/v1/identity/conflicts/{id}/dismiss", "dismissConflict")
            .says("Dismiss a suggested merge", "They are two. The first decision stays.")
            .of::<ConflictId>("id", "Which suggestion.")
            .takes_maybe::<Note>("Why.", noted())
            .answers::<Conflict>(200, "The suggestion."),
        Description::get("/v1/identity/reviews", "listReviews")
            .says("List what an unmerge could not decide (待人工核对)", "Resolved ones too.")
            .paged()
            .answers::<Page<Review>>(200, "A page of them."),
        Description::post("/v1/identity/reviews/{id}/resolve", "resolveReview")
            .says("Note that somebody has looked", "It changes neither customer. The first decision stays.")
            .of::<ReviewId>("id", "Which.")
            .takes_maybe::<Note>("What came of it.", noted())
            .answers::<Review>(200, "It is resolved."),
    ]
}

fn policy() -> Vec<Description> {
    vec![
        Description::get("/v1/identity/policy", "getIdentityPolicy")
            .says("Limits on identifiers", "How many of each kind one person may have.")
            .answers::<IdentityPolicy>(200, "The limits in force.")
            .tagged(),
        Description::put("/v1/identity/policy", "setIdentityPolicy")
            .says("Set the limits on identifiers", "What people have already stays with them.")
            .guarded()
            .idempotent()
            .takes::<IdentityPolicyDraft>(
                "The limits.",
                json!({ "limits": { "phone": { "max": 3, "within_days": 365 } } }),
            )
            .answers::<IdentityPolicy>(200, "The limits in force.")
            .tagged()
            .refuses(422, &["catalog_full"]),
    ]
}
