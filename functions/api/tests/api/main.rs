//! The API from outside: requests in, answers out, on the memory store without mailboxes.

mod auth;
mod bodies;
mod browser;
mod contract;
mod corrections;
mod debugger;
mod definitions;
mod idempotency;
mod identity;
mod ingestion;
mod letters;
mod load;
mod openapi;
mod ops;
mod privacy;
mod profiles;
mod rig;
mod tenants;
