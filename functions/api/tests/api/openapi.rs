//! `GET /v1/openapi.json`, and what the document must be whatever the routes are.

use crate::rig::Rig;
use axum::body::Body;
use roadbook_api::{ROUTES, RouteClass, openapi_document};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn document() -> Value {
    serde_json::to_value(openapi_document()).unwrap()
}

/// Path, method and operation of everything that is described.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, one)| (path.as_str(), method.as_str(), one))
        })
        .collect()
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let document = document();
    let described: BTreeSet<_> = operations(&document).into_iter().map(|(path, method, _)| (path, method)).collect();
    let existing: BTreeSet<_> = ROUTES.iter().map(|route| (route.path, route.method)).collect();
    let lack: Vec<_> = existing.difference(&described).collect();
    assert!(lack.is_empty(), "routes without words in src/openapi/: {lack:?}");
    assert_eq!(described, existing);
}

#[test]
fn names_are_unique_and_every_operation_says_what_it_is() {
    let document = document();
    let mut names = BTreeMap::new();
    for (path, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} could not be written"));
        assert!(name.chars().all(|char| char.is_ascii_alphanumeric()), "{name} is no name of a method");
        if let Some(other) = names.insert(name, path) {
            panic!("{name} names {path} and {other}");
        }
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        for step in path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}')) {
            let described = parameters.iter().any(|one| one["in"] == "path" && one["name"] == step);
            assert!(described, "{name} does not describe {step}");
        }
    }
}

#[test]
fn a_secret_route_names_its_key_and_its_scope() {
    let document = document();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method];
        let security = operation["security"].to_string();
        match route.class {
            RouteClass::Secret => {
                let scope = route.scope.map(|scope| scope.to_string()).unwrap_or_default();
                assert!(security.contains("bearer") && security.contains(&scope), "{}: {security}", route.path);
                for status in ["401", "403", "429", "503"] {
                    assert!(operation["responses"][status].is_object(), "{} lacks {status}", route.path);
                }
            }
            RouteClass::Ingestion => assert!(security.contains("writeKey"), "{}: {security}", route.path),
            RouteClass::Browser | RouteClass::Ops | RouteClass::Public | RouteClass::Unknown => {
                assert_eq!(operation["security"], Value::Null, "{}", route.path);
            }
        }
    }
}

fn walk<'v>(value: &'v Value, at: &mut String, see: &mut impl FnMut(&str, &'v serde_json::Map<String, Value>)) {
    let length = at.len();
    match value {
        Value::Object(fields) => {
            see(at, fields);
            for (key, value) in fields {
                at.push('/');
                at.push_str(&key.replace('~', "~0").replace('/', "~1"));
                walk(value, at, see);
                at.truncate(length);
            }
        }
        Value::Array(entries) => {
            for (index, value) in entries.iter().enumerate() {
                at.push_str(&format!("/{index}"));
                walk(value, at, see);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

#[test]
fn no_reference_dangles_and_no_schema_is_left_over() {
    let document = document();
    let mut used = BTreeSet::new();
    walk(&document, &mut String::new(), &mut |at, fields| {
        if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{at}: {target} leads nowhere");
            used.insert(target.to_owned());
        }
    });
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{kind}/{name}")), "nothing refers to {name}");
        }
    }
}

#[test]
fn examples_are_what_their_schemas_say() {
    let document = document();
    let mut tried = 0;
    walk(&document, &mut String::new(), &mut |at, fields| {
        let (Some(schema), Some(example)) = (fields.get("schema"), fields.get("example")) else { return };
        let root = serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "components": document["components"],
        });
        let validator = jsonschema::validator_for(&root).unwrap();
        let errors: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{at}: {errors:?}");
        tried += 1;
    });
    assert!(tried >= 10, "{tried} examples");
}

#[tokio::test]
async fn the_document_is_served_and_not_sent_twice() {
    let rig = Rig::new().await;
    let first = rig.send("get", "/v1/openapi.json", &[], Body::empty()).await;
    assert_eq!(first.ok(), document());
    let etag = first.header("etag").unwrap();
    assert!(first.header("cache-control").unwrap().contains("max-age"), "{:?}", first.headers);
    for known in [etag, &format!("W/{etag}"), &format!("\"other\", {etag}"), "*"] {
        let second = rig.send("get", "/v1/openapi.json", &[("if-none-match", known)], Body::empty()).await;
        assert_eq!(
            (second.status.as_u16(), second.bytes.len(), second.header("etag")),
            (304, 0, Some(etag)),
            "{known}"
        );
    }
    let other = rig.send("get", "/v1/openapi.json", &[("if-none-match", "\"other\"")], Body::empty()).await;
    assert_eq!(other.status, 200);
}
