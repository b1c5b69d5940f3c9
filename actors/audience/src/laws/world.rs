//! Generated customers and conditions over a vocabulary so small that they meet. Times lie on a coarse grid, one
//! millisecond off at most, so that boundaries are hit.

use crate::{
    AiplStage, Comparison, Compiled, Condition, ConsentState, ConsentTest, DateLiteral, DateTest, EventCount,
    EventRecency, Filter, JourneyState, JourneyTest, Occurrence, Recency, Scalar, Span, SpanUnit, Stage, Subject,
    TagOp, TagTest, Tracker, TrackerId, TraitOp, TraitTest, ValueTest, VehicleTest,
};
use proptest::prelude::*;
use proptest::sample::select;
use roadbook_kernel::{DAY_MS, JourneyId, MINUTE_MS, Moment, SegmentId};
use roadbook_tenancy::{ChannelKind, Purpose};
use serde_json::{Map, Number, Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) properties: Map<String, Value>,
    pub(super) at: Moment,
}

#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) traits: BTreeMap<String, Value>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) segments: BTreeSet<SegmentId>,
    pub(super) events: Vec<Event>,
    pub(super) trackers: BTreeMap<TrackerId, Tracker>,
    pub(super) stage: Option<Stage>,
    pub(super) aipl: Option<AiplStage>,
    /// In the one journey there is.
    pub(super) running: bool,
    /// Its outcomes, by their words.
    pub(super) ended: BTreeMap<&'static str, Moment>,
    pub(super) vehicles: Vec<(String, Stage)>,
    pub(super) consent: ConsentState,
}

impl World {
    /// Fills the trackers of a condition from the events; `keep` overrides how many are kept.
    pub(super) fn count_for(&mut self, compiled: &Compiled, keep: Option<u32>) {
        for spec in compiled.trackers() {
            let tracker = self.trackers.entry(spec.id).or_default();
            for (event, id) in self.events.iter().zip(0..) {
                if spec.matches(&event.name, &event.properties) {
                    tracker.note(Occurrence { at: event.at, id }, keep.unwrap_or(spec.keep));
                }
            }
        }
    }

    pub(super) fn subject(&self) -> impl Subject + '_ {
        Known(self)
    }
}

struct Known<'a>(&'a World);

impl Subject for Known<'_> {
    fn trait_value(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.0.traits.get(key).map(Cow::Borrowed)
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.0.tags.get(key).map(String::as_str)
    }

    fn in_segment(&self, id: SegmentId) -> bool {
        self.0.segments.contains(&id)
    }

    fn tracker(&self, id: TrackerId) -> Option<&Tracker> {
        self.0.trackers.get(&id)
    }

    fn stage(&self) -> Option<Stage> {
        self.0.stage
    }

    fn aipl(&self) -> Option<AiplStage> {
        self.0.aipl
    }

    fn journey_is(&self, _: JourneyId, state: JourneyState) -> bool {
        match state {
            JourneyState::Running => self.0.running,
            JourneyState::GoalReached | JourneyState::Exited | JourneyState::Completed => false,
            JourneyState::Never => !self.0.running && self.0.ended.is_empty(),
        }
    }

    fn journey_ended(&self, _: JourneyId, outcome: JourneyState) -> Option<Moment> {
        self.0.ended.get(outcome.word()).copied()
    }

    fn consent(&self, _: Purpose, _: Option<ChannelKind>) -> ConsentState {
        self.0.consent
    }

    fn any_vehicle(&self, passes: &mut dyn FnMut(&str, &dyn Subject) -> bool) -> bool {
        self.0.vehicles.iter().any(|(role, stage)| {
            let vehicle = World { stage: Some(*stage), ..World::default() };
            passes(role, &Known(&vehicle))
        })
    }
}

pub(super) fn segment(number: u32) -> SegmentId {
    SegmentId::from_u128(number.into())
}

fn key() -> impl Strategy<Value = String> {
    select(&["a", "b"][..]).prop_map(str::to_owned)
}

fn event_name() -> impl Strategy<Value = String> {
    select(&["purchase", "visit"][..]).prop_map(str::to_owned)
}

