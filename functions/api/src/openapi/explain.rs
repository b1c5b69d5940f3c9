//! Why (为什么): in a segment, in a journey, without a message.

use super::common::{CustomerId, JourneyId, MessageId, SegmentId, SendKey, Time};
use super::describe::Description;
use schemars::JsonSchema;
use serde_json::Value;

/// A sentence in both languages.
#[derive(JsonSchema)]
struct Sentence {
    /// In Chinese: 未发送：客户于 2026 年 3 月 2 日撤回营销授权.
    zh: String,
    /// In English.
    en: String,
}

/// One thing that stands behind an answer.
#[derive(JsonSchema)]
struct Reason {
    /// What it is about: `event`, `trait`, `tag`, `stage`, `consent`, `journey`, `entry`, `address`, `grant`, ...
    what: String,
    /// Where it stands in the condition; `null` where it is no part of one.
    pointer: Option<String>,
    /// Whether it holds; `null` where it only tells.
    holds: Option<bool>,
    /// What is there. Personal values are masked.
    have: Value,
    /// What is asked.
    need: Value,
    zh: String,
    en: String,
    /// The messages behind it, as far as they are found.
    events: Vec<MessageId>,
    /// When time alone could change it.
    changes_at: Option<Time>,
}

/// Yes or no, and why.
#[derive(JsonSchema)]
struct Explained {
    answer: bool,
    sentence: Sentence,
    because: Vec<Reason>,
}

/// What became of a message.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum SendAnswer {
    /// It is with the provider.
    Sent,
    /// It will not leave any more.
    NotSent,
    /// A seller has to confirm it.
    HandedOver,
    /// On its way.
    Waiting,
    /// The provider gave no clear answer.
    Unknown,
}

/// What became of a message, and why.
#[derive(JsonSchema)]
struct ExplainedSend {
    answer: SendAnswer,
    sentence: Sentence,
    because: Vec<Reason>,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::get("/v1/profiles/{id}/explain/segments/{seg}", "explainSegment")
            .says(
                "Why in this segment, or why not (为何在人群中)",
                "The answer is the membership the product acts on; the reasons are those of this instant.",
            )
            .of::<CustomerId>("id", "Which customer.")
            .of::<SegmentId>("seg", "Which segment.")
            .answers::<Explained>(200, "In it or not, and every part of the condition."),
        Description::get("/v1/profiles/{id}/explain/sends/{snd}", "explainSend")
            .says(
                "Why this message, or why not (为何未发送)",
                "Which journey asked, what began it, what the customer had said then, and what came of it. Messages \
                 the profile has forgotten are looked up in the newest part of the past.",
            )
            .of::<CustomerId>("id", "Which customer.")
            .of::<SendKey>("snd", "Which message.")
            .answers::<ExplainedSend>(200, "What became of it."),
        Description::get("/v1/profiles/{id}/explain/journeys/{jrn}", "explainJourney")
            .says(
                "Why in this journey, or why not (为何在旅程中)",
                "Where and until when; or what has not happened, or which rule keeps the customer out.",
            )
            .of::<CustomerId>("id", "Which customer.")
            .of::<JourneyId>("jrn", "Which journey.")
            .answers::<Explained>(200, "In it or not."),
    ]
}
