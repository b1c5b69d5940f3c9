//! Dead letters, 死信.

use super::common::{AnyObject, CustomerId, IfMatch, LetterId, MessageId, OrNothing, Page, Time};
use super::describe::Description;
use super::ingestion::Event;
use super::problems::Place;
use schemars::JsonSchema;
use serde_json::json;

/// Where a letter stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum LetterStatus {
    /// Waits for somebody.
    Open,
    /// Somebody has written what the event should have been.
    Corrected,
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
    /// The line of the imported file it stood on.
    line: Option<u64>,
    /// The letter whose refused replay this one is: the same event, so what settles one settles the other.
    origin: Option<LetterId>,
    /// Whether a replay of it, or of a letter of the same event, was applied: there is nothing left to do.
    applied: bool,
    /// The event; `null` where it is no JSON object, and then none of it is shown.
    event: Option<AnyObject>,
    correction: Option<LetterCorrection>,
}

/// What the event should have been.
#[derive(JsonSchema)]
struct LetterCorrection {
    /// Masked as well.
    event: Option<AnyObject>,
    /// The public id of a key or a person.
    by: String,
    at: Time,
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

/// An event that cannot be read at all.
const UNREADABLE: &[&str] =
    &["body_too_large", "malformed_batch", "malformed_json", "malformed_utf8", "too_many_events"];

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/dead-letters", "listDeadLetters")
            .says("List dead letters", "Newest first. A filter that finds little may end its page early.")
            .query::<OrNothing<LetterStatus>>("status", "Only those that stand so.")
            .query::<String>("code", "Only those with this code as their reason.")
            .paged()
            .answers::<Page<DeadLetter>>(200, "A page of letters.")
            .refuses(400, &["unknown_choice"]),
        Description::get("/v1/dead-letters/{id}", "getDeadLetter")
            .says("Get a dead letter", "The event, why it could not be applied, and where it is wrong.")
            .of::<LetterId>("id", "Which letter.")
            .answers::<DeadLetter>(200, "The letter.")
            .tagged(),
        Description::put("/v1/dead-letters/{id}", "correctDeadLetter")
            .says(
                "Correct a dead letter",
                "The event as it should have been, as `/v1/batch` takes one. The original stays. A mask that stands where \
                 it was shown stands for its value.",
            )
            .of::<LetterId>("id", "Which letter.")
            .takes::<Event>("The event.", json!({ "type": "track", "userId": "u-1001", "event": "model_viewed" }))
            .header::<IfMatch>("If-Match", "The `ETag` of what was read, where somebody else's correction must stay.")
            .answers::<DeadLetter>(200, "The letter with its correction.")
            .tagged()
            .refuses(400, &["malformed_if_match"])
            .refuses(412, &["stale_etag"])
            .refuses(409, &["already_applied"])
            .refuses(422, super::problems::EVENT_FLAWS)
            .refuses(422, UNREADABLE)
            .refuses(422, &["masked_value"]),
        Description::post("/v1/dead-letters/{id}/replay", "replayDeadLetter")
            .says(
                "Send a dead letter again",
                "As a new message, as of the time it was first accepted. A letter that was applied stays applied once, \
                 however often this is asked, and so does the letter of a refused replay of it.",
            )
            .of::<LetterId>("id", "Which letter.")
            .answers::<ReplayedLetter>(200, "The letter, and what became of the message.")
            .refuses(409, &["not_replayable"])
            .refuses(422, super::problems::EVENT_FLAWS)
            .refuses(422, UNREADABLE),
    ]
}