fn date() -> impl Strategy<Value = String> {
    (1..4u8, 0..3u8).prop_map(|(day, minute)| format!("1970-01-{day:02}T00:{minute:02}:00Z"))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..4i64).prop_map(Value::from),
        Just(json!(1.5)),
        Just(json!(2.0)),
        "[ab]{0,2}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(["a", 1])),
        Just(json!({"n": 1})),
        date().prop_map(Value::from),
    ]
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let at = (0..4i64, 0..3i64, -1..=1i64);
    (event_name(), prop::collection::btree_map("[p]|p.n", value(), 0..3), at).prop_map(
        |(name, properties, (day, minute, near))| Event {
            name,
            properties: properties.into_iter().collect(),
            at: Moment::from_millis(day * DAY_MS + minute * MINUTE_MS + near),
        },
    )
}

/// What the product knows by itself: stage, level, the one journey, vehicles.
fn standing() -> impl Strategy<Value = World> {
    let outcome = select(&[JourneyState::GoalReached, JourneyState::Exited][..]).prop_map(JourneyState::word);
    let at = (0..4i64, -1..=1i64).prop_map(|(day, near)| Moment::from_millis(day * DAY_MS + near));
    (
        prop::option::of(select(&Stage::ALL[..3])),
        prop::option::of(select(&AiplStage::ALL[..])),
        any::<bool>(),
        prop::collection::btree_map(outcome, at, 0..3),
        prop::collection::vec((key(), select(&Stage::ALL[..3])), 0..3),
        select(&ConsentState::ALL[..]),
    )
        .prop_map(|(stage, aipl, running, ended, vehicles, consent)| World {
            stage,
            aipl,
            running,
            ended,
            vehicles,
            consent,
            ..World::default()
        })
}

pub(super) fn world() -> impl Strategy<Value = World> {
    (
        standing(),
        prop::collection::btree_map(key(), prop_oneof![value(), date().prop_map(Value::from)], 0..3),
        prop::collection::btree_map(key(), "[HA]?", 0..3),
        prop::collection::btree_set((0..6u32).prop_map(segment), 0..4),
        prop::collection::vec(event(), 0..12),
    )
        .prop_map(|(known, traits, tags, segments, events)| World { traits, tags, segments, events, ..known })
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        (0..4i64).prop_map(|whole| Scalar::Number(whole.into())),
        Just(Scalar::Number(Number::from_f64(1.5).expect("finite"))),
        "[ab]{0,2}".prop_map(Scalar::Text),
        any::<bool>().prop_map(Scalar::Bool),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    select(&Comparison::ALL[..])
}

fn value_test() -> impl Strategy<Value = ValueTest> {
    let choices = || prop::collection::vec(scalar(), 1..4);
    prop_oneof![
        Just(ValueTest::Exists),
        Just(ValueTest::NotExists),
        (comparison(), scalar()).prop_map(|(comparison, scalar)| ValueTest::Compare(comparison, scalar)),
        choices().prop_map(ValueTest::In),
        choices().prop_map(ValueTest::NotIn),
        scalar().prop_map(ValueTest::Contains),
        "[ab]".prop_map(ValueTest::StartsWith),
    ]
}

fn date_test() -> impl Strategy<Value = DateTest> {
    let literal = || date().prop_map(|text| DateLiteral::parse(&text).expect("a date"));
    prop_oneof![
        literal().prop_map(DateTest::Before),
        literal().prop_map(DateTest::After),
        (1..4u32).prop_map(DateTest::WithinLastDays),
        (1..4u32).prop_map(DateTest::WithinNextDays),
        (0..4u32).prop_map(DateTest::OlderThanDays),
    ]
}

fn filters() -> impl Strategy<Value = Vec<Filter>> {
    let property = select(&["p", "p.n"][..]).prop_map(str::to_owned);
    let filter = (property, value_test()).prop_map(|(property, test)| Filter { property, test });
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(filter, 1..3)]
}

fn span() -> impl Strategy<Value = Span> {
    let unit = select(&[SpanUnit::Days, SpanUnit::Minutes][..]);
    (1..4u32, unit).prop_map(|(amount, unit)| Span { amount, unit })
}

pub(super) fn count() -> impl Strategy<Value = Condition> {
    (event_name(), filters(), comparison(), 0..5u32, prop::option::weighted(0.7, span())).prop_map(
        |(event, filters, op, value, window)| Condition::EventCount(EventCount { event, filters, op, value, window }),
    )
}

