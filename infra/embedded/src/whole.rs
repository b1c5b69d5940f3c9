//! Everything in the folder, keyspace by keyspace, and writing it into an empty one.
//!
//! The commit log stays: it is the way to the relay, and whoever moves a store has carried it to its end.

use crate::committer::{item, stored};
use crate::due::{entry_key, read_entry};
use crate::mutants::mutant;
use crate::store::{Embedded, store_fault, turn_key, version_of};
use crate::sync::write;
use async_trait::async_trait;
use fjall::{Keyspace, PersistMode};
use roadbook_kernel::{ActorKey, MessageId};
use roadbook_runtime::ports::{Fault, ItemKey, Piece, Place, Space, Turn, Whole};
use std::ops::Bound;

/// Bytes read at once.
const READ_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The part of the walk behind the spaces.
const DUE: usize = Space::ALL.len();
const PAST: usize = DUE + 1;

#[async_trait]
impl Whole for Embedded {
    async fn pieces(&self, from: Option<&[u8]>, limit: usize) -> Result<(Vec<Piece>, Option<Place>), Fault> {
        let (part, mut after) = match from {
            Some([part, after @ ..]) => (usize::from(*part), after.to_vec()),
            Some([]) | None => (0, Vec::new()),
        };
        let (mut found, mut bytes) = (Vec::new(), 0);
        for part in part..=PAST {
            let low = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(std::mem::take(&mut after)) };
            for guard in self.part(part).range((low, Bound::Unbounded)) {
                let (key, value) = guard.into_inner().map_err(store_fault)?;
                bytes += key.len() + value.len();
                found.push(self.piece(part, &key, value.into())?);
                if found.len() >= limit || bytes >= READ_BYTES_MAX {
                    let place = [&[u8::try_from(part).unwrap_or(u8::MAX)], &key[..]].concat();
                    return Ok((found, Some(place)));
                }
            }
        }
        Ok((found, None))
    }

    /// Not through the committer: nobody else writes, and the log gets none of it.
    async fn restore(&self, pieces: Vec<Piece>) -> Result<(), Fault> {
        let tables = self.tables();
        let mut lowered = Vec::new();
        let mut batch = tables.database.batch().durability(Some(PersistMode::SyncData));
        for piece in pieces {
            match piece {
                Piece::Item { key, item } => batch.insert(tables.of(key.space()), key.bytes(), stored(&item)),
                Piece::Due { kind, due, key } => {
                    batch.insert(&tables.due, entry_key(kind, due, &key), bytes::Bytes::new());
                    if mutant!("restored_front_early") {
                        self.lower(kind, &key, due);
                    }
                    lowered.push((kind, key, due));
                }
                Piece::Past { turn, messages } => {
                    let key = turn_key(&turn.actor, turn.version);
                    let ids: Vec<u8> = messages.iter().flat_map(|message| message.as_u128().to_be_bytes()).collect();
                    batch.insert(&tables.turns, key, turn.record);
                    if !ids.is_empty() {
                        batch.insert(&tables.index, key, ids);
                    }
                }
            }
        }
        write(batch).map_err(store_fault)?;
        // Not before: a search that cannot see the entries yet would move the front past them again.
        if !mutant!("restored_front_early") {
            lowered.iter().for_each(|(kind, key, due)| self.lower(*kind, key, *due));
        }
        tables.make_room().map_err(store_fault)
    }
}

impl Embedded {
    fn part(&self, part: usize) -> &Keyspace {
        match Space::ALL.get(part) {
            Some(space) => self.tables().of(*space),
            None if part == DUE => &self.tables().due,
            None => &self.tables().turns,
        }
    }

    fn piece(&self, part: usize, key: &[u8], value: bytes::Bytes) -> Result<Piece, Fault> {
        let wrong = |what: &str| Fault::Corrupt(what.to_owned());
        if let Some(space) = Space::ALL.get(part) {
            let key = ItemKey::from_stored(*space, bytes::Bytes::copy_from_slice(key));
            return Ok(Piece::Item { key: key.ok_or_else(|| wrong("a key"))?, item: item(value)? });
        }
        if part == DUE {
            let (kind, entry) = read_entry(key).ok_or_else(|| wrong("an entry of the due index"))?;
            return Ok(Piece::Due { kind, due: entry.due, key: entry.key });
        }
        let actor =
            key.get(..ActorKey::BYTES).and_then(ActorKey::from_bytes).ok_or_else(|| wrong("a key of a turn"))?;
        let turn = Turn { actor, version: version_of(key)?, record: value };
        let ids = self.tables().index.get(key).map_err(store_fault)?;
        let ids = ids.as_deref().unwrap_or_default();
        if ids.len() % 16 != 0 {
            return Err(wrong("the messages of a turn"));
        }
        let id = |bytes: &[u8]| bytes.try_into().ok().map(|bytes| MessageId::from_u128(u128::from_be_bytes(bytes)));
        Ok(Piece::Past { turn, messages: ids.chunks_exact(16).filter_map(id).collect() })
    }
}
