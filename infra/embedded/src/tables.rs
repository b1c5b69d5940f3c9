//! The keyspaces of a store folder. To add one: a field here, its line in `open`, its arm where it is used.

use fjall::config::BlockSizePolicy;
use fjall::{AbstractTree, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use roadbook_runtime::ports::Space;
use std::time::Duration;

/// The keyspaces.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) database: Database,
    actors: Keyspace,
    claims: Keyspace,
    pages: Keyspace,
    letters: Keyspace,
    documents: Keyspace,
    sends: Keyspace,
    deliveries: Keyspace,
    counters: Keyspace,
    /// actor, version -> turn record: History.
    pub(crate) turns: Keyspace,
    /// first sequence of a commit group -> (actor, version) of each turn in it: the commit log.
    pub(crate) journal: Keyspace,
    /// kind, lane, due, item key -> nothing.
    pub(crate) due: Keyspace,
    /// actor, version -> the messages decided in that turn.
    pub(crate) index: Keyspace,
    buffers: Buffers,
}

/// Bytes a table may hold in memory before they are handed to the thread that writes tables.
#[derive(Clone, Copy)]
struct Buffers {
    actors: u64,
    turns: u64,
    /// Each of the others.
    other: u64,
}

/// Buffers of one table that wait to be written. One below the number at which fjall makes a writer wait without looking
/// whether anybody still writes them.
const WAITING_MAX: usize = 3;
/// How often a full house is looked at.
const LOOK: Duration = Duration::from_millis(2);

const MIB: u64 = 1024 * 1024;
/// Rows and records are JSON of the same few shapes: the more of them a block holds, the better it compresses, and the
/// more is unpacked to read one. A waiting customer took 1,580 bytes in blocks of 4 KiB and takes 764 in these.
const ROW_BLOCK_BYTES: u32 = 16 * 1024;
const RECORD_BLOCK_BYTES: u32 = 64 * 1024;
/// Levels that are rewritten so often that larger blocks would only cost.
const BUSY_LEVELS: usize = 3;

/// Small blocks where data moves, larger ones where it rests.
fn at_rest(bytes: u32) -> BlockSizePolicy {
    let mut sizes = vec![4 * 1024; BUSY_LEVELS];
    sizes.push(bytes);
    BlockSizePolicy::new(sizes)
}

impl Tables {
    /// Opens the folder. Half of the write buffer goes to actors, a quarter to turns: they take almost all bytes, and
    /// an actor written again before its buffer is full costs nothing later.
    pub(crate) fn open(path: &std::path::Path, cache_bytes: u64, write_buffer_bytes: u64) -> fjall::Result<Self> {
        let database = Database::builder(path)
            .cache_size(cache_bytes)
            // With two, fjall 3.1's first worker sends itself every compaction it finds and spins until the second is done
            // with its own: measured as a tenth of all CPU under load. With one, nobody may fill the queue to it: see
            // `make_room`.
            .worker_threads(1)
            .max_journaling_size((write_buffer_bytes * 4).max(64 * MIB))
            .open()?;
        let buffers = Buffers {
            actors: (write_buffer_bytes / 2).max(MIB),
            turns: (write_buffer_bytes / 4).max(MIB),
            other: (write_buffer_bytes / 16).max(MIB / 2),
        };
        // No limit that fjall would act on by itself.
        let options = || KeyspaceCreateOptions::default().max_memtable_size(u64::MAX);
        let table = |name: &str| database.keyspace(name, options);
        let actors = || options().data_block_size_policy(at_rest(ROW_BLOCK_BYTES));
        // A turn's record is written once and rarely read: large ones lie beside the tree, or every compaction would
        // write them again.
        let records = KvSeparationOptions::default().separation_threshold(4_096);
        let turns =
            || options().data_block_size_policy(at_rest(RECORD_BLOCK_BYTES)).with_kv_separation(Some(records.clone()));
        Ok(Self {
            actors: database.keyspace("actors", actors)?,
            claims: table("claims")?,
            pages: table("pages")?,
            letters: table("letters")?,
            documents: table("documents")?,
            sends: table("sends")?,
            deliveries: table("deliveries")?,
            counters: table("counters")?,
            turns: database.keyspace("turns", turns)?,
            journal: table("journal")?,
            due: table("due")?,
            index: table("index")?,
            buffers,
            database,
        })
    }

    /// Hands full buffers to the thread that writes tables, and waits where that thread is far behind. To be called
    /// after every commit.
    ///
    /// fjall 3.1 would leave it to the thread itself, and asks it with every commit as long as a buffer is over its
    /// limit. A thousand such questions fill its queue while it is busy for a second; then it waits for room in its own
    /// queue, for ever: nothing is written to tables any more, and memory and journal grow until the machine is full.
    #[expect(clippy::disallowed_methods, reason = "the committer has a thread of its own, and must wait here")]
    pub(crate) fn make_room(&self) -> fjall::Result<()> {
        for (name, table) in self.named() {
            let limit = match name {
                "actors" => self.buffers.actors,
                "turns" => self.buffers.turns,
                _ => self.buffers.other,
            };
            if table.tree.active_memtable().size() <= limit {
                continue;
            }
            while table.sealed_memtable_count() >= WAITING_MAX {
                // An error where the thread has ended by one: nobody will ever make room.
                self.database.persist(PersistMode::Buffer)?;
                std::thread::sleep(LOOK);
            }
            table.rotate_memtable()?;
        }
        Ok(())
    }

    /// Every keyspace with its name.
    pub(crate) fn named(&self) -> [(&'static str, &Keyspace); 12] {
        [
            ("actors", &self.actors),
            ("claims", &self.claims),
            ("pages", &self.pages),
            ("letters", &self.letters),
            ("documents", &self.documents),
            ("sends", &self.sends),
            ("deliveries", &self.deliveries),
            ("counters", &self.counters),
            ("turns", &self.turns),
            ("journal", &self.journal),
            ("due", &self.due),
            ("index", &self.index),
        ]
    }

    /// The keyspace of a kind of item.
    pub(crate) const fn of(&self, space: Space) -> &Keyspace {
        match space {
            Space::Actor => &self.actors,
            Space::Claim => &self.claims,
            Space::Page => &self.pages,
            Space::Letter => &self.letters,
            Space::Document => &self.documents,
            Space::Send => &self.sends,
            Space::Delivery => &self.deliveries,
            Space::Counter => &self.counters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_fills_a_buffer_hands_it_over() {
        let folder = tempfile::tempdir().expect("a folder");
        // The smallest buffers there are: a mebibyte for actors.
        let tables = Tables::open(folder.path(), MIB, 0).expect("an empty folder opens");
        let actors = tables.of(Space::Actor);
        for number in 0..200_u64 {
            let mut batch = tables.database.batch();
            batch.insert(actors, number.to_be_bytes(), vec![7; 64 * 1024]);
            batch.commit().and_then(|()| tables.make_room()).expect("it is written");
            assert!(actors.tree.active_memtable().size() <= MIB, "{number}: more than the buffer holds");
            assert!(actors.sealed_memtable_count() <= WAITING_MAX, "{number}: too many wait");
        }
        for number in 0..200_u64 {
            assert!(actors.get(number.to_be_bytes()).expect("it is read").is_some(), "{number} is gone");
        }
    }
}
