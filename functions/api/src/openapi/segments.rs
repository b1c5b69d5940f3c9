//! Segments, 人群.

use super::common::{Condition, Page, SegmentId, Time};
use super::describe::Description;
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
    created_at: Time,
    /// When it was last edited or published.
    updated_at: Time,
    /// The condition of the newest draft.
    condition: Condition,
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
struct Backfill {
    done: bool,
    /// Customers looked at.
    scanned: u64,
    /// Customers who came in or went out by it.
    changed: u64,
    started_at: Time,
}

fn draft() -> Value {
    json!({
        "name": "Two test drives in 30 days",
        "condition": { "event": "test_drive_completed", "count": { "op": "gte", "value": 2 }, "within_days": 30 },
    })
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/segments", "listSegments")
            .says("List segments", "Oldest first, drafts too.")
            .paged()
            .answers::<Page<Segment>>(200, "A page of segments."),
        Description::post("/v1/segments", "createSegment")
            .says("Create a segment", "A draft: it has no members before it is published.")
            .idempotent()
            .takes::<SegmentDraft>("Name and condition.", draft())
            .answers::<Segment>(201, "The draft.")
            .with("Location", "The path of the new segment.")
            .refuses(409, &["idempotency_key_used"])
            .refuses(413, &["definition_too_large"])
            .refuses(422, &["invalid_name", "invalid_condition", "unknown_segment", "too_many_definitions"]),
        Description::get("/v1/segments/{id}", "getSegment")
            .says("Get a segment", "Its newest draft, and which revision is in force.")
            .of::<SegmentId>("id", "Which segment.")
            .answers::<Segment>(200, "The segment."),
        Description::put("/v1/segments/{id}", "updateSegment")
            .says("Edit a segment", "Makes a new draft. What is published stays in force until the draft is.")
            .of::<SegmentId>("id", "Which segment.")
            .idempotent()
            .takes::<SegmentDraft>("Name and condition.", draft())
            .answers::<Segment>(200, "The new draft.")
            .refuses(413, &["definition_too_large"])
            .refuses(422, &["invalid_name", "invalid_condition", "unknown_segment"]),
        Description::post("/v1/segments/{id}/publish", "publishSegment")
            .says(
                "Publish a segment",
                "Puts the newest revision in force and begins to count the events before it, in one commit.",
            )
            .of::<SegmentId>("id", "Which segment.")
            .idempotent()
            .answers::<Segment>(200, "The segment in force.")
            .refuses(409, &["already_published", "cannot_publish"]),
        Description::get("/v1/segments/{id}/stats", "getSegmentStats")
            .says("Count a segment", "How many belong to it now, and how far the past is counted.")
            .of::<SegmentId>("id", "Which segment.")
            .answers::<SegmentStats>(200, "The counts."),
    ]
}
