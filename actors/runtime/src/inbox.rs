//! Which messages an actor has already decided: a ring of the newest, pages of the older, and a filter over the pages.
//!
//! Entries carry OUR commit time, never a producer's: one phone in 2035 would otherwise move the window for everybody.
//! Not in the ring and not in the filter = new. A filter hit, or a filter too full to trust, means reading the pages:
//! slow, counted, never wrong.

use roadbook_identity::WINDOW_MS;
use roadbook_kernel::{Hash128, Moment};
use std::collections::BTreeMap;

/// Entries the ring holds when a turn ends.
pub const RING_MAX: usize = 32;
/// Entries that stay in the ring when the rest moves to a page.
const RING_KEPT: usize = 16;
/// Entries of one page: 14 KB.
const PAGE_MAX: usize = 1_024;
/// Entries from which on a page is left as it is: 3.5 KB to write again with every 17 messages.
const PAGE_GROWN: u32 = 256;
const FILTER_BYTES: usize = 512;
const ENTRY_BYTES: usize = 14;
const PAGE_META_BYTES: usize = 30;

/// One decided message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// When the turn that decided it was committed.
    pub at: Moment,
    /// 64 bits of the message id.
    pub id: u64,
}

/// A page item: which actor's, which number, and what it covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PageMeta {
    /// The actor that wrote it: after a merge a survivor's inbox names the loser's pages too.
    pub owner: Hash128,
    /// Its number there.
    pub number: u32,
    /// The newest entry in it.
    pub newest: Moment,
    /// How many entries; at least [`PAGE_GROWN`] once two actors name the page: see [`Inbox::share`].
    pub entries: u32,
}

/// What the inbox knows without reading pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// Decided before.
    Known,
    /// Certainly not.
    New,
    /// The pages must be read.
    AskPages,
}

/// A page to be written with the turn.
pub struct PageWrite {
    /// Its number.
    pub number: u32,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// The inbox of one actor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    ring: Vec<Entry>,
    pages: Vec<PageMeta>,
    next_page: u32,
    filter: Option<Box<Filter>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Filter([u8; FILTER_BYTES]);

impl Filter {
    /// Four positions of 12 bits each out of the message hash.
    fn places(id: u64) -> [usize; 4] {
        [0, 12, 24, 36].map(|shift| ((id >> shift) & 0xfff) as usize)
    }

    fn add(&mut self, id: u64) {
        Self::places(id).into_iter().for_each(|place| self.0[place / 8] |= 1 << (place % 8));
    }

    fn has(&self, id: u64) -> bool {
        Self::places(id).into_iter().all(|place| self.0[place / 8] & (1 << (place % 8)) != 0)
    }
}

impl Inbox {
    /// Looks in what the row itself holds.
    pub fn lookup(&self, id: u64) -> Lookup {
        if self.ring.iter().any(|entry| entry.id == id) {
            return Lookup::Known;
        }
        match &self.filter {
            Some(filter) if filter.has(id) => Lookup::AskPages,
            Some(_) | None => Lookup::New,
        }
    }

    /// The pages, for [`Lookup::AskPages`], newest first.
    pub fn pages(&self) -> impl Iterator<Item = &PageMeta> {
        self.pages.iter().rev()
    }

    /// Records a decided message.
    pub fn note(&mut self, id: u64, at: Moment) {
        if !self.ring.iter().any(|entry| entry.id == id) {
            self.ring.push(Entry { at, id });
        }
    }

    /// Whether this turn's commit must move entries to pages.
    pub fn is_full(&self) -> bool {
        self.ring.len() > RING_MAX
    }

    /// Pages that left the window.
    pub fn expired(&self, now: Moment) -> Vec<PageMeta> {
        let horizon = now.minus_ms(WINDOW_MS);
        self.pages.iter().filter(|page| page.newest < horizon).copied().collect()
    }

    /// Drops expired pages and rebuilds the filter from the ones that stay. `kept` are the ids of those.
    pub fn drop_pages(&mut self, expired: &[PageMeta], kept: impl Iterator<Item = u64>) {
        self.pages.retain(|page| !expired.contains(page));
        self.filter = (!self.pages.is_empty()).then(|| {
            let mut filter = Box::new(Filter([0; FILTER_BYTES]));
            kept.for_each(|id| filter.add(id));
            filter
        });
    }

