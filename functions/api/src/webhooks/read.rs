//! Endpoints as they are shown: never with their secrets.

use super::{held, whole_tenant};
use crate::api::Api;
use crate::etag::tagged;
use crate::failure::Failure;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use roadbook_kernel::{EndpointId, Moment};
use roadbook_runtime::webhooks::{self, Attempt, Endpoint, Status};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::sync::Arc;

/// An endpoint. `failing_since` is null where its last call was taken.
pub(super) fn shown(endpoint: &Endpoint, failing_since: Option<Moment>) -> Value {
    let (status, because, at) = match endpoint.status {
        Status::Enabled => ("enabled", None, None),
        Status::Disabled { because, at } => ("disabled", Some(because), Some(at)),
    };
    json!({
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "types": endpoint.topics,
        "status": status,
        "disabled_because": because,
        "disabled_at": at.map(write),
        "failing_since": failing_since.map(write),
        "created_at": write(endpoint.created_at),
    })
}

/// `GET /v1/webhook-endpoints`: all of them, oldest first.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret) -> Result<Json<Value>, Failure> {
    let tenant = whole_tenant(&secret)?;
    let mut data = Vec::new();
    for held in webhooks::endpoints(api.engine().store.as_ref(), tenant).await? {
        let health = webhooks::health(api.engine(), tenant, held.endpoint.id).await?;
        data.push(shown(&held.endpoint, health.failing_since));
    }
    Ok(Json(json!({ "data": data, "next_cursor": null, "has_more": false })))
}

/// `GET /v1/webhook-endpoints/{id}`
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<EndpointId>,
) -> Result<Response, Failure> {
    let held = held(&api, &secret, id).await?;
    let health = webhooks::health(api.engine(), secret.tenant(), id).await?;
    Ok(tagged(held.version, Json(shown(&held.endpoint, health.failing_since))))
}

/// `GET /v1/webhook-endpoints/{id}/attempts`: the newest hundred calls, newest first.
pub(crate) async fn attempts(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<EndpointId>,
) -> Result<Json<Value>, Failure> {
    held(&api, &secret, id).await?;
    let health = webhooks::health(api.engine(), secret.tenant(), id).await?;
    let data: Vec<Value> = health.attempts.iter().rev().map(attempt).collect();
    Ok(Json(json!({ "data": data, "next_cursor": null, "has_more": false })))
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "at": write(attempt.at),
        "message": attempt.delivery,
        "type": attempt.topic,
        "attempt": attempt.attempt,
        "status": attempt.status,
        "ms": attempt.ms,
        "error": attempt.error,
    })
}
