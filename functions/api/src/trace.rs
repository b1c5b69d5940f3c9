//! One span per request of the secret API, one per failed ingestion. A span knows the pattern of the path, never the
//! path, the query or the body: those may hold a phone number.

use crate::api::{Api, random};
use crate::failure::{Failure, Told};
use crate::metrics::RouteClass;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::fmt::Write;
use std::sync::Arc;
use tracing::{Instrument, Span};

/// Around every request of the secret API: the gate for what writes, the span, the counters, and the name of the
/// request in the problem it is answered with.
pub(crate) async fn around(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    observed(&api, RouteClass::Secret, request, next).await
}

/// The same around what needs no key.
pub(crate) async fn around_public(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    observed(&api, RouteClass::Public, request, next).await
}

async fn observed(api: &Arc<Api>, class: RouteClass, request: Request, next: Next) -> Response {
    let route = route_of(request.extensions()).to_owned();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let trace_id = trace_id(request.headers());
    let span = tracing::info_span!(
        "request", http.method = %method, http.route = route, trace.id = trace_id, tenant.id = tracing::field::Empty
    );
    let writes = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    let mut response = async {
        let open = if writes { api.gate.open(&api.app).await } else { Ok(()) };
        let response = match open {
            Ok(()) => next.run(request).await,
            Err(failure) => axum::response::IntoResponse::into_response(failure),
        };
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span.clone())
    .await;
    api.metrics.answered(class, response.status());
    if let Some(Told(failure)) = response.extensions_mut().remove::<Told>() {
        note(&span, &failure);
        // What a middleware has put on the answer stays on it.
        let headers = std::mem::take(response.headers_mut());
        response = failure.answer(&instance(&path, &route), &trace_id);
        response.headers_mut().extend(headers);
    }
    response
}

/// The answer to a request whose events were not taken.
pub(crate) fn failed_ingestion(parts: &Parts, failure: Failure) -> Response {
    let route = route_of(&parts.extensions);
    let trace_id = trace_id(&parts.headers);
    let span = tracing::info_span!("ingestion", http.route = route, trace.id = trace_id);
    note(&span, &failure);
    failure.answer(route, &trace_id)
}

/// One line per failure, without its sentence: that one is for the caller. What is turned away under load would fill
/// the log with one line a thousand times over: its cause is logged once, where it is found, and it is counted.
fn note(span: &Span, failure: &Failure) {
    let (status, code) = (failure.status(), failure.code());
    let (number, code) = (status.as_u16(), code.as_ref());
    span.in_scope(|| match status {
        StatusCode::INTERNAL_SERVER_ERROR => tracing::error!(status = number, code, "failed"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            tracing::debug!(status = number, code, "not served");
        }
        _ => tracing::info!(status = number, code, "not served"),
    });
}

/// The pattern of the path; empty where none matched.
fn route_of(extensions: &axum::http::Extensions) -> &str {
    extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

/// The caller's trace where it sends a W3C `traceparent`, else a new one.
fn trace_id(headers: &HeaderMap) -> String {
    let sent = headers.get("traceparent").and_then(|value| value.to_str().ok()?.split('-').nth(1));
    let valid = |id: &&str| id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if let Some(id) = sent.filter(valid) {
        return id.to_owned();
    }
    let Ok(bytes) = random::<16>() else { return String::new() };
    bytes.iter().fold(String::with_capacity(32), |mut id, byte| {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// The path as far as it is ours: what stands where the pattern has a parameter is repeated only if it has the form of
/// our own ids. People type phone numbers into such places.
fn instance(path: &str, route: &str) -> String {
    let ours = |text: &str| {
        text.split_once('_').is_some_and(|(prefix, body)| {
            prefix.len() <= 4
                && body.len() <= 26
                && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
                && body.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && matches!(prefix, "cfl" | "cus" | "dl" | "job" | "jrn" | "key" | "rvw" | "seg" | "usr")
        })
    };
    let step = |(pattern, text): (&str, &str)| {
        if pattern.starts_with('{') && ours(text) { text.to_owned() } else { pattern.to_owned() }
    };
    route.split('/').zip(path.split('/')).map(step).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_repeated_only_as_far_as_it_is_ours() {
        let route = "/v1/profiles/{id}/timeline";
        let own = "/v1/profiles/cus_00000000000000000000000000/timeline";
        assert_eq!(instance(own, route), own);
        assert_eq!(instance("/v1/profiles/13800000000/timeline", route), route);
        assert_eq!(instance("/v1/profiles/vin_LTESTVIN000000000/timeline", route), route);
        assert_eq!(instance("/13800000000", ""), "");
    }

    #[test]
    fn a_trace_id_is_taken_over_or_new() {
        let sent = |value: &'static str| {
            HeaderMap::from_iter([(
                axum::http::HeaderName::from_static("traceparent"),
                axum::http::HeaderValue::from_static(value),
            )])
        };
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(trace_id(&sent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")), id);
        for other in ["", "00-+8613800000000-x-01", "x"] {
            let made = trace_id(&sent(other));
            assert!(made.len() == 32 && !made.contains("138000"), "{made}");
        }
    }
}
