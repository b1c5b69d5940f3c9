//! HTTP, from API Gateway: the same router as on one machine, console left out.

use crate::product::Product;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use lambda_http::request::RequestContext;
use lambda_http::{Error, RequestExt};
use std::net::{IpAddr, SocketAddr};
use tower::ServiceExt;

/// What a stream of events asks for. It would never end, and its answer is sent when it has ended.
const ENDLESS: &str = "text/event-stream";

/// Answers one request.
///
/// # Errors
/// None: what goes wrong is an answer.
pub async fn answer(product: &Product, request: lambda_http::Request) -> Result<Response<Body>, Error> {
    let kept = match product.app().await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the function cannot work; the next request tries again");
            return Ok(problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_ready",
                "the service cannot work at the moment; repeat the request",
            ));
        }
    };
    let asks_endlessly = request.headers().get_all(header::ACCEPT).iter();
    if asks_endlessly.filter_map(|value| value.to_str().ok()).any(|accept| accept.contains(ENDLESS)) {
        let detail = "there are no live events here; ask for the last ones, with `Accept: application/json`";
        return Ok(problem(StatusCode::NOT_ACCEPTABLE, "no_live_events", detail));
    }
    let peer = peer(&request);
    let mut request: Request<Body> = request.map(|body| Body::from(body.to_vec()));
    if let Some(peer) = peer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 0)));
    }
    Ok(kept.api.oneshot(request).await?)
}

/// From where the gateway was asked.
fn peer(request: &lambda_http::Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        #[allow(unreachable_patterns, reason = "other gateways exist where other features of the crate are on")]
        _ => None,
    }
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response<Body> {
    let body = serde_json::json!({
        "type": format!("urn:roadbook:problem:{code}"),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
        "message": detail,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
