//! Every answer that is not a success: one problem document, whatever went wrong.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_kernel::{Place, Refusal};
use roadbook_runtime::ports::{CommitError, Fault};
use roadbook_wire::{BodyError, PROBLEM_CONTENT_TYPE, Problem};
use std::borrow::Cow;

/// Seconds after which a client may come back when too much is going on.
const BUSY_RETRY_S: u32 = 1;
/// The same when the store fails.
const STORE_RETRY_S: u32 = 5;
/// The same when the disk is full or damaged: somebody must act.
const DISK_RETRY_S: u32 = 30;

/// A request that is answered with a problem.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    problem: Box<Problem>,
    retry_after_s: Option<u32>,
}

/// What [`crate::trace`] finds in the response, to name the request in it.
#[derive(Clone)]
pub(crate) struct Told(pub(crate) Failure);

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(status.as_u16(), code, detail)), retry_after_s: None }
    }

    /// One wrong place in a body or a query.
    pub(crate) fn invalid(code: &'static str, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut failure = Self::new(StatusCode::BAD_REQUEST, code, detail.clone());
        failure.problem = Box::new(failure.problem.with(pointer.to_owned(), code.into(), detail));
        failure
    }

    /// Several wrong places; `places` is not empty.
    pub(crate) fn invalid_places(code: &'static str, detail: &str, places: Vec<Place>) -> Self {
        let mut failure = Self::new(StatusCode::BAD_REQUEST, code, detail);
        failure.problem.errors = places;
        failure
    }

    /// No such thing, for this tenant. Another tenant's thing is answered with the very same words.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// Later is better: the caller may repeat the same request.
    pub(crate) fn busy(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self { retry_after_s: Some(BUSY_RETRY_S), ..Self::new(status, code, detail) }
    }

    /// Too often; the caller may come back after these seconds.
    pub(crate) fn limited(code: &'static str, detail: &str, retry_after_s: i64) -> Self {
        let retry_after_s = Some(u32::try_from(retry_after_s).unwrap_or(u32::MAX));
        Self { retry_after_s, ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail) }
    }

    pub(crate) fn no_randomness() -> Self {
        Self::busy(StatusCode::SERVICE_UNAVAILABLE, "no_randomness", "the machine gives no random bytes")
    }

    /// A defect of ours: it is in the log, and nothing about it in the answer.
    pub(crate) fn defect() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", "this is our mistake; it is in our log")
    }

    /// The world failed. What the caller sends again is recognised, so repeating the whole request is safe.
    pub(crate) fn fault(fault: &Fault) -> Self {
        let (code, detail, retry_after_s) = match fault {
            Fault::DiskFull { .. } => {
                ("disk_full", "there is no room to keep it safely; nothing was taken", DISK_RETRY_S)
            }
            Fault::Overloaded => ("overloaded", "too much work is waiting; repeat the request", BUSY_RETRY_S),
            Fault::Contended(_) => ("contended", "too many changes at once; repeat the request", BUSY_RETRY_S),
            Fault::Store(_) => ("store_unavailable", "the store cannot be reached; repeat the request", STORE_RETRY_S),
            Fault::Corrupt(_) => {
                ("store_unreadable", "stored data cannot be read; an operator must look", DISK_RETRY_S)
            }
            Fault::Unlawful(_) => return Self::defect(),
        };
        let failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        Self { retry_after_s: Some(retry_after_s), ..failure }
    }

    /// A business "no" under the status that fits its code.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let status = match refusal.code.as_ref() {
            "not_found" | "no_such_customer" => StatusCode::NOT_FOUND,
            "already_published"
            | "cannot_publish"
            | "not_published"
            | "already_paused"
            | "not_paused"
            | "archived"
            | "segment_in_use"
            | "journey_in_use"
            | "tag_in_use"
            | "already_defined"
            | "not_merged"
            | "merged_into_another"
            | "unmerge_out_of_order" => StatusCode::CONFLICT,
            "stale_etag" => StatusCode::PRECONDITION_FAILED,
            "definition_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self { problem: Box::new(Problem::refused(status.as_u16(), refusal)), retry_after_s: None }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn detail(&self) -> &str {
        &self.problem.detail
    }

    pub(crate) fn code(&self) -> Cow<'static, str> {
        self.problem.code.clone()
    }

    /// The response that also names the request.
    pub(crate) fn answer(mut self, instance: &str, trace_id: &str) -> Response {
        *self.problem = self.problem.about(instance, trace_id);
        self.into_response()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), retry_after_s: None }
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Problem::from(error).into()
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        log(&fault);
        Self::fault(&fault)
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Fault::Contended(1).into(),
            CommitError::Fault(fault) => fault.into(),
        }
    }
}

/// Logs a fault once, here at the boundary. A full queue says nothing new: it is counted.
pub(crate) fn log(fault: &Fault) {
    match fault {
        Fault::Overloaded | Fault::Contended(_) => tracing::debug!(%fault, "a request was not served"),
        Fault::DiskFull { .. } | Fault::Store(_) => tracing::warn!(%fault, "a request was not served"),
        Fault::Corrupt(_) | Fault::Unlawful(_) => tracing::error!(%fault, "a request was not served"),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.problem.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Told(self));
        response
    }
}
