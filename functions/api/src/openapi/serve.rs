//! `GET /v1/openapi.json`.

use super::document;
use crate::api::Api;
use crate::metrics::RouteClass;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use std::sync::{Arc, LazyLock};

/// How long a copy may be used without asking: an upgrade of the server is seen soon, a busy portal asks rarely.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document as it is sent, and the ETag of these bytes. It is made when somebody first asks.
static DOCUMENT: LazyLock<(Bytes, String)> = LazyLock::new(|| {
    let text = serde_json::to_vec(&document()).unwrap_or_default();
    let etag = format!("\"{:016x}\"", checksum(&text));
    (text.into(), etag)
});

/// FNV-1a, 64 bits: tells two versions of one document apart, and is the same in every process that serves it.
fn checksum(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The document; 304 to those who have it.
pub(crate) async fn openapi(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    let (text, etag) = &*DOCUMENT;
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    });
    let mut response = if known { Response::default() } else { Response::new(Body::from(text.clone())) };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, CACHE);
    // Portals and generators run in browsers of other origins; the document holds no secret.
    out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        out.insert(header::ETAG, etag);
    }
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    api.metrics.answered(RouteClass::Ops, response.status());
    response
}
