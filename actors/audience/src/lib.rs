//! THE condition language: one grammar for segments, journey entries and branches.
//!
//! [`parse`] reads JSON and points at every mistake; [`check`] names the forms that cannot be evaluated yet;
//! [`Compiled`] evaluates against a [`Subject`] at a given instant and says when the truth could change by time
//! alone; [`RuleSet`] finds the rules an event concerns without looking at the others.
//!
//! Events are counted through a [`Tracker`]: the newest few matching occurrences, as many as the largest threshold
//! needs, and no more however long the customer lives.
//!
//! Architecture invariant: pure. No clock (`now` is an argument), no I/O, no order that differs between processes.
//!
//! To add a form: 1 `condition.rs`, 2 `parse/`, 3 `json.rs`, 4 `schema.rs`, 5 `plan.rs` and `evaluate.rs`, 6 the
//! examples in `examples.rs` (they prove parser, writer and schema agree), 7 README.md.

mod check;
mod compile;
mod condition;
mod date;
mod evaluate;
#[cfg(test)]
mod examples;
mod explain;
mod json;
#[cfg(test)]
mod laws;
pub mod limits;
mod parse;
mod plan;
mod problem;
mod rules;
mod scalar;
mod schema;
mod spec;
mod test_value;
mod tracker;
mod window;

pub use check::{accept, check};
pub use compile::{Compiled, Reads};
pub use condition::{
    Condition, ConsentState, ConsentTest, DateLiteral, DateTest, EventAggregate, EventCount, EventPick, EventRecency,
    Filter, JourneyState, JourneyTest, Recency, Sequence, Span, SpanUnit, Statistic, TagOp, TagTest, TraitOp,
    TraitTest, ValueTest, VehicleTest,
};
pub use evaluate::{Subject, Truth};
pub use explain::{Asked, Explained, Shape};
pub use parse::parse;
pub use problem::Problem;
pub use roadbook_lifecycle::{Aipl as AiplStage, Stage};
pub use rules::{RuleSet, SegmentRule, Touched};
pub use scalar::{Comparison, Scalar};
pub use schema::json_schema;
pub use spec::{TrackerId, TrackerIdError, TrackerSpec};
pub use tracker::{Occurrence, Tracker};
