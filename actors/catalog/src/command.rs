//! What a catalog can be asked. To add a command: 1 here, 2 `decide.rs`, 3 a test in `tests.rs`.

use crate::tag::TagDefinition;
use roadbook_identity::Policy;
use roadbook_kernel::{Expected, JourneyId, SegmentId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A command to the catalog of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Defines a segment.
    CreateSegment {
        /// Its id, derived from the message.
        id: SegmentId,
        /// What people call it.
        name: String,
        /// Its condition.
        condition: Value,
    },
    /// Changes a segment's draft.
    EditSegment {
        /// Which.
        id: SegmentId,
        /// What people call it.
        name: String,
        /// Its condition.
        condition: Value,
        /// The revision it was written on.
        #[serde(default)]
        expected: Expected,
    },
    /// Puts the newest revision of a segment in force.
    PublishSegment {
        /// Which.
        id: SegmentId,
    },
    /// Retires a segment: its id stays known, and it has no members any more.
    ArchiveSegment {
        /// Which.
        id: SegmentId,
        /// The revision its author looked at.
        #[serde(default)]
        expected: Expected,
    },
    /// Defines a journey.
    CreateJourney {
        /// Its id, derived from the message.
        id: JourneyId,
        /// What people call it.
        name: String,
        /// Its definition.
        definition: Value,
    },
    /// Changes a journey's draft.
    EditJourney {
        /// Which.
        id: JourneyId,
        /// What people call it.
        name: String,
        /// Its definition.
        definition: Value,
        /// The revision it was written on.
        #[serde(default)]
        expected: Expected,
    },
    /// Puts the newest revision of a journey in force. Runs under way stay on theirs; a paused journey stays paused.
    PublishJourney {
        /// Which.
        id: JourneyId,
    },
    /// Lets nobody in and holds the runs under way where they are.
    PauseJourney {
        /// Which.
        id: JourneyId,
    },
    /// Ends a pause: held runs go on.
    ResumeJourney {
        /// Which.
        id: JourneyId,
    },
    /// Retires a journey: its id stays known, nobody enters, runs under way end.
    ArchiveJourney {
        /// Which.
        id: JourneyId,
        /// The revision its author looked at.
        #[serde(default)]
        expected: Expected,
    },
    /// Describes a tag.
    CreateTag {
        /// The description.
        definition: TagDefinition,
    },
    /// Changes the description of a tag.
    EditTag {
        /// The description; its key says which.
        definition: TagDefinition,
        /// The revision it was written on.
        #[serde(default)]
        expected: Expected,
    },
    /// Forgets the description of a tag. Customers keep the tag itself.
    DeleteTag {
        /// Which.
        key: String,
        /// The revision its author looked at.
        #[serde(default)]
        expected: Expected,
    },
    /// Describes those of these tags that have no description yet.
    LoadTags {
        /// The descriptions.
        definitions: Vec<TagDefinition>,
    },
    /// Says how many identifiers of each kind one person may have. In force at once.
    SetIdentityPolicy {
        /// The limits.
        policy: Policy,
        /// The revision the author looked at.
        #[serde(default)]
        expected: Expected,
    },
}
