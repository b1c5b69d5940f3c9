//! Journey definitions as immutable revisions: parsed and validated with exact places, then walked by a pure
//! function one node at a time. The language is told by example in this folder's `README.md`.
//!
//! | question | file |
//! | --- | --- |
//! | What may a definition say? | `revision.rs`, `node.rs`, `trigger.rs`, `send.rs` |
//! | Why was a definition refused? | `graph.rs` (shape), `grammar.rs` (texts), `duration.rs` (waits) |
//! | What happens to a customer at a node? | `step.rs` |
//! | What is stored of a customer's passage? | `run.rs` |
//! | May a customer enter (again)? | `reentry.rs` |
//! | What does a pause do? | `pause.rs` |
//!
//! Architecture invariant: nothing here reads a clock, draws a random number or keeps a journey's state. The caller
//! owns the [`Run`], tells [`step`] what happened and when, and records what came of it as [`RunEvent`]s.

mod diagram;
mod duration;
mod fields;
mod grammar;
mod graph;
mod node;
mod pause;
mod reentry;
mod revision;
mod run;
mod schema;
mod send;
mod step;
mod template;
mod trigger;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod refusals;

pub use diagram::mermaid;
pub use pause::{Held, LOOK_AGAIN_MS, Standing, let_go, step_under};
pub use reentry::{Reentry, Visits, may_enter};
pub use revision::Revision;
pub use run::{Ending, Run, RunEvent, RunState};
pub use schema::json_schema;
pub use send::{Content, Member, Recipient, SendPlan};
pub use step::{Action, Input, Next, Step, step};
pub use trigger::{Edge, Filters, Happening, Trigger};
