//! The ports, answered from the folder.

use crate::committer::{Committer, Shared, item, load};
use crate::disk::Disk;
use crate::mutants::mutant;
use crate::sync::{AtomicU64, Ordering, point};
use crate::tables::Tables;
use async_trait::async_trait;
use bytes::Bytes;
use roadbook_kernel::{ActorKey, MessageId, Moment, TenantId};
use roadbook_runtime::ports::{
    Commit, CommitError, Committed, DueEntry, DueKind, Fault, History, Item, ItemKey, Journal, Space, Store, Turn,
};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// Bytes of a turn's key: actor and version.
pub(crate) const TURN_KEY_BYTES: usize = ActorKey::BYTES + 8;
/// Turns one commit group can hold at most, generously: where a search for the group of a turn begins.
const GROUP_TURNS_MAX: u64 = 8_192;
/// Bytes of turns read from the log at once: a relay that is far behind must not hold all of it.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Searches of the due index between two that begin at the very front again.
const SEARCHES_BETWEEN_FULL: u32 = 10_000;

/// Settings of a store folder.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of memory for cached blocks.
    pub cache_bytes: u64,
    /// Bytes of memory for writes not yet in tables.
    pub write_buffer_bytes: u64,
    /// Free bytes the disk must keep: below it commits are refused.
    pub disk_free_bytes_min: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 8 << 20, write_buffer_bytes: 32 << 20, disk_free_bytes_min: 64 << 20 }
    }
}

/// Why a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store in {0} is in use by another process; stop that one first, or give this one a folder of its own")]
    InUse(String),
    /// The store itself says no.
    #[error("the store in {path} cannot be opened: {reason}")]
    Unusable {
        /// Which folder.
        path: String,
        /// What the store said.
        reason: String,
    },
}

/// A store folder.
pub struct Embedded {
    shared: Arc<Shared>,
    committer: Committer,
    disk: Disk,
    searches: AtomicU32,
    /// Groups of the commit log before this one are gone: what was removed leaves tombstones nobody should read.
    truncated: AtomicU64,
}

impl Embedded {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// [`OpenError`]: another process has it, or it cannot be read.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let shown = || path.display().to_string();
        let unusable = |reason: String| OpenError::Unusable { path: shown(), reason };
        let tables = match Tables::open(path, options.cache_bytes, options.write_buffer_bytes) {
            Ok(tables) => tables,
            Err(fjall::Error::Locked) => return Err(OpenError::InUse(shown())),
            Err(error) => return Err(unusable(error.to_string())),
        };
        keep_folders(path).map_err(|error| unusable(format!("its folders cannot be synced: {error}")))?;
        Self::over(tables, path, options)
    }

    /// A store over tables that are open.
    pub(crate) fn over(tables: Tables, path: &Path, options: &Options) -> Result<Self, OpenError> {
        let unusable = |reason: String| OpenError::Unusable { path: path.display().to_string(), reason };
        let last = last_sequence(&tables).map_err(|fault| unusable(fault.to_string()))?;
        let shared = Arc::new(Shared::new(tables, last));
        let committer = Committer::start(shared.clone()).map_err(|error| unusable(error.to_string()))?;
        let disk = Disk::new(path.to_owned(), options.disk_free_bytes_min);
        Ok(Self { shared, committer, disk, searches: AtomicU32::new(0), truncated: AtomicU64::new(0) })
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.shared.tables
    }

    #[cfg(schedules)]
    pub(crate) fn fronts(&self) -> &crate::due::Fronts {
        &self.shared.fronts
    }

    /// An entry was written past the committer, and can be seen.
    pub(crate) fn lower(&self, kind: DueKind, key: &ItemKey, at: Moment) {
        self.shared.fronts.lower(kind, key, at);
    }

    /// Every so often the due index is searched from the very front: whatever a bound might have passed by is found.
    fn level_trigger(&self) {
        if self.searches.fetch_add(1, Ordering::Relaxed) % SEARCHES_BETWEEN_FULL == SEARCHES_BETWEEN_FULL - 1 {
            self.shared.fronts.forget();
        }
    }

    /// Writes all tables in their final, smallest form. For measuring and before a backup; takes long.
    ///
    /// # Errors
    /// A fault of the store.
    pub fn compact(&self) -> Result<(), Fault> {
        let tables = self.tables();
        let all = Space::ALL.map(|space| tables.of(space)).into_iter();
        for table in all.chain([&tables.turns, &tables.journal, &tables.due, &tables.index]) {
            table.rotate_memtable_and_wait().and_then(|()| table.major_compact()).map_err(store_fault)?;
        }
        Ok(())
    }
}

