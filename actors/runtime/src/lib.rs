//! The engine: one turn, one write. Ports, `deliver`, `relay`, `sweep`, `replay`. No vendor is named here.
//!
//! | question | file |
//! | --- | --- |
//! | What happens to a message? | `router.rs` -> `deliver.rs` -> `fold.rs` -> `gate.rs` |
//! | What is stored of an actor? | `row.rs`, `inbox.rs`, `record.rs` |
//! | Who does an identifier lead to? | `claim.rs` |
//! | What becomes one commit? | `working.rs`, `ports/store.rs` |
//! | What must no turn be, whatever was decided? | `laws.rs` |
//! | How do effects leave? | `relay.rs`, `streamed.rs`, `sends.rs` |
//! | How do webhooks leave? | `webhooks/` |
//! | How do timers fire? | `sweep.rs`; through queues by `ahead.rs`, and in a moment by `soon.rs` |
//! | What stands in a queue? | `envelope.rs`, behind `ports/queue.rs` |
//! | How is a merge undone? | `unmerge.rs`, on `roadbook_customer::unmerge` |
//! | What must people decide? | `suggestions.rs` |
//! | What is counted? | `projections/` |
//! | Does everything agree? | `doctor/` |
//! | Whose is a car? | `people.rs` |

pub mod ahead;
mod backfill;
mod catalog_actor;
mod catalogs;
mod claim;
mod customers;
mod deliver;
mod direct;
pub mod doctor;
pub mod engine;
mod envelope;
mod fold;
mod gate;
mod hosted;
mod inbox;
mod laws;
mod letters;
mod live;
mod memory;
mod memory_queue;
mod merge;
mod message;
pub mod mutants;
mod past;
mod people;
pub mod ports;
pub mod projections;
pub mod record;
pub mod relay;
mod router;
mod row;
pub mod sends;
mod soon;
mod streamed;
pub mod suggestions;
pub mod sweep;
mod sync;
mod unbind;
mod unmerge;
pub mod webhooks;
mod working;

pub use backfill::{
    Aim, SweepState, advance as advance_backfill, begin as begin_backfill, progress as backfill_progress, sweep_of,
    sweeps,
};
pub use catalogs::{CATALOG_AGE_MS_MAX, Catalogs, revision_name};
pub use claim::{Claim, read_claim};
pub use deliver::{Delivered, Work, deliver};
pub use direct::Direct;
pub use engine::{Engine, KeyRing, Lateness, Limits, Tally};
pub use envelope::{Envelope, PARCEL_BYTES_MAX, PackError, TooLarge, hinted, pack, queue_all};
pub use hosted::Hosted;
pub use inbox::{Inbox, Lookup};
pub use letters::{Correction, Letter, LetterKind, LetterStatus, Undelivered};
pub use live::live;
pub use memory::{ManualClock, Memory, SystemClock, holds};
pub use memory_queue::{MemoryQueue, Received};
pub use message::{Message, Outcome};
pub use past::past;
pub use people::{Person, people_of_car};
pub use router::{Accepted, Deliver, Router, write_letter};
pub use row::Row;
pub use soon::Poked;
pub use streamed::{Streamed, in_order};
pub use working::load_row;
