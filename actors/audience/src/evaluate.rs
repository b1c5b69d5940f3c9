//! Evaluation: is it true at `now`, and until when is that certain?

use crate::plan::Plan;
use crate::{AiplStage, ConsentState, JourneyState, JourneyTest, Stage, Tracker, TrackerId};
use roadbook_kernel::{JourneyId, Moment, SegmentId};
use roadbook_tenancy::{ChannelKind, Purpose};
use serde_json::Value;
use std::borrow::Cow;

/// What a condition may look at. Each method costs one look-up.
pub trait Subject {
    /// The value of a trait.
    fn trait_value(&self, key: &str) -> Option<Cow<'_, Value>>;
    /// The value of a tag; `""` where it has none, `None` where the customer lacks the tag.
    fn tag(&self, key: &str) -> Option<&str>;
    /// Whether the customer is a member of a segment.
    fn in_segment(&self, id: SegmentId) -> bool;
    /// The tracker of this id; `None` where nothing matched yet.
    fn tracker(&self, id: TrackerId) -> Option<&Tracker>;
    /// The lifecycle stage, if anything is known of it.
    fn stage(&self) -> Option<Stage> {
        None
    }
    /// The AIPL level, if anything is known of it.
    fn aipl(&self) -> Option<AiplStage> {
        None
    }
    /// Whether the customer is in a journey, or was never; an outcome is asked by [`Subject::journey_ended`].
    fn journey_is(&self, _id: JourneyId, state: JourneyState) -> bool {
        state == JourneyState::Never
    }
    /// When the customer last left a journey with this outcome.
    fn journey_ended(&self, _id: JourneyId, _outcome: JourneyState) -> Option<Moment> {
        None
    }
    /// What was said about a purpose: the word that decides for a channel, or (`None`) that about all of them.
    fn consent(&self, _purpose: Purpose, _channel: Option<ChannelKind>) -> ConsentState {
        ConsentState::Unknown
    }
    /// Whether one of the customer's vehicles passes: it is shown with the customer's role and what is known of it.
    fn any_vehicle(&self, _passes: &mut dyn FnMut(&str, &dyn Subject) -> bool) -> bool {
        false
    }
}

/// The answer of an evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Truth {
    /// Whether it holds now.
    pub holds: bool,
    /// The earliest instant later than now at which it could differ although nothing new is learned; `None` =
    /// never. It may be early (evaluate again then), it is never late.
    pub next_change_at: Option<Moment>,
}

impl Truth {
    /// True or false for as long as nothing new is learned.
    pub const fn fixed(holds: bool) -> Self {
        Self { holds, next_change_at: None }
    }

    /// True exactly within the closed interval [first, last].
    pub(crate) fn between(first: Moment, last: Moment, now: Moment) -> Self {
        if now < first {
            Self { holds: false, next_change_at: Some(first) }
        } else if now <= last {
            Self { holds: true, next_change_at: just_after(last, now) }
        } else {
            Self::fixed(false)
        }
    }

    /// True from the instant after `last` on.
    pub(crate) fn after(last: Moment, now: Moment) -> Self {
        if now > last { Self::fixed(true) } else { Self { holds: false, next_change_at: just_after(last, now) } }
    }

    fn inverted(self) -> Self {
        Self { holds: !self.holds, next_change_at: self.next_change_at }
    }
}

/// The instant after `last`, unless the scale of time ends there.
fn just_after(last: Moment, now: Moment) -> Option<Moment> {
    Some(last.plus_ms(1)).filter(|next| *next > now)
}

impl Plan {
    pub(crate) fn truth(&self, subject: &dyn Subject, now: Moment) -> Truth {
        match self {
            Plan::Fixed(holds) => Truth::fixed(*holds),
            Plan::All(parts) => together(parts, true, subject, now),
            Plan::Any(parts) => together(parts, false, subject, now),
            Plan::Not(part) => part.truth(subject, now).inverted(),
            Plan::Value(key, test) => Truth::fixed(test.holds(subject.trait_value(key).as_deref())),
            Plan::Date(key, test) => test.truth(subject.trait_value(key).as_deref(), now),
            Plan::Tag(test) => Truth::fixed(test.op.holds(subject.tag(&test.key))),
            Plan::Segment(id) => Truth::fixed(subject.in_segment(*id)),
            Plan::Count(tracker, rule) => rule.truth(occurrences(subject, *tracker), now),
            Plan::Last(tracker, rule) => rule.truth(occurrences(subject, *tracker), now),
            Plan::Stage(stages) => Truth::fixed(subject.stage().is_some_and(|stage| stages.contains(&stage))),
            Plan::Aipl(stages) => Truth::fixed(subject.aipl().is_some_and(|stage| stages.contains(&stage))),
            Plan::Journey(test) => journey(test, subject, now),
            Plan::Consent(test) => Truth::fixed(subject.consent(test.purpose, test.channel) == test.is),
            // Nothing that can be asked of a vehicle changes by time alone.
            Plan::Vehicle(roles, part) => Truth::fixed(subject.any_vehicle(&mut |role, vehicle| {
                (roles.is_empty() || roles.iter().any(|one| one == role)) && part.truth(vehicle, now).holds
            })),
        }
    }
}

