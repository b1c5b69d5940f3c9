//! Group commit: one thread, one batch, one fsync for the turns of many actors; answers after it.
//!
//! No timer gathers a group: what arrives during one fsync is the next group. Conditions are checked here, one commit
//! after another, each against what the store holds and the group has added, as if each were written alone.

use crate::due::{Fronts, entry_key};
use crate::mutants::mutant;
use crate::sync::{
    AtomicU64, GROUP_COMMITS_MAX, JoinHandle, Mutex, MutexGuard, Notify, Ordering, Receiver, Sender, channel,
    end_process, oneshot, point, spawn, write,
};
use crate::tables::Tables;
use crate::tail::Tail;
use bytes::Bytes;
use fjall::{OwnedWriteBatch, PersistMode};
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Commit, CommitError, DueKind, Expect, Fault, Item, ItemKey, Put, Space, Turn};
use rustc_hash::FxHashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Bytes of one group.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

type Answer = oneshot::Sender<Result<(), CommitError>>;

/// A commit with the one who waits for it.
pub(crate) struct Request {
    commit: Commit,
    answer: Answer,
}

/// What the committer shares with readers.
pub(crate) struct Shared {
    pub(crate) tables: Tables,
    pub(crate) fronts: Fronts,
    pub(crate) last_sequence: AtomicU64,
    pub(crate) committed: Notify,
    tail: Mutex<Tail>,
}

impl Shared {
    pub(crate) fn new(tables: Tables, last_sequence: u64) -> Self {
        Self {
            tables,
            fronts: Fronts::default(),
            last_sequence: AtomicU64::new(last_sequence),
            committed: Notify::new(),
            tail: Mutex::default(),
        }
    }

