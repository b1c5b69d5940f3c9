//! The state of one customer: one row, read back by every later version.
//!
//! Every part is a join (commutative, associative, idempotent with a total tie-break), so that two customers who turn
//! out to be one can be put together in any order: see `merge.rs`.

use crate::activity::Activity;
use crate::cars::Car;
use crate::grants::Grants;
use crate::sends::SendRecord;
use crate::stores::Stores;
use crate::tags::Tag;
use crate::traits::Trait;
use roadbook_audience::{Tracker, TrackerId};
use roadbook_identity::{Grade, Holding, Identifier, IdentifierKey};
use roadbook_journey::{Run, Visits};
use roadbook_kernel::{CustomerId, JourneyId, MessageId, Moment, RunId, SegmentId, VehicleId};
use roadbook_lifecycle::Evidence;
use roadbook_tenancy::ConsentLedger;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Whether this row is a customer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// The row does not exist yet.
    #[default]
    Unborn,
    /// A customer.
    Live(Founding),
    /// This id is now another: the rest of the row is the state as it was at that moment.
    Merged {
        /// The survivor.
        into: CustomerId,
        /// When.
        at: Moment,
        /// How the customer had begun: an unmerge needs it.
        founded: Founding,
    },
}

/// How a customer began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Founding {
    /// The founding message.
    pub by: MessageId,
    /// The identifier they were founded on.
    pub on: IdentifierKey,
    /// Accepted time of that message.
    pub at: Moment,
}

/// An identifier that leads to this customer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// The identifier.
    #[serde(flatten)]
    pub identifier: Identifier,
    /// Since when.
    pub at: Moment,
    /// The message that brought it.
    pub by: MessageId,
    /// The founding id under which it came: an unmerge gives it back there.
    pub of: CustomerId,
    /// When the newest identify named it: a device belongs to the person of its newest identify.
    pub bound_at: Moment,
    /// Whether it led to another person before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// The best evidence that it is theirs.
    #[serde(default, rename = "e", skip_serializing_if = "Grade::is_inferred")]
    pub grade: Grade,
    /// The identifier it hangs on: unbinding that one unbinds this one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<IdentifierKey>,
}

/// Another id that turned out to be this customer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Absorbed {
    /// When.
    pub at: Moment,
    /// The message that merged them.
    pub by: MessageId,
    /// The version of the other row that was taken over.
    pub version: u64,
}

/// Where the customer stands with one segment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Membership {
    /// Which revision was judged.
    pub revision: u32,
    /// Inside or outside.
    pub inside: bool,
    /// Since when.
    pub since: Moment,
    /// When time alone could change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recheck_at: Option<Moment>,
}

/// Everything about one customer. Unknown fields of a newer version survive in `later`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// The One ID.
    pub id: CustomerId,
    /// Whether it is a customer at all.
    pub life: Life,
    /// Identifiers, in the order they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Ids that were merged into this one, directly or through each other.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub absorbed: BTreeMap<CustomerId, Absorbed>,
    /// Ids this one was one with, until the time: a report about a message may be meant for them, and what comes again
    /// long afterwards may have been decided there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parted: BTreeMap<CustomerId, Moment>,
    /// Traits by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub traits: BTreeMap<String, Trait>,
    /// Tags by key, cleared ones included.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Tag>,
    /// Consents.
    #[serde(skip_serializing_if = "ConsentLedger::is_empty")]
    pub consents: ConsentLedger,
    /// Activity per founding id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub activity: BTreeMap<CustomerId, Activity>,
    /// Occurrences that segments and journeys count.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub trackers: BTreeMap<TrackerId, Tracker>,
    /// Segments ever judged to hold, or that time alone could make hold.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub memberships: BTreeMap<SegmentId, Membership>,
    /// Journeys under way.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<RunId, Run>,
    /// Journeys ever entered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub visits: BTreeMap<JourneyId, Visits>,
    /// The newest sends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sends: Vec<SendRecord>,
    /// Subscribe-message grants by `appid/template`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<String, Grants>,
    /// What was seen of the customer's own way: see `actors/lifecycle`.
    #[serde(skip_serializing_if = "Evidence::is_empty")]
    pub stage: Evidence,
    /// Cars, those given away included.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cars: BTreeMap<VehicleId, Car>,
    /// Stores the customer has a tie with.
    #[serde(skip_serializing_if = "Stores::is_empty")]
    pub stores: Stores,
    /// What a newer version wrote and this one does not know: kept, so that a rollback loses nothing.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

