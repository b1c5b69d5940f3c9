//! The committed JSON Schemas are what the code says; those written by hand are valid documents.
//!
//! `cargo xtask schemas` runs these tests with `ROADBOOK_BLESS=1`, which writes instead of comparing.

use super::metadata::{files, root, text};
use serde_json::Value;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Generated files, and what generates them.
fn generated() -> [(&'static str, Value); 3] {
    let document = serde_json::to_value(roadbook_api::openapi_document()).expect("the document is JSON");
    [
        ("schemas/openapi/roadbook.json", document),
        ("schemas/journeys/condition.schema.json", roadbook_audience::json_schema()),
        ("schemas/journeys/journey.schema.json", roadbook_journey::json_schema()),
    ]
}

#[test]
fn generated_schemas_have_not_drifted() {
    for (path, schema) in generated() {
        let wanted = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
        if std::env::var("ROADBOOK_BLESS").is_ok_and(|bless| bless == "1") {
            let file = root().join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("make the folder");
            std::fs::write(file, &wanted).expect("write the schema");
        }
        assert_eq!(text(path), wanted, "{path} is not what the code says; `cargo xtask schemas` writes it");
    }
}

/// A default that its own type does not allow makes validators and generators of clients stumble.
#[test]
fn no_generated_schema_has_a_default_of_null() {
    fn nulls(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if fields.get("default").is_some_and(Value::is_null) {
                    found.push(at.to_owned());
                }
                fields.iter().for_each(|(key, value)| nulls(value, &format!("{at}/{key}"), found));
            }
            Value::Array(entries) => entries.iter().for_each(|value| nulls(value, at, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for (path, schema) in generated() {
        let mut found = Vec::new();
        nulls(&schema, path, &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// The diagrams and tables of stages, as they stand between the marks of the page.
#[test]
fn the_page_of_stages_is_what_the_tables_say() {
    use roadbook_lifecycle::{Region, mermaid, tables};
    let (path, begin, end) = ("actors/lifecycle/README.md", "<!-- tables -->\n", "<!-- /tables -->");
    let diagrams = [("Towards the next car", Region::Intent), ("With the car they have", Region::Home)]
        .map(|(title, region)| format!("### {title}\n```mermaid\n{}```\n", mermaid(region)))
        .concat();
    let page = text(path);
    let (head, rest) = page.split_once(begin).expect("the page has the mark");
    let (_, tail) = rest.split_once(end).expect("the page has the closing mark");
    let wanted = format!("{head}{begin}{diagrams}\n### What each step means\n{}{end}{tail}", tables());
    if std::env::var("ROADBOOK_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(root().join(path), &wanted).expect("write the page");
    }
    assert!(text(path) == wanted, "{path} is not what the tables say; `cargo xtask schemas` writes it");
}

/// The events of `schemas/events/`: a closed check of shape, so that a slip of the pen does not become a contract.
#[test]
fn schemas_of_events_are_valid_documents() {
    let paths: Vec<String> = files().into_iter().filter(|path| path.starts_with("schemas/events/")).collect();
    assert!(paths.len() >= 8, "the main events have a schema each");
    for path in paths {
        let schema: Value = serde_json::from_str(&text(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let name = path.rsplit('/').next().and_then(|file| file.strip_suffix(".schema.json"));
        assert_eq!(schema["$schema"], DRAFT, "{path}");
        assert_eq!(schema["properties"]["event"]["const"].as_str(), name, "{path}: the file is named after its event");
        assert_eq!(schema["type"], "object", "{path}");
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{path}: says what it is");
        let properties = &schema["properties"]["properties"];
        assert_eq!(properties["type"], "object", "{path}");
        assert_ne!(properties["additionalProperties"], false, "{path}: a sender may always say more");
        let known = properties["properties"].as_object().unwrap_or_else(|| panic!("{path}: has no properties"));
        for required in properties["required"].as_array().into_iter().flatten() {
            let required = required.as_str().expect("required keys are texts");
            assert!(known.contains_key(required), "{path}: requires `{required}`, which it does not describe");
        }
        for (key, property) in known {
            assert!(property["description"].is_string(), "{path}: `{key}` has no description");
            assert!(property["type"].is_string() || property["enum"].is_array(), "{path}: `{key}` has no type");
        }
    }
}

/// What the demo sends is described, and everything described is sent under the name of the file.
#[test]
fn every_event_of_the_demo_has_a_schema() {
    let people = text("infra/xtask/src/demo/people.rs") + &text("infra/xtask/src/demo/people/store.rs");
    let called =
        |call: &str| -> Vec<&str> { people.split(call).skip(1).filter_map(|rest| rest.split('"').next()).collect() };
    let sent = [called("self.track(\""), called("self.at_store(\"")].concat();
    assert!(sent.len() >= 15, "the demo sends events: {sent:?}");
    let all = files();
    for event in sent {
        assert!(all.contains(&format!("schemas/events/{event}.schema.json")), "{event} has no schema");
    }
}
