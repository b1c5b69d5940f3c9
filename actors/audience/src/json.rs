//! From [`Condition`] back to the JSON people write, and the words of its closed sets.

use crate::{
    Condition, ConsentState, DateTest, EventAggregate, EventPick, EventRecency, Filter, JourneyState, Recency, Scalar,
    Span, SpanUnit, Statistic, TagOp, TraitOp, ValueTest, parse,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

macro_rules! words {
    ($($kind:ident { $($variant:ident = $word:literal),* })*) => {$(
        impl $kind {
            /// All, in the order documents list them.
            pub const ALL: [$kind; [$($word),*].len()] = [$($kind::$variant),*];

            /// The word in JSON.
            pub const fn word(self) -> &'static str {
                match self { $($kind::$variant => $word),* }
            }
        }
    )*};
}

words! {
    ConsentState { Granted = "granted", Withdrawn = "withdrawn", Unknown = "unknown" }
    JourneyState {
        Running = "running", GoalReached = "goal_reached", Exited = "exited", Completed = "completed", Never = "never"
    }
    Statistic { Sum = "sum", Avg = "avg" }
    Recency { Within = "within", Before = "before" }
    SpanUnit { Days = "days", Hours = "hours", Minutes = "minutes" }
}

impl Condition {
    /// The external form. Parsing it gives this condition again.
    pub fn to_json(&self) -> Value {
        match self {
            Condition::All(parts) => json!({"all": list(parts)}),
            Condition::Any(parts) => json!({"any": list(parts)}),
            Condition::Not(part) => json!({"not": part.to_json()}),
            Condition::Trait(test) => {
                let (op, value) = match &test.op {
                    TraitOp::Value(test) => value_test(test),
                    TraitOp::Date(test) => date_test(test),
                };
                with_test("trait", &test.key, op, value)
            }
            Condition::Tag(test) => match &test.op {
                TagOp::Exists => json!({"tag": test.key}),
                TagOp::NotExists => with_test("tag", &test.key, "not_exists", None),
                TagOp::Eq(value) => with_test("tag", &test.key, "eq", Some(json!(value))),
                TagOp::Ne(value) => with_test("tag", &test.key, "ne", Some(json!(value))),
                TagOp::In(values) => with_test("tag", &test.key, "in", Some(json!(values))),
                TagOp::NotIn(values) => with_test("tag", &test.key, "not_in", Some(json!(values))),
            },
            Condition::Segment(id) => json!({"segment": id}),
            Condition::EventCount(count) => {
                let asked = json!({"op": count.op.word(), "value": count.value});
                windowed(event(&count.event, &count.filters, "count", asked), count.window)
            }
            Condition::EventLast(last) => recency(last, "last"),
            Condition::Stage(stages) => json!({"stage": stages}),
            Condition::Aipl(stages) => json!({"aipl": stages}),
            Condition::Consent(test) => {
                let mut asked = json!({"consent": test.purpose, "is": test.is.word()});
                if let Some(channel) = test.channel {
                    asked["channel"] = json!(channel);
                }
                asked
            }
            Condition::Journey(test) => {
                windowed(json!({"journey": test.journey, "state": test.state.word()}), test.window)
            }
            Condition::EventFirst(first) => recency(first, "first"),
            Condition::EventAggregate(aggregate) => aggregated(aggregate),
            Condition::Sequence(sequence) => {
                let steps: Vec<Value> = sequence.steps.iter().map(step).collect();
                windowed(json!({"sequence": steps}), sequence.window)
            }
            Condition::List(id) => json!({"list": id}),
            Condition::Vehicle(test) => {
                let mut inner = Map::new();
                if *test.matches != Condition::All(Vec::new()) {
                    inner.insert("matches".to_owned(), test.matches.to_json());
                }
                if !test.roles.is_empty() {
                    inner.insert("roles".to_owned(), json!(test.roles));
                }
                json!({"vehicle": inner})
            }
        }
    }
}

fn list(parts: &[Condition]) -> Vec<Value> {
    parts.iter().map(Condition::to_json).collect()
}

fn value_test(test: &ValueTest) -> (&'static str, Option<Value>) {
    let values = |scalars: &[Scalar]| Some(Value::Array(scalars.iter().map(Scalar::to_json).collect()));
    match test {
        ValueTest::Exists => ("exists", None),
        ValueTest::NotExists => ("not_exists", None),
        ValueTest::Compare(comparison, value) => (comparison.word(), Some(value.to_json())),
        ValueTest::In(choices) => ("in", values(choices)),
        ValueTest::NotIn(choices) => ("not_in", values(choices)),
        ValueTest::Contains(part) => ("contains", Some(part.to_json())),
        ValueTest::StartsWith(prefix) => ("starts_with", Some(json!(prefix))),
    }
}

fn date_test(test: &DateTest) -> (&'static str, Option<Value>) {
    match test {
        DateTest::Before(date) => ("before", Some(json!(date.text()))),
        DateTest::After(date) => ("after", Some(json!(date.text()))),
        DateTest::WithinLastDays(days) => ("within_last_days", Some(json!(days))),
        DateTest::WithinNextDays(days) => ("within_next_days", Some(json!(days))),
        DateTest::OlderThanDays(days) => ("older_than_days", Some(json!(days))),
    }
}

fn with_test(subject: &str, key: &str, op: &str, value: Option<Value>) -> Value {
    let mut map = Map::from_iter([(subject.to_owned(), json!(key)), ("op".to_owned(), json!(op))]);
    if let Some(value) = value {
        map.insert("value".to_owned(), value);
    }
    Value::Object(map)
}

fn event(name: &str, filters: &[Filter], question: &str, asked: Value) -> Value {
    let mut map = picked(name, filters);
    map.insert(question.to_owned(), asked);
    Value::Object(map)
}

fn step(pick: &EventPick) -> Value {
    Value::Object(picked(&pick.event, &pick.filters))
}

fn picked(name: &str, filters: &[Filter]) -> Map<String, Value> {
    let mut map = Map::from_iter([("event".to_owned(), json!(name))]);
    if !filters.is_empty() {
        let filters = filters.iter().map(|filter| {
            let (op, value) = value_test(&filter.test);
            with_test("property", &filter.property, op, value)
        });
        map.insert("where".to_owned(), Value::Array(filters.collect()));
    }
    map
}

fn recency(asked: &EventRecency, question: &str) -> Value {
    let span = json!({"op": asked.recency.word(), asked.span.unit.word(): asked.span.amount});
    event(&asked.event, &asked.filters, question, span)
}

fn aggregated(aggregate: &EventAggregate) -> Value {
    let asked = json!({"property": aggregate.property, "op": aggregate.op.word(), "value": aggregate.value});
    let value = event(&aggregate.event, &aggregate.filters, aggregate.statistic.word(), asked);
    windowed(value, aggregate.window)
}

fn windowed(mut value: Value, window: Option<Span>) -> Value {
    if let (Some(window), Some(map)) = (window, value.as_object_mut()) {
        map.insert(format!("within_{}", window.unit.word()), json!(window.amount));
    }
    value
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// Reads what was stored: structure and types must be right, the limits of [`crate::limits`] are not applied.
impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        parse::read_stored(&value).map_err(|problems| {
            let first = problems.first().map(ToString::to_string);
            serde::de::Error::custom(first.unwrap_or_else(|| "not a condition".to_owned()))
        })
    }
}
