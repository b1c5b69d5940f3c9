//! The problem document (RFC 9457) that every error is answered with.

use crate::{BodyError, Rejected};
use roadbook_kernel::{Place, Refusal};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The content type of a [`Problem`].
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// An error as the caller of the API sees it. `code` and `message` stand beside the members of RFC 9457 because
/// segment-analytics-python reads those two from every error it is answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// A name for this kind of problem: `urn:roadbook:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The meaning of the status, the same for every problem that has it.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What happened here and what to do next.
    pub detail: String,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// Stable snake_case code.
    pub code: Cow<'static, str>,
    /// The same sentence as `detail`.
    pub message: String,
    /// The places that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Place>,
    /// What to quote when asking for help.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trace_id: String,
}

impl Problem {
    /// A problem with the body of a code and a sentence. `detail` is shown to the caller: no personal data.
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let (code, detail) = (code.into(), detail.into());
        Self {
            kind: format!("urn:roadbook:problem:{code}"),
            title: title(status).into(),
            status,
            message: detail.clone(),
            detail,
            instance: String::new(),
            code,
            errors: Vec::new(),
            trace_id: String::new(),
        }
    }

    /// A business "no" under the status that fits it.
    pub fn refused(status: u16, refusal: Refusal) -> Self {
        let mut problem = Self::new(status, refusal.code, refusal.detail);
        problem.errors = refusal.places;
        problem
    }

    /// Events that strict mode does not take; each is one place.
    pub fn rejected<'a>(events: impl IntoIterator<Item = &'a Rejected>) -> Self {
        let mut problem = Self::new(400, "events_rejected", "some events cannot be taken; `errors` names each");
        for event in events {
            problem = problem.with(event.pointer.clone(), event.code.clone(), event.detail.clone());
        }
        problem
    }

    /// The same problem with one more place that is wrong.
    pub fn with(mut self, pointer: String, code: Cow<'static, str>, detail: String) -> Self {
        self.errors.push(Place { pointer, code, detail });
        self
    }

    /// The same problem, naming the request it answers.
    pub fn about(mut self, instance: impl Into<String>, trace_id: impl Into<String>) -> Self {
        self.instance = instance.into();
        self.trace_id = trace_id.into();
        self
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), error.code(), error.to_string())
    }
}

/// The reason phrases of RFC 9110 and RFC 6585 for the statuses that are answered.
const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_has_the_members_that_clients_read() {
        let place = Place {
            pointer: "/when/0/field".to_owned(),
            code: "unknown_field".into(),
            detail: "there is no field `plat`".to_owned(),
        };
        let refusal = Refusal::new("invalid_condition", "the condition cannot be read").at([place]);
        let problem = Problem::refused(422, refusal).about("/v1/segments", "0af7");
        let expected = json!({
            "type": "urn:roadbook:problem:invalid_condition",
            "title": "Unprocessable Content",
            "status": 422,
            "detail": "the condition cannot be read",
            "instance": "/v1/segments",
            "code": "invalid_condition",
            "message": "the condition cannot be read",
            "errors": [{"pointer": "/when/0/field", "code": "unknown_field", "detail": "there is no field `plat`"}],
            "trace_id": "0af7"
        });
        assert_eq!(serde_json::to_value(&problem).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Problem>(expected).unwrap(), problem);
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let json = serde_json::to_value(Problem::new(401, "unknown_key", "the write key is not known")).unwrap();
        assert!(json.get("errors").is_none() && json.get("instance").is_none() && json.get("trace_id").is_none());
    }
}
