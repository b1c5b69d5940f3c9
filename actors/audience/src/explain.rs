//! Why a condition holds or not: the same walk as the evaluation, with what was asked and what was found at every part.

use crate::evaluate::occurrences;
use crate::plan::Plan;
use crate::problem::Place;
use crate::{
    AiplStage, Compiled, Condition, ConsentState, ConsentTest, JourneyTest, Occurrence, Recency, Span, Stage, Subject,
    TraitTest, Truth,
};
use roadbook_kernel::{Moment, Personal, SegmentId};
use serde_json::Value;

/// Occurrences told of one count, the newest: enough to recognise them.
const OCCURRENCES_TOLD_MAX: usize = 10;

/// One part of a condition with its answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Explained {
    /// JSON pointer to the part; empty for the whole.
    pub pointer: String,
    /// Whether it holds, and when time alone could change it.
    pub truth: Truth,
    /// What is asked, as people write it. Of a combination only its word counts: the parts stand below.
    pub need: Value,
    /// What was asked and what is there.
    pub asked: Asked,
    /// The parts of a combination, in their order.
    pub parts: Vec<Explained>,
}

/// What was asked at one part, and what is known about it.
#[derive(Clone, PartialEq, Debug)]
pub enum Asked {
    /// Every part must hold.
    All,
    /// One part must hold.
    Any,
    /// The part must not hold.
    Not,
    /// A trait.
    Trait {
        /// Its key: says whether the value may be shown.
        key: String,
        /// Its value, if it is known.
        have: Option<Personal<Value>>,
    },
    /// A tag.
    Tag {
        /// Its key.
        key: String,
        /// Its value, empty where it has none; `None` without the tag.
        have: Option<String>,
    },
    /// Membership of another segment.
    Segment(SegmentId),
    /// How often an event happened.
    Count {
        /// Its name.
        event: String,
        /// Occurrences that count.
        have: usize,
        /// Whether there may be more: only as many are kept as decide it.
        or_more: bool,
        /// The window.
        window: Option<Span>,
        /// Those that count, newest first, the newest few.
        counted: Vec<Occurrence>,
    },
    /// How long ago an event last happened.
    Last {
        /// Its name.
        event: String,
        /// On which side of the span it must lie.
        recency: Recency,
        /// The span.
        span: Span,
        /// The newest occurrence.
        newest: Option<Occurrence>,
    },
    /// The lifecycle stage.
    Stage(Option<Stage>),
    /// The AIPL level.
    Aipl(Option<AiplStage>),
    /// Where the customer stands in a journey.
    Journey {
        /// What was asked.
        test: JourneyTest,
        /// When the outcome asked for was last reached.
        ended: Option<Moment>,
    },
    /// Vehicles.
    Vehicle {
        /// In one of these roles; empty = any.
        roles: Vec<String>,
        /// Each vehicle's role and stage, and whether it passes.
        have: Vec<(String, Option<Stage>, bool)>,
    },
    /// What was said about a purpose of contact.
    Consent {
        /// What was asked.
        test: ConsentTest,
        /// What was said.
        have: ConsentState,
    },
    /// A form that cannot be evaluated yet: the whole never holds.
    NotSupported,
}

impl Compiled {
    /// Says of every part whether it holds at `now`, what was asked, and what is there. Costs as much as an
    /// evaluation and the words; the answer is the one [`Compiled::evaluate`] gives.
    pub fn explain(&self, subject: &dyn Subject, now: Moment) -> Explained {
        explain(self.condition(), self.plan(), &Place::Root, subject, now)
    }
}