fn journey(test: &JourneyTest, subject: &dyn Subject, now: Moment) -> Truth {
    match test.state {
        JourneyState::Running | JourneyState::Never => Truth::fixed(subject.journey_is(test.journey, test.state)),
        JourneyState::GoalReached | JourneyState::Exited | JourneyState::Completed => {
            match (subject.journey_ended(test.journey, test.state), test.window) {
                (None, _) => Truth::fixed(false),
                (Some(_), None) => Truth::fixed(true),
                (Some(at), Some(span)) => Truth::between(at, at.plus_ms(span.millis()), now),
            }
        }
    }
}

pub(crate) fn occurrences(subject: &dyn Subject, tracker: TrackerId) -> &[crate::Occurrence] {
    subject.tracker(tracker).map_or(&[], Tracker::occurrences)
}

/// `all` (ordinary = true) or `any` (ordinary = false): the whole has the ordinary truth while every part has it.
///
/// While all parts are ordinary, the first part to change changes the whole: the minimum. While some are not, the
/// whole stays until the last of those could have changed: the maximum over them, and never if one of them never can.
fn together(parts: &[Plan], ordinary: bool, subject: &dyn Subject, now: Moment) -> Truth {
    let mut first_ordinary: Option<Moment> = None;
    let mut last_other: Option<Moment> = None;
    for part in parts {
        let truth = part.truth(subject, now);
        match (truth.holds == ordinary, truth.next_change_at) {
            (true, None) => {}
            (true, Some(at)) => first_ordinary = Some(first_ordinary.map_or(at, |first| first.min(at))),
            (false, None) => return Truth::fixed(!ordinary),
            (false, Some(at)) => last_other = last_other.max(Some(at)),
        }
    }
    match last_other {
        Some(at) => Truth { holds: !ordinary, next_change_at: Some(at) },
        None => Truth { holds: ordinary, next_change_at: first_ordinary },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DateTest, ValueTest};
    use serde_json::json;
    use std::collections::BTreeMap;

    struct Profile(BTreeMap<&'static str, Value>);

    impl Subject for Profile {
        fn trait_value(&self, key: &str) -> Option<Cow<'_, Value>> {
            self.0.get(key).map(Cow::Borrowed)
        }
        fn tag(&self, _: &str) -> Option<&str> {
            None
        }
        fn in_segment(&self, _: SegmentId) -> bool {
            false
        }
        fn tracker(&self, _: TrackerId) -> Option<&Tracker> {
            None
        }
    }

    /// A part that is false before its date and true from the next millisecond on.
    fn turns_true(key: &str) -> Plan {
        Plan::Date(key.to_owned(), DateTest::OlderThanDays(0))
    }

    #[test]
    fn a_composite_names_the_instant_at_which_it_changes() {
        let profile = Profile(BTreeMap::from([("early", json!("1970-01-02")), ("late", json!("1970-01-03"))]));
        let at = |days: i64| Some(Moment::from_millis(days * roadbook_kernel::DAY_MS + 1));
        let never = || Plan::Value("absent".to_owned(), ValueTest::Exists);
        let negated = |key: &str| Plan::Not(Box::new(turns_true(key)));
        let cases = [
            (Plan::All(vec![turns_true("early"), turns_true("late")]), false, at(2)),
            (Plan::All(vec![turns_true("late"), turns_true("early")]), false, at(2)),
            (Plan::Any(vec![turns_true("early"), turns_true("late")]), false, at(1)),
            (Plan::All(vec![negated("early"), negated("late")]), true, at(1)),
            (Plan::Any(vec![negated("early"), negated("late")]), true, at(2)),
            (Plan::All(vec![turns_true("early"), never()]), false, None),
            (Plan::Any(vec![Plan::Not(Box::new(never())), turns_true("early")]), true, None),
            (Plan::Any(vec![never(), turns_true("late")]), false, at(2)),
            (Plan::All(vec![]), true, None),
            (Plan::Any(vec![]), false, None),
        ];
        for (plan, holds, next_change_at) in cases {
            let truth = plan.truth(&profile, Moment::from_millis(0));
            assert_eq!(truth, Truth { holds, next_change_at }, "{plan:?}");
        }
    }
}
