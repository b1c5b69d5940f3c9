//! Journeys, 旅程, and what they sent.

use super::common::{CustomerId, JourneyDefinition, JourneyId, Page, Time};
use super::definitions::shared_doors;
use super::describe::Description;
use super::profile_shapes::PassageAt;
use super::segments::{Backfill, Status};
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A journey: its newest draft, and which revision is in force.
#[derive(JsonSchema)]
struct Journey {
    id: JourneyId,
    /// What people call it.
    name: String,
    status: Status,
    /// The newest revision: every edit makes one.
    revision: u32,
    /// The revision in force; `null` before the first publication. Runs under way stay on theirs.
    published_revision: Option<u32>,
    /// Since when it stands still: a journey only.
    paused_at: Option<Time>,
    archived_at: Option<Time>,
    created_at: Time,
    /// When it was last edited or published.
    updated_at: Time,
    /// The definition of the newest draft; `null` once it is archived.
    definition: Option<JourneyDefinition>,
}

/// What a journey is made of.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct JourneyDraft {
    /// What people call it.
    #[schemars(length(min = 1, max = 120))]
    name: String,
    /// Who enters, what happens to them, what ends it.
    definition: JourneyDefinition,
}

/// Passages through a journey over all its revisions, as far as the relay has come.
#[derive(JsonSchema)]
struct JourneyStats {
    id: JourneyId,
    status: Status,
    paused_at: Option<Time>,
    /// Passages that began.
    entered: i64,
    /// Passages under way.
    active: i64,
    /// Passages held by a pause.
    held: i64,
    /// Passages that came to an `exit` node.
    completed: i64,
    /// Passages whose goal was reached.
    goal: i64,
    /// Passages that an exit trigger ended.
    exited: i64,
    /// Passages given up for another one of the same customer, after a merge.
    superseded: i64,
    /// Passages that ended with the journey.
    archived: i64,
    /// How far past events are counted; `null` where nothing of them had to be.
    counting: Option<Backfill>,
    /// How far held passages are let go.
    releasing: Option<Backfill>,
    /// Counts by the name of the node.
    nodes: BTreeMap<String, NodeStats>,
}

/// Passages at one node.
#[derive(JsonSchema)]
struct NodeStats {
    /// Passages that came here.
    entered: i64,
    /// Passages that went on from here.
    left: i64,
    /// Passages that are here.
    here: i64,
    /// Of those, held by a pause.
    held: i64,
}

/// Messages of a tenant by what became of them.
#[derive(JsonSchema)]
struct SendStats {
    /// Counts by outcome: `intended`, `suppressed/no_consent`, `suppressed/no_address`, `suppressed/no_grant`, `sent`,
    /// `handed_over`, `refused`, `expired`, `failed`, `unknown`. A message that was handed over is counted under its end
    /// as well. What never happened is absent.
    sends: BTreeMap<String, i64>,
}

/// One passage under way.
#[derive(JsonSchema)]
struct JourneyPassage {
    customer: CustomerId,
    #[schemars(flatten)]
    passage: PassageAt,
}

fn draft() -> Value {
    json!({
        "name": "Remind the seller a day after a test drive",
        "definition": {
            "entry": { "event": "test_drive_completed" },
            "reentry": { "cooldown_hours": 720 },
            "goal": { "event": "order_placed" },
            "start": "a_day",
            "nodes": {
                "a_day": { "type": "wait", "duration": "P1D", "next": "remind" },
                "remind": {
                    "type": "send", "channel": "wecom_seller", "purpose": "service",
                    "to": { "corp": "ww-sim-corp", "member": { "trait": "seller" } },
                    "content": { "text": "Call about {{ entry.model }}" }, "next": "over",
                },
                "over": { "type": "exit" },
            },
        },
    })
}

pub(super) fn routes() -> Vec<Description> {
    let mut routes = shared_doors!(
        "journey", "journeys", "Journey", "Journeys";
        id: JourneyId, shown: Journey, draft: JourneyDraft,
        example: draft(), body: "Name and definition.", invalid: "invalid_journey",
        created: "A draft: nobody enters before it is published.",
        published: "Puts the newest revision in force. Runs under way stay on theirs.",
    );
    routes.extend([
        Description::post("/v1/journeys/{id}/pause", "pauseJourney")
            .says("Pause a journey", "Nobody enters, and passages under way are held where they are.")
            .of::<JourneyId>("id", "Which journey.")
            .answers::<Journey>(200, "The journey, standing still.")
            .tagged()
            .refuses(409, &["already_paused", "archived", "not_published"]),
        Description::post("/v1/journeys/{id}/resume", "resumeJourney")
            .says("Resume a journey", "Customers enter again, and held passages go on as of now.")
            .of::<JourneyId>("id", "Which journey.")
            .answers::<Journey>(200, "The journey, in force again.")
            .tagged()
            .refuses(409, &["archived", "not_paused", "not_published"]),
        Description::get("/v1/journeys/{id}/members", "listJourneyPassages")
            .says("Who is where in a journey?", "Every passage under way. A page may be short and have more behind it.")
            .of::<JourneyId>("id", "Which journey.")
            .query::<String>("node", "Only those at this node.")
            .paged()
            .answers::<Page<JourneyPassage>>(200, "A page of passages."),
        Description::get("/v1/journeys/{id}/stats", "getJourneyStats")
            .says("Count a journey", "Passages by how they ended and by where they are, over all revisions.")
            .of::<JourneyId>("id", "Which journey.")
            .answers::<JourneyStats>(200, "The counts."),
        Description::get("/v1/journeys/{id}/diagram", "getJourneyDiagram")
            .says("Draw a journey", "A Mermaid flowchart of the revision in force; of the draft before the first.")
            .of::<JourneyId>("id", "Which journey.")
            .answers_as::<String>(200, "text/plain", "Mermaid text."),
        Description::get("/v1/sends/stats", "getSendStats")
            .says("Count messages", "How messages (触达) came out, over all journeys, as far as the relay has come.")
            .answers::<SendStats>(200, "The counts."),
    ]);
    routes
}
