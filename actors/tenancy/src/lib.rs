//! What a tenant allows: whether a customer may be contacted, for which purpose, right now.
//!
//! [`permit`] is the one place that decides it. Frequency caps and quiet hours will be further arguments of the same
//! function, so that no other crate grows a second opinion.

mod consent;
mod permit;

pub use consent::{ConsentLedger, Purpose, Standing, Verdict};
pub use permit::{Address, ChannelKind, Contact, Permit, SuppressReason, permit};
