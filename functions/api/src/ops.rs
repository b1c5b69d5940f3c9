//! For the operator: is it alive, may it get traffic, what has it counted.

use crate::api::Api;
use crate::failure::Failure;
use crate::metrics::{self, RouteClass};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_runtime::relay::Relay;
use std::sync::Arc;

/// `GET /healthz`: 200 while a commit could succeed.
pub(crate) async fn health(State(api): State<Arc<Api>>) -> Response {
    let result = sound(&api).await;
    told(&api, result)
}

/// `GET /readyz`: 200 while it should get traffic.
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Response {
    let result = if api.app.is_leaving() {
        Err(Failure::busy(StatusCode::SERVICE_UNAVAILABLE, "draining", "this process is about to stop"))
    } else {
        sound(&api).await
    };
    told(&api, result)
}

async fn sound(api: &Api) -> Result<(), Failure> {
    api.engine().store.ready().await.map_err(|fault| Failure::fault(&fault))
}

fn told(api: &Api, result: Result<(), Failure>) -> Response {
    let response = match result {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#).into_response(),
        Err(failure) => failure.into_response(),
    };
    api.metrics.answered(RouteClass::Ops, response.status());
    response
}

/// `GET /metrics`: counters in the Prometheus text format.
pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    api.metrics.answered(RouteClass::Ops, StatusCode::OK);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::text(&api, relay_lag(&api).await)).into_response()
}

/// The newest turn against the place the relay has stored. A store that cannot be read now says nothing about it.
async fn relay_lag(api: &Api) -> Option<u64> {
    let newest = api.engine().journal.last();
    let relay = Relay::open(api.engine()).await.ok()?;
    Some(newest.saturating_sub(relay.sequence()))
}
