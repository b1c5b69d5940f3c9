//! The door of the API: the axum router of `/v1`, and of `/healthz`, `/readyz`, `/metrics`.
//!
//! | question | file |
//! | --- | --- |
//! | Which paths are there? | `routes.rs` |
//! | What happens to an event that is sent? | `ingest/` |
//! | How does a file come in, and what became of it? | `imports/`, `jobs.rs` |
//! | Who may ask, and how often? | `credentials.rs`, `limit.rs`, `secret.rs` |
//! | How do people sign in? | `sign_in.rs`, `peer.rs`, `me.rs`, `users.rs` |
//! | When is work turned away before it is taken? | `gate.rs` |
//! | What came in last, and what became of it? | `debugger/` |
//! | What happens to a repeated request? | `idempotency.rs` |
//! | What does an error look like? | `failure.rs` |
//! | What is shown of a customer, and what is masked? | `profiles/`, `mask.rs` |
//! | Why is somebody in a segment, in a journey, or without a message? | `explain/`, every sentence in `explain/texts.rs` |
//! | What is counted? | `metrics.rs` |
//! | What does the OpenAPI document say? | `openapi/` |
//! | Who overwrites whom? | `etag.rs` |
//! | Where does a tenant want to be told? | `webhooks/` |
//! | How are all customers looked at without holding up anybody? | `scan.rs` |
//!
//! Architecture invariant: a handler gets its tenant from a proven key or token and from nowhere else, and every read
//! and every command below it carries that tenant. No path, no body and no cursor can name another one.
//!
//! Architecture invariant: no log line and no error repeats a value that came in: paths are logged as their pattern,
//! queries and bodies not at all.

mod api;
mod body;
mod command;
mod consents;
mod credentials;
mod debugger;
mod definitions;
mod etag;
mod explain;
mod failure;
mod fields;
mod gate;
mod idempotency;
mod identity;
mod imports;
mod ingest;
mod jobs;
mod keys;
mod letters;
mod limit;
mod mask;
mod me;
mod metrics;
mod openapi;
mod ops;
mod page;
mod params;
mod password;
mod past;
mod peer;
mod profiles;
mod routes;
mod scan;
mod secret;
mod sends;
mod sign_in;
mod tags;
mod trace;
mod users;
mod webhooks;

pub use openapi::document as openapi_document;
pub use peer::Doors;
pub use routes::{ROUTES, RouteClass, RouteInfo, router};
