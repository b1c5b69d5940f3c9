//! The API from outside: requests in, answers out, on the memory store without mailboxes.

mod auth;
mod bodies;
mod browser;
mod corrections;
mod debugger;
mod definitions;
mod explain;
mod idempotency;
mod identity;
mod ingestion;
mod letters;
mod load;
mod members;
mod ops;
mod pause;
mod privacy;
mod profiles;
mod rig;
mod stages;
mod tags;
mod tenants;
