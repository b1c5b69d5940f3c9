//! The JSON Schema (2020-12) of the language. Depth and number of parts are limits a schema cannot say; they are
//! in its description. `examples.rs` proves that schema and parser accept and refuse the same.

use crate::{AiplStage, Comparison, Condition, ConsentState, JourneyState, Recency, Stage, limits};
use roadbook_tenancy::{ChannelKind, Purpose};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema as schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The schema of a condition, as a document of its own.
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let root = generator.subschema_for::<Condition>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Roadbook condition",
        "$ref": root.get("$ref"),
        "$defs": Value::Object(generator.take_definitions(true)),
    })
}

macro_rules! named {
    ($($kind:ty, $name:literal, $make:expr;)*) => {$(
        impl JsonSchema for $kind {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                $make(generator)
            }
        }
    )*};
}

struct ScalarSchema;
struct TraitSchema;
struct TagSchema;
struct FilterSchema;
struct DateSchema;

named! {
    Condition, "Condition", condition;
    ScalarSchema, "ConditionValue", |_: &mut SchemaGenerator| schema!({
        "description": "A value to compare with. Numbers compare with numbers, texts with texts (by code point, \
            case included); a value of another type makes the condition false.",
        "oneOf": [
            {"type": "string", "maxLength": limits::TEXT_CHARS_MAX},
            {"type": "number"},
            {"type": "boolean"},
        ],
    });
    DateSchema, "ConditionDate", |_: &mut SchemaGenerator| schema!({
        "description": "YYYY-MM-DD, which is 00:00 UTC of that day, or RFC 3339 with an offset.",
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$",
        "examples": ["2026-05-01", "2026-05-01T08:30:00+08:00"],
    });
    TraitSchema, "ConditionTrait", |generator: &mut SchemaGenerator| {
        let mut tests = value_tests(generator, "trait", "The trait's key; a dot is part of the key.");
        tests.extend(date_tests(generator));
        schema!({"description": "A test of a trait of the profile.", "oneOf": tests})
    };
    FilterSchema, "ConditionFilter", |generator: &mut SchemaGenerator| {
        let what = "A property of the event: a key, or keys of nested objects joined by dots.";
        schema!({
            "description": "A test of an event's property.",
            "oneOf": value_tests(generator, "property", what),
        })
    };
    TagSchema, "ConditionTag", |_: &mut SchemaGenerator| schema!({
        "description": "The customer has the tag, or its value passes a test. A tag without a value has the value \"\".",
        "oneOf": [
            closed(&["tag"], tag_fields(json!({}))),
            closed(&["tag", "op"], tag_fields(json!({"op": {"enum": ["exists", "not_exists"]}}))),
            closed(&["tag", "op", "value"], tag_fields(json!({
                "op": {"enum": ["eq", "ne"], "description": "`ne` is false for a customer who lacks the tag."},
                "value": text(),
            }))),
            closed(&["tag", "op", "value"], tag_fields(json!({
                "op": {"enum": ["in", "not_in"], "description": "`not_in` is false for a customer who lacks the tag."},
                "value": list_of(text(), limits::CHOICES_MAX),
            }))),
        ],
    });
}

fn condition(generator: &mut SchemaGenerator) -> Schema {
    let mut forms = combinations(generator);
    forms.extend(events(generator));
    forms.extend(standing(generator));
    forms.extend(later(generator));
    schema!({
        "description": format!(
            "A statement about one customer. At most {} levels deep and {} parts.",
            limits::DEPTH_MAX, limits::NODES_MAX
        ),
        "oneOf": forms,
    })
}

fn combinations(generator: &mut SchemaGenerator) -> Vec<Value> {
    let part = generator.subschema_for::<Condition>();
    let parts = |what: &str| json!({"type": "array", "items": part, "minItems": 1, "description": what});
    vec![
        closed(&["all"], json!({"all": parts("Every one holds.")})),
        closed(&["any"], json!({"any": parts("At least one holds.")})),
        closed(&["not"], json!({"not": part})),
        generator.subschema_for::<TraitSchema>().to_value(),
        generator.subschema_for::<TagSchema>().to_value(),
        closed(&["segment"], json!({"segment": id("seg_", "Member of another published segment.")})),
    ]
}

