//! The platform's clock: the wall clock plus what a test has added to it.
//!
//! Token expiry, the duplicate window, rate windows and automatic confirmation all read this clock, so a test moves
//! time instead of sleeping.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall clock with an offset that only grows.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_ms: u64,
}

impl Clock {
    /// Milliseconds since the Unix epoch, as the platform sees them.
    pub(crate) fn now_ms(&self) -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        millis(wall).saturating_add(self.ahead_ms)
    }

    /// Moves the platform's time forward.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead_ms = self.ahead_ms.saturating_add(millis(by));
    }
}

/// Whole milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
