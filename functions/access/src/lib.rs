//! Who may do what: API keys, scopes, and the proof of both that every handler takes as an argument.
//!
//! Architecture invariant: an [`Authority`] is made here and nowhere else, and only after something was verified.

mod authority;
mod keys;
mod scope;

pub use authority::{Authority, Bearer};
pub use keys::{Access, ApiKey, KeyKind, NewKey};
pub use scope::{Scope, Scopes, UnknownScope};
