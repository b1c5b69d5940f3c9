//! Who is due in a moment: the sweep has passed that place of the index, so the relay pokes them itself.

use crate::ports::{DueEntry, Poke, Queue};
use roadbook_kernel::{ActorKey, MINUTE_MS, Moment};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who is due within this is poked by the relay: twice the sweep's own way ahead, and its minute.
const SOON_MS: i64 = 3 * MINUTE_MS;
/// Actors remembered.
const KEPT_MAX: usize = 10_000;

/// Who was poked for when, so that an actor with a timer is not poked once more with every event.
#[derive(Debug, Default)]
pub struct Poked(Mutex<BTreeMap<ActorKey, Moment>>);

impl Poked {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<ActorKey, Moment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the queues what was handed over and is due now, and who is due in a moment. `timers` are changed rows with
    /// their earliest timers: the last change of each actor counts, and who was poked for the same instant before is left
    /// out. What is not told is found by the sweep.
    pub async fn tell(
        &self,
        queue: &dyn Queue,
        handed: &[DueEntry],
        timers: impl Iterator<Item = (ActorKey, Option<Moment>)>,
        now: Moment,
    ) {
        let pokes = self.fresh(timers, now);
        let due: Vec<DueEntry> = handed.iter().filter(|entry| entry.due <= now).cloned().collect();
        if let Err(fault) = queue.hint(&due).await {
            tracing::warn!(%fault, "hints were not sent; the sweep finds what is due");
        }
        if let Err(fault) = queue.poke(&pokes, now).await {
            self.forget(&pokes);
            tracing::warn!(%fault, "pokes were not sent; the sweep finds who is due");
        }
    }

    fn fresh(&self, timers: impl Iterator<Item = (ActorKey, Option<Moment>)>, now: Moment) -> Vec<Poke> {
        let last: BTreeMap<ActorKey, Option<Moment>> = timers.collect();
        let soon = |(actor, at): (ActorKey, Option<Moment>)| {
            Some(Poke { actor, at: at.filter(|at| at.since_ms(now) < SOON_MS)? })
        };
        let mut kept = self.kept();
        if kept.len() > KEPT_MAX {
            kept.retain(|_, at| *at > now);
        }
        if kept.len() > KEPT_MAX {
            kept.clear();
        }
        let mut fresh: Vec<Poke> = last.into_iter().filter_map(soon).collect();
        fresh.retain(|poke| kept.insert(poke.actor, poke.at) != Some(poke.at));
        fresh
    }

    /// These were not sent after all.
    fn forget(&self, pokes: &[Poke]) {
        let mut kept = self.kept();
        kept.retain(|actor, _| !pokes.iter().any(|poke| poke.actor == *actor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::{CustomerId, TenantId};

    #[test]
    fn who_is_due_soon_is_poked_once_per_instant() {
        let poked = Poked::default();
        let now = Moment::from_millis(1_000_000);
        let actor = |n| ActorKey::customer(TenantId::from_u128(7), CustomerId::from_u128(n));
        let fresh = |timers: &[(u128, Option<i64>)]| {
            let timers = timers.iter().map(|(n, in_ms)| (actor(*n), in_ms.map(|in_ms| now.plus_ms(in_ms))));
            let pokes = poked.fresh(timers, now);
            pokes.iter().map(|poke| (poke.actor.id.0, poke.at.since_ms(now))).collect::<Vec<_>>()
        };
        let first =
            [(1, Some(5_000)), (2, Some(SOON_MS)), (3, None), (4, Some(9)), (4, None), (5, Some(1)), (5, Some(2))];
        assert_eq!(fresh(&first), [(1, 5_000), (5, 2)], "the last change of an actor counts");
        assert_eq!(fresh(&[(1, Some(5_000)), (5, Some(3))]), [(5, 3)], "the same instant is not said twice");
        poked.forget(&[Poke { actor: actor(1), at: now }]);
        assert_eq!(fresh(&[(1, Some(5_000)), (6, Some(-1))]), [(1, 5_000), (6, -1)]);
    }
}
