//! Calls as the OpenAPI document describes them.

use super::receiver::Call;
use serde_json::{Map, Value, json};

/// Holds a call against the `webhooks` of the document: every field of it is described, and everything described as
/// required is there.
#[track_caller]
pub fn holds(call: &Call) {
    let document = serde_json::to_value(roadbook_api::openapi_document()).expect("the document is JSON");
    let body: Value = serde_json::from_str(&call.body).expect("JSON");
    let described = &document["webhooks"][body["type"].as_str().expect("a type")]["post"];
    let schema = &described["requestBody"]["content"][call.content_type.as_str()]["schema"];
    conforms(&document, schema, &body);
    let headers = [
        ("webhook-id", json!(call.id)),
        ("webhook-timestamp", json!(call.timestamp.to_string())),
        ("webhook-signature", json!(call.signatures.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" "))),
    ];
    let parameters = described["parameters"].as_array().expect("headers");
    assert_eq!(parameters.len(), headers.len());
    for (name, value) in headers {
        let parameter = parameters.iter().find(|one| one["name"] == name && one["in"] == "header");
        conforms(&document, &parameter.expect("a header")["schema"], &value);
    }
    assert!(described["responses"]["2XX"].is_object() && described["responses"]["410"].is_object());
}

#[track_caller]
fn conforms(document: &Value, schema: &Value, value: &Value) {
    assert!(schema.is_object(), "the document does not describe {value}");
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [closed(schema.clone(), true)],
        "components": closed(document["components"].clone(), true),
    });
    let validator = jsonschema::options().should_validate_formats(true).build(&root).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}\nin {value}", errors.join("\n"));
}

/// The same schema with every object closed that says which fields it has; parts of a composition are closed with it.
fn closed(value: Value, root: bool) -> Value {
    match value {
        Value::Object(fields) => {
            let names_fields = fields.get("properties").is_some_and(Value::is_object);
            let closes = root && names_fields && !fields.contains_key("additionalProperties");
            let close = |(key, value): (String, Value)| {
                let is_part = matches!(key.as_str(), "allOf" | "oneOf" | "anyOf") && names_fields;
                let value = closed(value, !is_part);
                (key, value)
            };
            let mut fields: Map<String, Value> = fields.into_iter().map(close).collect();
            if closes {
                fields.insert("unevaluatedProperties".to_owned(), false.into());
            }
            Value::Object(fields)
        }
        Value::Array(entries) => Value::Array(entries.into_iter().map(|entry| closed(entry, root)).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}
