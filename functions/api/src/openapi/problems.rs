//! Everything that is not a success: one shape, and which codes it has where.

use roadbook_wire::PROBLEM_CONTENT_TYPE;
use schemars::JsonSchema;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What went wrong (RFC 9457). The same sentence never holds a value that was sent.
#[derive(JsonSchema)]
pub(super) struct Problem {
    /// `urn:roadbook:problem:` and the code.
    r#type: String,
    /// The meaning of the status.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened here and what to do next.
    detail: String,
    /// The path that was asked for, as far as it is ours.
    #[schemars(skip_serializing_if = "String::is_empty")]
    instance: String,
    /// Stable snake_case code.
    code: String,
    /// The same sentence as `detail`.
    message: String,
    /// The places that are wrong.
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Place>,
    /// What to quote when asking for help.
    #[schemars(skip_serializing_if = "String::is_empty")]
    trace_id: String,
}

/// One wrong place.
#[derive(JsonSchema)]
#[schemars(rename = "ProblemPlace")]
pub(super) struct Place {
    /// JSON pointer (RFC 6901) into what was sent; empty for the whole of it.
    pointer: String,
    /// Stable snake_case code.
    code: String,
    /// What is wrong there and what to do.
    detail: String,
}

/// What no key, an unknown key or a wrong header is answered with.
pub(super) const UNAUTHORIZED: &[&str] = &["missing_key", "unknown_key", "unreadable_authorization"];
/// The same where a person's token will do as well.
pub(super) const UNPROVEN: &[&str] = &["invalid_token", "missing_key", "unknown_key", "unreadable_authorization"];
/// Too many requests of one key or person.
pub(super) const LIMITED: &[&str] = &["rate_limited"];
/// What a key that may not is answered with.
pub(super) const FORBIDDEN: &[&str] = &["missing_scope", "wrong_key_kind"];
/// The world fails, or the process is about to stop: repeating the request is safe.
pub(super) const UNAVAILABLE: &[&str] =
    &["contended", "disk_full", "draining", "no_randomness", "overloaded", "store_unavailable", "store_unreadable"];

/// Those of them that come from the store.
pub(super) const STORE_FAILS: &[&str] =
    &["contended", "disk_full", "overloaded", "store_unavailable", "store_unreadable"];

/// What can be wrong with one event.
pub(super) const EVENT_FLAWS: &[&str] = &[
    "alias_incomplete",
    "event_name_missing",
    "event_not_an_object",
    "event_too_large",
    "identifier_blocked",
    "identifier_empty",
    "identifier_kind_unknown",
    "identifier_malformed",
    "identifier_scope_missing",
    "identifier_too_long",
    "malformed_event",
    "malformed_increment",
    "malformed_timestamp",
    "message_id_too_long",
    "name_too_long",
    "no_usable_identifier",
    "too_many_identifiers",
    "too_many_properties",
    "trait_under_two_operations",
    "type_missing",
    "unknown_type",
    "wrong_type",
];

/// What a status means here.
pub(super) const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read; `errors` names the places.",
        401 => "No key that is known.",
        403 => "The key may not do this.",
        404 => "This tenant has no such thing. Another tenant's is answered with the same words.",
        408 => "The body did not arrive in time; repeat the request.",
        409 => "It does not fit what is there now.",
        412 => "It was changed since it was read; read it again.",
        413 => "Too large.",
        415 => "A `Content-Encoding` or `Content-Type` that is not taken here.",
        422 => "It can be read and not be used; `errors` names the places.",
        428 => "Say which state this is about.",
        429 => "Too much at once; nothing was taken, come back after `Retry-After` seconds.",
        503 => "Not now: nothing is lost, repeat the request after `Retry-After` seconds.",
        _ => "A problem.",
    }
}

/// The answer for a status with these codes.
pub(super) fn answer(status: u16, codes: &BTreeSet<&'static str>) -> Value {
    richer(status, codes, &json!({ "$ref": "#/components/schemas/Problem" }))
}

/// The same with a shape that has more members than others.
pub(super) fn richer(status: u16, codes: &BTreeSet<&'static str>, shape: &Value) -> Value {
    let schema = json!({
        "allOf": [shape],
        "properties": { "status": { "const": status }, "code": { "enum": codes } },
        "required": ["status", "code"],
    });
    let mut answer =
        json!({ "description": meaning(status), "content": { PROBLEM_CONTENT_TYPE: { "schema": schema } } });
    let header = |text: &str, kind: &str| json!({ "description": text, "schema": { "type": kind } });
    if status == 401 {
        answer["headers"] = json!({ "WWW-Authenticate": header("`Bearer`.", "string") });
    }
    if matches!(status, 408 | 429 | 503) {
        answer["headers"] =
            json!({ "Retry-After": header("Seconds after which the request may be repeated.", "integer") });
    }
    answer
}