impl Embedded {
    /// Bytes free on the disk of this folder; `None` where the file system does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        self.disk.free_bytes()
    }

    /// Bytes that each table takes on the disk, by its name.
    pub fn sizes(&self) -> Vec<(&'static str, u64)> {
        self.tables().named().into_iter().map(|(name, table)| (name, table.disk_space())).collect()
    }
}

/// Syncs the folders that fjall makes and does not sync into the folder above: a power cut could otherwise take a whole
/// keyspace along, and everything that was ever synced in it.
fn keep_folders(path: &Path) -> std::io::Result<()> {
    if mutant!("folders_not_synced") {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    for folder in [Some(path.join("keyspaces").as_path()), Some(path), above].into_iter().flatten() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The journal never loses its newest group, so its end is the last sequence.
fn last_sequence(tables: &Tables) -> Result<u64, Fault> {
    let Some(guard) = tables.journal.last_key_value() else { return Ok(0) };
    let (key, group) = guard.into_inner().map_err(store_fault)?;
    Ok(sequence(&key)? + (group.len() / TURN_KEY_BYTES) as u64 - 1)
}

fn sequence(key: &[u8]) -> Result<u64, Fault> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| Fault::Corrupt("a key of the commit log".into()))
}

pub(crate) fn turn_key(actor: &ActorKey, version: u64) -> [u8; TURN_KEY_BYTES] {
    let mut key = [0; TURN_KEY_BYTES];
    key[..ActorKey::BYTES].copy_from_slice(&actor.to_bytes());
    key[ActorKey::BYTES..].copy_from_slice(&version.to_be_bytes());
    key
}

pub(crate) fn store_fault(error: fjall::Error) -> Fault {
    Fault::Store(error.to_string())
}

#[async_trait]
impl Store for Embedded {
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
        load(self.tables(), key)
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        let whole = |local: &[u8]| [&tenant.as_u128().to_be_bytes()[..], local].concat();
        let low = match after {
            Some(after) if after > prefix => Bound::Excluded(whole(after)),
            Some(_) | None => Bound::Included(whole(prefix)),
        };
        let wanted = whole(prefix);
        let mut found = Vec::new();
        for guard in self.tables().of(space).range((low, Bound::Unbounded)) {
            let (key, value) = guard.into_inner().map_err(store_fault)?;
            if !key.starts_with(&wanted) || found.len() >= limit {
                break;
            }
            let key = ItemKey::from_stored(space, key.into()).ok_or_else(|| Fault::Corrupt("a key".into()))?;
            found.push((key, item(value.into())?));
        }
        Ok(found)
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.disk.check()?;
        self.committer.commit(commit).await
    }

    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        self.level_trigger();
        self.shared.fronts.due(self.tables(), kind, until, limit)
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        crate::due::page(self.tables(), kind, lane, from, limit)
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        self.shared.fronts.next(self.tables(), kind)
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.disk.check_now()
    }
}

