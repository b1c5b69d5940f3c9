//! The schemas of the document: derived from types, each kept once under its name.
//!
//! One type can have two shapes: what must be sent, and what is answered. An optional field may be left out of the first
//! and is always there, perhaps `null`, in the second. So there are two generators.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

const COMPONENTS: &str = "#/components/schemas/";

/// How a type says what it looks like: by a reference, or in place where it is small.
pub(super) type Shape = fn(&mut Schemas) -> Value;

/// The schemas that were asked for so far.
pub(super) struct Schemas {
    answered: SchemaGenerator,
    wanted: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let generator = |contract: Contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.contract = contract;
            settings.definitions_path = "/components/schemas".into();
            settings.into_generator()
        };
        Self { answered: generator(Contract::Serialize), wanted: generator(Contract::Deserialize) }
    }

    /// A type as it is answered.
    pub(super) fn answered<T: JsonSchema>(&mut self) -> Value {
        self.answered.subschema_for::<T>().to_value()
    }

    /// A type as it must be sent.
    pub(super) fn wanted<T: JsonSchema>(&mut self) -> Value {
        self.wanted.subschema_for::<T>().to_value()
    }

    /// Every schema by its name, with the languages that have a schema of their own.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut all = self.answered.take_definitions(true);
        // A name means one thing, whether it is sent or answered: a test of `document.rs` holds that.
        all.extend(self.wanted.take_definitions(true));
        all.extend(languages());
        all.values_mut().for_each(forget_null_defaults);
        all
    }

    /// Names that mean several things.
    #[cfg(test)]
    pub(super) fn clashes(mut self) -> Vec<String> {
        let all = [self.answered.take_definitions(true), self.wanted.take_definitions(true), languages()];
        let mut known = Map::new();
        let mut clashes = Vec::new();
        for (name, mut schema) in all.into_iter().flatten() {
            forget_null_defaults(&mut schema);
            if known.get(&name).is_some_and(|other| *other != schema) {
                clashes.push(name.clone());
            }
            known.insert(name, schema);
        }
        clashes
    }
}

/// Conditions and journeys: their crates describe them, and `schemas/journeys` holds the same as files of their own.
fn languages() -> Map<String, Value> {
    let mut all = Map::new();
    for (name, mut document) in
        [("Condition", roadbook_audience::json_schema()), ("JourneyDefinition", roadbook_journey::json_schema())]
    {
        let parts = document.as_object_mut().and_then(|root| root.remove("$defs"));
        let parts: Vec<(String, Value)> = match parts {
            Some(Value::Object(parts)) => parts.into_iter().collect(),
            _ => Vec::new(),
        };
        if let Some(root) = document.as_object_mut() {
            root.remove("$schema");
            root.insert("title".to_owned(), name.into());
        }
        // The document of a condition is nothing but a reference to the part of the same name.
        if document.get("$ref").is_none() {
            all.insert(name.to_owned(), moved(document));
        }
        all.extend(parts.into_iter().map(|(part, schema)| (component(&part), moved(schema))));
    }
    all
}

/// The name of a part: those of the condition language name it already.
fn component(part: &str) -> String {
    match part {
        "ChannelKind" => part.to_owned(),
        "Purpose" => "SendPurpose".to_owned(),
        part if part.starts_with("Condition") => part.to_owned(),
        part => format!("Journey{part}"),
    }
}

/// The same schema with its references led to the components.
fn moved(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(key, value)| moved_key(&key, value)).collect()),
        Value::Array(entries) => Value::Array(entries.into_iter().map(moved).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

fn moved_key(key: &str, value: Value) -> (String, Value) {
    let moved = match (key, &value) {
        ("$ref", Value::String(to)) => json!(format!("{COMPONENTS}{}", component(to.trim_start_matches("#/$defs/")))),
        _ => moved(value),
    };
    (key.to_owned(), moved)
}

/// A default of `null` says that there is none. Validators hold it against the type, and generators of clients take a
/// field that has a default for one that is always there.
fn forget_null_defaults(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("default").is_some_and(Value::is_null) {
                fields.remove("default");
            }
            fields.values_mut().for_each(forget_null_defaults);
        }
        Value::Array(entries) => entries.iter_mut().for_each(forget_null_defaults),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A schema that stands under this name, wherever it comes from.
pub(super) fn named(name: &str) -> Schema {
    Schema::new_ref(format!("{COMPONENTS}{name}"))
}
