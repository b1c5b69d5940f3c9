//! Who an identifier leads to, and whom it led to before.

use crate::ports::{Fault, Item};
use roadbook_identity::WINDOW_MS;
use roadbook_kernel::{CustomerId, Moment};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who an identifier leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The owner, or a tombstone that leads to them.
    pub owner: CustomerId,
    /// Former owners with the time they lost it, the newest last: what comes again may lie in their inbox, and after
    /// the window in their History.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<(CustomerId, Moment)>,
    /// Whether it leads nowhere, because somebody unbound it; `owner` is then the last one it led to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
}

/// Former owners of an identifier that are remembered after the window, each once. More than a family's device has
/// ever had, and under 2 KB of a claim.
const PAST_MAX: usize = 32;

impl Claim {
    /// How often it changed its owner in the window before `now`.
    pub fn moves(&self, now: Moment) -> usize {
        let horizon = now.minus_ms(WINDOW_MS);
        self.past.iter().filter(|(_, until)| *until >= horizon).count()
    }

    /// The former owners worth remembering at `now`, with `lost`, who loses it now: every move of the window, and
    /// before it everybody once, the newest of them.
    pub fn past_with(&self, lost: Option<CustomerId>, now: Moment) -> Vec<(CustomerId, Moment)> {
        let horizon = now.minus_ms(WINDOW_MS);
        let (mut kept, older): (Vec<_>, Vec<_>) =
            self.past.iter().copied().chain(lost.map(|owner| (owner, now))).partition(|(_, until)| *until >= horizon);
        let mut known: BTreeSet<CustomerId> = kept.iter().map(|(owner, _)| *owner).collect();
        let room = PAST_MAX.saturating_sub(kept.len());
        let before: Vec<_> = older.into_iter().rev().filter(|(owner, _)| known.insert(*owner)).take(room).collect();
        kept.splice(0..0, before.into_iter().rev());
        kept
    }
}

/// Reads a stored claim.
///
/// # Errors
/// [`Fault::Corrupt`] where it is not one.
pub fn read_claim(item: &Item) -> Result<Claim, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a claim", &error))
}

/// The stored form of a claim.
///
/// # Errors
/// [`Fault::Corrupt`] where it cannot be written: a defect.
pub fn write_claim(claim: &Claim) -> Result<bytes::Bytes, Fault> {
    serde_json::to_vec(claim).map(Into::into).map_err(|error| Fault::Corrupt(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::DAY_MS;

    #[test]
    fn former_owners_are_kept_each_once_and_moves_of_the_window_all() {
        let owner = CustomerId::from_u128;
        let day = |n: i64| Moment::from_millis(n * DAY_MS);
        let mut claim = Claim { owner: owner(0), past: Vec::new(), released: false };
        // A hundred people in turn, one a day, and the same two on the last days.
        for n in 1..=100 {
            claim.past = claim.past_with(Some(owner(n)), day(n as i64));
        }
        assert_eq!((claim.past.len(), claim.moves(day(100))), (PAST_MAX, 16), "a window, both ends counted");
        assert_eq!(claim.past.first().map(|(owner, _)| *owner), Some(owner(69)), "the newest of them");
        for n in 101..=140_u128 {
            claim.past = claim.past_with(Some(owner(n % 2 + 500)), day(100));
        }
        assert_eq!(claim.moves(day(100)), 56, "a move of the window counts also where it is back and forth");
        claim.past = claim.past_with(None, day(200));
        let of = |wanted| claim.past.iter().filter(|(one, _)| *one == owner(wanted)).count();
        assert_eq!((claim.past.len(), of(500), of(501), claim.moves(day(200))), (18, 1, 1, 0));
        assert!(claim.past.is_sorted_by_key(|(_, until)| *until));
    }
}
