//! Who somebody is: identifier kinds, their normal forms, the values that identify nobody, keyed hashes and derived
//! ids, and the rules of linking and merging.
//!
//! Architecture invariant: pure. The rules say what should happen to a claim; the runtime makes it happen in one
//! transaction. The tenant's key enters as an argument; nothing here reads, writes or draws anything.
//!
//! To block a value: one row in `blocked.rs`. To add a kind: 1 `kind.rs`, 2 `normal.rs`, 3 the reader in
//! `schemas/wire`, 4 a row in the tests of both.

mod blocked;
mod email;
mod evidence;
mod identifier;
mod keys;
mod kind;
mod normal;
mod phone;
mod policy;
mod rejected;
mod rules;

pub use evidence::{Evidence, Grade};
pub use identifier::{Identifier, IdentifierKey};
pub use keys::TenantKeys;
pub use kind::{Kind, UnknownKind};
pub use normal::{VALUE_BYTES_MAX, normalise, normalise_scope};
pub use policy::{Holding, Limit, Policy, PolicyError};
pub use rejected::Rejected;
pub use rules::{
    Carried, Here, IDENTIFIERS_MAX, MOVES_MAX, Plan, RefusedLink, There, WINDOW_MS, plan, route, strongest_first,
    survivor,
};
