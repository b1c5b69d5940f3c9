//! The door of the API: the axum router of `/v1`, and of `/healthz`, `/readyz`, `/metrics`.
//!
//! | question | file |
//! | --- | --- |
//! | Which paths are there? | `routes.rs` |
//! | What happens to an event that is sent? | `ingest/` |
//! | Who may ask? | `credentials.rs`, `secret.rs` |
//! | When is work turned away before it is taken? | `gate.rs` |
//! | What came in last, and what became of it? | `debugger/` |
//! | What happens to a repeated request? | `idempotency.rs` |
//! | What does an error look like? | `failure.rs` |
//! | What is shown of a customer, and what is masked? | `profiles/`, `mask.rs` |
//! | Why is somebody in a segment, in a journey, or without a message? | `explain/`, every sentence in `explain/texts.rs` |
//! | What is counted? | `metrics.rs` |
//! | Who overwrites whom? | `etag.rs` |
//! | How are all customers looked at without holding up anybody? | `scan.rs` |
//!
//! Architecture invariant: a handler gets its tenant from a proven key and from nowhere else, and every read and every
//! command below it carries that tenant. No path, no body and no cursor can name another one.
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
mod ingest;
mod keys;
mod letters;
mod mask;
mod metrics;
mod ops;
mod page;
mod params;
mod past;
mod profiles;
mod routes;
mod scan;
mod secret;
mod sends;
mod tags;
mod trace;

pub use routes::{ROUTES, RouteClass, RouteInfo, router};
