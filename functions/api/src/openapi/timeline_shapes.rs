//! The lines of a timeline.

use super::common::{
    AnyObject, Anything, ChannelKind, ConflictId, ConsentPurpose, CustomerId, IdentifierKind, JourneyId, MessageId,
    RunId, SegmentId, SendKey, SendPurpose, Time, Values, VehicleId,
};
use super::lifecycle::{CarRole, SignalWord, Words};
use super::profile_shapes::{Cause, ConsentWord, Grade, SendReport, SendStatus};
use schemars::JsonSchema;

/// One line of a timeline.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum TimelineLine {
    Event(EventLine),
    Fact(FactLine),
}

/// When it happened, and by which message.
#[derive(JsonSchema)]
struct When {
    /// When it happened, as it counts.
    occurred_at: Time,
    /// The message that caused it; absent where time alone did.
    #[schemars(skip_serializing_if = "Option::is_none", with = "MessageId")]
    message_id: Option<MessageId>,
    /// When that message was accepted.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Time")]
    accepted_at: Option<Time>,
}

/// An event that was sent.
#[derive(JsonSchema)]
pub(super) struct EventLine {
    #[schemars(extend("const" = "event"))]
    r#type: String,
    #[schemars(flatten)]
    when: When,
    /// What the producer said, where its clock was ahead of ours.
    #[schemars(skip_serializing_if = "Option::is_none", with = "Time")]
    stated_at: Option<Time>,
    event_type: CallKind,
    name: String,
    /// Kinds of the identifiers it carried.
    identifiers: Vec<IdentifierKind>,
    properties: Values,
    /// What it said about traits, by operation.
    #[schemars(skip_serializing_if = "Option::is_none", with = "AnyObject")]
    traits: Option<AnyObject>,
}

/// Which Segment call an event came by.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum CallKind {
    Identify,
    Track,
    Page,
    Screen,
    Group,
    Alias,
}

/// Something that became true.
#[derive(JsonSchema)]
pub(super) struct FactLine {
    #[schemars(extend("const" = "fact"))]
    r#type: String,
    #[schemars(flatten)]
    when: When,
    #[schemars(flatten)]
    fact: Fact,
}

/// What became true.
#[derive(JsonSchema)]
#[schemars(tag = "fact", rename_all = "snake_case")]
enum Fact {
    /// The customer was met for the first time.
    Founded {
        on: IdentifierKind,
    },
    IdentifierLinked {
        kind: IdentifierKind,
        scope: String,
        value: String,
        from_another_profile: bool,
        evidence: Grade,
    },
    IdentifierUnlinked {
        kind: IdentifierKind,
        to: CustomerId,
    },
    /// Somebody said that identifiers are not theirs.
    IdentifierUnbound {
        kinds: Vec<IdentifierKind>,
    },
    /// Two ids were met in one event and the rules keep them apart.
    LinkRefused {
        kind: IdentifierKind,
        other: CustomerId,
        /// Stable snake_case code.
        reason: String,
        conflict: Option<ConflictId>,
    },
    /// A merge was undone.
    Unmerged {
        /// The other one.
        profile: CustomerId,
        /// Whether this is the one who came back.
        restored: bool,
        events_moved: u64,
        to_review: u64,
    },
    /// Another customer turned out to be this one.
    Merged {
        profile: CustomerId,
    },
    /// Events before a publication were counted.
    HistoryCounted {
        occurrences: u64,
    },
    Consent {
        #[schemars(flatten)]
        word: ConsentWord,
        purpose: ConsentPurpose,
        /// `null` where it is about every channel.
        channel: Option<ChannelKind>,
    },
    TagSet {
        tag: String,
        value: Anything,
        cause: Cause,
        expires_at: Option<Time>,
    },
    TagCleared {
        tag: String,
        value: Anything,
        cause: Cause,
        expires_at: Option<Time>,
    },
    TagExpired {
        tag: String,
    },
    TraitSet {
        r#trait: String,
        value: Anything,
        cause: Cause,
    },
    SegmentEntered {
        segment: SegmentId,
        revision: u32,
    },
    SegmentLeft {
        segment: SegmentId,
        revision: u32,
    },
    JourneyEntered {
        journey: JourneyId,
        run: RunId,
        node: String,
        revision: u32,
    },
    JourneyMoved {
        journey: JourneyId,
        run: RunId,
        from: String,
        node: String,
    },
    JourneyWaiting {
        journey: JourneyId,
        run: RunId,
        until: Time,
        listening: bool,
    },
    JourneyHeld {
        journey: JourneyId,
        run: RunId,
        node: String,
    },
    JourneyReleased {
        journey: JourneyId,
        run: RunId,
        node: String,
    },
    JourneyEnded {
        journey: JourneyId,
        run: RunId,
        node: String,
        how: String,
    },
    /// A person and a car have to do with each other.
    CarRelated {
        car: VehicleId,
        /// Masked.
        vin: String,
        role: CarRole,
    },
    CarReleased {
        car: VehicleId,
    },
    /// Somebody, or a car of theirs, came to another stage.
    StageMoved {
        /// `null` for the person.
        car: Option<VehicleId>,
        from: Option<Words>,
        to: Option<Words>,
        because: Option<SignalWord>,
    },
    /// A journey asked for a message.
    MessageAsked {
        send: SendKey,
        journey: JourneyId,
        run: RunId,
        node: String,
        channel: ChannelKind,
        purpose: SendPurpose,
        asked_at: Time,
        status: SendStatus,
    },
    /// The channel told what became of it.
    MessageReported {
        send: SendKey,
        report: SendReport,
    },
    /// Too many consequences of one event followed each other; the rest was left.
    CascadeStopped {
        steps: u64,
    },
    /// A message about this customer was refused.
    MessageRefused {
        code: String,
    },
}