#[async_trait]
impl Journal for Embedded {
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
        if let Some(turns) = self.shared.tail().after(after, limit) {
            return Ok(turns);
        }
        point();
        let (mut found, mut bytes) = (Vec::new(), 0);
        // Groups are keyed by their first turn: the one that holds `after` may reach past it.
        let low = after.saturating_sub(GROUP_TURNS_MAX).to_be_bytes().to_vec();
        for guard in self.tables().journal.range(low..) {
            let (key, group) = guard.into_inner().map_err(store_fault)?;
            let first = sequence(&key)?;
            for (sequence, key) in (first..).zip(group.chunks_exact(TURN_KEY_BYTES)) {
                if sequence <= after {
                    continue;
                }
                let record = self.tables().turns.get(key).map_err(store_fault)?;
                let (actor, version) = key.split_at(ActorKey::BYTES);
                let turn = ActorKey::from_bytes(actor).zip(version.try_into().ok()).zip(record);
                let ((actor, version), record) = turn.ok_or_else(|| Fault::Corrupt("a turn of the log".into()))?;
                let turn = Turn { actor, version: u64::from_be_bytes(version), record: record.into() };
                bytes += turn.record.len();
                found.push(Committed { sequence, turn });
                if found.len() >= limit || bytes >= READ_BYTES_MAX {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// The newest group stays: it tells the next process where the log ends. Not synced: a truncation that is lost is
    /// done again.
    async fn truncate(&self, upto: u64) -> Result<(), Fault> {
        self.shared.tail().truncate(upto);
        let journal = &self.tables().journal;
        let newest = self.shared.last_sequence.load(Ordering::SeqCst);
        let mut batch = self.tables().database.batch();
        let low = self.truncated.load(Ordering::SeqCst);
        let mut next = low;
        for guard in journal.range(low.to_be_bytes().to_vec()..=upto.to_be_bytes().to_vec()) {
            let (key, group) = guard.into_inner().map_err(store_fault)?;
            let end = sequence(&key)? + (group.len() / TURN_KEY_BYTES) as u64 - 1;
            if end <= upto && (end < newest || mutant!("log_end_dropped")) {
                batch.remove(journal, key);
                next = end + 1;
            }
        }
        batch.commit().map_err(store_fault)?;
        self.truncated.store(next, Ordering::SeqCst);
        Ok(())
    }

    fn last(&self) -> u64 {
        self.shared.last_sequence.load(Ordering::SeqCst)
    }

    async fn wait(&self, after: u64) {
        if mutant!("wait_unarmed") && self.last() > after {
            return;
        }
        let committed = self.shared.committed.notified();
        tokio::pin!(committed);
        committed.as_mut().enable();
        if self.last() > after && !mutant!("wait_unarmed") {
            return;
        }
        committed.await;
    }
}

#[async_trait]
impl History for Embedded {
    async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        let range = turn_key(actor, after.saturating_add(1)).to_vec()..=turn_key(actor, u64::MAX).to_vec();
        self.tables().turns.range(range).take(limit).map(|guard| as_turn(actor, guard)).collect()
    }

    async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        let range = turn_key(actor, 0).to_vec()..turn_key(actor, before).to_vec();
        self.tables().turns.range(range).rev().take(limit).map(|guard| as_turn(actor, guard)).collect()
    }

    async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault> {
        let wanted = message.as_u128().to_be_bytes();
        for guard in self.tables().index.prefix(actor.to_bytes()) {
            let (key, ids) = guard.into_inner().map_err(store_fault)?;
            if ids.chunks_exact(wanted.len()).any(|id| id == wanted) {
                return version_of(&key).map(Some);
            }
        }
        Ok(None)
    }
}

fn as_turn(actor: &ActorKey, guard: fjall::Guard) -> Result<Turn, Fault> {
    let (key, record) = guard.into_inner().map_err(store_fault)?;
    let record: Bytes = record.into();
    Ok(Turn { actor: *actor, version: version_of(&key)?, record })
}

/// The version at the end of a turn's key.
pub(crate) fn version_of(key: &[u8]) -> Result<u64, Fault> {
    let version = key.get(ActorKey::BYTES..).and_then(|bytes| bytes.try_into().ok());
    version.map(u64::from_be_bytes).ok_or_else(|| Fault::Corrupt("a key of a turn".into()))
}
