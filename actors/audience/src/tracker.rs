//! Windowed counting with bounded state: the newest matching occurrences, and no more than a threshold needs.
//!
//! Why that is exact: "at least k in the window" holds if and only if the k-th newest lies in the window. Dropped
//! occurrences are older than all that are kept, so they leave every window first.
//!
//! Hazard: it is exact for occurrences that are not later than `now`. An occurrence dated in the future takes the
//! place of a past one; the caller must date an occurrence no later than the moment it was accepted.

use roadbook_kernel::Moment;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One matching event. Orders by time, then id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Occurrence {
    /// When it happened.
    pub at: Moment,
    /// The short id of its message: the same message counts once.
    pub id: u64,
}

impl Serialize for Occurrence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.at, self.id).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Occurrence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <(Moment, u64)>::deserialize(deserializer).map(|(at, id)| Self { at, id })
    }
}

/// The newest matching occurrences of one [`crate::TrackerSpec`] for one customer. Stored as `[[at, id], ...]`.
///
/// For one `keep`, noting and joining give the same tracker in every order and however often repeated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tracker {
    /// Strictly ascending.
    newest_last: Vec<Occurrence>,
}

impl Tracker {
    /// Takes one occurrence in, keeping the newest `keep`. `false`, and nothing changed, if it was already known or
    /// is older than all that are kept.
    pub fn note(&mut self, occurrence: Occurrence, keep: u32) -> bool {
        let keep = keep as usize;
        let Err(place) = self.newest_last.binary_search(&occurrence) else { return false };
        // It would be one of `len - place` newer ones plus itself; beyond `keep` it is dropped at once.
        if self.newest_last.len() - place >= keep {
            return false;
        }
        self.newest_last.insert(place, occurrence);
        self.shorten(keep);
        true
    }

    /// Takes over what another customer's tracker knows (merge).
    pub fn join(&mut self, other: &Tracker, keep: u32) {
        self.newest_last.extend_from_slice(&other.newest_last);
        self.newest_last.sort_unstable();
        self.newest_last.dedup();
        self.shorten(keep as usize);
    }

    /// The newest known.
    pub fn newest(&self) -> Option<Occurrence> {
        self.newest_last.last().copied()
    }

    /// How many of those kept lie in the closed interval [from, to].
    pub fn count_since(&self, from: Moment, to: Moment) -> usize {
        let begin = self.newest_last.partition_point(|occurrence| occurrence.at < from);
        let end = self.newest_last.partition_point(|occurrence| occurrence.at <= to);
        end.saturating_sub(begin)
    }

    /// All that are kept, oldest first.
    pub fn occurrences(&self) -> &[Occurrence] {
        &self.newest_last
    }

    fn shorten(&mut self, keep: usize) {
        let excess = self.newest_last.len().saturating_sub(keep);
        self.newest_last.drain(..excess);
    }
}

impl Serialize for Tracker {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.newest_last.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tracker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut newest_last = Vec::<Occurrence>::deserialize(deserializer)?;
        newest_last.sort_unstable();
        newest_last.dedup();
        Ok(Self { newest_last })
    }
}
