//! The rate limit: N calls per account, path and minute; then 45009 until the minute's end.

use std::collections::BTreeMap;

const WINDOW_MS: u64 = 60_000;

/// Counters of the current minute.
#[derive(Debug, Default)]
pub(crate) struct RateLimits {
    windows: BTreeMap<(String, String), (u64, u32)>,
}

impl RateLimits {
    /// Counts one call; false: over the limit. A refused call counts too, as on the real platform.
    pub(crate) fn allow(&mut self, account: &str, path: &str, max: Option<u32>, now_ms: u64) -> bool {
        let Some(max) = max else { return true };
        let window = now_ms / WINDOW_MS;
        let entry = self.windows.entry((account.to_owned(), path.to_owned())).or_insert((window, 0));
        if entry.0 != window {
            *entry = (window, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1 <= max
    }

    pub(crate) fn clear(&mut self) {
        self.windows.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_refuses_until_the_next_one() {
        let mut limits = RateLimits::default();
        assert!(limits.allow("a", "/p", Some(1), 60_000));
        assert!(!limits.allow("a", "/p", Some(1), 119_999));
        assert!(limits.allow("a", "/other", Some(1), 119_999), "another path has its own window");
        assert!(limits.allow("a", "/p", Some(1), 120_000));
    }
}
