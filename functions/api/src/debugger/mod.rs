//! The event debugger: what came in last, and what became of it.
//!
//! Ingestion notes where an event can be found again and nothing else: a reference to what was read, the id of a dead
//! letter, a verdict. Everything that costs (masking, JSON, reading a letter) happens when somebody looks.

mod live;
mod notes;
mod ring;
mod show;

pub(crate) use notes::{Noted, Refused};
pub(crate) use ring::{Debugger, Size};

use crate::api::Api;
use crate::failure::Failure;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/events/debug`: the last events of the tenant, newest first; with `Accept: text/event-stream` oldest first,
/// and then each as it comes.
pub(crate) async fn events(
    State(api): State<Arc<Api>>,
    secret: Secret,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let live = |value: &axum::http::HeaderValue| {
        value.to_str().is_ok_and(|types| types.to_ascii_lowercase().contains("text/event-stream"))
    };
    if headers.get_all(header::ACCEPT).iter().any(live) {
        return live::stream(api, &secret, &headers);
    }
    let noted = api.debugger.after(secret.tenant(), 0).entries;
    let mut data: Vec<Value> = Vec::with_capacity(noted.len());
    for entry in noted.iter().rev() {
        data.push(show::entry(&api, secret.tenant(), entry).await?);
    }
    Ok(Json(json!({ "data": data, "next_cursor": null, "has_more": false })).into_response())
}
