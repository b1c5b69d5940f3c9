//! What browser SDKs ask besides sending events: permission (CORS), their settings, a sink for their own measurements.

use crate::api::Api;
use crate::failure::Failure;
use crate::metrics::RouteClass;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_access::Bearer;
use serde_json::json;
use std::sync::Arc;

use crate::params::PathText;

/// How long a browser may remember the permission, in seconds: one day, of which browsers take what they like.
const PERMISSION_S: &str = "86400";

/// `OPTIONS` of every path a browser may call: any origin may send events, because a write key is no secret.
pub(crate) async fn preflight(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = asked.unwrap_or(HeaderValue::from_static("authorization, content-type"));
    let out = response.headers_mut();
    out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    out.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PERMISSION_S));
    out.insert(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    api.metrics.answered(RouteClass::Browser, StatusCode::NO_CONTENT);
    response
}

/// `GET /v1/projects/{writeKey}/settings`: what analytics.js reads before it sends anything. No third-party
/// integration is ever named here: the only place events go to is this server.
pub(crate) async fn settings(State(api): State<Arc<Api>>, PathText(key): PathText, headers: HeaderMap) -> Response {
    let mut response = match project(&api, &key, &headers).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    };
    let out = response.headers_mut();
    out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    api.metrics.answered(RouteClass::Browser, response.status());
    response
}

async fn project(api: &Api, key: &str, headers: &HeaderMap) -> Result<Response, Failure> {
    let authority = api.app.access.verify(key).await?;
    // A secret key is not recognised here: its place is no URL.
    if authority.is_none_or(|authority| authority.bearer() != Bearer::WriteKey) {
        return Err(Failure::not_found("write key"));
    }
    let mut integration = json!({ "apiKey": key, "unbundledIntegrations": [], "addBundledMetadata": false });
    if let Some(host) = host(headers) {
        integration["apiHost"] = json!(format!("{host}/v1"));
        integration["protocol"] = json!(protocol(headers));
    }
    let settings = json!({
        "integrations": { "Segment.io": integration },
        "plan": { "track": { "__default": { "enabled": true, "integrations": {} } } },
        "edgeFunction": {},
        "enabledMiddleware": {},
        "remotePlugins": [],
    });
    Ok(axum::Json(settings).into_response())
}

/// The name under which the browser reached us, where it is a plain host and port: it goes into a script's settings.
fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (!host.is_empty() && host.len() <= 255 && host.bytes().all(plain)).then_some(host)
}

/// The server itself speaks plain HTTP; whoever puts TLS in front says so.
fn protocol(headers: &HeaderMap) -> &'static str {
    match headers.get("x-forwarded-proto").map(HeaderValue::as_bytes) {
        Some(b"https") => "https",
        _ => "http",
    }
}

/// `POST /v1/m`: measurements that SDKs take of themselves. Nobody here reads them.
pub(crate) async fn measurements(State(api): State<Arc<Api>>, body: Body) -> Response {
    // Read and dropped, so that the connection can be used again.
    let _ = crate::body::read(&HeaderMap::new(), body, api.app.config.body_bytes_max).await;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    api.metrics.answered(RouteClass::Browser, StatusCode::NO_CONTENT);
    response
}
