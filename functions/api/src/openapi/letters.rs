//! Dead letters, 死信.

use super::common::{AnyObject, CustomerId, LetterId, MessageId, Page, Time};
use super::describe::Description;
use super::problems::Place;
use schemars::JsonSchema;

/// Where a letter stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum LetterStatus {
    /// Waits for somebody.
    Open,
    /// Was sent again as a new message.
    Replayed,
}

/// How its message can be sent again.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum LetterKind {
    /// An event as a client sent it: it goes through the front door again.
    Wire,
    /// An accepted event: it goes to its customer again.
    Command,
}

/// Why, and where.
#[derive(JsonSchema)]
struct LetterReason {
    /// Stable snake_case code.
    code: String,
    detail: String,
    places: Vec<Place>,
}

/// An event that could not be applied, with personal values masked.
#[derive(JsonSchema)]
struct DeadLetter {
    id: LetterId,
    status: LetterStatus,
    kind: LetterKind,
    message: MessageId,
    /// What its producer called it (`messageId`), where that could be read.
    message_id: Option<String>,
    /// The id of the key it came by.
    source: String,
    accepted_at: Time,
    occurred_at: Time,
    reason: LetterReason,
    /// How often it was sent again.
    replays: u32,
    /// The event; `null` where it is no JSON object, and then none of it is shown.
    event: Option<AnyObject>,
}

/// A letter that was sent again, and what became of it.
#[derive(JsonSchema)]
struct ReplayedLetter {
    #[schemars(flatten)]
    letter: DeadLetter,
    replay: Replay,
}

/// What became of the message.
#[derive(JsonSchema)]
#[schemars(tag = "outcome", rename_all = "snake_case")]
enum Replay {
    /// It changed a customer.
    Applied {
        message: MessageId,
        /// Whom.
        profile: Option<CustomerId>,
    },
    /// It had been applied before.
    Duplicate {
        message: MessageId,
        /// Whom, where that is known.
        profile: Option<CustomerId>,
    },
    /// It was refused, and has a letter of its own now.
    Refused { message: MessageId, reason: ReplayRefusal },
    /// It could not be applied by a mistake of ours; it is kept.
    Defect { message: MessageId },
}

/// Why a message was refused.
#[derive(JsonSchema)]
struct ReplayRefusal {
    /// Stable snake_case code.
    code: String,
    detail: String,
    /// The places that are wrong, where there are any.
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    places: Vec<Place>,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/dead-letters", "listDeadLetters")
            .says("List dead letters", "Newest first. A filter that finds little may end its page early.")
            .query::<LetterStatus>("status", "Only those that stand so.")
            .paged()
            .answers::<Page<DeadLetter>>(200, "A page of letters.")
            .refuses(400, &["unknown_choice"]),
        Description::get("/v1/dead-letters/{id}", "getDeadLetter")
            .says("Get a dead letter", "The event, why it could not be applied, and where it is wrong.")
            .of::<LetterId>("id", "Which letter.")
            .answers::<DeadLetter>(200, "The letter."),
        Description::post("/v1/dead-letters/{id}/replay", "replayDeadLetter")
            .says(
                "Send a dead letter again",
                "As a new message, as of the time it was first accepted. A letter that was applied stays applied once, \
                 however often this is asked.",
            )
            .of::<LetterId>("id", "Which letter.")
            .answers::<ReplayedLetter>(200, "The letter, and what became of the message.")
            .refuses(400, &["malformed_batch", "malformed_json"])
            .refuses(409, &["not_replayable"])
            .refuses(413, &["body_too_large"])
            .refuses(422, super::problems::EVENT_FLAWS),
    ]
}
