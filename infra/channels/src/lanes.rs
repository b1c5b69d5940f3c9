//! Lanes that wait: after "too often" or a problem only an administrator can solve, no call leaves for that
//! (tenant, account, interface) until the wait is over. Hammering lengthens a block.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use roadbook_kernel::{HOUR_MS, MINUTE_MS, Moment, TenantId};

/// One lane: tenant, account, path of the interface.
pub(crate) type Lane = (TenantId, String, &'static str);

/// The platform's windows: a minute, then an hour.
const RATE_WAITS_MS: [i64; 2] = [MINUTE_MS, HOUR_MS];
/// How often we look whether an administrator has solved the problem.
const CONFIGURATION_WAIT_MS: i64 = 10 * MINUTE_MS;

#[derive(Debug, Clone, Copy)]
struct Block {
    until: Moment,
    reason: &'static str,
    /// Rate blocks in a row.
    strikes: usize,
}

/// All blocked lanes.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    blocks: Mutex<HashMap<Lane, Block>>,
}

impl Lanes {
    /// How long this lane must still wait, and why; `None`: it is free.
    pub(crate) fn blocked(&self, lane: &Lane, now: Moment) -> Option<(i64, &'static str)> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let block = blocks.get(lane)?;
        (now < block.until).then(|| (block.until.since_ms(now), block.reason))
    }

    /// Blocks the lane after a rate refusal; returns the wait in ms. Refusals of calls that were already under way
    /// when the block began do not lengthen it.
    pub(crate) fn rate(&self, lane: &Lane, reason: &'static str, now: Moment) -> i64 {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let block = blocks.entry(lane.clone()).or_insert(Block { until: now, reason, strikes: 0 });
        if now >= block.until {
            let wait = RATE_WAITS_MS[block.strikes.min(RATE_WAITS_MS.len() - 1)];
            *block = Block { until: now.plus_ms(wait), reason, strikes: block.strikes + 1 };
        }
        block.until.since_ms(now)
    }

    /// Blocks the lane until somebody may have solved the problem; returns the wait in ms.
    pub(crate) fn configuration(&self, lane: &Lane, reason: &'static str, now: Moment) -> i64 {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let until = now.plus_ms(CONFIGURATION_WAIT_MS);
        blocks.insert(lane.clone(), Block { until, reason, strikes: 0 });
        CONFIGURATION_WAIT_MS
    }

    /// The platform took a call on this lane. A call that left before a block began says nothing about it.
    pub(crate) fn succeeded(&self, lane: &Lane, now: Moment) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.get(lane).is_some_and(|block| now >= block.until) {
            blocks.remove(lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_refusal_in_a_row_waits_an_hour_and_success_forgets() {
        let lane = (TenantId::from_u128(1), "corp".to_owned(), "/path");
        let lanes = Lanes::default();
        let at = |ms| Moment::from_millis(ms);
        assert_eq!(lanes.rate(&lane, "r", at(0)), MINUTE_MS);
        assert_eq!(lanes.rate(&lane, "r", at(10)), MINUTE_MS - 10, "it was under way already");
        lanes.succeeded(&lane, at(20));
        assert_eq!(lanes.blocked(&lane, at(20)), Some((MINUTE_MS - 20, "r")));
        assert_eq!(lanes.blocked(&lane, at(MINUTE_MS)), None);
        assert_eq!(lanes.rate(&lane, "r", at(MINUTE_MS)), HOUR_MS);
        lanes.succeeded(&lane, at(2 * HOUR_MS));
        assert_eq!(lanes.rate(&lane, "r", at(3 * HOUR_MS)), MINUTE_MS);
        let other = (TenantId::from_u128(2), "corp".to_owned(), "/path");
        assert_eq!(lanes.blocked(&other, at(3 * HOUR_MS)), None, "another tenant's lane is its own");
    }
}
