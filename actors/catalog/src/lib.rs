//! What a tenant has defined: segments and journeys as drafts and as immutable published revisions, and what its tags
//! mean.
//!
//! One actor per tenant. Creating, publishing, pausing and retiring are commands like any other; every change that
//! customers must know of makes a new **edition**, and a customer never decides under an older edition than its last.
//!
//! | question | file |
//! | --- | --- |
//! | What can it be asked? What becomes true? | `command.rs`, `event.rs` |
//! | What is decided, what do facts change? | `actor.rs`, `tags.rs` |
//! | May this be saved? Does what is published fit together? | `check.rs`, `references.rs` |
//! | What do customers decide under? | `published.rs` |

mod actor;
mod check;
mod command;
mod entry;
mod event;
mod published;
mod references;
mod tag;
mod tags;
#[cfg(test)]
mod tests;

pub use actor::{Catalog, CatalogWorld, IdentityPolicy};
pub use command::Command;
pub use entry::{Archived, Entry, JourneyEntry, SegmentEntry, Status};
pub use event::{Document, Event};
pub use published::{LiveJourney, Published};
pub use references::places;
pub use tag::{TagDefinition, TagEntry, TagOrigin, TagType};