    /// The newest page of this actor that has room: reading it with each message costs as much as reading a full one.
    pub fn small_page(&self, owner: Hash128) -> Option<PageMeta> {
        let page = self.pages.iter().rev().find(|page| page.owner == owner)?;
        (page.entries < PAGE_GROWN).then_some(*page)
    }

    /// From now on another actor names these pages too, after a merge or an unmerge. Whoever took one back would delete
    /// it under the other, who then would decide its messages again: so they stay as they are until they expire.
    pub fn share(&mut self) {
        self.pages.iter_mut().for_each(|page| page.entries = page.entries.max(PAGE_GROWN));
    }

    /// Takes a page back into the ring, from where [`Inbox::overflow`] moves it out again with what came since.
    pub fn reopen(&mut self, page: &PageMeta, entries: Vec<Entry>) {
        self.pages.retain(|one| one != page);
        self.ring.extend(entries);
    }

    /// Moves all but the newest entries out of the ring.
    pub fn overflow(&mut self, owner: Hash128) -> Vec<PageWrite> {
        if !self.is_full() {
            return Vec::new();
        }
        self.ring.sort_unstable();
        let moved: Vec<Entry> = self.ring.drain(..self.ring.len() - RING_KEPT).collect();
        let filter = self.filter.get_or_insert_with(|| Box::new(Filter([0; FILTER_BYTES])));
        moved.iter().for_each(|entry| filter.add(entry.id));
        moved
            .chunks(PAGE_MAX)
            .map(|chunk| {
                let number = self.next_page;
                self.next_page += 1;
                let newest = chunk.iter().map(|entry| entry.at).max().unwrap_or_default();
                self.pages.push(PageMeta { owner, number, newest, entries: chunk.len() as u32 });
                let mut body = Vec::with_capacity(chunk.len() * ENTRY_BYTES);
                chunk.iter().for_each(|entry| write_entry(entry, &mut body));
                PageWrite { number, body }
            })
            .collect()
    }

    /// Takes over what another actor has decided (merge): rings and pages by union, filters by OR.
    pub fn unite(&mut self, other: &Inbox) {
        let mut entries: BTreeMap<u64, Moment> = self.ring.iter().map(|entry| (entry.id, entry.at)).collect();
        for entry in &other.ring {
            entries.entry(entry.id).and_modify(|at| *at = (*at).max(entry.at)).or_insert(entry.at);
        }
        self.ring = entries.into_iter().map(|(id, at)| Entry { at, id }).collect();
        self.ring.sort_unstable();
        for page in &other.pages {
            if !self.pages.iter().any(|mine| (mine.owner, mine.number) == (page.owner, page.number)) {
                self.pages.push(*page);
            }
        }
        self.pages.sort_by_key(|page| (page.newest, page.owner, page.number));
        if let Some(theirs) = &other.filter {
            let mine = self.filter.get_or_insert_with(|| Box::new(Filter([0; FILTER_BYTES])));
            mine.0.iter_mut().zip(theirs.0.iter()).for_each(|(mine, theirs)| *mine |= theirs);
        }
    }

    /// The stored form: counts and fixed-size entries, little more than the ids themselves.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.ring.len() as u16).to_le_bytes());
        self.ring.iter().for_each(|entry| write_entry(entry, out));
        out.extend_from_slice(&(self.pages.len() as u16).to_le_bytes());
        for page in &self.pages {
            out.extend_from_slice(&page.owner.0.to_le_bytes());
            out.extend_from_slice(&page.number.to_le_bytes());
            write_moment(page.newest, out);
            out.extend_from_slice(&page.entries.to_le_bytes());
        }
        out.extend_from_slice(&self.next_page.to_le_bytes());
        out.push(u8::from(self.filter.is_some()));
        if let Some(filter) = &self.filter {
            out.extend_from_slice(&filter.0);
        }
    }

