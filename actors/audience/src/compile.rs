//! A condition with everything that is derived from it, made once when a catalog is loaded.

use crate::plan::{Plan, Planner};
use crate::{Condition, Subject, TrackerSpec, Truth};
use roadbook_kernel::{JourneyId, Moment, SegmentId};
use std::collections::BTreeSet;

/// What a condition looks at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reads {
    /// Keys of traits.
    pub traits: BTreeSet<String>,
    /// Keys of tags.
    pub tags: BTreeSet<String>,
    /// Other segments.
    pub segments: BTreeSet<SegmentId>,
    /// Journeys whose passages or outcomes it asks for.
    pub journeys: BTreeSet<JourneyId>,
    /// Whether it asks for the stage or the AIPL level.
    pub stage: bool,
    /// Whether it asks for vehicles.
    pub vehicles: bool,
    /// Whether it asks what was said about a purpose of contact.
    pub consents: bool,
    /// Names of events.
    pub events: BTreeSet<String>,
    /// Whether a window or a relative date makes it change by time alone. A segment it refers to may too: that
    /// change arrives as a change of that segment.
    pub timed: bool,
}

/// A condition ready for evaluation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compiled {
    condition: Condition,
    plan: Plan,
    trackers: Vec<TrackerSpec>,
    reads: Reads,
}

impl Compiled {
    /// Prepares a condition. One that contains a form which cannot be evaluated yet (see [`crate::check`]) never
    /// holds, not even under `not`: half an answer must not start a journey.
    pub fn new(condition: Condition) -> Self {
        let mut planner = Planner::default();
        let plan = planner.plan(&condition);
        let plan = if planner.unsupported { Plan::Fixed(false) } else { plan };
        Self { condition, plan, trackers: planner.trackers.into_values().collect(), reads: planner.reads }
    }

    /// As it was written.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The trackers it needs, each once, in the order of their ids.
    pub fn trackers(&self) -> &[TrackerSpec] {
        &self.trackers
    }

    /// What it looks at.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether it holds at `now`, and until when that is certain. Never panics, whatever the subject holds.
    ///
    /// Hazard: for one customer `now` must not go back. A late event is noted under its own time and judged at the
    /// time the customer has reached: judged at its own, newer occurrences lie ahead and do not count yet, and older
    /// ones are no longer kept.
    pub fn evaluate(&self, subject: &dyn Subject, now: Moment) -> Truth {
        self.plan.truth(subject, now)
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }
}
