//! The API from outside: requests in, answers out, on the memory store without mailboxes.

mod auth;
mod bodies;
mod browser;
mod data_scope;
mod definitions;
mod forge;
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
