//! The One ID actor (客户唯一身份): everything known about one customer, and everything that waits for them.
//!
//! The vocabulary is four files: [`command`], [`event`], [`effect`], and the refusals named in `decide/`. State is in
//! [`state`]; [`evolve`](Customer) is the only place where an event changes it.

mod activity;
mod announce;
mod cars;
pub mod command;
mod decide;
pub mod effect;
pub mod event;
mod evolve;
mod grants;
mod hand;
mod merge;
mod sends;
mod stages;
pub mod state;
mod stores;
mod subject;
mod tags;
mod traits;
pub mod unmerge;
mod world;

pub use activity::Activity;
pub use announce::{Announcement, Topic, Topics};
pub use cars::{CARS_MAX, Car, Role, Tie, vehicle};
pub use command::{Call, Command, ConsentWord, Observation, SendOutcome, SendReport, TraitOps};
pub use effect::{Effect, Outbound};
pub use event::{Cause, Correction, Event, Undecided};
pub use grants::Grants;
pub use hand::{BadHand, Hand};
pub use merge::merged;
pub use sends::{SendRecord, SendStatus};
pub use state::{Absorbed, Customer, Founding, Life, Link, Membership};
pub use stores::{STORES_MAX, Stores};
pub use tags::Tag;
pub use traits::{Trait, is_personal_trait};
pub use world::{Begun, World};
