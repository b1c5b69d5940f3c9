//! All ports in the memory of one process: for tests, simulation and dry runs. Every operation is atomic under one
//! lock, and "durable" means that the value outlives whoever uses it.

use crate::ports::store::lane;
use crate::ports::{
    Carried, Clock, Commit, CommitError, Committed, DueEntry, DueKind, Expect, Fault, History, Item, ItemKey, Journal,
    Ledger, Put, Space, Store, Turn,
};
use async_trait::async_trait;
use bytes::Bytes;
use roadbook_kernel::{ActorKey, MessageId, Moment, TenantId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

#[derive(Clone, Default, PartialEq)]
struct Tables {
    items: BTreeMap<ItemKey, Item>,
    due: BTreeMap<(DueKind, u8, Moment, ItemKey), ()>,
    journal: BTreeMap<u64, Turn>,
    turns: BTreeMap<(ActorKey, u64), Bytes>,
    index: BTreeMap<(ActorKey, u64), Vec<MessageId>>,
    sequence: u64,
    /// Turns a ledger has noted.
    noted: BTreeSet<(ActorKey, u64)>,
}

impl Tables {
    /// The lanes of the due index in which somebody waits: of sixteen, mostly a few.
    fn lanes(&self, kind: DueKind) -> impl Iterator<Item = u8> {
        let first = move |lane| {
            let front = (kind, lane, Moment::MIN, ItemKey::lowest());
            let ((of, lane, ..), ()) = self.due.range(front..).next()?;
            (*of == kind).then_some(*lane)
        };
        std::iter::successors(first(0), move |lane| first(lane + 1))
    }

    /// A lane of the due index, earliest first.
    fn lane(&self, kind: DueKind, lane: u8, from: Option<&DueEntry>) -> impl Iterator<Item = DueEntry> {
        let first = from.map_or_else(|| (Moment::MIN, ItemKey::lowest()), |from| (from.due, from.key.clone()));
        let all = self.due.range((kind, lane, first.0, first.1)..).map(|(entry, ())| entry);
        let mine = all.take_while(move |(of, at, ..)| (*of, *at) == (kind, lane));
        mine.map(|(_, _, due, key)| DueEntry { due: *due, key: key.clone() })
    }

    fn add(&mut self, key: ItemKey, amount: i64) {
        let item = self.items.entry(key).or_insert(Item { version: 0, body: Bytes::from_static(&[0; 8]) });
        let total = item.amount().saturating_add(amount);
        *item = Item { version: item.version + 1, body: Bytes::copy_from_slice(&total.to_be_bytes()) };
    }
}

/// The memory store.
#[derive(Default)]
pub struct Memory {
    tables: Mutex<Tables>,
    committed: Notify,
    writes: AtomicU64,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn tables_to_write(&self) -> MutexGuard<'_, Tables> {
        let tables = self.tables();
        self.writes.fetch_add(1, Ordering::SeqCst);
        tables
    }

    /// How often it was written or tried to: whoever sees the same number twice would read the same twice.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// A store of its own that holds what this one holds now: to try what could happen next.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { tables: Mutex::new(self.tables().clone()), ..Self::new() }
    }

    /// Whether two stores hold the same, down to the last sequence of the commit log.
    pub fn equals(&self, other: &Memory) -> bool {
        let mine = self.tables().clone();
        mine == *other.tables()
    }

    /// Every item, for comparing whole stores in tests.
    pub fn items(&self) -> Vec<(ItemKey, Item)> {
        self.tables().items.iter().map(|(key, item)| (key.clone(), item.clone())).collect()
    }
}

/// Whether a put's condition holds for what is there.
pub fn holds(put: &Put, current: Option<u64>) -> bool {
    match put.expect {
        Expect::Anything => true,
        Expect::Absent => current.is_none(),
        Expect::Version(version) => current == Some(version),
    }
}

