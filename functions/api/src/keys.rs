//! The tenant's API keys: made, listed, revoked.

use crate::api::{Api, random};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::params::PathText;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_access::{ApiKey, KeyGrant, KeyKind, Scope, Scopes};
use roadbook_kernel::Moment;
use roadbook_wire::time::{read, write};
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
        "scopes": key.scopes(),
        "expires_at": key.expires_at.map(write),
        "org_scope": key.org_scope,
    })
}

/// `GET /v1/api-keys`: all within the place of whoever asks, revoked ones too; never the keys themselves.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret) -> Result<Json<Value>, Failure> {
    let keys = api.app.access.list(secret.tenant()).await?;
    let data: Vec<Value> = keys.iter().filter(|key| secret.0.reaches(key.org_scope.as_ref())).map(shown).collect();
    Ok(Json(json!({ "data": data, "next_cursor": null, "has_more": false })))
}

/// `POST /v1/api-keys {name, kind: write|secret, scopes?, expires_at?}`: the only answer that ever holds the key. A
/// secret key without `scopes` may do what its maker may, in the place of its maker.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    secret: Secret,
    mut fields: Fields,
) -> Result<Response, Failure> {
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
    let now = api.engine().clock.now();
    let asked = fields.optional("scopes").and_then(|value| scopes(&mut fields, &value, kind));
    let expires_at = fields.optional_text("expires_at").and_then(|text| end(&mut fields, &text, now));
    fields.close()?;
    let (Some(name), Some(kind)) = (name, kind) else { return Err(Failure::defect()) };
    let (own, place) = (secret.0.scopes(), secret.0.org_scope().cloned());
    let scopes = match kind {
        KeyKind::Write => None,
        // Who may do everything gives everything, also what later versions add.
        KeyKind::Secret => asked.or((own != Scopes::ALL).then_some(own)),
    };
    let given = match kind {
        KeyKind::Write => Scopes::of(&[Scope::EventsWrite]),
        KeyKind::Secret => scopes.unwrap_or(Scopes::ALL),
    };
    secret.may_give(given, place.as_ref())?;
    let grant = KeyGrant { kind, name, scopes, expires_at, org_scope: place };
    let made = api.app.access.create_with(secret.tenant(), grant, random()?, now).await?;
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
    let key = api.app.access.get(secret.tenant(), &id).await?;
    if !key.is_some_and(|key| secret.0.reaches(key.org_scope.as_ref())) {
        return Err(Failure::not_found("key"));
    }
    let revoked = api.app.access.revoke(secret.tenant(), &id, api.engine().clock.now()).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Failure::not_found("key")) }
}

fn scopes(fields: &mut Fields, value: &Value, kind: Option<KeyKind>) -> Option<Scopes> {
    if kind == Some(KeyKind::Write) {
        fields.wrong("scopes", "not_for_write_keys", "a write key sends events and nothing else; leave `scopes` out");
        return None;
    }
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let read: Option<Scopes> = list.iter().map(|scope| scope.as_str()?.parse::<Scope>().ok()).collect();
    let read = read.filter(|scopes| *scopes != Scopes::NONE);
    if read.is_none() {
        let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
        fields.wrong("scopes", "unknown_choice", format!("expected a list of: {}", known.join(", ")));
    }
    read
}

fn end(fields: &mut Fields, text: &str, now: Moment) -> Option<Moment> {
    match read(text) {
        Ok(end) if end > now => Some(end),
        Ok(_) => {
            fields.wrong("expires_at", "in_the_past", "a key must not have expired before it is made");
            None
        }
        Err(error) => {
            fields.wrong("expires_at", "malformed_time", error.to_string());
            None
        }
    }
}
