//! Counts and checksums of what a store holds, by what it is. The order in which pieces come does not matter: two stores
//! keep them in orders of their own, and a move that was interrupted adds up to what one at a stretch does.

use crate::moving::frame;
use roadbook_runtime::ports::{Piece, Space};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The sum of everything of one kind.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Shown", try_from = "Shown")]
pub struct Sum {
    count: u64,
    /// The hashes of all pieces, added up, 64 bits by 64 bits.
    lanes: [u64; 4],
}

/// A sum in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    count: u64,
    checksum: String,
}

/// Sums by what was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(BTreeMap<String, Sum>);

/// What a piece counts as.
const fn kind(piece: &Piece) -> &'static str {
    match piece {
        Piece::Item { key, .. } => match key.space() {
            Space::Actor => "actors",
            Space::Claim => "claims",
            Space::Page => "pages",
            Space::Letter => "letters",
            Space::Document => "documents",
            Space::Send => "sends",
            Space::Delivery => "deliveries",
            Space::Counter => "counters",
        },
        Piece::Due { .. } => "due",
        Piece::Past { .. } => "history",
    }
}

impl Tally {
    /// Counts a piece.
    pub fn add(&mut self, piece: &Piece) {
        let mut bytes = Vec::new();
        frame::write(piece, &mut bytes);
        let hash = blake3::hash(&bytes);
        let sum = self.0.entry(kind(piece).to_owned()).or_default();
        sum.count += 1;
        for (lane, part) in sum.lanes.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            *lane = lane.wrapping_add(u64::from_be_bytes(part.try_into().unwrap_or_default()));
        }
    }

    /// Everything that was counted.
    pub fn count(&self) -> u64 {
        self.0.values().map(|sum| sum.count).sum()
    }

    /// What is not the same in another, in words; nothing where they are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let kinds: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let sum = |of: &Self, kind: &str| of.0.get(kind).copied().unwrap_or_default();
        let told = |kind: &&String| {
            let (one, other) = (sum(self, kind), sum(other, kind));
            (one != other).then(|| format!("{kind}: {one} here, {other} there"))
        };
        kinds.iter().filter_map(told).collect()
    }
}

impl From<Sum> for Shown {
    fn from(sum: Sum) -> Self {
        let checksum = sum.lanes.iter().map(|lane| format!("{lane:016x}")).collect();
        Self { count: sum.count, checksum }
    }
}

impl TryFrom<Shown> for Sum {
    type Error = String;

    fn try_from(shown: Shown) -> Result<Self, Self::Error> {
        let text = shown.checksum;
        if text.len() != 64 || !text.is_ascii() {
            return Err("a checksum has 64 hex digits".into());
        }
        let mut lanes = [0; 4];
        for (place, lane) in lanes.iter_mut().enumerate() {
            let digits = &text[place * 16..(place + 1) * 16];
            *lane = u64::from_str_radix(digits, 16).map_err(|_| "a checksum has 64 hex digits")?;
        }
        Ok(Self { count: shown.count, lanes })
    }
}

impl fmt::Display for Sum {
    /// The first digits tell two of them apart; the manifest has all.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({:016x})", self.count, self.lanes[0])
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, sum) in &self.0 {
            writeln!(out, "  {kind:<11} {:>10}   {:016x}", sum.count, sum.lanes[0])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moving::frame::tests::pieces;

    fn of(pieces: impl IntoIterator<Item = Piece>) -> Tally {
        let mut tally = Tally::default();
        pieces.into_iter().for_each(|piece| tally.add(&piece));
        tally
    }

    #[test]
    fn the_order_does_not_matter_and_everything_else_does() {
        let whole = of(pieces());
        assert_eq!(of(pieces().into_iter().rev()), whole);
        assert_eq!(whole.count(), 7);
        assert_eq!(whole.differences(&whole), Vec::<String>::new());
        let less = of(pieces().into_iter().skip(1));
        assert_eq!(whole.differences(&less).len(), 1);
        assert!(whole.differences(&less)[0].starts_with("actors: 1 ("), "{:?}", whole.differences(&less));
        let mut changed = pieces();
        if let Piece::Item { item, .. } = &mut changed[0] {
            item.version -= 1;
        }
        assert_ne!(of(changed), whole, "the same number of them, another version");
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), whole);
        assert!(serde_json::from_str::<Tally>(&text.replace("\"checksum\":\"", "\"checksum\":\"x")).is_err());
    }
}
