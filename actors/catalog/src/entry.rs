//! One defined thing: its draft, what of it is published, and whether it still stands.

use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A segment: the body is its condition.
pub type SegmentEntry = Entry;
/// A journey: the body is its definition.
pub type JourneyEntry = Entry;

/// Whether a definition is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never published.
    #[default]
    Draft,
    /// Published and in force.
    Live,
    /// Published and standing still: a journey only.
    Paused,
    /// Retired for good.
    Archived,
}

/// What stays of a retired definition besides its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Archived {
    /// When it was retired.
    pub at: Moment,
    /// The revision that was in force last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
}

/// A definition and its published revision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// What people call it.
    pub name: String,
    /// The newest revision: every edit makes one.
    pub revision: u32,
    /// Its body, as written; null once it is retired, so that retired definitions leave room for others.
    pub draft: Value,
    /// The revision in force, with its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<(u32, Value)>,
    /// Since when it stands still, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Moment>,
    /// Set where it was retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Archived>,
    /// When it was created.
    pub created_at: Moment,
    /// When it was last edited, published, paused, resumed or retired.
    pub updated_at: Moment,
}

impl Entry {
    /// A first draft.
    pub const fn new(name: String, draft: Value, at: Moment) -> Self {
        Self {
            name,
            revision: 1,
            draft,
            published: None,
            paused_at: None,
            archived: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// Whether a revision is in force.
    pub const fn status(&self) -> Status {
        match (&self.archived, &self.published, self.paused_at) {
            (Some(_), _, _) => Status::Archived,
            (None, None, _) => Status::Draft,
            (None, Some(_), None) => Status::Live,
            (None, Some(_), Some(_)) => Status::Paused,
        }
    }

    /// Retires it. The id can never stand for anything else.
    pub(crate) fn archive(&mut self, at: Moment) {
        let revision = self.published.take().map(|(revision, _)| revision);
        self.archived = Some(Archived { at, revision });
        (self.draft, self.paused_at, self.updated_at) = (Value::Null, None, at);
    }
}
