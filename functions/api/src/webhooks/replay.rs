//! Sends again what an endpoint did not take, or took and lost.

use super::held;
use crate::api::Api;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use roadbook_kernel::{DeliveryId, EndpointId, Moment, TenantId};
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::webhooks::{self, DeliveryState, HeldDelivery};
use roadbook_wire::time;
use serde_json::{Value, json};
use std::sync::Arc;

/// Deliveries read at once.
const PAGE: usize = 256;
/// Deliveries looked at in one request.
const LOOKED_AT_MAX: usize = 8_192;

/// `POST /v1/webhook-endpoints/{id}/replay {message}` or `{since}`: one message, whatever became of it, or every one
/// that was given up since a time. Each goes out again under its own id, from the beginning of its schedule. Where
/// `has_more` is true, repeat the request with `after` as answered.
pub(crate) async fn replay(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<EndpointId>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let held = held(&api, &secret, id).await?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    let message = fields.optional_text("message");
    let since = fields.optional_text("since");
    if message.is_some() == since.is_some() {
        fields.wrong("message", "one_of_two", "name one `message`, or a time `since` which everything that failed");
    }
    let since = since.and_then(|text| match time::read(&text) {
        Ok(at) => Some(at),
        Err(error) => {
            fields.wrong("since", "malformed_timestamp", error.to_string());
            None
        }
    });
    let after = fields.optional_text("after").and_then(|text| {
        let id = text.parse::<DeliveryId>().ok();
        if id.is_none() {
            fields.wrong("after", "malformed_id", "`after` is the `after` of the answer before");
        }
        id
    });
    fields.close()?;
    if !held.endpoint.is_enabled() {
        let detail = "the endpoint is disabled; enable it first";
        return Err(Failure::new(StatusCode::CONFLICT, "endpoint_disabled", detail));
    }
    let tenant = secret.tenant();
    let answer = match (message, since) {
        (Some(message), _) => one(&api, tenant, id, &message).await?,
        (None, Some(since)) => failed(&api, tenant, id, since, after).await?,
        (None, None) => return Err(Failure::defect()),
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

async fn one(api: &Api, tenant: TenantId, endpoint: EndpointId, message: &str) -> Result<Value, Failure> {
    let not_found = || Failure::not_found("message of this endpoint");
    let id = message.parse::<DeliveryId>().map_err(|_| not_found())?;
    let key = ItemKey::delivery(tenant, endpoint, id);
    let item = api.engine().store.load(&key).await?.ok_or_else(not_found)?;
    let mut held = HeldDelivery { key, version: item.version, delivery: webhooks::read(&item)? };
    // What is still on its way needs nobody's help.
    let replayed = held.delivery.is_over() && held.replay(api.engine(), api.engine().clock.now()).await?;
    Ok(json!({ "replayed": u8::from(replayed), "has_more": false, "after": null }))
}

async fn failed(
    api: &Api,
    tenant: TenantId,
    endpoint: EndpointId,
    since: Moment,
    after: Option<DeliveryId>,
) -> Result<Value, Failure> {
    let (engine, now) = (api.engine(), api.engine().clock.now());
    let (mut replayed, mut looked_at) = (0, 0);
    let mut place = after.map(|id| ItemKey::delivery(tenant, endpoint, id).local().to_vec());
    let mut last = after;
    while looked_at < LOOKED_AT_MAX {
        let page = webhooks::of_endpoint(engine, tenant, endpoint, place.as_deref(), PAGE).await?;
        let is_end = page.len() < PAGE;
        looked_at += page.len();
        for (key, held) in page {
            last = webhooks::named(&key).map(|(_, id)| id);
            place = Some(key.local().to_vec());
            let Some(mut held) = held else { continue };
            let wanted = match &held.delivery.state {
                DeliveryState::Failed { at, .. } => *at >= since,
                DeliveryState::Queued { .. } | DeliveryState::Attempting { .. } | DeliveryState::Delivered { .. } => {
                    false
                }
            };
            if wanted && held.replay(engine, now).await? {
                replayed += 1;
            }
        }
        if is_end {
            return Ok(json!({ "replayed": replayed, "has_more": false, "after": null }));
        }
    }
    Ok(json!({ "replayed": replayed, "has_more": true, "after": last }))
}
