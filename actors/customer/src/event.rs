//! What became true about a customer. Events are facts of the commit log: they change the state (`evolve.rs`), feed
//! the read models and stay in History.
//!
//! To add an event: 1 a variant here, 2 its arm in `evolve.rs`, 3 its line in the timeline (`functions/api`), 4 its
//! counter in `runtime/projections` if it has one.

use crate::cars::Role;
use crate::command::{Observation, SendOutcome};
use crate::hand::Hand;
use crate::sends::SendRecord;
use crate::state::Customer;
use roadbook_audience::{Occurrence, TrackerId};
use roadbook_identity::{Grade, Identifier, IdentifierKey};
use roadbook_journey::RunEvent;
use roadbook_kernel::{
    ConflictId, CustomerId, JourneyId, MessageId, Moment, Personal, ReviewId, SegmentId, SendKey, VehicleId,
};
use roadbook_lifecycle::{Position, Signal};
use roadbook_tenancy::{ChannelKind, Purpose, Standing};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a tag or a trait has its value.
///
/// Stored as the id alone: its prefix says which of them it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// An event said so.
    Event(MessageId),
    /// A journey node set it.
    Journey(JourneyId),
    /// A person, or a program with a key, set it by hand.
    Hand(Hand),
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cause::Event(message) => message.serialize(serializer),
            Cause::Journey(journey) => journey.serialize(serializer),
            Cause::Hand(hand) => hand.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let message = text.parse().map(Cause::Event);
        let journey = |_| text.parse().map(Cause::Journey);
        message.or_else(journey).or_else(|_| text.parse().map(Cause::Hand)).map_err(serde::de::Error::custom)
    }
}

/// Something that happened to two customers while they were one, and that no rule gives to one of them. It stays with
/// the customer who stays, until somebody has looked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Undecided {
    /// For the list.
    pub id: ReviewId,
    /// The message.
    pub message: MessageId,
    /// When it happened.
    pub at: Moment,
    /// What it was: the name of an event, or `consent`.
    pub what: String,
    /// Why nobody can tell: a stable code.
    pub why: Cow<'static, str>,
}

/// What a read model counted for one customer and must count otherwise for two.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Members of a segment.
    Members(SegmentId, i64),
    /// Runs of a journey that wait at a node.
    Here(JourneyId, String, i64),
    /// Runs of a journey that a pause holds at a node.
    Held(JourneyId, String, i64),
}

