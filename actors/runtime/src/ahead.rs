//! From the due index to queues: whoever is due soon gets one delayed poke, what is overdue gets a hint.
//!
//! Level-triggered, as `sweep.rs`: every tick begins at the front, so whatever was lost is found again. What a process
//! remembers between ticks only keeps it from saying the same twice.

use crate::envelope::Envelope;
use crate::ports::queue::{Poke, Queue, QueueName};
use crate::ports::store::LANES;
use crate::ports::{DueEntry, DueKind, Fault, Store};
use futures_util::future::try_join_all;
use roadbook_kernel::{ActorKey, Moment, SECOND_MS};

/// How far ahead a tick looks for actors: half a tick further than the next one comes.
pub const AHEAD_MS: i64 = 90 * SECOND_MS;
/// A poke that has not done its work so long after its instant may be lost: it is sent again.
const LOST_MS: i64 = 10 * SECOND_MS;
/// Entries of one lane read at once.
const PAGE: usize = 100;
const ALL: usize = LANES as usize;

/// Messages of a queue that are two minutes of work. While more wait, nothing is added: they are behind because nobody
/// works fast enough, and not because nobody was told. 100 turns a second; 10 calls to providers or endpoints.
const fn waiting_max(queue: QueueName) -> u64 {
    match queue {
        QueueName::Inbox | QueueName::Pokes => 12_000,
        QueueName::Sends | QueueName::Announcements => 1_200,
    }
}

/// What a process remembers of its last tick, per lane: everybody due until then was poked.
#[derive(Debug, Clone)]
pub struct Ahead([Moment; ALL]);

impl Default for Ahead {
    fn default() -> Self {
        Self([Moment::MIN; ALL])
    }
}

/// What a tick did for one kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Pokes or hints given to the queue.
    pub told: usize,
    /// Whether it came to the end, and did not stop for a full queue or for want of time.
    pub whole: bool,
}

impl Ahead {
    /// Pokes every actor that is due within [`AHEAD_MS`], page by page, lanes in turn.
    ///
    /// # Errors
    /// A fault of the store or of the queue: who was not poked is found by the next tick.
    pub async fn poke(
        &mut self,
        store: &dyn Store,
        queue: &dyn Queue,
        now: Moment,
        in_time: impl Fn() -> bool,
    ) -> Result<Told, Fault> {
        let until = now.plus_ms(AHEAD_MS);
        let lost = now.plus_ms(-LOST_MS);
        let reached = self.0;
        let is_new = |lane: usize, entry: &DueEntry| entry.due <= lost || entry.due > reached[lane];
        let mut walk = Walk::new(store, DueKind::Actor, until);
        let mut room = Room::of(queue, QueueName::Pokes).await?;
        let mut told = 0;
        while room.left > 0 && in_time() {
            let Some(entries) = walk.step(is_new).await? else { break };
            let pokes: Vec<Poke> = room.fill(entries, &mut walk).iter().filter_map(poke_of).collect();
            told += queue.poke(&pokes, now).await?;
        }
        walk.ended.iter().zip(&mut self.0).filter(|(ended, _)| **ended).for_each(|(_, reached)| *reached = until);
        Ok(Told { told, whole: walk.is_over() })
    }
}

/// Gives a hint for everything of a kind that is due now.
///
/// # Errors
/// A fault of the store or of the queue: the rest stays due.
pub async fn hint(
    store: &dyn Store,
    queue: &dyn Queue,
    kind: DueKind,
    now: Moment,
    in_time: impl Fn() -> bool,
) -> Result<Told, Fault> {
    let mut walk = Walk::new(store, kind, now);
    let mut room = Room::of(queue, QueueName::of(kind)).await?;
    let mut told = 0;
    while room.left > 0 && in_time() {
        let Some(entries) = walk.step(|_, entry| Envelope::hint(entry).is_some()).await? else { break };
        let entries = room.fill(entries, &mut walk);
        queue.hint(&entries).await?;
        told += entries.len();
    }
    Ok(Told { told, whole: walk.is_over() })
}

fn poke_of(entry: &DueEntry) -> Option<Poke> {
    Some(Poke { actor: ActorKey::from_bytes(entry.key.bytes())?, at: entry.due })
}

/// How much more a queue may be given.
struct Room {
    left: usize,
}

impl Room {
    async fn of(queue: &dyn Queue, name: QueueName) -> Result<Self, Fault> {
        let left = waiting_max(name).saturating_sub(queue.waiting(name).await?);
        Ok(Self { left: usize::try_from(left).unwrap_or(usize::MAX) })
    }

