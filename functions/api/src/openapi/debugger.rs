//! The event debugger.

use super::common::{AnyObject, CustomerId, LetterId, MessageId, Page, Time};
use super::describe::Description;
use schemars::JsonSchema;

/// What became of an event.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum DebugOutcome {
    /// It changed a customer.
    Accepted,
    /// It waits in a queue and is applied in a moment: only where events are queued.
    Queued,
    /// It was known already.
    Duplicate,
    /// It is a dead letter.
    Refused,
    /// The world failed; the sender was asked to repeat it.
    Failed,
}

/// Why an event was not applied.
#[derive(JsonSchema)]
struct DebugReason {
    /// Stable snake_case code.
    code: String,
    detail: String,
    /// JSON pointer to the first wrong place.
    #[schemars(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
}

/// An event that came in, personal values masked.
#[derive(JsonSchema)]
struct DebuggedEvent {
    /// For `Last-Event-ID`: which process, and which of its events.
    id: String,
    received_at: Time,
    /// The id of the key it came by.
    source: String,
    r#type: Option<String>,
    name: Option<String>,
    message: Option<MessageId>,
    occurred_at: Option<Time>,
    outcome: DebugOutcome,
    profile: Option<CustomerId>,
    dead_letter: Option<LetterId>,
    reason: Option<DebugReason>,
    event: Option<AnyObject>,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/events/debug", "debugEvents")
            .says(
                "What came in last",
                "The last events with what became of them, newest first, on one page. With `Accept: text/event-stream` \
                 oldest first, and then each as it comes, as server-sent events: `event` holds one as its data, and \
                 `dropped` says how many were missed.",
            )
            .header::<String>("Last-Event-ID", "Of a stream: the last one that was seen.")
            .answers::<Page<DebuggedEvent>>(200, "The events.")
            .or_as::<String>("text/event-stream")
            .refuses(429, &["too_many_watchers"]),
    ]
}