    pub(crate) fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The committer's thread.
pub(crate) struct Committer {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (requests, inbox) = channel();
        // A committer that is gone would leave a process that looks well and takes nothing.
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| run(&shared, &inbox))).is_err() {
                end_process("the committer panicked");
            }
        };
        Ok(Self { requests: Some(requests), thread: Some(spawn("committer", run)?) })
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let gone = || CommitError::Fault(Fault::Store("the store is closed".into()));
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(Request { commit, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Committer {
    /// Everything that was taken is committed before the thread ends.
    fn drop(&mut self) {
        self.requests.take();
        if let Some(thread) = self.thread.take().filter(|_| !mutant!("not_drained"))
            && thread.join().is_err()
        {
            tracing::error!("the committer ended by a panic");
        }
    }
}

fn run(shared: &Shared, inbox: &Receiver<Request>) {
    let mut sequence = shared.last_sequence.load(Ordering::SeqCst);
    let mut versions = Versions::new(VERSIONS_KEPT);
    while let Ok(first) = inbox.recv() {
        let mut group = Group::new(shared, &mut versions, sequence);
        group.take(first);
        while !group.is_full() {
            match inbox.try_recv() {
                Ok(request) => group.take(request),
                Err(_) => break,
            }
        }
        if mutant!("overfull_dropped") && group.is_full() {
            drop(inbox.try_recv());
        }
        sequence = group.write();
    }
}

/// Versions of actors and claims as this thread has written them: it is the only writer, so they are never stale, and
/// most conditions are checked without looking into the store.
const VERSIONS_KEPT: usize = 16_384;

type Versions = quick_cache::unsync::Cache<ItemKey, u64>;

/// One group being put together.
struct Group<'a> {
    shared: &'a Shared,
    batch: OwnedWriteBatch,
    /// What this group has written so far, by key: later commits of the group are checked against it.
    written: FxHashMap<ItemKey, Option<Item>>,
    adds: FxHashMap<ItemKey, i64>,
    turns: Vec<Turn>,
    answers: Vec<(Answer, Result<(), CommitError>)>,
    /// Entries of the due index this group writes.
    lowered: Vec<(DueKind, ItemKey, Moment)>,
    versions: &'a mut Versions,
    sequence: u64,
    bytes: usize,
}

impl<'a> Group<'a> {
    fn new(shared: &'a Shared, versions: &'a mut Versions, sequence: u64) -> Self {
        Self {
            shared,
            batch: shared.tables.database.batch().durability(durability()),
            written: FxHashMap::default(),
            adds: FxHashMap::default(),
            turns: Vec::new(),
            answers: Vec::new(),
            lowered: Vec::new(),
            versions,
            sequence,
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.answers.len() >= GROUP_COMMITS_MAX || self.bytes >= GROUP_BYTES_MAX
    }

    fn take(&mut self, request: Request) {
        let Request { commit, answer } = request;
        let outcome = self.check(&commit).map(|()| self.add(commit));
        self.answers.push((answer, outcome));
    }

    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        for put in &commit.puts {
            match put.expect {
                Expect::Anything => continue,
                Expect::Version(version) if self.versions.peek(&put.key) == Some(&version) => continue,
                Expect::Version(_) | Expect::Absent => {}
            }
            let current = self.current(&put.key)?;
            if !roadbook_runtime::holds(put, current.as_ref().map(|item| item.version)) {
                return Err(CommitError::Conflict { key: put.key.clone(), current });
            }
        }
        Ok(())
    }

    fn current(&self, key: &ItemKey) -> Result<Option<Item>, CommitError> {
        match self.written.get(key) {
            Some(item) => Ok(item.clone()),
            None => load(&self.shared.tables, key).map_err(CommitError::Fault),
        }
    }

    fn add(&mut self, commit: Commit) {
        for put in commit.puts {
            self.put(put);
        }
        for due in commit.dues {
            let table = &self.shared.tables.due;
            if let Some(was) = due.was {
                self.batch.remove(table, entry_key(due.kind, was, &due.key));
            }
            if let Some(now) = due.now {
                self.batch.insert(table, entry_key(due.kind, now, &due.key), Bytes::new());
                self.lowered.push((due.kind, due.key, now));
            }
        }
        for (key, amount) in commit.adds {
            *self.adds.entry(key).or_default() += amount;
        }
        for entry in commit.index {
            let key = crate::store::turn_key(&entry.actor, entry.version);
            let ids: Vec<u8> = entry.messages.iter().flat_map(|message| message.as_u128().to_be_bytes()).collect();
            self.batch.insert(&self.shared.tables.index, key, ids);
        }
        for turn in commit.turns {
            self.bytes += turn.record.len();
            let key = crate::store::turn_key(&turn.actor, turn.version);
            self.batch.insert(&self.shared.tables.turns, key, turn.record.clone());
            self.turns.push(turn);
        }
    }

    fn put(&mut self, put: Put) {
        let table = self.shared.tables.of(put.key.space());
        match &put.item {
            Some(item) => {
                self.bytes += item.body.len();
                self.batch.insert(table, put.key.bytes(), stored(item));
            }
            None => self.batch.remove(table, put.key.bytes()),
        }
        if mutant!("group_unseen") {
            return;
        }
        match (&put.item, put.key.space()) {
            (Some(item), Space::Actor | Space::Claim | Space::Send | Space::Delivery) => {
                self.versions.insert(put.key.clone(), item.version)
            }
            (None, _) => drop(self.versions.remove(&put.key)),
            (Some(_), Space::Page | Space::Letter | Space::Document | Space::Counter) => {}
        }
        self.written.insert(put.key, put.item);
    }

    /// Writes the group and answers everybody in it. Returns the last sequence.
    fn write(mut self) -> u64 {
        if let Err(fault) = self.add_counters() {
            end_process(&fault.to_string());
        }
        let first = self.sequence + 1;
        if !self.turns.is_empty() {
            let mut group = Vec::with_capacity(self.turns.len() * crate::store::TURN_KEY_BYTES);
            self.turns.iter().for_each(|turn| {
                group.extend_from_slice(&crate::store::turn_key(&turn.actor, turn.version));
            });
            self.batch.insert(&self.shared.tables.journal, &first.to_be_bytes()[..], group);
        }
        if mutant!("ack_before_commit") {
            answer_all(&mut self.answers);
        }
        if mutant!("front_lowered_early") {
            self.lowered.drain(..).for_each(|(kind, key, at)| self.shared.fronts.lower(kind, &key, at));
        }
        if mutant!("ack_before_fsync") && self.sequence.is_multiple_of(8) {
            let _late = self.shared.tables.database.persist(PersistMode::SyncData);
        }
        if let Err(error) = write(self.batch)
            && !mutant!("failure_ignored")
        {
            // What the disk holds is unknown now, and a second fsync would lie about it.
            end_process(&error.to_string());
        }
        #[cfg(feature = "mutants")]
        if mutant!("retry_failed_fsync") {
            crate::mutants::sync_again_where_it_fails(&self.shared.tables.turns);
        } else if mutant!("turns_remembered") {
            crate::mutants::remember(first, self.turns.len());
        }
        if mutant!("ack_before_front") {
            answer_all(&mut self.answers);
        }
        for (kind, key, at) in &self.lowered {
            self.shared.fronts.lower(*kind, key, *at);
        }
        if mutant!("notify_early") {
            self.shared.committed.notify_waiters();
        }
        let last = self.sequence + self.turns.len() as u64;
        if !self.turns.is_empty() {
            let mut tail = self.shared.tail();
            for (sequence, turn) in (first..).zip(self.turns) {
                tail.push(sequence, turn);
            }
            self.shared.last_sequence.store(last, Ordering::SeqCst);
        }
        if !mutant!("notify_early") {
            self.shared.committed.notify_waiters();
        }
        answer_all(&mut self.answers);
        // Nobody who has an answer waits for it.
        if let Err(error) = self.shared.tables.make_room() {
            end_process(&error.to_string());
        }
        last
    }

    fn add_counters(&mut self) -> Result<(), Fault> {
        for (key, amount) in std::mem::take(&mut self.adds) {
            let current = match self.written.get(&key) {
                Some(item) => item.clone(),
                None => load(&self.shared.tables, &key)?,
            };
            let (version, total) = current.map_or((0, 0), |item| (item.version, item.amount()));
            let body = Bytes::copy_from_slice(&total.saturating_add(amount).to_be_bytes());
            let item = Item { version: version + 1, body };
            self.batch.insert(self.shared.tables.of(Space::Counter), key.bytes(), stored(&item));
        }
        Ok(())
    }
}

/// How far a group has come when its commit returns: to the disk.
fn durability() -> Option<PersistMode> {
    if mutant!("ack_before_write") {
        return None;
    }
    if mutant!("ack_before_fsync") {
        return Some(PersistMode::Buffer);
    }
    Some(if mutant!("retry_failed_fsync") { PersistMode::Buffer } else { PersistMode::SyncData })
}

fn answer_all(answers: &mut Vec<(Answer, Result<(), CommitError>)>) {
    for (answer, outcome) in answers.drain(..) {
        // One who no longer waits finds out by loading.
        let _gone = answer.send(outcome);
    }
}

/// The stored form of an item: 8 bytes of version, then the body.
pub(crate) fn stored(item: &Item) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + item.body.len());
    out.extend_from_slice(&item.version.to_le_bytes());
    out.extend_from_slice(&item.body);
    out
}

/// Reads an item.
pub(crate) fn load(tables: &Tables, key: &ItemKey) -> Result<Option<Item>, Fault> {
    point();
    let found = tables.of(key.space()).get(key.bytes()).map_err(|error| Fault::Store(error.to_string()))?;
    found.map(|value| item(value.into())).transpose()
}

/// Reads the stored form of an item back.
pub(crate) fn item(value: Bytes) -> Result<Item, Fault> {
    let version = value.get(..8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let version = version.ok_or_else(|| Fault::Corrupt("an item without its version".into()))?;
    Ok(Item { version, body: value.slice(8..) })
}
