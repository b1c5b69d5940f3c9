//! Who may do what: API keys, people, their tokens, scopes, and the proof of all that every handler takes as an
//! argument.
//!
//! | question | file |
//! | --- | --- |
//! | What was proven? | `authority.rs` |
//! | Which rights are there, and who is given which? | `scope.rs`, `roles.rs` |
//! | Where in the organisation? | `org.rs` |
//! | Who signs in, and how often may they fail? | `people.rs`, `users.rs`, `login.rs`, `passwords.rs`, `buckets.rs` |
//! | Why is a token believed? | `token/` |
//!
//! Architecture invariant: an [`Authority`] is made here and nowhere else, and only after something was verified.

mod authority;
mod buckets;
mod keys;
mod login;
mod org;
mod passwords;
mod people;
mod roles;
mod scope;
mod tenant;
mod token;
mod users;

pub use authority::{Authority, Bearer};
pub use buckets::{Buckets, Empty, Level};
pub use keys::{Access, ApiKey, KeyGrant, KeyKind, NewKey};
pub use login::{BadLogin, Login};
pub use org::{BadOrgScope, OrgScope, STORE_STEP};
pub use passwords::password_problem;
pub use people::{Attempt, OwnPassword, People, Session, SignedIn};
pub use roles::{Reach, Role, UnknownRole};
pub use scope::{Scope, Scopes, UnknownScope};
pub use tenant::tenant_key;
pub use token::{OWN_ISSUER, ProviderSettings};
pub use users::{Membership, Status, User, UserChange, Users, UsersError};
