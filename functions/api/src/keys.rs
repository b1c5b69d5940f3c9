//! The tenant's API keys: made, listed, revoked.

use crate::api::{Api, random};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::params::PathText;
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_access::{ApiKey, KeyKind};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::sync::Arc;

/// Characters of a key's name.
const NAME_CHARS_MAX: usize = 120;

fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "kind": key.kind,
        "name": key.name,
        "prefix": key.prefix,
        "created_at": write(key.created_at),
        "revoked_at": key.revoked_at.map(write),
    })
}

/// `GET /v1/api-keys`: all of them, revoked ones too; never the keys themselves.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret) -> Result<Json<Value>, Failure> {
    let keys = api.app.access.list(secret.tenant()).await?;
    let data: Vec<Value> = keys.iter().map(shown).collect();
    Ok(Json(json!({ "data": data, "next_cursor": null, "has_more": false })))
}

/// `POST /v1/api-keys {name, kind: write|secret}`: the only answer that ever holds the key.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    secret: Secret,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let mut fields = Fields::read(&api, &headers, body).await?;
    let name = fields.text("name");
    if name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX) {
        fields.wrong("name", "invalid_name", format!("a name has 1 to {NAME_CHARS_MAX} characters"));
    }
    let kind = match fields.text("kind").as_deref() {
        Some("write") => Some(KeyKind::Write),
        Some("secret") => Some(KeyKind::Secret),
        Some(_) => {
            fields.wrong("kind", "unknown_choice", "write one of: write, secret");
            None
        }
        None => None,
    };
    fields.close()?;
    let (Some(name), Some(kind)) = (name, kind) else { return Err(Failure::defect()) };
    let now = api.engine().clock.now();
    let made = api.app.access.create(secret.tenant(), kind, &name, random()?, now).await?;
    let mut answer = shown(&made.key);
    answer["key"] = json!(made.text);
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// `DELETE /v1/api-keys/{id}`: the key proves nothing from now on.
pub(crate) async fn revoke(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathText(id): PathText,
) -> Result<StatusCode, Failure> {
    let revoked = api.app.access.revoke(secret.tenant(), &id, api.engine().clock.now()).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Failure::not_found("key")) }
}
