//! Store and History on DynamoDB, the turns its stream brings, and queues on SQS. The only crate that names the AWS SDK.
//!
//! | question | file |
//! | --- | --- |
//! | Which tables, with which keys and attributes? | `tables.rs` |
//! | Where does an item lie? | `keys.rs` |
//! | How are bytes packed? | `codec.rs` |
//! | What does a commit write? | `plan.rs`, `action.rs` |
//! | How is it written once, whatever the network does? | `commit.rs`, `outcome.rs` |
//! | When does a turn's record leave its row? | `outbox.rs`, `ask.rs`; as a log: `uncarried.rs` |
//! | Where is a record its row cannot keep? | `spill.rs` |
//! | How are scans ordered over several partitions? | `merge.rs`, `query.rs` |
//! | What becomes of a turn? | `stream.rs`, then `ledger.rs`; read by `history.rs` |
//! | How does all of it go into another store? | `whole.rs` |
//! | What is asked of a queue? | `sqs.rs`; what lies in which, and in what order: `queue.rs` |
//! | How is a client made? | `client.rs` |
//! | Which functions and secrets has a stack? | `functions.rs`, `vault.rs` |

mod action;
mod ask;
mod client;
pub mod codec;
mod commit;
mod functions;
mod history;
mod keys;
mod ledger;
mod merge;
mod outbox;
mod outcome;
mod plan;
mod query;
mod queue;
mod spill;
mod sqs;
mod store;
pub mod stream;
pub mod tables;
mod uncarried;
mod vault;
mod whole;

pub use client::{Account, Settings, connect, connect_both};
pub use functions::{Function, Functions, Live, Published};
pub use queue::{QueueUrls, Queues};
pub use sqs::{Depth, Incoming, MESSAGES_MAX, Outgoing, REQUEST_BYTES_MAX, Sqs};
pub use store::Dynamo;
pub use uncarried::Uncarried;
pub use vault::{Held, Vault};
