//! Mailboxes: one actix actor per awake customer, spread over arbiters by hash. The only crate that names actix.
//!
//! A customer takes one turn at a time; what arrives meanwhile is the next turn. A sleeping customer is bytes on the
//! disk; an awake one also keeps its decoded row, until it has been idle for a while or too many others are awake.

mod awake;
mod mailboxes;
#[cfg(schedules)]
pub mod schedules;
mod shard;

pub use mailboxes::{Mailboxes, Settings, StartError};
