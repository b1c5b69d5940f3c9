//! How long an invocation may still go on. What would be cut off in the middle is not begun.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A turn, with everything it may have to repeat.
pub const TURN: Duration = Duration::from_secs(3);
/// A call to a provider or an endpoint, to the end of its time-out, and keeping the answer.
pub const CALL: Duration = Duration::from_secs(18);

/// The instant at which this invocation is cut off.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(SystemTime);

impl Deadline {
    /// From milliseconds since 1970, as Lambda says it.
    pub fn at_ms(ms: u64) -> Self {
        Self(UNIX_EPOCH + Duration::from_millis(ms))
    }

    /// Whether there is more time than `need`.
    pub fn leaves(&self, need: Duration) -> bool {
        self.0.duration_since(SystemTime::now()).is_ok_and(|left| left > need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_begun_that_would_be_cut_off() {
        let in_s = |s: u64| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            Deadline::at_ms((now + s) * 1_000)
        };
        assert!(in_s(10).leaves(TURN) && !in_s(10).leaves(CALL));
        assert!(!in_s(2).leaves(TURN) && !Deadline::at_ms(0).leaves(Duration::ZERO));
    }
}