/// A fact.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Event {
    /// The customer began to exist for us.
    Founded {
        /// The message that founded them.
        by: MessageId,
        /// The identifier they were founded on.
        on: IdentifierKey,
        /// Accepted time of that message.
        at: Moment,
    },
    /// An identifier now leads to this customer.
    Linked {
        /// The identifier.
        identifier: Identifier,
        /// The message that brought it.
        by: MessageId,
        /// Its time.
        at: Moment,
        /// Whether it led to another person before: a late duplicate may be known there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        moved: bool,
        /// How sure it is.
        #[serde(default, skip_serializing_if = "Grade::is_inferred")]
        grade: Grade,
        /// The identifier it hangs on, where that came in the same event.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<IdentifierKey>,
    },
    /// An identifier (a device, an anonymousId) now leads to another person.
    Unlinked {
        /// Which identifier.
        identifier: IdentifierKey,
        /// The person it leads to now.
        to: CustomerId,
        /// The message that moved it.
        by: MessageId,
        /// Its time.
        at: Moment,
    },
    /// Identifiers lead nowhere any more, because somebody unbound them.
    Unbound {
        /// Which: the one that was named, and those that hung on it.
        identifiers: Vec<IdentifierKey>,
        /// The message that said so.
        by: MessageId,
        /// When.
        at: Moment,
    },
    /// Two ids were met in one event but the guards keep them apart.
    LinkRefused {
        /// The suggestion that somebody may decide. Facts from before there were any have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conflict: Option<ConflictId>,
        /// The identifier that stays with the other customer.
        identifier: IdentifierKey,
        /// The customer who keeps it.
        other: CustomerId,
        /// Stable reason code.
        reason: String,
        /// The message that carried both.
        by: MessageId,
        /// Its time.
        at: Moment,
    },
    /// Another customer turned out to be this one.
    Absorbed {
        /// The id that is now a tombstone.
        loser: CustomerId,
        /// The version of the loser's row that was taken over: what an unmerge goes back to.
        version: u64,
        /// The loser as it was. It travels only inside the turn: the tombstone keeps it.
        #[serde(skip)]
        state: Option<Arc<Customer>>,
        /// Segments both were in: two members became one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shared: Vec<SegmentId>,
        /// The message that merged them.
        by: MessageId,
        /// When.
        at: Moment,
    },
    /// This customer turned out to be another: from now on a tombstone.
    MergedInto {
        /// The survivor.
        survivor: CustomerId,
        /// The message that merged them.
        by: MessageId,
        /// When.
        at: Moment,
    },
    /// An id that had been merged into this one is a customer of its own again. Written for both: for the one who stays
    /// and for the one who comes back.
    Parted {
        /// The other of the two.
        other: CustomerId,
        /// Whether this is the one who comes back.
        restored: bool,
        /// This customer from now on, as if the two had never met.
        state: Arc<Customer>,
        /// Messages that are the other's now: this customer's History has them, its timeline does not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gone: Vec<MessageId>,
        /// What could not be given to one of the two.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        review: Vec<Undecided>,
        /// What the read models must be told, because facts of the time together counted for one customer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        corrections: Vec<Correction>,
        /// The message that said so.
        by: MessageId,
        /// When.
        at: Moment,
    },
    /// The customer did something, or something became known: the accepted event itself.
    Observed {
        /// The event.
        observation: Arc<Observation>,
        /// Its message.
        by: MessageId,
        /// When it happened.
        at: Moment,
        /// The trackers it counts for, with how many occurrences each keeps.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        counted: Vec<(TrackerId, u32)>,
        /// The car it names, where the customer and the car are related.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        car: Option<VehicleId>,
    },
    /// The customer has to do with a car from now on, or in another role.
    CarRelated {
        /// Which car.
        car: VehicleId,
        /// Its VIN.
        vin: Personal<String>,
        /// As what.
        role: Role,
        /// The message that said so.
        by: MessageId,
        /// Its time.
        at: Moment,
    },
    /// The customer has nothing to do with a car any more.
    CarReleased {
        /// Which car.
        car: VehicleId,
        /// The message that said so.
        by: MessageId,
        /// Its time.
        at: Moment,
    },
    /// Time alone has brought something that counts for a stage: a car has grown old.
    StageRipened {
        /// Which car; `None` = the customer's own signs, where no car is known.
        car: Option<VehicleId>,
        /// What it is.
        signal: Signal,
        /// When.
        at: Moment,
    },
    /// A stage is another than before. What moved it is in the evidence already: this changes nothing, it tells.
    StageMoved {
        /// Of which car; `None` = the headline of the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        car: Option<VehicleId>,
        /// Where it stood.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Position>,
        /// Where it stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Position>,
        /// When.
        at: Moment,
    },
    /// Past occurrences were found in History for trackers that came later.
    Backfilled {
        /// Per tracker: how many it keeps, and what was found.
        found: BTreeMap<TrackerId, (u32, Vec<Occurrence>)>,
    },
    /// A purpose was granted or withdrawn.
    ConsentNoted {
        /// Which purpose.
        purpose: Purpose,
        /// Which channel; every channel where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<ChannelKind>,
        /// The verdict, since when, and what proves it.
        standing: Standing,
        /// The message that said so.
        by: MessageId,
    },
    /// A tag was set (`value`) or cleared (`None`).
    TagSet {
        /// Key of the tag.
        tag: String,
        /// Its value, empty for a bare tag; `None` when cleared.
        value: Option<String>,
        /// As of when.
        at: Moment,
        /// Why.
        cause: Cause,
        /// When it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Moment>,
    },
    /// A tag reached its end.
    TagExpired {
        /// Key of the tag.
        tag: String,
        /// When.
        at: Moment,
    },
    /// A journey set a trait.
    TraitSet {
        /// Key of the trait.
        key: String,
        /// Its value.
        value: Value,
        /// As of when.
        at: Moment,
        /// Why.
        cause: Cause,
    },
    /// A segment was evaluated with a new result. `changed` says whether membership itself changed.
    SegmentJudged {
        /// Which segment.
        segment: SegmentId,
        /// Which revision of it.
        revision: u32,
        /// Whether the customer is inside now.
        inside: bool,
        /// Whether that differs from before.
        changed: bool,
        /// When time alone could change it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recheck_at: Option<Moment>,
        /// When.
        at: Moment,
    },
    /// A step in a journey.
    Journey {
        /// Which journey.
        journey: JourneyId,
        /// What happened.
        step: RunEvent,
    },
    /// A journey asked for a message. Its record says whether it was intended or suppressed.
    Messaged {
        /// The send.
        record: SendRecord,
    },
    /// The sender reported what became of a send.
    SendReported {
        /// Which send.
        key: SendKey,
        /// The outcome.
        outcome: SendOutcome,
        /// When.
        at: Moment,
    },
    /// Reactions to one input did not come to rest within the limit; the rest of them was not started.
    CascadeStopped {
        /// How many steps were taken.
        steps: u32,
        /// When.
        at: Moment,
    },
}
