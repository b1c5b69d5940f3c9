//! Segments, 人群.

use super::common::{Condition, Page, SegmentId, Time};
use super::definitions::shared_doors;
use super::describe::Description;
use super::problems::Place;
use super::profile_shapes::ShortProfile;
use schemars::JsonSchema;
use serde_json::{Value, json};

/// Whether new customers come in.
#[derive(JsonSchema)]
#[schemars(rename = "DefinitionStatus", rename_all = "snake_case")]
pub(super) enum Status {
    /// Never published.
    Draft,
    /// A revision is in force.
    Live,
    /// It stands still: a journey only.
    Paused,
    /// Retired for good.
    Archived,
}

/// A segment: its newest draft, and which revision is in force.
#[derive(JsonSchema)]
struct Segment {
    id: SegmentId,
    /// What people call it.
    name: String,
    status: Status,
    /// The newest revision: every edit makes one.
    revision: u32,
    /// The revision in force; `null` before the first publication.
    published_revision: Option<u32>,
    /// Since when it stands still: a journey only.
    paused_at: Option<Time>,
    archived_at: Option<Time>,
    created_at: Time,
    /// When it was last edited or published.
    updated_at: Time,
    /// The condition of the newest draft; `null` once it is archived.
    condition: Option<Condition>,
}

/// What a segment is made of.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SegmentDraft {
    /// What people call it.
    #[schemars(length(min = 1, max = 120))]
    name: String,
    /// Who belongs to it.
    condition: Condition,
}

/// How many belong to a segment.
#[derive(JsonSchema)]
struct SegmentStats {
    id: SegmentId,
    /// Members, as far as the relay has come.
    members: i64,
    /// How far the past is counted; `null` where nothing of it had to be.
    backfill: Option<Backfill>,
}

/// How far the events before a publication are counted.
#[derive(JsonSchema)]
pub(super) struct Backfill {
    done: bool,
    /// Customers looked at.
    scanned: u64,
    /// Customers who came in or went out by it.
    changed: u64,
    started_at: Time,
}

/// A condition that nobody has saved yet.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PreviewDraft {
    condition: Condition,
    /// Short profiles to be shown; 5, where absent.
    #[serde(default)]
    #[schemars(range(max = 20))]
    sample: Option<u32>,
}

/// Who would be in it.
#[derive(JsonSchema)]
struct SegmentPreview {
    /// Of those looked at, for whom it holds.
    count: u64,
    /// Customers looked at.
    scanned: u64,
    /// Customers of the tenant, as far as the relay has come.
    customers: u64,
    /// Whether everybody was looked at.
    complete: bool,
    sample: Vec<ShortProfile>,
    /// Why the count says little.
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Place>,
}

/// A member, and since when.
#[derive(JsonSchema)]
struct Member {
    #[schemars(flatten)]
    profile: ShortProfile,
    since: Time,
}

fn draft() -> Value {
    json!({
        "name": "Two test drives in 30 days",
        "condition": { "event": "test_drive_completed", "count": { "op": "gte", "value": 2 }, "within_days": 30 },
    })
}

pub(super) fn routes() -> Vec<Description> {
    let mut routes = shared_doors!(
        "segment", "segments", "Segment", "Segments";
        id: SegmentId, shown: Segment, draft: SegmentDraft,
        example: draft(), body: "Name and condition.", invalid: "invalid_condition",
        created: "A draft: it has no members before it is published.",
        published: "Puts the newest revision in force and begins to count the events before it, in one commit.",
    );
    routes.extend([
        Description::post("/v1/segments/preview", "previewSegment")
            .says(
                "Who would be in a segment?",
                "Counted over the customers now, with a few of them. `complete` is false where the time was over before \
                 everybody was looked at.",
            )
            .takes::<PreviewDraft>("The condition.", json!({ "condition": draft()["condition"], "sample": 3 }))
            .answers::<SegmentPreview>(200, "The count.")
            .refuses(413, &["definition_too_large"])
            .refuses(422, &["invalid_condition", "unknown_journey", "unknown_segment"]),
        Description::get("/v1/segments/{id}/members", "listSegmentMembers")
            .says("Who is in a segment?", "A page may be short and have more behind it: looking takes a limited time.")
            .of::<SegmentId>("id", "Which segment.")
            .paged()
            .answers::<Page<Member>>(200, "A page of members."),
        Description::get("/v1/segments/{id}/stats", "getSegmentStats")
            .says("Count a segment", "How many belong to it now, and how far the past is counted.")
            .of::<SegmentId>("id", "Which segment.")
            .answers::<SegmentStats>(200, "The counts."),
    ]);
    routes
}
