//! Why one event was not taken. The rest of its batch is.

use crate::Inbound;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event that cannot be taken, told to the person who sends it. It holds no value of the event: names of fields and
/// rules only, so it may be logged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{pointer}: {code}: {detail}")]
pub struct Rejected {
    /// Stable code, part of the API.
    pub code: std::borrow::Cow<'static, str>,
    /// JSON pointer into the body: `/batch/3/userId`.
    pub pointer: String,
    /// What is wrong and what is expected.
    pub detail: String,
    /// Which event of the batch, counted from 0.
    pub index: usize,
}

/// What became of one event: ready to be delivered, or the reason with the event as it came, for the dead letters. An
/// event that is too large or too deep to be kept as JSON is kept as text, cut to [`crate::EVENT_BYTES_MAX`].
pub type Outcome = Result<Inbound, (Rejected, Value)>;

/// A flaw inside one event; the pointer begins at the event.
pub(crate) struct Flaw {
    pub(crate) code: &'static str,
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

impl Flaw {
    pub(crate) fn new(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, pointer: pointer.into(), detail: detail.into() }
    }

    /// The same flaw seen from the body: `at` is the pointer to the event.
    pub(crate) fn rejected(self, at: &str, index: usize) -> Rejected {
        Rejected { code: self.code.into(), pointer: format!("{at}{}", self.pointer), detail: self.detail, index }
    }
}

/// One step of a JSON pointer (RFC 6901): `~` and `/` inside a key are escaped.
pub(crate) fn step(key: &str) -> String {
    if key.contains(['~', '/']) { key.replace('~', "~0").replace('/', "~1") } else { key.to_owned() }
}
