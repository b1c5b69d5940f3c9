//! Every answer that the tests of this crate see is held against the OpenAPI document: its status is described, so are
//! its content type, its codes and every field of it. What was taken must have been allowed by the document as well.

use crate::rig::Answer;
use jsonschema::Validator;
use roadbook_api::{ROUTES, RouteClass, RouteInfo, openapi_document};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

/// The document as it is published.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(openapi_document()).unwrap());

/// The same, with every object closed: a field that is answered and not described is a gap in the document.
static CLOSED: LazyLock<Value> = LazyLock::new(|| close(DOCUMENT.clone(), true));

/// Schemas by their pointer into the document: made when first needed, as most tests need few.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Characters of an answer that a failure shows.
const SHOWN_CHARS_MAX: usize = 2_000;

/// Statuses that any path can answer and no operation describes: another method is not this operation, and a defect is
/// not a promise.
const BESIDES: [u16; 2] = [405, 500];

/// Holds one exchange against the document. Paths that it does not know are left alone.
#[track_caller]
pub fn hold(method: &str, path: &str, body: &[u8], answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let status = answer.status.as_u16();
    let Some(route) = route(method, path).filter(|_| !BESIDES.contains(&status)) else { return };
    let at = format!("/paths/{}/{}", step(route.path), route.method);
    let operation = DOCUMENT.pointer(&at).unwrap_or_else(|| panic!("{method} {} is not described", route.path));
    let told: String = answer.text().chars().take(SHOWN_CHARS_MAX).collect();
    let told = format!("{method} {} answered {status}: {told}", route.path);
    let mut place = format!("{at}/responses/{status}");
    let mut described = operation.pointer(&format!("/responses/{status}")).unwrap_or_else(|| {
        panic!("the OpenAPI document does not describe this status; say it in openapi/:\n{told}");
    });
    if let Some(shared) = described["$ref"].as_str() {
        place = shared.trim_start_matches('#').to_owned();
        described = DOCUMENT.pointer(&place).expect("a shared answer");
    }
    for name in described["headers"].as_object().into_iter().flat_map(Map::keys) {
        assert!(answer.headers.contains_key(name), "the document promises the header {name}:\n{told}");
    }
    let kind = answer.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
    match described["content"].as_object() {
        None => assert!(answer.bytes.is_empty(), "the document describes no body:\n{told}"),
        Some(content) => {
            assert!(content.contains_key(kind), "the document does not describe {kind:?}:\n{told}");
            let body = if kind.ends_with("json") { answer.json() } else { Value::from(answer.text()) };
            conforms(&format!("{place}/content/{}/schema", step(kind)), &body, &told);
        }
    }
    if route.class == RouteClass::Secret && answer.status.is_success() {
        taken(&at, operation, body);
    }
}

/// A body that was taken is one that the document allows.
#[track_caller]
fn taken(at: &str, operation: &Value, body: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
    if operation["requestBody"]["content"]["application/json"].is_object() {
        let told = format!("{at} took {body}");
        conforms(&format!("{at}/requestBody/content/application~1json/schema"), &body, &told);
    }
}

#[track_caller]
fn conforms(schema: &str, body: &Value, told: &str) {
    let known = VALIDATORS.lock().unwrap().get(schema).cloned();
    let validator = known.unwrap_or_else(|| {
        let made = Arc::new(validator(&CLOSED, schema));
        VALIDATORS.lock().unwrap().insert(schema.to_owned(), made.clone());
        made
    });
    let errors: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not what {schema} says; change it in openapi/:\n{}\n{told}", errors.join("\n"));
}

fn validator(document: &Value, schema: &str) -> Validator {
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [document.pointer(schema).expect("a schema at this place")],
        "components": document["components"],
    });
    jsonschema::options().should_validate_formats(true).build(&root).expect("a schema")
}

/// The route of a path: one that names it beats one with a parameter.
fn route(method: &str, path: &str) -> Option<&'static RouteInfo> {
    let fits = |route: &&RouteInfo| {
        let (pattern, path): (Vec<&str>, Vec<&str>) = (route.path.split('/').collect(), path.split('/').collect());
        let same = |(pattern, step): (&&str, &&str)| pattern == step || pattern.starts_with('{') && !step.is_empty();
        pattern.len() == path.len() && pattern.iter().zip(&path).all(same)
    };
    let methods = ROUTES.iter().filter(|route| route.method.eq_ignore_ascii_case(method));
    methods.filter(fits).min_by_key(|route| route.path.matches('{').count())
}

fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Closes every object that says which fields it has. The parts of a composition are left open: its root is closed, and
/// counts what any of its parts know.
fn close(value: Value, root: bool) -> Value {
    let Value::Object(fields) = value else {
        return match value {
            Value::Array(entries) => Value::Array(entries.into_iter().map(|entry| close(entry, root)).collect()),
            other => other,
        };
    };
    let names_fields = fields.get("properties").is_some_and(Value::is_object);
    let open = fields.get("additionalProperties").is_some() || !root || !names_fields;
    let mut closed: Map<String, Value> = fields
        .into_iter()
        .map(|(key, value)| {
            let part = matches!(key.as_str(), "allOf" | "oneOf" | "anyOf") && names_fields;
            (key, close(value, !part))
        })
        .collect();
    if !open {
        closed.insert("unevaluatedProperties".to_owned(), false.into());
    }
    Value::Object(closed)
}

#[test]
fn a_field_that_is_not_described_is_seen() {
    let document = json!({ "components": { "schemas": { "A": {
        "type": "object",
        "properties": { "a": { "type": "integer" } },
        "oneOf": [{ "properties": { "b": { "type": "integer" } }, "required": ["b"] }],
    } } } });
    let closed = validator(&close(document, true), "/components/schemas/A");
    assert!(closed.is_valid(&json!({ "a": 1, "b": 2 })));
    assert!(!closed.is_valid(&json!({ "a": 1, "b": 2, "c": 3 })));
    assert!(!closed.is_valid(&json!({ "a": 1 })));
}