    /// As much as there is room for. What is left out makes its lane unfinished.
    fn fill(&mut self, mut entries: Vec<(usize, DueEntry)>, walk: &mut Walk<'_>) -> Vec<DueEntry> {
        let rest = entries.split_off(self.left.min(entries.len()));
        self.left -= entries.len();
        rest.iter().for_each(|(lane, _)| (walk.ended[*lane], walk.cut) = (false, true));
        entries.into_iter().map(|(_, entry)| entry).collect()
    }
}

/// A way through the lanes of the index, a page of each at a time.
struct Walk<'a> {
    store: &'a dyn Store,
    kind: DueKind,
    until: Moment,
    last: Vec<Option<DueEntry>>,
    ended: [bool; ALL],
    cut: bool,
}

impl<'a> Walk<'a> {
    fn new(store: &'a dyn Store, kind: DueKind, until: Moment) -> Self {
        Self { store, kind, until, last: vec![None; ALL], ended: [false; ALL], cut: false }
    }

    fn is_over(&self) -> bool {
        !self.cut && self.ended.iter().all(|ended| *ended)
    }

    /// The next page of every lane that goes on, the lanes' first entries first, then their second ones; `None` at the
    /// end of all.
    async fn step(
        &mut self,
        wanted: impl Fn(usize, &DueEntry) -> bool,
    ) -> Result<Option<Vec<(usize, DueEntry)>>, Fault> {
        let open: Vec<usize> = (0..ALL).filter(|lane| !self.ended[*lane]).collect();
        if open.is_empty() || self.cut {
            return Ok(None);
        }
        let page = async |lane: usize| {
            let (from, number) = (self.last[lane].as_ref(), u8::try_from(lane).unwrap_or(u8::MAX));
            self.store.due_page(self.kind, number, from, PAGE).await
        };
        let pages = try_join_all(open.iter().map(|lane| page(*lane))).await?;
        let mut ranked = Vec::new();
        for (lane, page) in open.into_iter().zip(pages) {
            let is_full = page.len() == PAGE;
            let former = self.last[lane].clone();
            let last = page.last().cloned();
            self.ended[lane] = !is_full || last.as_ref().is_some_and(|last| last.due > self.until);
            self.last[lane] = last;
            // A page begins with the entry the former one ended with.
            let mine = page.into_iter().filter(|entry| Some(entry) != former.as_ref() && entry.due <= self.until);
            let mine = mine.filter(|entry| wanted(lane, entry)).enumerate();
            ranked.extend(mine.map(|(rank, entry)| (rank, lane, entry)));
        }
        ranked.sort_by_key(|(rank, lane, _)| (*rank, *lane));
        Ok(Some(ranked.into_iter().map(|(_, lane, entry)| (lane, entry)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{ManualClock, Memory};
    use crate::memory_queue::MemoryQueue;
    use crate::ports::{Commit, Due, ItemKey};
    use roadbook_kernel::{CustomerId, DeliveryId, EndpointId, SendKey, TenantId};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    const NOW: Moment = Moment::from_millis(1_000_000);

    struct Bench {
        store: Memory,
        clock: Arc<ManualClock>,
        queue: MemoryQueue,
        ahead: Ahead,
    }

    impl Bench {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(NOW));
            let queue = MemoryQueue::new(clock.clone(), 60_000);
            Self { store: Memory::new(), clock, queue, ahead: Ahead::default() }
        }

        async fn wait(&self, kind: DueKind, key: ItemKey, in_ms: i64) {
            let due = Due { kind, key, was: None, now: Some(NOW.plus_ms(in_ms)) };
            self.store.commit(Commit { dues: vec![due], ..Commit::default() }).await.unwrap();
        }

        async fn customer(&self, tenant: u128, n: u128, in_ms: i64) {
            let actor = ActorKey::customer(TenantId::from_u128(tenant), CustomerId::from_u128(n));
            self.wait(DueKind::Actor, ItemKey::actor(&actor), in_ms).await;
        }

        async fn tick(&mut self, after_ms: i64) -> Told {
            let now = NOW.plus_ms(after_ms);
            self.clock.advance_to(now);
            self.ahead.poke(&self.store, &self.queue, now, || true).await.unwrap()
        }

        /// Everything that can be received now, as ids of customers in the order they come.
        fn received(&self) -> Vec<u128> {
            let mut all = Vec::new();
            loop {
                let some = self.queue.receive(QueueName::Pokes);
                if some.is_empty() {
                    return all;
                }
                for one in some {
                    let Ok(Envelope::Poke(poke)) = Envelope::read(&one.body) else { panic!("{one:?}") };
                    all.push(poke.actor.id.0);
                }
            }
        }
    }

    #[tokio::test]
    async fn everybody_who_is_due_soon_is_poked_once_and_at_their_instant() {
        let mut bench = Bench::new();
        for n in 0..250 {
            bench.customer(7, n, 20_000).await;
        }
        bench.customer(7, 900, AHEAD_MS).await;
        bench.customer(7, 901, AHEAD_MS + 1).await;
        assert_eq!(bench.tick(0).await, Told { told: 251, whole: true }, "it does not stop at the first page");
        assert_eq!(bench.received(), Vec::<u128>::new(), "none before their instant");
        assert_eq!(bench.tick(1_000).await.told, 1, "who was poked is not poked again");
        bench.clock.advance_to(NOW.plus_ms(20_000));
        assert_eq!(bench.received().into_iter().collect::<BTreeSet<_>>(), (0..250).collect());
    }

    #[tokio::test]
    async fn a_poke_that_was_lost_is_sent_again_by_the_next_tick() {
        let mut bench = Bench::new();
        bench.customer(7, 1, 5_000).await;
        assert_eq!(bench.tick(0).await.told, 1);
        bench.clock.advance_to(NOW.plus_ms(5_000));
        assert_eq!(bench.received(), [1], "and whoever received it died");
        assert_eq!(bench.tick(10_000).await.told, 0, "it may be under way");
        assert_eq!(bench.tick(60_000).await.told, 1);
    }

    #[tokio::test]
    async fn a_tenant_with_thousands_leaves_room_for_the_others() {
        let mut bench = Bench::new();
        for n in 0..150 {
            bench.customer(7, n, -1_000).await;
        }
        bench.customer(8, 900, -1).await;
        bench.tick(0).await;
        let place = bench.received().iter().position(|one| *one == 900).unwrap();
        assert!(place <= 1, "lanes are served in turn, and not one after the other: {place}");
    }

    #[tokio::test]
    async fn while_two_minutes_of_work_wait_nothing_is_added() {
        let mut bench = Bench::new();
        let actor = ActorKey::customer(TenantId::from_u128(7), CustomerId::from_u128(1));
        let waiting: Vec<Poke> = (0..11_999).map(|_| Poke { actor, at: NOW }).collect();
        bench.queue.poke(&waiting, NOW).await.unwrap();
        for n in 0..3 {
            bench.customer(7, n, 1_000 + i64::try_from(n).unwrap()).await;
        }
        assert_eq!(bench.tick(0).await, Told { told: 1, whole: false });
        assert_eq!(bench.queue.poke(&waiting[..1], NOW).await, Ok(1));
        assert_eq!(bench.tick(0).await, Told { told: 0, whole: false });
        while let [first, ..] = &bench.queue.receive(QueueName::Pokes)[..] {
            bench.queue.delete(QueueName::Pokes, &first.id);
        }
        assert_eq!(bench.tick(0).await, Told { told: 3, whole: true }, "the lane was not done, so all of it is told");
    }

    #[tokio::test]
    async fn what_is_overdue_gets_a_hint_in_the_queue_of_its_kind() {
        let bench = Bench::new();
        let tenant = TenantId::from_u128(7);
        for (n, in_ms) in [(1, -1), (2, 0), (3, 1)] {
            bench.wait(DueKind::Send, ItemKey::send(tenant, SendKey::from_u128(n)), in_ms).await;
        }
        let delivery = ItemKey::delivery(tenant, EndpointId::from_u128(1), DeliveryId::from_u128(2));
        bench.wait(DueKind::Delivery, delivery, -1).await;
        let told = async |kind| hint(&bench.store, &bench.queue, kind, NOW, || true).await.unwrap();
        assert_eq!(told(DueKind::Send).await, Told { told: 2, whole: true });
        assert_eq!(told(DueKind::Delivery).await, Told { told: 1, whole: true });
        assert_eq!(bench.queue.receive(QueueName::Sends).len(), 2);
        assert_eq!(bench.queue.receive(QueueName::Announcements).len(), 1);
        let late = hint(&bench.store, &bench.queue, DueKind::Send, NOW, || false).await.unwrap();
        assert_eq!(late, Told { told: 0, whole: false }, "without time nothing is begun");
    }
}
