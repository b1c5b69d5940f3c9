//! The ports to what happened: the commit log the relay reads, and the history of each actor.

use crate::ports::store::Fault;
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

/// What happened to one actor, for ever.
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
