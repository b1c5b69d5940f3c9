//! What every queue must do, whoever wrote it. One suite for all of them.

use crate::rig::{T0, TENANT};
use crate::say::{Say, anon};
use async_trait::async_trait;
use roadbook_identity::TenantKeys;
use roadbook_kernel::{ActorKey, CustomerId, DeliveryId, EndpointId, Moment, SECOND_MS, SendKey};
use roadbook_runtime::ports::{DueEntry, Fault, ItemKey, Parcel, Poke, Queue, QueueName};
use roadbook_runtime::{Envelope, ManualClock, MemoryQueue, PARCEL_BYTES_MAX, Received, pack};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A queue with the other end, which in the product is whoever starts a function.
#[async_trait]
pub trait Bench: Send + Sync {
    /// What is tested.
    fn queue(&self) -> &dyn Queue;

    /// The present, as its delays count.
    fn now(&self) -> Moment;

    /// Receives what there is; where there is nothing, waits so long for it.
    async fn receive(&self, queue: QueueName, within_ms: i64) -> Vec<Received>;

    /// These are done.
    async fn done(&self, queue: QueueName, received: &[Received]);

    /// These are not done: they can be received again at once.
    async fn back(&self, queue: QueueName, received: &[Received]);
}

/// Queues in memory; waiting puts their clock.
pub struct InMemory {
    clock: Arc<ManualClock>,
    queue: MemoryQueue,
}

impl Default for InMemory {
    fn default() -> Self {
        let clock = Arc::new(ManualClock::at(T0));
        Self { queue: MemoryQueue::new(clock.clone(), 600 * SECOND_MS), clock }
    }
}

#[async_trait]
impl Bench for InMemory {
    fn queue(&self) -> &dyn Queue {
        &self.queue
    }

    fn now(&self) -> Moment {
        roadbook_runtime::ports::Clock::now(self.clock.as_ref())
    }

    async fn receive(&self, queue: QueueName, within_ms: i64) -> Vec<Received> {
        let first = self.queue.receive(queue);
        if !first.is_empty() || within_ms == 0 {
            return first;
        }
        self.clock.advance_to(self.now().plus_ms(within_ms));
        self.queue.receive(queue)
    }

    async fn done(&self, queue: QueueName, received: &[Received]) {
        received.iter().for_each(|one| self.queue.delete(queue, &one.id));
    }

    async fn back(&self, queue: QueueName, received: &[Received]) {
        received.iter().for_each(|one| self.queue.hand_back(queue, &one.id));
    }
}

/// Runs the whole suite; `make` gives fresh, empty queues each time.
///
/// # Panics
/// Where the queue does not do what it must.
pub async fn run<B: Bench, F: AsyncFn() -> B>(make: F) {
    a_group_keeps_its_order_and_only_one_has_it(&make().await).await;
    groups_do_not_wait_for_each_other(&make().await).await;
    what_is_handed_back_comes_again(&make().await).await;
    what_is_sent_again_arrives_again(&make().await).await;
    parcels_of_the_largest_size_arrive_whole(&make().await).await;
    pokes_come_at_their_instant(&make().await).await;
    hints_lie_apart(&make().await).await;
}

fn parcel(group: &str, body: &str) -> Parcel {
    Parcel { group: group.into(), body: body.into(), events: Vec::new() }
}

async fn accept<B: Bench>(bench: &B, parcels: Vec<Parcel>) {
    let results = bench.queue().accept(parcels).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

/// Receives and deletes until there is nothing more.
async fn drain<B: Bench>(bench: &B, queue: QueueName) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        let some = bench.receive(queue, 0).await;
        if some.is_empty() {
            return all;
        }
        bench.done(queue, &some).await;
        all.extend(some);
    }
}

fn bodies(received: &[Received]) -> Vec<&str> {
    received.iter().map(|one| one.body.as_str()).collect()
}

async fn a_group_keeps_its_order_and_only_one_has_it<B: Bench>(bench: &B) {
    let names: Vec<String> = (0..14).map(|n| format!("{n:02}")).collect();
    accept(bench, names.iter().map(|name| parcel("a", name)).collect()).await;
    let mut seen = Vec::new();
    while seen.len() < names.len() {
        let some = bench.receive(QueueName::Inbox, 0).await;
        assert!(!some.is_empty() && some.iter().all(|one| one.group.as_deref() == Some("a")), "{seen:?}");
        let other = bench.receive(QueueName::Inbox, 0).await;
        assert!(other.is_empty(), "while somebody has one of a group nobody gets another");
        bench.done(QueueName::Inbox, &some).await;
        seen.extend(some.into_iter().map(|one| one.body));
    }
    assert_eq!(seen, names);
}

async fn groups_do_not_wait_for_each_other<B: Bench>(bench: &B) {
    let groups: Vec<String> = (0..25).map(|n| format!("group-{n}")).collect();
    let parcels = |round: u32| groups.iter().map(move |group| parcel(group, &format!("{group} {round}")));
    accept(bench, parcels(0).chain(parcels(1)).collect()).await;
    let mut open = BTreeSet::new();
    while open.len() < 25 {
        let some = bench.receive(QueueName::Inbox, 0).await;
        assert!(!some.is_empty(), "somebody has {} groups and the others are not given out", open.len());
        open.extend(some.into_iter().map(|one| one.group.expect("a group")));
    }
    assert_eq!(open, groups.into_iter().collect());
}

