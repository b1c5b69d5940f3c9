//! The wiring every door shares: [`App`] (engine, router, access) and [`Config`]. Doors take an `App`; only the
//! binaries know which stores, mailboxes and channels stand behind it.

mod accounts;
mod app;
mod config;
mod master;
mod new_tenant;
mod oidc;
mod random;
mod settings;
mod tenants;
mod visit;

pub use accounts::{Lent, NoOwner};
pub use app::{App, Intake};
pub use config::{Config, ConfigError, Corp, MiniProgram};
pub use master::{read_master, write_master};
pub use new_tenant::{NewTenant, NoTenant};
pub use oidc::Oidc;
pub use random::{NoRandomness, random};
pub use settings::{Resolved, Setting, Source};
pub use tenants::{Tenant, Tenants};
pub use visit::{Patient, VisitError, Wish, visit};
