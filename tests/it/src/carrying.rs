//! What must hold where a stream brings the turns: whatever is brought twice, in whatever pieces, ends as one pass over
//! a commit log would have ended.

use crate::Keeper;
use crate::rig::{Rig, TENANT};
use crate::say::{Say, user};
use roadbook_kernel::{ActorKey, CustomerId, MINUTE_MS};
use roadbook_runtime::engine::{Engine, KeyRing, Limits, Tally};
use roadbook_runtime::ports::{Carried, DueKind, Fault, Item, Journal, Ledger, Space, Store, Turn};
use roadbook_runtime::record::Record;
use roadbook_runtime::relay::{Relay, carry};
use roadbook_runtime::{Memory, Streamed};
use serde_json::json;
use std::sync::Arc;

/// The turns of a tenant in the order of their commits, and the store that carried them by its own log.
pub struct Day {
    /// The turns; one of them cannot be read.
    pub turns: Vec<Turn>,
    /// What one pass over the log made of them.
    pub expected: Arc<Memory>,
}

/// Nine customers who enter a segment, start a journey and are sent something; some of them twice.
///
/// # Panics
/// Where the memory store fails.
pub async fn busy_day() -> Day {
    let rig = Rig::memory();
    let engaged = json!({"event": "page_viewed", "count": {"op": "gte", "value": 2}, "within_days": 7});
    let segment = rig.segment("engaged", engaged).await;
    let hello = json!({
        "entry": {"segment": segment.to_string(), "edge": "enter"}, "reentry": "once", "start": "hello",
        "nodes": {
            "hello": {"type": "send", "channel": "recording", "purpose": "service",
                      "content": {"text": "hello"}, "next": "rest"},
            "rest": {"type": "wait", "duration": "P30D", "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("hello", hello).await;
    for n in 0..27i64 {
        let at = rig.engine.clock.now().plus_ms(MINUTE_MS);
        rig.observe(&[Say::track(format!("m{n}"), "page_viewed", &[user(&(n % 9).to_string())]).at(at)]).await;
    }
    let log = rig.store.read(0, 10_000).await.expect("the log");
    let mut turns: Vec<Turn> = log.into_iter().map(|committed| committed.turn).collect();
    let mut relay = Relay::open(&rig.engine).await.expect("a relay");
    while relay.pass(&rig.engine, 5).await.expect("a pass") > 0 {}
    let stranger = ActorKey::customer(TENANT, CustomerId::from_u128(99));
    turns.insert(20, Turn { actor: stranger, version: 1, record: "no record at all".into() });
    Day { turns, expected: rig.store }
}

/// An engine over a store whose turns come by a stream.
pub fn engine<S: Keeper>(store: &Arc<S>) -> Engine {
    let clock = Arc::new(roadbook_runtime::ManualClock::at(crate::rig::T0.plus_ms(MINUTE_MS * 60)));
    Engine {
        store: store.clone(),
        history: store.clone(),
        journal: Arc::new(Streamed),
        clock: clock.clone(),
        wall: clock,
        keys: KeyRing::new([7; 32]),
        catalogs: Default::default(),
        subscriptions: Default::default(),
        limits: Limits::default(),
        tally: Tally::default(),
    }
}

/// Brings every turn of a day to an empty store: in pieces, each twice, then all of it again. Faults are answered by
/// bringing the same piece again, as a stream does. `kept` is asked afterwards: the store itself, or the one behind it.
///
/// # Panics
/// Where something is lost, or counted or handed over twice.
pub async fn nothing_is_carried_twice<S: Keeper, K: Keeper>(store: Arc<S>, ledger: &dyn Ledger, kept: &K) {
    let day = busy_day().await;
    let engine = engine(&store);
    let bring = async |turns: &[Turn]| {
        const TIMES_MAX: usize = 50;
        for _ in 0..TIMES_MAX {
            if carry(&engine, ledger, turns.to_vec()).await.is_ok() {
                return;
            }
        }
        panic!("a batch that never goes through");
    };
    for piece in day.turns.chunks(7) {
        bring(piece).await;
        bring(piece).await;
    }
    let twice_in_one = [&day.turns[3..9], &day.turns[3..9]].concat();
    bring(&twice_in_one).await;
    bring(&day.turns).await;
    assert_eq!(counters(kept).await, counters(day.expected.as_ref()).await, "exact counters");
    assert!(counters(kept).await.iter().any(|(_, amount)| *amount >= 9), "something was counted");
    assert_eq!(keys(kept, Space::Send).await, keys(day.expected.as_ref(), Space::Send).await, "sends");
    let due = kept.due(DueKind::Send, roadbook_kernel::Moment::MAX, 100).await.expect("the index");
    assert_eq!(due.len(), 9, "every send waits for its turn once");
    assert_eq!(keys(kept, Space::Letter).await.len(), 2, "one dead letter with its mark");
    for turn in &day.turns {
        let row = kept.turns(&turn.actor, turn.version - 1, 1).await.expect("history");
        assert_eq!(row.first(), Some(turn));
        for message in Record::new(&turn.record).iter().flat_map(Record::messages) {
            assert_eq!(kept.find(&turn.actor, message).await, Ok(Some(turn.version)));
        }
    }
}

/// A tenant's counters by name.
///
/// # Panics
/// Where the store fails.
pub async fn counters<S: Store>(store: &S) -> Vec<(Vec<u8>, i64)> {
    let items = store.scan(Space::Counter, TENANT, b"", None, 1_000).await.expect("a scan");
    items.into_iter().map(|(key, item): (_, Item)| (key.local().to_vec(), item.amount())).collect()
}

async fn keys<S: Store>(store: &S, space: Space) -> Vec<Vec<u8>> {
    let items = store.scan(space, TENANT, b"", None, 1_000).await.expect("a scan");
    items.into_iter().map(|(key, _)| key.local().to_vec()).collect()
}

/// A ledger that fails three times of four: before anything, half-way, and after everything.
pub struct Stumbling<'a> {
    inner: &'a dyn Ledger,
    calls: std::sync::atomic::AtomicU64,
}

impl<'a> Stumbling<'a> {
    /// Around a ledger that works.
    pub fn new(inner: &'a dyn Ledger) -> Self {
        Self { inner, calls: Default::default() }
    }
}

#[async_trait::async_trait]
impl Ledger for Stumbling<'_> {
    async fn note(&self, mut carried: Vec<Carried>) -> Result<(), Fault> {
        let stumbled = || Fault::Store("made to fail".into());
        // Nothing, then half, then all of it without an answer, then as it should be.
        match self.calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 4 {
            0 => Err(stumbled()),
            1 => {
                carried.truncate(carried.len() / 2);
                self.inner.note(carried).await?;
                Err(stumbled())
            }
            2 => {
                self.inner.note(carried).await?;
                Err(stumbled())
            }
            _ => self.inner.note(carried).await,
        }
    }
}
