//! Where a person stands in the life with a car: four ways to say it, one machine behind them, all of it as tables.
//!
//! | question | file |
//! | --- | --- |
//! | Which stages, AIPL levels, purchase states and phases are there? | `words.rs` |
//! | Which events count, and when? | `signal.rs` |
//! | What follows from what? | `transition.rs` |
//! | What does each step mean in each of the four ways? | `step.rs` |
//! | What is kept of a person or a car? | `evidence.rs` |
//! | Which stage does a person have, with cars and without? | `position.rs` |
//!
//! Architecture invariant: what is stored is evidence (which signal, when), never a stage. Evidence is a join, so late
//! events and merges come in any order; the stage is what the tables make of it today.

mod diagram;
mod evidence;
#[cfg(test)]
mod laws;
mod position;
mod signal;
mod step;
mod transition;
mod words;

pub use diagram::{mermaid, tables};
pub use evidence::{Evidence, Place, Sign};
pub use position::{LOYAL, Position, car, headline};
pub use signal::{
    About, Need, RIPENINGS, Region, Ripening, SIGNALS, Signal, SignalSpec, THRESHOLDS, Threshold, signal_of,
};
pub use step::{STEPS, Step, StepSpec};
pub use transition::{From, TRANSITIONS, Transition, transition};
pub use words::{Aipl, Phase, Purchase, Stage};
