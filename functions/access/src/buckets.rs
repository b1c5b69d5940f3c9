//! Token buckets in memory: so many of something in so long, for each key by itself.
//!
//! A bucket is one number, the instant at which it will be full again. It empties by moving that instant forward and
//! fills by the clock alone, so nothing has to run beside it. What is forgotten under pressure is a full bucket again.

use quick_cache::sync::Cache;
use roadbook_kernel::Moment;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Buckets of one size.
pub struct Buckets<K> {
    quota: u32,
    window_ms: i64,
    /// Microseconds until one token has come back.
    token_us: i64,
    full_at_us: Cache<K, Arc<AtomicI64>>,
}

/// How a bucket stands after somebody took from it or tried to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// Tokens of a full bucket.
    pub quota: u32,
    /// Seconds in which an empty bucket fills.
    pub window_s: i64,
    /// Tokens left now.
    pub left: u32,
    /// Seconds until it is full, rounded up.
    pub full_in_s: i64,
}

/// The bucket is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Empty {
    /// How it stands.
    pub level: Level,
    /// Seconds until one token has come back, rounded up: at least 1.
    pub retry_after_s: i64,
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Buckets of `quota` tokens (at least 1) that fill in `window_ms`; the `keys_max` most used ones are remembered.
    pub fn new(quota: u32, window_ms: i64, keys_max: usize) -> Self {
        let quota = quota.max(1);
        let token_us = (window_ms * 1_000 / i64::from(quota)).max(1);
        Self { quota, window_ms, token_us, full_at_us: Cache::new(keys_max) }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// There is none; nothing was taken.
    pub fn take(&self, key: &K, now: Moment) -> Result<Level, Empty> {
        let bucket = self.bucket(key);
        let now_us = now.millis().saturating_mul(1_000);
        let most_us = self.token_us * i64::from(self.quota);
        let mut full_at = bucket.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now_us) + self.token_us;
            let over_us = next - now_us - most_us;
            if over_us > 0 {
                let retry_after_s = over_us.div_euclid(1_000_000) + i64::from(over_us.rem_euclid(1_000_000) > 0);
                return Err(Empty { level: self.level(full_at, now_us), retry_after_s: retry_after_s.max(1) });
            }
            match bucket.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(self.level(next, now_us)),
                Err(changed) => full_at = changed,
            }
        }
    }

    /// Puts back a token that was taken and turned out not to be needed.
    pub fn give_back(&self, key: &K) {
        self.bucket(key).fetch_sub(self.token_us, Ordering::Relaxed);
    }

    fn bucket(&self, key: &K) -> Arc<AtomicI64> {
        if let Some(bucket) = self.full_at_us.get(key) {
            return bucket;
        }
        let made = self.full_at_us.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(Arc::default()));
        match made {
            Ok(bucket) => bucket,
            Err(never) => match never {},
        }
    }

    fn level(&self, full_at_us: i64, now_us: i64) -> Level {
        let missing_us = (full_at_us - now_us).max(0);
        let used = missing_us.div_euclid(self.token_us) + i64::from(missing_us.rem_euclid(self.token_us) > 0);
        Level {
            quota: self.quota,
            window_s: self.window_ms / 1_000,
            left: u32::try_from(i64::from(self.quota) - used).unwrap_or(0),
            full_in_s: missing_us.div_euclid(1_000_000) + i64::from(missing_us.rem_euclid(1_000_000) > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Moment = Moment::from_millis(1_767_225_600_000);

    #[test]
    fn a_bucket_empties_fills_by_the_clock_and_is_one_per_key() {
        let buckets = Buckets::new(3, 3_000, 10);
        let left: Vec<u32> = (0..3).map(|_| buckets.take(&"a", T).expect("three are there").left).collect();
        assert_eq!(left, [2, 1, 0]);
        let empty = buckets.take(&"a", T).expect_err("all were taken");
        assert_eq!((empty.retry_after_s, empty.level.left, empty.level.full_in_s), (1, 0, 3));
        assert!(buckets.take(&"b", T).is_ok());
        assert!(buckets.take(&"a", T.plus_ms(999)).is_err());
        assert_eq!(buckets.take(&"a", T.plus_ms(1_000)).expect("one came back").left, 0);
        assert!(buckets.take(&"a", T.plus_ms(1_000)).is_err());
        let full = buckets.take(&"a", T.plus_ms(60_000)).expect("full long ago");
        assert_eq!((full.left, full.full_in_s), (2, 1), "never more than a full bucket");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let buckets = Buckets::new(1, 60_000, 10);
        buckets.take(&1, T).expect("one is there");
        assert_eq!(buckets.take(&1, T).expect_err("it was taken").retry_after_s, 60);
        buckets.give_back(&1);
        assert!(buckets.take(&1, T).is_ok());
    }

    #[test]
    fn a_clock_that_goes_back_opens_nothing() {
        let buckets = Buckets::new(1, 1_000, 10);
        buckets.take(&1, T).expect("one is there");
        assert!(buckets.take(&1, T.minus_ms(5_000)).is_err());
    }
}