async fn what_is_handed_back_comes_again<B: Bench>(bench: &B) {
    accept(bench, vec![parcel("a", "1"), parcel("b", "2"), parcel("a", "3")]).await;
    let first = bench.receive(QueueName::Inbox, 0).await;
    assert!(first.iter().all(|one| one.received == 1), "{first:?}");
    bench.back(QueueName::Inbox, &first).await;
    let again = drain(bench, QueueName::Inbox).await;
    let of = |group: &str| again.iter().filter(|one| one.group.as_deref() == Some(group)).cloned().collect::<Vec<_>>();
    assert_eq!((bodies(&of("a")), bodies(&of("b"))), (vec!["1", "3"], vec!["2"]));
    assert!(again.iter().any(|one| one.received == 2), "{again:?}");
    assert_eq!(bench.queue().waiting(QueueName::Inbox).await, Ok(0));
}

async fn what_is_sent_again_arrives_again<B: Bench>(bench: &B) {
    for _ in 0..3 {
        accept(bench, vec![parcel("a", "the same")]).await;
    }
    assert_eq!(bodies(&drain(bench, QueueName::Inbox).await), ["the same"; 3], "nobody takes it for a repetition");
}

async fn parcels_of_the_largest_size_arrive_whole<B: Bench>(bench: &B) {
    let keys = TenantKeys::derive(&[7; 32], TENANT);
    let note = "\u{fffe} \u{ffff} \u{1} 试驾 ".repeat(2_000);
    let say = |n: u32| Say::track(format!("m{n}"), "visit", &[anon("a")]).at(T0).with("note", note.as_str());
    let events: Vec<_> = (0..20).map(|n| say(n).accept(&keys, n as usize)).collect();
    let parcels = pack(&keys, TENANT, events).expect("they fit");
    let given: Vec<String> = parcels.iter().map(|one| one.body.clone()).collect();
    assert!(given.len() >= 3 && given[0].len() > PARCEL_BYTES_MAX * 4 / 5, "{} parcels", given.len());
    accept(bench, parcels).await;
    let received = drain(bench, QueueName::Inbox).await;
    assert_eq!(bodies(&received).len(), given.len());
    assert!(bodies(&received) == given, "every byte, in order");
}

async fn pokes_come_at_their_instant<B: Bench>(bench: &B) {
    let poke = |n, in_ms| {
        let actor = ActorKey::customer(TENANT, CustomerId::from_u128(n));
        Poke { actor, at: bench.now().plus_ms(in_ms) }
    };
    let pokes = [poke(1, -5_000), poke(2, 1_500), poke(3, 901 * SECOND_MS)];
    assert_eq!(bench.queue().poke(&pokes, bench.now()).await, Ok(2), "what would wait too long is left out");
    let first = bench.receive(QueueName::Pokes, 0).await;
    let read = |received: &[Received]| {
        let poke = |one: &Received| match Envelope::read(&one.body) {
            Ok(Envelope::Poke(poke)) => poke,
            other => panic!("{other:?}"),
        };
        received.iter().map(poke).collect::<Vec<_>>()
    };
    assert_eq!(read(&first), [pokes[0]]);
    assert_eq!(bench.queue().waiting(QueueName::Pokes).await, Ok(0), "what is delayed does not wait yet");
    let second = bench.receive(QueueName::Pokes, 4_000).await;
    assert_eq!(read(&second), [pokes[1]]);
    assert!(bench.now() >= pokes[1].at, "never early");
}

async fn hints_lie_apart<B: Bench>(bench: &B) {
    let due = |key| DueEntry { due: T0, key };
    let send = |n| due(ItemKey::send(TENANT, SendKey::from_u128(n)));
    let told = due(ItemKey::delivery(TENANT, EndpointId::from_u128(1), DeliveryId::from_u128(2)));
    let hints: Vec<DueEntry> = (0..12).map(send).chain([told.clone()]).collect();
    bench.queue().hint(&hints).await.expect("no fault");
    let mut waiting = BTreeMap::new();
    for queue in QueueName::ALL {
        waiting.insert(queue, bench.queue().waiting(queue).await.expect("no fault"));
    }
    let counts: Vec<u64> = waiting.into_values().collect();
    assert_eq!(counts, [0, 0, 12, 1]);
    let entries = |received: &[Received]| {
        received.iter().map(|one| Envelope::read(&one.body).expect("a hint").entry()).collect::<Option<BTreeSet<_>>>()
    };
    assert_eq!(entries(&drain(bench, QueueName::Announcements).await), Some(BTreeSet::from([told])));
    assert_eq!(entries(&drain(bench, QueueName::Sends).await), Some((0..12).map(send).collect()));
    let wrong = bench.queue().hint(&[due(ItemKey::counter(TENANT, "x"))]).await;
    assert!(matches!(wrong, Err(Fault::Corrupt(_))), "{wrong:?}");
}
