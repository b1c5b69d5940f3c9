//! Tags (标签): a key, a value, and why.

use crate::event::Cause;
use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};

/// One tag as last written. A cleared tag stays as `value: None`, or an older write that arrives late would bring it
/// back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Tag {
    /// As of when; the later write wins.
    pub at: Moment,
    /// Why, and the tie-break between two writes at one instant.
    pub cause: Cause,
    /// The value, empty for a bare tag; `None` when cleared or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
}

impl Tag {
    /// The later of two writes of one tag.
    pub fn join(&mut self, other: &Tag) {
        if *other > *self {
            *self = other.clone();
        }
    }
}
