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
mod members;
mod oidc;
mod ops;
mod pause;
mod people;
mod privacy;
mod profiles;
mod rig;
mod tags;
mod tenants;
mod tokens;
