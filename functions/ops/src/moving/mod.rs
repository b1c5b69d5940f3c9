//! Moving an installation: an export of numbered parts in a folder of its own, and an import of it.
//!
//! | question | file |
//! | --- | --- |
//! | What lies in the folder of an export? | `manifest.rs`, `parts.rs` |
//! | When do two stores hold the same? | `tally.rs` |
//! | How are pieces written as bytes? | `frame.rs` |
//! | Out of a store | `export.rs`, from a `source.rs` |
//! | Into a store | `import.rs`, a `target.rs` |
//!
//! A store is read and written through one port ([`roadbook_runtime::ports::Whole`]), so both directions, and a move from
//! folder to folder, are the same code.

mod export;
mod frame;
mod import;
mod manifest;
mod parts;
mod source;
mod tally;
mod target;

pub use export::export;
pub use import::import;
pub use manifest::key_check;
pub use target::is_half_full;

use roadbook_runtime::ports::{Fault, ItemKey, Piece, Whole};
use roadbook_runtime::relay::{SYSTEM, is_place};

/// How much of what.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Pieces in one part: what is done again after a crash.
    pub part_pieces: usize,
}

/// Where an import notes how far it is, in the store it fills.
pub fn progress_key() -> ItemKey {
    ItemKey::document(SYSTEM, "moving/import")
}

/// Whether a store holds nothing that would travel.
///
/// # Errors
/// A fault of the store.
pub async fn is_empty(whole: &dyn Whole) -> Result<bool, Fault> {
    let mut place = None;
    loop {
        let (pieces, next) = whole.pieces(place.as_deref(), 100).await?;
        if pieces.iter().any(travels) {
            return Ok(false);
        }
        match next {
            Some(next) => place = Some(next),
            None => return Ok(true),
        }
    }
}

/// Whether a piece goes from one store into another. Places in a store's own log and notes of a move do not.
fn travels(piece: &Piece) -> bool {
    match piece {
        Piece::Item { key, .. } => !is_place(key) && *key != progress_key(),
        Piece::Due { .. } | Piece::Past { .. } => true,
    }
}
