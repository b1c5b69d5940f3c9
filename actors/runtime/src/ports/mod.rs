//! The ports: what the engine needs of the world, each as narrow as its use. `memory` implements all of them in a
//! process, `infra/embedded` in a folder; one conformance suite (`tests/it`) holds for both.

pub mod channel;
pub mod clock;
pub mod documents;
pub mod history;
pub mod hooks;
pub mod queue;
pub mod store;
pub mod whole;

pub use channel::{Channel, Outbound, PollAnswer, SendAnswer};
pub use clock::Clock;
pub use documents::{Fetch, FetchFailed};
pub use history::{Carried, Committed, History, Journal, Ledger, Turn, TurnIndex};
pub use hooks::{HookAnswer, HookCall, Hooks};
pub use queue::{Parcel, Poke, Queue, QueueName};
pub use store::{Commit, CommitError, Due, DueEntry, DueKind, Expect, Fault, Item, ItemKey, Put, Space, Store};
pub use whole::{Piece, Place, Whole};
