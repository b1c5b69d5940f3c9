//! One defined thing: its draft and what of it is published.

use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A segment: the body is its condition.
pub type SegmentEntry = Entry;
/// A journey: the body is its definition.
pub type JourneyEntry = Entry;

/// Whether new customers come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Never published.
    #[default]
    Draft,
    /// Published and in force.
    Live,
}

/// A definition and its published revision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// What people call it.
    pub name: String,
    /// The newest revision: every edit makes one.
    pub revision: u32,
    /// Its body, as written.
    pub draft: Value,
    /// The revision in force, with its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<(u32, Value)>,
    /// When it was created.
    pub created_at: Moment,
    /// When it was last edited or published.
    pub updated_at: Moment,
}

impl Entry {
    /// A first draft.
    pub const fn new(name: String, draft: Value, at: Moment) -> Self {
        Self { name, revision: 1, draft, published: None, created_at: at, updated_at: at }
    }

    /// Whether a revision is in force.
    pub const fn status(&self) -> Status {
        match self.published {
            Some(_) => Status::Live,
            None => Status::Draft,
        }
    }
}
