//! Counting in a window that moves with now, and the recency of the newest event.

use crate::{Comparison, Occurrence, Recency, Truth};
use roadbook_kernel::Moment;

/// The rule of an `event` + `count` form, over the occurrences of its tracker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CountRule {
    pub(crate) op: Comparison,
    pub(crate) value: u32,
    /// Milliseconds; `None` = ever.
    pub(crate) window_ms: Option<i64>,
}

impl CountRule {
    /// How many of the newest occurrences decide it: to tell "more than n" from "n" takes n + 1.
    pub(crate) const fn keep(self) -> u32 {
        match self.op {
            Comparison::Gte | Comparison::Lt => self.value,
            Comparison::Eq | Comparison::Ne | Comparison::Gt | Comparison::Lte => self.value.saturating_add(1),
        }
    }

    fn admits(self, count: usize) -> bool {
        self.op.admits(count.cmp(&(self.value as usize)))
    }

    /// The truth at `now`, over occurrences in ascending order.
    ///
    /// As time goes on the window takes in occurrences that lie ahead, at `at`, and loses those behind, in the
    /// millisecond after `at + window`. Walking both lists of instants in order finds the exact next change.
    pub(crate) fn truth(self, occurrences: &[Occurrence], now: Moment) -> Truth {
        let lost_at = |occurrence: &Occurrence| self.window_ms.map(|ms| occurrence.at.plus_ms(ms).plus_ms(1));
        let mut entered = occurrences.partition_point(|occurrence| occurrence.at <= now);
        let mut left = occurrences.partition_point(|occurrence| lost_at(occurrence).is_some_and(|at| at <= now));
        let holds = self.admits(entered - left.min(entered));
        loop {
            let entry = occurrences.get(entered).map(|occurrence| occurrence.at);
            let loss = occurrences.get(left).and_then(lost_at);
            let Some(instant) = entry.into_iter().chain(loss).min().filter(|instant| *instant > now) else {
                return Truth::fixed(holds);
            };
            while occurrences.get(entered).is_some_and(|occurrence| occurrence.at <= instant) {
                entered += 1;
            }
            while occurrences.get(left).and_then(lost_at).is_some_and(|at| at <= instant) {
                left += 1;
            }
            if self.admits(entered - left.min(entered)) != holds {
                return Truth { holds, next_change_at: Some(instant) };
            }
        }
    }
}

/// The rule of an `event` + `last` form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LastRule {
    pub(crate) recency: Recency,
    pub(crate) span_ms: i64,
}

impl LastRule {
    /// The truth at `now`, over occurrences in ascending order. The newest one that is not ahead of now counts.
    pub(crate) fn truth(self, occurrences: &[Occurrence], now: Moment) -> Truth {
        let behind = occurrences.partition_point(|occurrence| occurrence.at <= now);
        let ahead = occurrences.get(behind).map(|occurrence| occurrence.at);
        let Some(newest) = occurrences[..behind].last() else {
            // It must first happen; for `before` it must then grow old as well, and asking again then is early enough.
            return Truth { holds: false, next_change_at: ahead };
        };
        let last_within = newest.at.plus_ms(self.span_ms);
        let truth = match self.recency {
            Recency::Within => Truth::between(newest.at, last_within, now),
            Recency::Before => Truth::after(last_within, now),
        };
        // A newer occurrence ahead may change it, or postpone the change: look again when it is reached.
        let next_change_at = truth.next_change_at.into_iter().chain(ahead).min();
        Truth { next_change_at, ..truth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(instants: &[i64]) -> Vec<Occurrence> {
        instants.iter().zip(0..).map(|(at, id)| Occurrence { at: Moment::from_millis(*at), id }).collect()
    }

    fn truth(holds: bool, next: Option<i64>) -> Truth {
        Truth { holds, next_change_at: next.map(Moment::from_millis) }
    }

    #[test]
    fn the_window_is_closed_at_both_ends() {
        let rule = CountRule { op: Comparison::Gte, value: 2, window_ms: Some(10) };
        let seen = at(&[5, 8]);
        assert_eq!(rule.truth(&seen, Moment::from_millis(8)), truth(true, Some(16)));
        assert_eq!(rule.truth(&seen, Moment::from_millis(15)), truth(true, Some(16)));
        assert_eq!(rule.truth(&seen, Moment::from_millis(16)), truth(false, None));
        assert_eq!(rule.truth(&seen, Moment::from_millis(7)), truth(false, Some(8)));
    }

    #[test]
    fn a_loss_and_an_entry_at_one_instant_leave_the_count_as_it_is() {
        let rule = CountRule { op: Comparison::Eq, value: 1, window_ms: Some(10) };
        assert_eq!(rule.truth(&at(&[0, 11]), Moment::from_millis(3)), truth(true, Some(22)));
    }

    #[test]
    fn the_last_event_is_within_up_to_the_span_and_before_after_it() {
        let within = LastRule { recency: Recency::Within, span_ms: 10 };
        let before = LastRule { recency: Recency::Before, span_ms: 10 };
        let seen = at(&[0, 5]);
        assert_eq!(within.truth(&seen, Moment::from_millis(15)), truth(true, Some(16)));
        assert_eq!(before.truth(&seen, Moment::from_millis(15)), truth(false, Some(16)));
        assert_eq!(within.truth(&seen, Moment::from_millis(16)), truth(false, None));
        assert_eq!(before.truth(&seen, Moment::from_millis(16)), truth(true, None));
        assert_eq!(within.truth(&[], Moment::from_millis(16)), truth(false, None));
        assert_eq!(before.truth(&[], Moment::from_millis(16)), truth(false, None));
        assert_eq!(within.truth(&at(&[20]), Moment::from_millis(16)), truth(false, Some(20)));
    }

    #[test]
    fn the_ends_of_the_scale_do_not_overflow() {
        let seen = [Occurrence { at: Moment::MIN, id: 0 }, Occurrence { at: Moment::MAX, id: 1 }];
        for now in [Moment::MIN, Moment::from_millis(0), Moment::MAX] {
            for op in Comparison::ALL {
                for window_ms in [None, Some(0), Some(i64::MAX)] {
                    let next = CountRule { op, value: 1, window_ms }.truth(&seen, now).next_change_at;
                    assert!(next.is_none_or(|next| next > now));
                }
            }
            for recency in [Recency::Within, Recency::Before] {
                let next = LastRule { recency, span_ms: i64::MAX }.truth(&seen, now).next_change_at;
                assert!(next.is_none_or(|next| next > now));
            }
        }
    }
}
