//! What a customer actor can be asked. To add a command: 1 here, 2 `decide/`, 3 `schemas/wire`, 4 a test beside it.

use crate::hand::Hand;
use roadbook_audience::{Occurrence, TrackerId};
use roadbook_identity::{Grade, Identifier, IdentifierKey, Kind};
use roadbook_kernel::{CustomerId, JourneyId, Moment, Personal, SegmentId, SendKey};
use roadbook_tenancy::{ChannelKind, Evidence, Purpose, SuppressReason, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A command to one customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Something the customer did, or that became known about them.
    Observe(Arc<Observation>),
    /// The customer granted or withdrew a purpose.
    NoteConsent(ConsentWord),
    /// Two people are one: an operator says so. The only way besides `alias` to merge two known people.
    MergeWith {
        /// The other customer.
        other: CustomerId,
    },
    /// Two people who were made one are two after all: the other id, which was merged into this one, comes back.
    Unmerge {
        /// The id that was merged away.
        other: CustomerId,
    },
    /// An identifier is not this customer's any more: it leads nowhere until somebody brings it again, and those that
    /// hang on it go with it.
    Unbind {
        /// Which.
        identifier: IdentifierKey,
    },
    /// What became of a send.
    ReportSend(SendReport),
    /// Somebody sets a tag by hand, or takes it away.
    SetTag {
        /// Key of the tag.
        tag: String,
        /// Its value, empty for a bare tag; `None` takes it away.
        value: Option<String>,
        /// When it ends by itself.
        expires_at: Option<Moment>,
        /// Who says so.
        by: Hand,
    },
    /// Past events found in History for trackers that something newly published needs.
    Backfill {
        /// The segment the sweep is for, to be judged; `None` where only journeys count.
        segment: Option<SegmentId>,
        /// Occurrences per tracker; those already known change nothing.
        found: BTreeMap<TrackerId, Vec<Occurrence>>,
    },
    /// A journey was resumed or retired: its held runs go on, or all of them end.
    Attend {
        /// Which journey.
        journey: JourneyId,
    },
    /// A segment was retired: nobody is inside any more.
    Leave {
        /// Which segment.
        segment: SegmentId,
    },
}

/// A grant or a withdrawal; the message says since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentWord {
    /// Which purpose.
    pub purpose: Purpose,
    /// Which channel; every channel where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelKind>,
    /// Granted or withdrawn.
    pub verdict: Verdict,
    /// Which version of the consent text the customer was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_version: Option<String>,
    /// Where they said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

impl ConsentWord {
    /// A word about every channel, without proof.
    pub const fn general(purpose: Purpose, verdict: Verdict) -> Self {
        Self { purpose, channel: None, verdict, text_version: None, evidence: None }
    }
}

/// Which Segment call an observation came by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Who they are: binds identifiers, sets traits.
    Identify,
    /// What they did.
    Track,
    /// A page was viewed.
    Page,
    /// A screen was viewed.
    Screen,
    /// They belong to a group (dealer, household).
    Group,
    /// Two ids are one person.
    Alias,
}

/// One accepted event about one customer, already normalised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// Which call.
    pub call: Call,
    /// Event name: the `event` of a track, `page`/`screen`/`group`/`identify`/`alias` otherwise.
    pub name: String,
    /// Every identifier the event carries, strongest kind first, each once. For an alias: both people's.
    pub identifiers: Vec<Identifier>,
    /// How sure it is of its identifiers, where that differs from what its call implies: see [`Observation::grade`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<(Kind, Grade)>,
    /// What it says about traits.
    #[serde(default, skip_serializing_if = "TraitOps::is_empty")]
    pub traits: TraitOps,
    /// The event's own properties (a page's name and category are properties too).
    #[serde(default)]
    pub properties: Personal<Map<String, Value>>,
}

impl Observation {
    /// How the event speaks of its identifiers.
    pub const fn speaks(&self) -> roadbook_identity::Evidence {
        use roadbook_identity::Evidence;
        match self.call {
            Call::Identify => Evidence::Identify,
            Call::Alias => Evidence::Alias,
            Call::Track | Call::Page | Call::Screen | Call::Group => Evidence::Mention,
        }
    }

    /// How sure it is of its identifiers of a kind. An identify that names a userId was made by somebody signed in; one
    /// that names none is a form; whatever only carries an identifier infers.
    pub fn grade(&self, kind: Kind) -> Grade {
        if let Some((_, grade)) = self.evidence.iter().find(|(named, _)| *named == kind) {
            return *grade;
        }
        match self.call {
            Call::Identify if self.identifiers.first().is_some_and(|first| first.kind == Kind::UserId) => Grade::Login,
            Call::Identify => Grade::Declared,
            Call::Alias => Grade::Login,
            Call::Track | Call::Page | Call::Screen | Call::Group => Grade::Inferred,
        }
    }
}

/// Changes to traits, by operation. One key may stand under one operation only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraitOps {
    /// The value as of the event's time; a later as-of wins. `null` removes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<Personal<BTreeMap<String, Value>>>,
    /// The value unless an earlier one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_once: Option<Personal<BTreeMap<String, Value>>>,
    /// One entry added to a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<Personal<BTreeMap<String, Value>>>,
    /// An amount added, in millionths, so that sums are exact and do not depend on their order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub increment: BTreeMap<String, i64>,
}

impl TraitOps {
    /// Whether nothing is said about any trait.
    pub fn is_empty(&self) -> bool {
        self.set.is_none() && self.set_once.is_none() && self.append.is_none() && self.increment.is_empty()
    }
}

/// What became of a send, told by the sender to the customer it was for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendReport {
    /// Which send.
    pub key: SendKey,
    /// What is now known.
    pub outcome: SendOutcome,
    /// When the sender learned it.
    pub at: Moment,
}

/// The closed set of outcomes a sender reports. Suppressed sends never reach a sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SendOutcome {
    /// Delivered to the provider, which delivers it.
    Sent,
    /// A task waits for a seller's confirmation; `sent`, `refused` or `expired` follows.
    HandedOver,
    /// The seller or the platform declined the task.
    Refused {
        /// Stable snake_case reason.
        reason: String,
    },
    /// Nobody confirmed the task in time.
    Expired,
    /// It was not delivered and will not be.
    Failed {
        /// Stable snake_case reason.
        reason: String,
    },
    /// Nobody can say; never sent again.
    Unknown {
        /// Stable snake_case reason.
        reason: String,
    },
    /// Intended, and not sent: when its turn came at the sender, it was no longer allowed.
    Withheld {
        /// What had changed meanwhile.
        reason: SuppressReason,
    },
}
