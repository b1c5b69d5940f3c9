//! What a tenant has defined: segments and journeys as drafts and as immutable published revisions.
//!
//! One actor per tenant. Creating and publishing are commands like any other; every published change makes a new
//! **edition**, and a customer never decides under an older edition than its last.

mod actor;
mod entry;
mod published;

pub use actor::{Catalog, CatalogWorld, Command, Document, Event, IdentityPolicy};
pub use entry::{Entry, JourneyEntry, SegmentEntry, Status};
pub use published::{LiveJourney, Published};
