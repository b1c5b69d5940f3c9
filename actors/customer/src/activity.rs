//! How active a customer is: a count and two times.

use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};

/// Activity that came in under one founding id. A merged customer has one per founding id, so that joining twice
/// changes nothing and an unmerge can tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Activity {
    /// Accepted events.
    pub events: u64,
    /// Time of the earliest one.
    pub first: Moment,
    /// Time of the latest one.
    pub last: Moment,
}

impl Activity {
    /// The first event.
    pub const fn of(at: Moment) -> Self {
        Self { events: 1, first: at, last: at }
    }

    /// One more event.
    pub fn note(&mut self, at: Moment) {
        self.events += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    /// The larger of two views of the same founding id.
    pub fn join(&mut self, other: &Activity) {
        self.events = self.events.max(other.events);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}
