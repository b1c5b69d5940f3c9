//! What became true in a catalog.

use crate::tag::TagDefinition;
use roadbook_identity::Policy;
use roadbook_kernel::{JourneyId, Moment, SegmentId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fact about a tenant's definitions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Event {
    /// A segment has a new draft.
    SegmentDrafted {
        /// Which.
        id: SegmentId,
        /// Its name.
        name: String,
        /// Its condition.
        condition: Value,
        /// When.
        at: Moment,
    },
    /// A revision of a segment is in force.
    SegmentPublished {
        /// Which.
        id: SegmentId,
        /// Which revision.
        revision: u32,
        /// When.
        at: Moment,
    },
    /// A segment was retired.
    SegmentArchived {
        /// Which.
        id: SegmentId,
        /// When.
        at: Moment,
    },
    /// A journey has a new draft.
    JourneyDrafted {
        /// Which.
        id: JourneyId,
        /// Its name.
        name: String,
        /// Its definition.
        definition: Value,
        /// When.
        at: Moment,
    },
    /// A revision of a journey is in force.
    JourneyPublished {
        /// Which.
        id: JourneyId,
        /// Which revision.
        revision: u32,
        /// When.
        at: Moment,
    },
    /// A journey stands still.
    JourneyPaused {
        /// Which.
        id: JourneyId,
        /// When.
        at: Moment,
    },
    /// A journey goes on.
    JourneyResumed {
        /// Which.
        id: JourneyId,
        /// When: held runs go on as of this instant.
        at: Moment,
    },
    /// A journey was retired.
    JourneyArchived {
        /// Which.
        id: JourneyId,
        /// When.
        at: Moment,
    },
    /// A tag has a new description.
    TagDefined {
        /// The description.
        definition: TagDefinition,
        /// When.
        at: Moment,
    },
    /// A tag has no description any more.
    TagDeleted {
        /// Which.
        key: String,
        /// When.
        at: Moment,
    },
    /// The identity policy changed.
    IdentityPolicySet {
        /// The limits.
        policy: Policy,
        /// When.
        at: Moment,
    },
}

/// A published journey revision as it is kept for the runs pinned to it: written once, in the commit that publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Which journey.
    pub journey: JourneyId,
    /// Which revision.
    pub revision: u32,
    /// Its definition.
    pub definition: Value,
}
