//! The API from outside: requests in, answers out, on the memory store without mailboxes.

mod auth;
mod bodies;
mod browser;
mod corrections;
mod data_scope;
mod debugger;
mod definitions;
mod forge;
mod idempotency;
mod identity;
mod ingestion;
mod letters;
mod limits;
mod load;
mod oidc;
mod ops;
mod people;
mod privacy;
mod profiles;
mod rig;
mod tenants;
mod tokens;
