//! The due index: who must be looked at, and when.
//!
//! Fired entries leave tombstones at the front, where every search begins. So each lane remembers how far its front
//! has certainly come: nothing is due before it. A new entry below moves it back, so the front is a bound and never
//! a cursor that could pass somebody by.

use crate::mutants::mutant;
use crate::sync::{Mutex, point};
use crate::tables::Tables;
use bytes::Bytes;
use roadbook_kernel::Moment;
use roadbook_runtime::ports::store::{LANES, lane};
use roadbook_runtime::ports::{DueEntry, DueKind, Fault, ItemKey, Space};

const HEADER: usize = 10;
const KINDS: usize = 3;

#[derive(Clone, Copy)]
struct Front {
    /// Nothing lies before it.
    bound: Moment,
    /// The earliest entry written since the oldest search that still runs began.
    written: Moment,
    /// Searches that run now. Only the first of them may forget what was written: a second one that did would hide
    /// it from the first.
    searches: u32,
}

/// Fronts of all lanes of every kind.
pub(crate) struct Fronts(Mutex<[[Front; LANES as usize]; KINDS]>);

const fn kind_byte(kind: DueKind) -> u8 {
    match kind {
        DueKind::Actor => 0,
        DueKind::Send => 1,
        DueKind::Delivery => 2,
    }
}

const fn space(kind: DueKind) -> Space {
    match kind {
        DueKind::Actor => Space::Actor,
        DueKind::Send => Space::Send,
        DueKind::Delivery => Space::Delivery,
    }
}

/// Sorts as the instant does: the sign bit is turned around.
fn sortable(at: Moment) -> [u8; 8] {
    (at.millis().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn instant(bytes: [u8; 8]) -> Moment {
    Moment::from_millis((u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed())
}

/// The key of one entry.
pub(crate) fn entry_key(kind: DueKind, at: Moment, key: &ItemKey) -> Vec<u8> {
    let mut out = prefix(kind, lane(key.tenant()), at).to_vec();
    out.extend_from_slice(key.bytes());
    out
}

fn prefix(kind: DueKind, lane: u8, at: Moment) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    (out[0], out[1]) = (kind_byte(kind), lane);
    out[2..].copy_from_slice(&sortable(at));
    out
}

impl Default for Fronts {
    fn default() -> Self {
        let unknown = Front { bound: Moment::MIN, written: Moment::MAX, searches: 0 };
        Self(Mutex::new([[unknown; LANES as usize]; KINDS]))
    }
}

impl Fronts {
    fn with<R>(&self, kind: DueKind, lane: u8, change: impl FnOnce(&mut Front) -> R) -> R {
        let mut fronts = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        change(&mut fronts[usize::from(kind_byte(kind))][usize::from(lane)])
    }

    /// An entry was written. Called when its commit is visible and before it is acknowledged: a search that ran before
    /// it was visible may have moved the front past it, and this moves it back.
    pub(crate) fn lower(&self, kind: DueKind, key: &ItemKey, at: Moment) {
        self.with(kind, lane(key.tenant()), |front| {
            front.bound = front.bound.min(at);
            front.written = front.written.min(at);
        });
    }

    /// The level trigger: every search begins at the very front again.
    pub(crate) fn forget(&self) {
        let mut fronts = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for front in fronts.iter_mut().flatten() {
            (front.bound, front.written) = (Moment::MIN, Moment::MIN);
        }
    }

    /// Entries of one lane up to `until`, and a front that has moved as far as the search proved.
    pub(crate) fn search(
        &self,
        tables: &Tables,
        kind: DueKind,
        lane: u8,
        until: Moment,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        let from = self.with(kind, lane, |front| {
            if front.searches == 0 || mutant!("searches_uncounted") {
                front.written = Moment::MAX;
            }
            front.searches += 1;
            front.bound
        });
        let read = entries(tables, kind, lane, from, until, limit);
        self.with(kind, lane, |front| {
            front.searches -= 1;
            if let Ok((_, first)) = read {
                front.bound = first.min(front.written).max(from.min(front.written));
            }
        });
        read.map(|(found, _)| found)
    }

    pub(crate) fn due(
        &self,
        tables: &Tables,
        kind: DueKind,
        until: Moment,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        let mut all = Vec::new();
        for lane in 0..LANES {
            all.extend(self.search(tables, kind, lane, until, limit)?);
        }
        Ok(all)
    }

    pub(crate) fn next(&self, tables: &Tables, kind: DueKind) -> Result<Option<Moment>, Fault> {
        let mut next = None;
        for lane in 0..LANES {
            let first = self.search(tables, kind, lane, Moment::MAX.minus_ms(1), 1)?;
            next = next.into_iter().chain(first.first().map(|entry| entry.due)).min();
        }
        Ok(next)
    }
}

/// The entries from `from` to `until`, and the instant before which there is certainly none.
fn entries(
    tables: &Tables,
    kind: DueKind,
    lane: u8,
    from: Moment,
    until: Moment,
    limit: usize,
) -> Result<(Vec<DueEntry>, Moment), Fault> {
    if from > until {
        return Ok((Vec::new(), from));
    }
    let (low, high) = (prefix(kind, lane, from), prefix(kind, lane, Moment::MAX));
    let mut found = Vec::new();
    let mut first = Moment::MAX;
    point();
    for guard in tables.due.range(low.to_vec()..high.to_vec()) {
        let key = guard.key().map_err(|error| Fault::Store(error.to_string()))?;
        let entry = read(kind, &key).ok_or_else(|| Fault::Corrupt("an entry of the due index".into()))?;
        first = first.min(entry.due);
        if entry.due > until || found.len() >= limit {
            break;
        }
        found.push(entry);
    }
    Ok((found, first))
}

/// The entries of a lane from `from` on, whatever the fronts say.
pub(crate) fn page(
    tables: &Tables,
    kind: DueKind,
    lane: u8,
    from: Option<&DueEntry>,
    limit: usize,
) -> Result<Vec<DueEntry>, Fault> {
    let mut low = prefix(kind, lane, from.map_or(Moment::MIN, |from| from.due)).to_vec();
    low.extend_from_slice(from.map_or(&[][..], |from| from.key.bytes()));
    let mut found = Vec::new();
    for guard in tables.due.range(low..) {
        let key = guard.key().map_err(|error| Fault::Store(error.to_string()))?;
        if !key.starts_with(&[kind_byte(kind), lane]) || found.len() >= limit {
            break;
        }
        found.push(read(kind, &key).ok_or_else(|| Fault::Corrupt("an entry of the due index".into()))?);
    }
    Ok(found)
}

/// Reads an entry of any kind from its key.
pub(crate) fn read_entry(key: &[u8]) -> Option<(DueKind, DueEntry)> {
    let kinds = [DueKind::Actor, DueKind::Send, DueKind::Delivery];
    let kind = kinds.into_iter().find(|kind| key.first() == Some(&kind_byte(*kind)))?;
    Some((kind, read(kind, key)?))
}

fn read(kind: DueKind, key: &[u8]) -> Option<DueEntry> {
    let due = instant(key.get(2..HEADER)?.try_into().ok()?);
    let key = ItemKey::from_stored(space(kind), Bytes::copy_from_slice(key.get(HEADER..)?))?;
    Some(DueEntry { due, key })
}