fn events(generator: &mut SchemaGenerator) -> Vec<Value> {
    let count = json!({"count": {
        "description": "How often it happened in the closed interval [now - window, now]; without a window, ever.",
        "type": "object",
        "properties": {"op": comparison(), "value": {"type": "integer", "minimum": 0, "maximum": limits::COUNT_MAX}},
        "required": ["op", "value"],
        "additionalProperties": false,
    }});
    let last = json!({"last": ago("The newest one lies `within` [now - n, now], or `before` that. False where it never \
        happened: ask for a count of 0 instead.")});
    let mut forms = windowed(&["event", "count"], with_event(generator, count));
    forms.push(closed(&["event", "last"], with_event(generator, last)));
    forms
}

fn later(generator: &mut SchemaGenerator) -> Vec<Value> {
    let first = json!({"first": ago("NOT YET SUPPORTED. The first one lies `within` the span, or `before` it.")});
    let mut forms = vec![closed(&["event", "first"], with_event(generator, first))];
    for statistic in ["sum", "avg"] {
        let asked = json!({statistic: {
            "description": "NOT YET SUPPORTED. Over a numeric property of the matching events in the window.",
            "type": "object",
            "properties": {"property": name("The numeric property."), "op": comparison(), "value": {"type": "number"}},
            "required": ["property", "op", "value"],
            "additionalProperties": false,
        }});
        forms.extend(windowed(&["event", statistic], with_event(generator, asked)));
    }
    let step = closed(&["event"], with_event(generator, json!({})));
    let steps = json!({
        "description": "NOT YET SUPPORTED. Events that happened in this order; the window is from first to last.",
        "type": "array", "items": step, "minItems": 2, "maxItems": limits::STEPS_MAX,
    });
    forms.extend(windowed(&["sequence"], json!({"sequence": steps})));
    forms.extend([closed(&["list"], json!({"list": name("NOT YET SUPPORTED. The id of a static list.")}))]);
    forms
}

fn standing(generator: &mut SchemaGenerator) -> Vec<Value> {
    let outcomes = [JourneyState::GoalReached, JourneyState::Exited, JourneyState::Completed];
    let states = words(outcomes.map(JourneyState::word), "How a passage ended, in the window or ever.");
    let journey = || id("jrn_", "Where the customer stands in a journey.");
    let mut forms = windowed(&["journey", "state"], json!({"journey": journey(), "state": states}));
    let states =
        words([JourneyState::Running, JourneyState::Never].map(JourneyState::word), "In it now, or never was.");
    forms.extend([
        closed(&["journey", "state"], json!({"journey": journey(), "state": states})),
        closed(&["stage"], json!({"stage": described("At one of these lifecycle stages (the headline of the person).",
            list_of(words(Stage::ALL.map(Stage::word), "A stage."), Stage::ALL.len()))})),
        closed(&["aipl"], json!({"aipl": described("At one of these AIPL stages.",
            list_of(words(AiplStage::ALL.map(AiplStage::word), "A stage."), AiplStage::ALL.len()))})),
        closed(&["consent", "is"], json!({
            "consent": words(Purpose::ALL.map(Purpose::word), "A purpose of contact, or of using the data."),
            "channel": words(ChannelKind::ALL.map(ChannelKind::word),
                "The word that decides for this channel; without it, what was said about all channels together."),
            "is": words(ConsentState::ALL.map(ConsentState::word), "What was last said about it."),
        })),
        closed(&["vehicle"], json!({"vehicle": {
            "description": "Has a car, in one of the roles (any, if left out), of which `matches` holds (anything, if \
                left out). Of a car `stage` and `aipl` can be asked, with `all`, `any` and `not`.",
            "type": "object",
            "properties": {
                "roles": list_of(name("A person's role towards a car: owner, driver, family, payer, contact, other."),
                    limits::CHOICES_MAX),
                "matches": generator.subschema_for::<Condition>(),
            },
            "additionalProperties": false,
        }})),
    ]);
    forms
}

