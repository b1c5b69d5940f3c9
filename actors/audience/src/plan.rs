//! A condition prepared for evaluation: tracker ids derived once, windows in milliseconds.

use crate::check::fits_a_vehicle;
use crate::window::{CountRule, LastRule};
use crate::{
    AiplStage, Condition, ConsentTest, DateTest, JourneyTest, Reads, Stage, TagTest, TrackerId, TrackerSpec, TraitOp,
    ValueTest,
};
use roadbook_kernel::SegmentId;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Plan {
    Fixed(bool),
    All(Vec<Plan>),
    Any(Vec<Plan>),
    Not(Box<Plan>),
    Value(String, ValueTest),
    Date(String, DateTest),
    Tag(TagTest),
    Segment(SegmentId),
    Count(TrackerId, CountRule),
    Last(TrackerId, LastRule),
    Stage(Vec<Stage>),
    Aipl(Vec<AiplStage>),
    Journey(JourneyTest),
    Vehicle(Vec<String>, Box<Plan>),
    Consent(ConsentTest),
}

/// Gathers, in one walk, the plan, what it reads and which trackers it needs.
#[derive(Default)]
pub(crate) struct Planner {
    pub(crate) reads: Reads,
    pub(crate) trackers: BTreeMap<TrackerId, TrackerSpec>,
    /// Set by a form that cannot be evaluated yet.
    pub(crate) unsupported: bool,
    /// Whether the walk is inside a condition about a vehicle.
    in_vehicle: bool,
}

impl Planner {
    pub(crate) fn plan(&mut self, condition: &Condition) -> Plan {
        if self.in_vehicle && !fits_a_vehicle(condition) {
            self.unsupported = true;
            return Plan::Fixed(false);
        }
        match condition {
            Condition::All(parts) => Plan::All(parts.iter().map(|part| self.plan(part)).collect()),
            Condition::Any(parts) => Plan::Any(parts.iter().map(|part| self.plan(part)).collect()),
            Condition::Not(part) => Plan::Not(Box::new(self.plan(part))),
            Condition::Trait(test) => {
                self.reads.traits.insert(test.key.clone());
                match &test.op {
                    TraitOp::Value(op) => Plan::Value(test.key.clone(), op.clone()),
                    TraitOp::Date(op) => {
                        self.reads.timed |= is_relative(op);
                        Plan::Date(test.key.clone(), op.clone())
                    }
                }
            }
            Condition::Tag(test) => {
                self.reads.tags.insert(test.key.clone());
                Plan::Tag(test.clone())
            }
            Condition::Segment(id) => {
                self.reads.segments.insert(*id);
                Plan::Segment(*id)
            }
            Condition::EventCount(count) => {
                let window_ms = count.window.map(crate::Span::millis);
                self.reads.timed |= window_ms.is_some();
                let rule = CountRule { op: count.op, value: count.value, window_ms };
                Plan::Count(self.track(TrackerSpec::new(&count.event, &count.filters, rule.keep())), rule)
            }
            Condition::EventLast(last) => {
                self.reads.timed = true;
                let rule = LastRule { recency: last.recency, span_ms: last.span.millis() };
                Plan::Last(self.track(TrackerSpec::new(&last.event, &last.filters, 1)), rule)
            }
            Condition::Stage(stages) => {
                self.reads.stage |= !self.in_vehicle;
                Plan::Stage(stages.clone())
            }
            Condition::Aipl(stages) => {
                self.reads.stage |= !self.in_vehicle;
                Plan::Aipl(stages.clone())
            }
            Condition::Journey(test) => {
                self.reads.journeys.insert(test.journey);
                self.reads.timed |= test.window.is_some();
                Plan::Journey(test.clone())
            }
            Condition::Vehicle(test) => {
                self.reads.vehicles = true;
                self.in_vehicle = true;
                let part = self.plan(&test.matches);
                self.in_vehicle = false;
                Plan::Vehicle(test.roles.clone(), Box::new(part))
            }
            Condition::Consent(test) => {
                self.reads.consents = true;
                Plan::Consent(test.clone())
            }
            Condition::EventFirst(_) | Condition::EventAggregate(_) | Condition::Sequence(_) | Condition::List(_) => {
                self.unsupported = true;
                Plan::Fixed(false)
            }
        }
    }

    fn track(&mut self, spec: TrackerSpec) -> TrackerId {
        let id = spec.id;
        self.reads.events.insert(spec.event.clone());
        let known = self.trackers.entry(id).or_insert(spec.clone());
        known.keep = known.keep.max(spec.keep);
        id
    }
}

fn is_relative(test: &DateTest) -> bool {
    match test {
        DateTest::Before(_) | DateTest::After(_) => false,
        DateTest::WithinLastDays(_) | DateTest::WithinNextDays(_) | DateTest::OlderThanDays(_) => true,
    }
}
