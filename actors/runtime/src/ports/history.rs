//! The ports to what happened: the commit log the relay reads, and the history of each actor.

use crate::ports::store::{Fault, ItemKey};
use async_trait::async_trait;
use bytes::Bytes;
use roadbook_kernel::{ActorKey, MessageId};

/// One committed turn of one actor, as bytes: see `record.rs` for what they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Whose turn.
    pub actor: ActorKey,
    /// The version it made.
    pub version: u64,
    /// The record.
    pub record: Bytes,
}

/// A turn with its place in the commit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Grows with every turn of the store; not dense.
    pub sequence: u64,
    /// The turn.
    pub turn: Turn,
}

/// Which messages a turn decided. One row per turn, not per message: a batch of a hundred events costs one write, and
/// the search, which only messages from before the inbox's window need, reads the small rows of one actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnIndex {
    /// The actor.
    pub actor: ActorKey,
    /// The version the turn made.
    pub version: u64,
    /// The messages.
    pub messages: Vec<MessageId>,
}

/// A turn as a relay has carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The turn, for History.
    pub turn: Turn,
    /// The messages it decided, for History's index.
    pub messages: Vec<MessageId>,
    /// What it adds to counters; no two of the same counter.
    pub adds: Vec<(ItemKey, i64)>,
}

/// The end of the relay where a stream brings the turns: History's row of a turn says that it was carried. A store
/// that keeps a [`Journal`] has a cursor instead and needs none of this.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes the row of every turn that has none, each in one transaction with its amounts. A turn that has its row
    /// adds nothing, however often it comes.
    async fn note(&self, carried: Vec<Carried>) -> Result<(), Fault>;
}

/// The commit log, in commit order.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Turns after `after`, oldest first.
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault>;

    /// Forgets log entries up to and including `upto`. The turns stay in [`History`].
    async fn truncate(&self, upto: u64) -> Result<(), Fault>;

    /// The sequence of the newest turn.
    fn last(&self) -> u64;

    /// Returns when turns after `after` exist, or after the next commit of any kind. May return early.
    async fn wait(&self, after: u64);
}

/// What happened to one actor, for ever. Whether a turn is here when its commit is answered, or when the relay has passed
/// it, is the store's affair.
#[async_trait]
pub trait History: Send + Sync {
    /// Turns of an actor with a version above `after`, oldest first.
    async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault>;

    /// Turns of an actor with a version below `before`, newest first.
    async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault>;

    /// The version whose turn decided a message. The index trails the commit log by the relay's lag: newer messages
    /// are found in the inbox.
    async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault>;
}