/// The operators that every value has.
fn value_tests(generator: &mut SchemaGenerator, subject: &str, what: &str) -> Vec<Value> {
    let scalar = generator.subschema_for::<ScalarSchema>();
    let test = |op: Value, value: Option<Value>| {
        let mut fields = Map::from_iter([(subject.to_owned(), name(what)), ("op".to_owned(), op)]);
        let mut required = vec![subject, "op"];
        if let Some(value) = value {
            fields.insert("value".to_owned(), value);
            required.push("value");
        }
        closed(&required, Value::Object(fields))
    };
    vec![
        test(comparison(), Some(json!(scalar))),
        test(
            json!({"enum": ["in", "not_in"], "description": "`not_in` is false where the value is unknown."}),
            Some(list_of(json!(scalar), limits::CHOICES_MAX)),
        ),
        test(json!({"enum": ["exists", "not_exists"], "description": "null counts as unknown."}), None),
        test(
            json!({"const": "contains", "description": "A text with this in it, or a list with this entry."}),
            Some(json!(scalar)),
        ),
        test(json!({"const": "starts_with"}), Some(text())),
    ]
}

fn date_tests(generator: &mut SchemaGenerator) -> Vec<Value> {
    let date = generator.subschema_for::<DateSchema>();
    let test = |op: Value, value: Value| {
        closed(
            &["trait", "op", "value"],
            json!({"trait": name("A trait whose value is a date."), "op": op, "value": value}),
        )
    };
    let days = |least: u32| json!({"type": "integer", "minimum": least, "maximum": limits::SPAN_DAYS_MAX});
    vec![
        test(json!({"enum": ["before", "after"], "description": "Strictly."}), json!(date)),
        test(
            json!({
                "enum": ["within_last_days", "within_next_days"],
                "description": "In [now - n, now], or in [now, now + n]; a day is 24 hours. Changes by time alone.",
            }),
            days(1),
        ),
        test(
            json!({"const": "older_than_days", "description": "Earlier than now - n; 0 = in the past. Changes by time alone."}),
            days(0),
        ),
    ]
}

fn closed(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The form without a window, and with each of the three: at most one may be given.
fn windowed(required: &[&str], properties: Value) -> Vec<Value> {
    let mut forms = vec![closed(required, properties.clone())];
    for (unit, per_day) in [("within_days", 1), ("within_hours", 24), ("within_minutes", 24 * 60)] {
        let mut properties = properties.clone();
        properties[unit] = json!({"type": "integer", "minimum": 1, "maximum": limits::SPAN_DAYS_MAX * per_day});
        let required: Vec<&str> = required.iter().copied().chain([unit]).collect();
        forms.push(closed(&required, properties));
    }
    forms
}

fn with_event(generator: &mut SchemaGenerator, mut properties: Value) -> Value {
    properties["event"] = name("The event's name.");
    properties["where"] = json!({
        "description": "What one and the same event must satisfy: every filter.",
        "type": "array", "items": generator.subschema_for::<FilterSchema>(), "maxItems": limits::FILTERS_MAX,
    });
    properties
}

/// An object with `op` and exactly one span.
fn ago(what: &str) -> Value {
    let forms = [("days", 1), ("hours", 24), ("minutes", 24 * 60)].map(|(unit, per_day)| {
        let span = json!({"type": "integer", "minimum": 1, "maximum": limits::SPAN_DAYS_MAX * per_day});
        closed(&["op", unit], json!({"op": words(Recency::ALL.map(Recency::word), "Which side."), unit: span}))
    });
    json!({"description": what, "oneOf": forms})
}

fn tag_fields(mut fields: Value) -> Value {
    fields["tag"] = name("The tag's key.");
    fields
}

fn comparison() -> Value {
    words(Comparison::ALL.map(Comparison::word), "`ne` is false where the value is unknown or of another type.")
}

fn words<const N: usize>(words: [&str; N], what: &str) -> Value {
    json!({"enum": words.to_vec(), "description": what})
}

fn name(what: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS_MAX, "description": what})
}

fn text() -> Value {
    json!({"type": "string", "maxLength": limits::TEXT_CHARS_MAX})
}

fn id(prefix: &str, what: &str) -> Value {
    json!({"type": "string", "pattern": format!("^{prefix}[0-7][0-9a-hjkmnp-tv-z]{{25}}$"), "description": what})
}

fn list_of(items: Value, max: usize) -> Value {
    json!({"type": "array", "items": items, "minItems": 1, "maxItems": max})
}

fn described(what: &str, mut schema: Value) -> Value {
    schema["description"] = json!(what);
    schema
}