fn explain(condition: &Condition, plan: &Plan, at: &Place<'_>, subject: &dyn Subject, now: Moment) -> Explained {
    let mut parts = Vec::new();
    let asked = match (condition, plan) {
        (Condition::All(conditions), Plan::All(plans)) => {
            parts = children(conditions, plans, &at.key("all"), subject, now);
            Asked::All
        }
        (Condition::Any(conditions), Plan::Any(plans)) => {
            parts = children(conditions, plans, &at.key("any"), subject, now);
            Asked::Any
        }
        (Condition::Not(condition), Plan::Not(plan)) => {
            parts.push(explain(condition, plan, &at.key("not"), subject, now));
            Asked::Not
        }
        (Condition::Trait(TraitTest { key, .. }), Plan::Value(..) | Plan::Date(..)) => {
            let have = subject.trait_value(key).map(|value| Personal::new(value.into_owned()));
            Asked::Trait { key: key.clone(), have }
        }
        (Condition::Tag(test), Plan::Tag(_)) => {
            Asked::Tag { key: test.key.clone(), have: subject.tag(&test.key).map(str::to_owned) }
        }
        (Condition::Segment(id), Plan::Segment(_)) => Asked::Segment(*id),
        (Condition::EventCount(count), Plan::Count(tracker, rule)) => {
            let from = count.window.map_or(Moment::MIN, |span| now.minus_ms(span.millis()));
            let inside = |one: &&Occurrence| (from..=now).contains(&one.at);
            let mut counted: Vec<Occurrence> =
                occurrences(subject, *tracker).iter().rev().filter(inside).copied().collect();
            let have = counted.len();
            counted.truncate(OCCURRENCES_TOLD_MAX);
            let or_more = have > 0 && have >= rule.keep() as usize;
            Asked::Count { event: count.event.clone(), have, or_more, window: count.window, counted }
        }
        (Condition::EventLast(last), Plan::Last(tracker, _)) => Asked::Last {
            event: last.event.clone(),
            recency: last.recency,
            span: last.span,
            newest: occurrences(subject, *tracker).iter().rfind(|one| one.at <= now).copied(),
        },
        (Condition::Stage(_), Plan::Stage(_)) => Asked::Stage(subject.stage()),
        (Condition::Aipl(_), Plan::Aipl(_)) => Asked::Aipl(subject.aipl()),
        (Condition::Journey(test), Plan::Journey(_)) => {
            Asked::Journey { test: test.clone(), ended: subject.journey_ended(test.journey, test.state) }
        }
        (Condition::Vehicle(test), Plan::Vehicle(_, part)) => {
            let mut have = Vec::new();
            subject.any_vehicle(&mut |role, vehicle| {
                let asked = test.roles.is_empty() || test.roles.iter().any(|one| one == role);
                have.push((role.to_owned(), vehicle.stage(), asked && part.truth(vehicle, now).holds));
                // Not the first that passes, all of them.
                false
            });
            Asked::Vehicle { roles: test.roles.clone(), have }
        }
        (Condition::Consent(test), Plan::Consent(_)) => {
            Asked::Consent { test: test.clone(), have: subject.consent(test.purpose, test.channel) }
        }
        // Where one form cannot be evaluated, the plan of the whole is "no": there is nothing to walk along.
        (_, _) => Asked::NotSupported,
    };
    Explained { pointer: at.to_string(), truth: plan.truth(subject, now), need: condition.to_json(), asked, parts }
}

fn children(
    conditions: &[Condition],
    plans: &[Plan],
    at: &Place<'_>,
    subject: &dyn Subject,
    now: Moment,
) -> Vec<Explained> {
    let pairs = conditions.iter().zip(plans).enumerate();
    pairs.map(|(index, (condition, plan))| explain(condition, plan, &at.index(index), subject, now)).collect()
}

/// What a part is to the parts below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// It has none.
    Leaf,
    /// It holds by several.
    Several,
    /// It holds where its one does not.
    Negation,
}

impl Asked {
    /// What it is to the parts below it.
    pub const fn shape(&self) -> Shape {
        match self {
            Asked::All | Asked::Any => Shape::Several,
            Asked::Not => Shape::Negation,
            Asked::Trait { .. }
            | Asked::Tag { .. }
            | Asked::Segment(_)
            | Asked::Count { .. }
            | Asked::Last { .. }
            | Asked::Stage(_)
            | Asked::Aipl(_)
            | Asked::Journey { .. }
            | Asked::Vehicle { .. }
            | Asked::Consent { .. }
            | Asked::NotSupported => Shape::Leaf,
        }
    }
}

impl Explained {
    /// Every part that is no combination, in reading order, with whether an odd number of `not` stands around it.
    pub fn leaves(&self) -> Vec<(&Explained, bool)> {
        let mut found = Vec::new();
        self.collect(false, &mut found);
        found
    }

    fn collect<'e>(&'e self, negated: bool, found: &mut Vec<(&'e Explained, bool)>) {
        match self.asked.shape() {
            Shape::Several => self.parts.iter().for_each(|part| part.collect(negated, found)),
            Shape::Negation => self.parts.iter().for_each(|part| part.collect(!negated, found)),
            Shape::Leaf => found.push((self, negated)),
        }
    }
}