fn last() -> impl Strategy<Value = Condition> {
    (event_name(), filters(), select(&Recency::ALL[..]), span()).prop_map(|(event, filters, recency, span)| {
        Condition::EventLast(EventRecency { event, filters, recency, span })
    })
}

fn tag() -> impl Strategy<Value = Condition> {
    let value = || "[HAB]?".prop_map(String::from);
    let op = prop_oneof![
        Just(TagOp::Exists),
        Just(TagOp::NotExists),
        value().prop_map(TagOp::Eq),
        value().prop_map(TagOp::Ne),
        prop::collection::vec(value(), 1..3).prop_map(TagOp::In),
        prop::collection::vec(value(), 1..3).prop_map(TagOp::NotIn),
    ];
    (key(), op).prop_map(|(key, op)| Condition::Tag(TagTest { key, op }))
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    prop::collection::vec(select(&Stage::ALL[..3]), 1..3)
}

fn of_standing() -> impl Strategy<Value = Condition> {
    let outcomes = select(&[JourneyState::GoalReached, JourneyState::Exited, JourneyState::Completed][..]);
    let ended = (outcomes, prop::option::of(span()));
    let journey = prop_oneof![
        Just((JourneyState::Running, None)),
        Just((JourneyState::Never, None)),
        ended.prop_map(|(state, window)| (state, window)),
    ];
    let vehicle = (prop::collection::vec(key(), 0..2), prop::option::of(stages()), any::<bool>());
    prop_oneof![
        stages().prop_map(Condition::Stage),
        select(&ConsentState::ALL[..])
            .prop_map(|is| { Condition::Consent(ConsentTest { purpose: Purpose::Marketing, channel: None, is }) }),
        prop::collection::vec(select(&AiplStage::ALL[..]), 1..3).prop_map(Condition::Aipl),
        journey.prop_map(|(state, window)| {
            Condition::Journey(JourneyTest { journey: JourneyId::from_u128(1), state, window })
        }),
        vehicle.prop_map(|(roles, stages, negated)| {
            let part = stages.map_or(Condition::All(Vec::new()), Condition::Stage);
            // An empty list is how "anything" is kept; it is not written under `not`.
            let part =
                if negated && part != Condition::All(Vec::new()) { Condition::Not(Box::new(part)) } else { part };
            Condition::Vehicle(VehicleTest { roles, matches: Box::new(part) })
        }),
    ]
}

/// Any condition that can be evaluated.
pub(super) fn condition() -> impl Strategy<Value = Condition> {
    let trait_op = prop_oneof![value_test().prop_map(TraitOp::Value), date_test().prop_map(TraitOp::Date)];
    let leaf = prop_oneof![
        2 => (key(), trait_op).prop_map(|(key, op)| Condition::Trait(TraitTest { key, op })),
        1 => tag(),
        1 => (0..6u32).prop_map(|number| Condition::Segment(segment(number))),
        3 => count(),
        2 => last(),
        2 => of_standing(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Any),
            inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

/// Any JSON.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:[0-6][0-9]))?"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// JSON of the words of the language, put together at random: close to a condition, and mostly wrong.
pub(super) fn condition_like() -> impl Strategy<Value = Value> {
    const WORDS: [&str; 35] = [
        "all",
        "any",
        "not",
        "trait",
        "tag",
        "segment",
        "event",
        "count",
        "last",
        "first",
        "sum",
        "avg",
        "where",
        "op",
        "value",
        "property",
        "days",
        "within_days",
        "within_hours",
        "stage",
        "aipl",
        "consent",
        "is",
        "journey",
        "state",
        "sequence",
        "list",
        "vehicle",
        "roles",
        "matches",
        "eq",
        "gte",
        "exists",
        "within",
        "a/~b",
    ];
    let leaf = prop_oneof![
        3 => select(&WORDS[..]).prop_map(Value::from),
        1 => (0..3i64).prop_map(Value::from),
        1 => value(),
        2 => condition().prop_map(|condition| condition.to_json()),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(select(&WORDS[..]).prop_map(str::to_owned), inner, 1..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
