//! The port to everything a store keeps, whosever it is: what a move from one store into another reads and writes.

use crate::ports::history::Turn;
use crate::ports::store::{DueKind, Fault, Item, ItemKey};
use async_trait::async_trait;
use roadbook_kernel::{MessageId, Moment};

/// One thing that a store keeps, without anything that only this store knows of it (its place in a log, marks of
/// writers). It holds what customers are, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// An item, with the version that goes on counting in the other store.
    Item {
        /// Where it lies.
        key: ItemKey,
        /// What it is.
        item: Item,
    },
    /// An entry of the due index.
    Due {
        /// Which index.
        kind: DueKind,
        /// When.
        due: Moment,
        /// What.
        key: ItemKey,
    },
    /// A turn in History, with the messages that its index names.
    Past {
        /// The turn.
        turn: Turn,
        /// The messages.
        messages: Vec<MessageId>,
    },
}

/// Where reading goes on: bytes that mean something to the store that gave them, and to no other.
pub type Place = Vec<u8>;

/// Everything in a store. Nobody may write to the store meanwhile, but whoever calls this.
#[async_trait]
pub trait Whole: Send + Sync {
    /// About `limit` pieces from a place on, from the very beginning without one; and the next place, `None` at the end.
    /// Each piece comes once, in an order of the store's own.
    async fn pieces(&self, from: Option<&[u8]>, limit: usize) -> Result<(Vec<Piece>, Option<Place>), Fault>;

    /// Writes pieces as they are, without a condition: written twice they are the same. The entry of the due index must
    /// come with its item or after it. When this returns, it is on the disk.
    async fn restore(&self, pieces: Vec<Piece>) -> Result<(), Fault>;
}
