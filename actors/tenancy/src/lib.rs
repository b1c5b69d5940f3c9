//! What a tenant allows: whether a customer may be contacted, for which purpose, right now.
//!
//! [`permit`] is the one place that decides it. Frequency caps and quiet hours will be further arguments of the same
//! function, so that no other crate grows a second opinion.

mod consent;
mod ledger;
mod permit;

pub use consent::{
    EVIDENCE_REFERENCE_BYTES_MAX, EVIDENCE_SOURCE_BYTES_MAX, Evidence, Purpose, Standing, TEXT_VERSION_BYTES_MAX,
    Verdict, is_label,
};
pub use ledger::ConsentLedger;
pub use permit::{Address, ChannelKind, Contact, Permit, SuppressReason, permit};