    /// Reads [`Inbox::write`] back; `None` where the bytes are not an inbox.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let entries = take(&mut rest, 2).map(|count| u16::from_le_bytes([count[0], count[1]]))?;
        let ring = read_entries(take(&mut rest, usize::from(entries) * ENTRY_BYTES)?);
        let count = take(&mut rest, 2).map(|count| u16::from_le_bytes([count[0], count[1]]))?;
        let pages = take(&mut rest, usize::from(count) * PAGE_META_BYTES)?
            .chunks_exact(PAGE_META_BYTES)
            .map(|page| {
                Some(PageMeta {
                    owner: Hash128(u128::from_le_bytes(page[..16].try_into().ok()?)),
                    number: u32::from_le_bytes(page[16..20].try_into().ok()?),
                    newest: read_moment(&page[20..26]),
                    entries: u32::from_le_bytes(page[26..30].try_into().ok()?),
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let next_page = u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?);
        let filter = match take(&mut rest, 1)?[0] {
            0 => None,
            _ => Some(Box::new(Filter(take(&mut rest, FILTER_BYTES)?.try_into().ok()?))),
        };
        rest.is_empty().then_some(Self { ring, pages, next_page, filter })
    }
}

/// The entries of a page body.
pub fn read_entries(body: &[u8]) -> Vec<Entry> {
    body.chunks_exact(ENTRY_BYTES)
        .map(|entry| Entry {
            id: u64::from_le_bytes(entry[..8].try_into().unwrap_or_default()),
            at: read_moment(&entry[8..]),
        })
        .collect()
}

fn write_entry(entry: &Entry, out: &mut Vec<u8>) {
    out.extend_from_slice(&entry.id.to_le_bytes());
    write_moment(entry.at, out);
}

/// Six bytes hold milliseconds until the year 10889; commit times are never before 1970.
fn write_moment(at: Moment, out: &mut Vec<u8>) {
    out.extend_from_slice(&at.millis().max(0).to_le_bytes()[..6]);
}

fn read_moment(bytes: &[u8]) -> Moment {
    let mut wide = [0u8; 8];
    wide[..6].copy_from_slice(&bytes[..6]);
    Moment::from_millis(i64::from_le_bytes(wide))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mixed(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
    }

    proptest! {
        #[test]
        fn every_noted_id_is_known_or_asks_the_pages(counts in prop::collection::vec(1u64..90, 1..12)) {
            let (mut inbox, mut paged, mut next) = (Inbox::default(), Vec::new(), 0u64);
            for count in counts {
                for _ in 0..count {
                    inbox.note(mixed(next), Moment::from_millis(next as i64));
                    next += 1;
                }
                for page in inbox.overflow(Hash128(7)) {
                    paged.extend(read_entries(&page.body));
                }
                prop_assert!(!inbox.is_full());
            }
            for n in 0..next {
                match inbox.lookup(mixed(n)) {
                    Lookup::Known => {}
                    Lookup::AskPages => prop_assert!(paged.iter().any(|entry| entry.id == mixed(n))),
                    Lookup::New => prop_assert!(false, "message {} would be decided twice", n),
                }
            }
            let mut bytes = Vec::new();
            inbox.write(&mut bytes);
            prop_assert_eq!(Inbox::read(&bytes), Some(inbox));
        }

        #[test]
        fn uniting_is_a_union_in_either_order(a in 0u64..60, b in 0u64..60) {
            let build = |from: u64, count: u64| {
                let mut inbox = Inbox::default();
                (from..from + count).for_each(|n| inbox.note(mixed(n), Moment::from_millis(n as i64)));
                inbox.overflow(Hash128(u128::from(from)));
                inbox
            };
            let (left, right) = (build(0, a), build(30, b));
            let (mut one, mut other) = (left.clone(), right.clone());
            one.unite(&right);
            other.unite(&left);
            for n in 0..90 {
                prop_assert_eq!(one.lookup(mixed(n)), other.lookup(mixed(n)));
            }
        }
    }

    #[test]
    fn expired_pages_leave_and_the_filter_forgets_them() {
        let mut inbox = Inbox::default();
        (0..40).for_each(|n| inbox.note(mixed(n), Moment::from_millis(1)));
        inbox.overflow(Hash128(1));
        let expired = inbox.expired(Moment::from_millis(WINDOW_MS + 2));
        assert_eq!(expired.len(), 1);
        inbox.drop_pages(&expired, std::iter::empty());
        assert_eq!((0..40).filter(|n| inbox.lookup(mixed(*n)) == Lookup::New).count(), 24);
    }
}
