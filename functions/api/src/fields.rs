//! JSON bodies of the secret API, read field by field, so that every wrong field is named with its pointer at once.

use crate::api::Api;
use crate::body;
use crate::failure::Failure;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use roadbook_kernel::Place;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A body that is one object. Fields are taken out as they are read; what is left is unknown.
pub(crate) struct Fields {
    fields: Map<String, Value>,
    places: Vec<Place>,
}

impl Fields {
    /// Reads a body. An absent one counts as an empty object: some commands need no words.
    pub(crate) async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Self, Failure> {
        Ok(Self { fields: object(api, headers, body).await?, places: Vec::new() })
    }

    fn complain(&mut self, pointer: String, code: &'static str, detail: impl Into<String>) {
        self.places.push(Place { pointer, code: code.into(), detail: detail.into() });
    }

    /// A wrong value that the caller found.
    pub(crate) fn wrong(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.complain(format!("/{name}"), code, detail);
    }

    /// A field that may be absent. `null` is absent.
    pub(crate) fn optional(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// A field that may be absent, where `null` says something else than its absence.
    pub(crate) fn given(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    /// Whether a field is there and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Option<Value> {
        let value = self.optional(name);
        if value.is_none() {
            self.wrong(name, "missing_field", "this field is missing");
        }
        value
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.required(name)?;
        self.as_text(name, value)
    }

    /// A text that may be absent.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name)?;
        self.as_text(name, value)
    }

    fn as_text(&mut self, name: &str, value: Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong(name, "wrong_type", "expected a text");
                None
            }
        }
    }

    /// Nothing may be left and nothing may have been wrong.
    pub(crate) fn close(mut self) -> Result<(), Failure> {
        let unknown: Vec<String> = self.fields.keys().take(20).map(|name| escaped(name)).collect();
        for name in unknown {
            self.complain(format!("/{name}"), "unknown_field", "there is no such field here");
        }
        if self.places.is_empty() {
            return Ok(());
        }
        Err(Failure::invalid_places("invalid_body", "some fields cannot be used; `errors` names each", self.places))
    }
}

/// A body that is read before anything else is looked at. It stands last among the arguments.
impl FromRequest<Arc<Api>> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        Self::read(api, &parts.headers, body).await
    }
}

/// Reads a body that is one object. An absent one counts as an empty object.
pub(crate) async fn object(api: &Api, headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Failure> {
    let config = &api.app.config;
    let bytes = body::read(headers, body, config.body_bytes_max).await?;
    let bytes = body::unpack(headers, bytes, config.inflated_bytes_max)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    // serde_json's sentence about malformed JSON names line and column and no value.
    let parsed = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::invalid("malformed_json", "", format!("the body is not valid JSON: {error}")))?;
    match parsed {
        Value::Object(fields) => Ok(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Failure::invalid("wrong_type", "", "expected a JSON object"))
        }
    }
}

/// One step of a JSON pointer (RFC 6901), cut to a length that is still worth reading.
fn escaped(name: &str) -> String {
    let short: String = name.chars().take(60).collect();
    short.replace('~', "~0").replace('/', "~1")
}