impl Default for Customer {
    fn default() -> Self {
        Self::blank(CustomerId::from_u128(0))
    }
}

impl Customer {
    /// The state before anything is known.
    pub fn blank(id: CustomerId) -> Self {
        Self {
            id,
            life: Life::Unborn,
            links: Vec::new(),
            absorbed: BTreeMap::new(),
            parted: BTreeMap::new(),
            traits: BTreeMap::new(),
            tags: BTreeMap::new(),
            consents: ConsentLedger::default(),
            activity: BTreeMap::new(),
            trackers: BTreeMap::new(),
            memberships: BTreeMap::new(),
            runs: BTreeMap::new(),
            visits: BTreeMap::new(),
            sends: Vec::new(),
            grants: BTreeMap::new(),
            stage: Evidence::default(),
            cars: BTreeMap::new(),
            stores: Stores::default(),
            later: Map::new(),
        }
    }

    /// Whether this row is a customer now.
    pub fn is_live(&self) -> bool {
        matches!(self.life, Life::Live(_))
    }

    /// Where to look instead, if this id was merged away.
    pub fn merged_into(&self) -> Option<CustomerId> {
        match &self.life {
            Life::Merged { into, .. } => Some(*into),
            Life::Unborn | Life::Live(_) => None,
        }
    }

    /// Whether the identifier leads here.
    pub fn owns(&self, key: &IdentifierKey) -> bool {
        self.is_live()
            && self.links.iter().any(|link| link.identifier.hash == key.hash && link.identifier.kind == key.kind)
    }

    /// Whether a strong identifier is known: a person, not just a device.
    pub fn is_known(&self) -> bool {
        self.links.iter().any(|link| !link.identifier.kind.is_weak())
    }

    /// What limits per kind count: each identifier, and since when.
    pub fn holdings(&self) -> Vec<Holding<'_>> {
        let links = self.links.iter();
        links.map(|link| Holding { kind: link.identifier.kind, scope: &link.identifier.scope, at: link.at }).collect()
    }

    /// The earliest instant at which something happens by itself.
    pub fn next_due(&self) -> Option<Moment> {
        if !self.is_live() {
            return None;
        }
        let runs = self.runs.values().filter_map(run_due);
        let rechecks = self.memberships.values().filter_map(|membership| membership.recheck_at);
        let expiries = self.tags.values().filter_map(tag_due);
        let ripens = self.next_ripening().map(|(sign, _)| sign.at);
        runs.chain(rechecks).chain(expiries).chain(ripens).min()
    }

    /// Events accepted for this customer, under every id they had.
    pub fn events(&self) -> u64 {
        self.activity.values().map(|activity| activity.events).sum()
    }
}

/// When a run goes on by itself. A held one has no timer once it has looked a second time.
pub(crate) fn run_due(run: &Run) -> Option<Moment> {
    if let Some(held) = run.held {
        return held.look_at;
    }
    match run.state {
        roadbook_journey::RunState::Ready => Some(Moment::MIN),
        roadbook_journey::RunState::Waiting { until } | roadbook_journey::RunState::Listening { until } => Some(until),
    }
}

/// When a tag ends by itself.
pub(crate) fn tag_due(tag: &Tag) -> Option<Moment> {
    tag.value.as_ref().and(tag.expires_at)
}
