//! A customer as answers show them.

use super::common::{
    Anything, ChannelKind, CustomerId, IdentifierKind, JourneyId, MessageId, RunId, SegmentId, SendKey, SendPurpose,
    Time, Values,
};
use super::lifecycle::{AiplWord, ProfileCar, StageWord};
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// What a customer said.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum Verdict {
    Granted,
    Withdrawn,
}

/// One customer; personal values are masked.
#[derive(JsonSchema)]
pub(super) struct Profile {
    id: CustomerId,
    /// Ids that were merged into this one and lead to it.
    merged_from: Vec<CustomerId>,
    /// Events counted, ever.
    events: u64,
    first_seen_at: Option<Time>,
    last_seen_at: Option<Time>,
    /// Where they stand (生命周期阶段); `null` before anything is known.
    stage: Option<StageWord>,
    aipl: Option<AiplWord>,
    cars: Vec<ProfileCar>,
    stores: Vec<Store>,
    identifiers: Vec<Identifier>,
    traits: Values,
    /// Tags (标签) by key.
    tags: BTreeMap<String, Tag>,
    /// The words that count, by purpose.
    consents: Consents,
    /// Segments they are in.
    segments: Vec<Membership>,
    /// Passages under way.
    journeys: Vec<Passage>,
    /// Messages that were asked for, the latest.
    sends: Vec<Send>,
}

/// A store (门店) they had to do with.
#[derive(JsonSchema)]
struct Store {
    /// The store's code.
    id: String,
    first_seen_at: Time,
    last_seen_at: Time,
}

/// An identifier, masked.
#[derive(JsonSchema)]
struct Identifier {
    kind: IdentifierKind,
    /// The appid of an openid, the corp of an external_userid; else empty.
    scope: String,
    /// Masked.
    value: String,
    since: Time,
    evidence: Grade,
    /// The kind of identifier it hangs on and goes with.
    parent: Option<IdentifierKind>,
}

/// How well it is known that an identifier is theirs (证据等级), weakest first.
#[derive(JsonSchema)]
#[schemars(rename = "EvidenceGrade", rename_all = "snake_case")]
pub(super) enum Grade {
    /// Seen together, no more.
    Inferred,
    /// Said by whoever sent the event.
    Declared,
    /// Said after a login.
    Login,
    /// Vouched for by a platform or an operator.
    Attested,
}

/// A tag.
#[derive(JsonSchema)]
pub(super) struct Tag {
    value: Anything,
    since: Time,
    expires_at: Option<Time>,
    cause: Cause,
}

/// Why something is as it is.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Cause {
    /// An event brought it.
    Event { event: MessageId },
    /// A person or a key did it.
    Hand {
        /// The public id of either.
        by: String,
    },
    /// A journey did it.
    Journey { journey: JourneyId },
}

/// By purpose (`service`, `marketing`, `personalisation`, `dealer_sharing`): the words that count.
pub(super) type Consents = BTreeMap<String, Consent>;

/// The word about every channel, where there is one, and those about one channel.
#[derive(JsonSchema)]
pub(super) struct Consent {
    #[schemars(flatten)]
    word: Option<ConsentWord>,
    /// Words about one channel, by its name.
    #[schemars(skip_serializing_if = "BTreeMap::is_empty")]
    channels: BTreeMap<String, ConsentWord>,
}

/// What a customer said, and where.
#[derive(JsonSchema)]
pub(super) struct ConsentWord {
    verdict: Verdict,
    /// When they said it.
    as_of: Time,
    /// Which version of the consent text they were shown.
    #[schemars(skip_serializing_if = "Option::is_none", with = "String")]
    text_version: Option<String>,
    #[schemars(skip_serializing_if = "Option::is_none", with = "Evidence")]
    evidence: Option<Evidence>,
}

/// Where a word was given (授权凭证): places and records of the tenant's own systems, never personal data.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Evidence {
    /// The sort of place: `page`, `form`, `agent`, `call`.
    #[schemars(length(min = 1, max = 64))]
    source: String,
    /// Which one.
    #[schemars(length(min = 1, max = 200), skip_serializing_if = "Option::is_none", with = "String")]
    #[serde(default)]
    reference: Option<String>,
}

/// Being in a segment.
#[derive(JsonSchema)]
struct Membership {
    id: SegmentId,
    /// The revision that was judged.
    revision: u32,
    since: Time,
}

/// Where a passage stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum PassageState {
    /// About to go on.
    Ready,
    /// Waits for a time.
    Waiting,
    /// Waits for an event, up to a time.
    Listening,
}

/// One passage through a journey.
#[derive(JsonSchema)]
struct Passage {
    id: JourneyId,
    #[schemars(flatten)]
    at: PassageAt,
}

/// Where a passage stands.
#[derive(JsonSchema)]
pub(super) struct PassageAt {
    run: RunId,
    revision: u32,
    node: String,
    state: PassageState,
    until: Option<Time>,
    /// Since when a pause holds it.
    held_since: Option<Time>,
    entered_at: Time,
}

/// A customer as one line of a list, personal values masked.
#[derive(JsonSchema)]
pub(super) struct ShortProfile {
    id: CustomerId,
    /// Masked; what it is made of is the tenant's.
    name: Anything,
    identifiers: Vec<Identifier>,
    stage: Option<StageWord>,
    last_seen_at: Option<Time>,
}

/// What was asked to be sent.
#[derive(JsonSchema)]
struct SendRequest {
    send: SendKey,
    journey: JourneyId,
    run: RunId,
    node: String,
    channel: ChannelKind,
    purpose: SendPurpose,
    asked_at: Time,
}

/// A message and what became of it.
#[derive(JsonSchema)]
struct Send {
    #[schemars(flatten)]
    request: SendRequest,
    status: SendStatus,
}

/// What became of a message.
#[derive(JsonSchema)]
#[schemars(tag = "is", rename_all = "snake_case")]
pub(super) enum SendStatus {
    /// It is on its way to the channel.
    Intended {},
    /// It was not allowed, or nobody could get it.
    Suppressed { reason: SuppressReason },
    /// The channel told.
    Reported { at: Time, report: SendReport },
}

/// Why a message was not sent although a journey asked for it.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum SuppressReason {
    /// The purpose has no grant, or it was withdrawn (未授权).
    NoConsent,
    /// No address for this channel.
    NoAddress,
    /// They were somebody else's after all.
    Unmerged,
    /// No grant left for this subscribe message (订阅次数已用完).
    NoGrant,
}

/// What the channel told.
#[derive(JsonSchema)]
#[schemars(tag = "outcome", rename_all = "snake_case")]
pub(super) enum SendReport {
    /// The provider has it and delivers it.
    Sent {},
    /// A task waits for a seller's confirmation.
    HandedOver {},
    /// The seller or the platform declined.
    Refused {
        /// Stable snake_case reason.
        reason: String,
    },
    /// Nobody confirmed the task in time.
    Expired {},
    /// It was not delivered and will not be.
    Failed {
        /// Stable snake_case reason.
        reason: String,
    },
    /// Nobody can say; it is never sent again.
    Unknown {
        /// Stable snake_case reason.
        reason: String,
    },
    /// It was no longer allowed when its turn came at the sender.
    Withheld { reason: SuppressReason },
}
