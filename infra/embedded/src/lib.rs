//! Every port of the runtime in one local folder, on fjall.
//!
//! | question | file |
//! | --- | --- |
//! | Which keyspace holds what? | `tables.rs` |
//! | How do many turns share one fsync? | `committer.rs` |
//! | Who is due? | `due.rs` |
//! | How are the ports answered? | `store.rs` |
//! | What is different where schedules are tried out? | `sync.rs`, `schedules.rs` |
//! | How does all of it go into another store? | `whole.rs` |
//!
//! One process per folder: fjall locks it. Any failed write or fsync ends the process, because what the disk holds is
//! then unknown; opening the folder again finds out.

mod committer;
mod disk;
mod due;
mod mutants;
#[cfg(schedules)]
pub mod schedules;
mod store;
mod sync;
mod tables;
mod tail;
mod whole;

pub use store::{Embedded, OpenError, Options};
