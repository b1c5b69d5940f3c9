//! The keyspaces of a store folder. To add one: a field here, its line in `open`, its arm where it is used.

use fjall::config::BlockSizePolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions};
use roadbook_runtime::ports::Space;

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
}

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
            // with its own: measured as a tenth of all CPU under load.
            .worker_threads(1)
            .max_journaling_size((write_buffer_bytes * 4).max(64 * MIB))
            .open()?;
        let (large, middle) = ((write_buffer_bytes / 2).max(MIB), (write_buffer_bytes / 4).max(MIB));
        let small = (write_buffer_bytes / 16).max(MIB / 2);
        let table = |name: &str, memtable: u64| {
            database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(memtable))
        };
        let actors = || {
            KeyspaceCreateOptions::default().max_memtable_size(large).data_block_size_policy(at_rest(ROW_BLOCK_BYTES))
        };
        // A turn's record is written once and rarely read: large ones lie beside the tree, or every compaction would
        // write them again.
        let records = KvSeparationOptions::default().separation_threshold(4_096);
        let turns = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(middle)
                .data_block_size_policy(at_rest(RECORD_BLOCK_BYTES))
                .with_kv_separation(Some(records.clone()))
        };
        Ok(Self {
            actors: database.keyspace("actors", actors)?,
            claims: table("claims", small)?,
            pages: table("pages", small)?,
            letters: table("letters", small)?,
            documents: table("documents", small)?,
            sends: table("sends", small)?,
            deliveries: table("deliveries", small)?,
            counters: table("counters", small)?,
            turns: database.keyspace("turns", turns)?,
            journal: table("journal", small)?,
            due: table("due", small)?,
            index: table("index", small)?,
            database,
        })
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