#[async_trait]
impl Store for Memory {
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
        Ok(self.tables().items.get(key).cloned())
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        let tables = self.tables();
        let first = after.map_or(prefix, |after| after.max(prefix));
        let front = [&tenant.as_u128().to_be_bytes(), first].concat();
        let Some(front) = ItemKey::from_stored(space, front.into()) else { return Ok(Vec::new()) };
        let fits = |key: &ItemKey| key.space() == space && key.tenant() == tenant && key.local().starts_with(prefix);
        let later = |key: &ItemKey| after.is_none_or(|after| key.local() > after);
        let found = tables.items.range(front..).take_while(|(key, _)| fits(key)).filter(|(key, _)| later(key));
        Ok(found.take(limit).map(|(key, item)| (key.clone(), item.clone())).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut guard = self.tables_to_write();
        let tables = &mut *guard;
        for put in &commit.puts {
            let current = tables.items.get(&put.key);
            if !holds(put, current.map(|item| item.version)) {
                return Err(CommitError::Conflict { key: put.key.clone(), current: current.cloned() });
            }
        }
        for put in commit.puts {
            match put.item {
                Some(item) => tables.items.insert(put.key, item),
                None => tables.items.remove(&put.key),
            };
        }
        for due in commit.dues {
            let at = |moment| (due.kind, lane(due.key.tenant()), moment, due.key.clone());
            due.was.and_then(|was| tables.due.remove(&at(was)));
            due.now.and_then(|now| tables.due.insert(at(now), ()));
        }
        for turn in commit.turns {
            tables.sequence += 1;
            tables.turns.insert((turn.actor, turn.version), turn.record.clone());
            tables.journal.insert(tables.sequence, turn);
        }
        for (key, amount) in commit.adds {
            tables.add(key, amount);
        }
        for entry in commit.index {
            tables.index.insert((entry.actor, entry.version), entry.messages);
        }
        drop(guard);
        self.committed.notify_waiters();
        Ok(())
    }

    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        let tables = self.tables();
        let of_lane = |lane| tables.lane(kind, lane, None).take_while(|entry| entry.due <= until).take(limit);
        Ok(tables.lanes(kind).flat_map(of_lane).collect())
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        Ok(self.tables().lane(kind, lane, from).take(limit).collect())
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        let tables = self.tables();
        Ok(tables.lanes(kind).filter_map(|lane| tables.lane(kind, lane, None).next()).map(|entry| entry.due).min())
    }

    async fn ready(&self) -> Result<(), Fault> {
        Ok(())
    }
}

#[async_trait]
impl Journal for Memory {
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
        let tables = self.tables();
        let range = tables.journal.range(after + 1..).take(limit);
        Ok(range.map(|(sequence, turn)| Committed { sequence: *sequence, turn: turn.clone() }).collect())
    }

    async fn truncate(&self, upto: u64) -> Result<(), Fault> {
        let mut tables = self.tables_to_write();
        tables.journal = tables.journal.split_off(&(upto + 1));
        Ok(())
    }

    fn last(&self) -> u64 {
        self.tables().sequence
    }

    async fn wait(&self, after: u64) {
        let notified = self.committed.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if self.last() > after {
            return;
        }
        notified.await;
    }
}

#[async_trait]
impl Ledger for Memory {
    async fn note(&self, carried: Vec<Carried>) -> Result<(), Fault> {
        let mut tables = self.tables_to_write();
        for Carried { turn, messages, adds } in carried {
            let row = (turn.actor, turn.version);
            if tables.noted.insert(row) {
                adds.into_iter().for_each(|(key, amount)| tables.add(key, amount));
                tables.turns.insert(row, turn.record);
                tables.index.insert(row, messages);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl History for Memory {
    async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        let tables = self.tables();
        let range = tables.turns.range((*actor, after.saturating_add(1))..=(*actor, u64::MAX)).take(limit);
        Ok(range.map(as_turn).collect())
    }

    async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        let tables = self.tables();
        let range = tables.turns.range((*actor, 0)..(*actor, before)).rev().take(limit);
        Ok(range.map(as_turn).collect())
    }

    async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault> {
        let tables = self.tables();
        let mut turns = tables.index.range((*actor, 0)..=(*actor, u64::MAX));
        Ok(turns.find(|(_, messages)| messages.contains(&message)).map(|((_, version), _)| *version))
    }
}

fn as_turn(((actor, version), record): (&(ActorKey, u64), &Bytes)) -> Turn {
    Turn { actor: *actor, version: *version, record: record.clone() }
}

/// A clock that stands where it is put: replay and tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Moment) -> Self {
        Self(AtomicI64::new(at.millis()))
    }

    /// Puts the clock. It never goes back.
    pub fn advance_to(&self, at: Moment) {
        self.0.fetch_max(at.millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Moment {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}
