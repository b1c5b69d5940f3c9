//! Endpoints are made, changed, enabled, removed; their secrets are made here and shown once.

use super::read::shown;
use super::{held, whole_tenant};
use crate::api::{Api, random};
use crate::etag::{IfMatch, tagged};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::uri::{Scheme, Uri};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roadbook_customer::{Topic, Topics};
use roadbook_kernel::{EndpointId, Expected, Hash128, sortable};
use roadbook_runtime::webhooks::{
    self, Because, Endpoint, HeldEndpoint, SECRET_PREFIX, Signing, SigningSecret, Status, is_public,
};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// Endpoints of one tenant.
const ENDPOINTS_MAX: usize = 50;
/// Bytes of an address.
const URL_BYTES_MAX: usize = 2_048;
/// Characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 200;

/// `POST /v1/webhook-endpoints {url, types, description?}`: with the secret, in the only answer that ever holds it.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    secret: Secret,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let tenant = whole_tenant(&secret)?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    let url = fields.text("url").and_then(|url| address(&api, &mut fields, url));
    let topics = fields.required("types").and_then(|types| topics(&mut fields, types));
    let description = fields.optional_text("description");
    let description = description.and_then(|text| described(&mut fields, text)).unwrap_or_default();
    fields.close()?;
    let (Some(url), Some(topics)) = (url, topics) else { return Err(Failure::defect()) };
    let store = api.engine().store.as_ref();
    if webhooks::endpoints(store, tenant).await?.len() >= ENDPOINTS_MAX {
        let detail = format!("a tenant has at most {ENDPOINTS_MAX} endpoints; remove one first");
        return Err(Failure::new(StatusCode::CONFLICT, "too_many_endpoints", detail));
    }
    let now = api.engine().clock.now();
    let id = EndpointId::from_u128(sortable(now, Hash128(u128::from_be_bytes(random()?))));
    let signing = Signing { secret: new_secret()?, until: None };
    let text = signing.secret.clone();
    let (status, secrets, created_at) = (Status::Enabled, vec![signing], now);
    let endpoint = Endpoint { id, url, description, topics, status, secrets, created_at };
    let mut held = HeldEndpoint { tenant, version: 0, endpoint };
    saved(held.save(api.engine()).await?)?;
    Ok((StatusCode::CREATED, with_secret(&held, &text)).into_response())
}

/// `PATCH /v1/webhook-endpoints/{id} {url?, types?, description?, status?}`
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<EndpointId>,
    IfMatch(expected): IfMatch,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let mut held = fitting(&api, &secret, id, &expected).await?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    if let Some(url) = fields.optional_text("url").and_then(|url| address(&api, &mut fields, url)) {
        held.endpoint.url = url;
    }
    if let Some(topics) = fields.optional("types").and_then(|types| topics(&mut fields, types)) {
        held.endpoint.topics = topics;
    }
    if let Some(text) = fields.optional_text("description").and_then(|text| described(&mut fields, text)) {
        held.endpoint.description = text;
    }
    let status = fields.optional_text("status");
    match status.as_deref() {
        None | Some("enabled" | "disabled") => {}
        Some(_) => fields.wrong("status", "unknown_choice", "write one of: enabled, disabled"),
    }
    fields.close()?;
    match (status.as_deref(), held.endpoint.is_enabled()) {
        (Some("enabled"), false) => enabled(&api, &mut held).await?,
        (Some("disabled"), true) => {
            let at = api.engine().clock.now();
            held.endpoint.status = Status::Disabled { because: Because::Operator, at };
        }
        _ => {}
    }
    saved(held.save(api.engine()).await?)?;
    answer(&api, &held).await
}

/// `POST /v1/webhook-endpoints/{id}/enable`: gives an endpoint another chance.
pub(crate) async fn enable(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<EndpointId>,
) -> Result<Response, Failure> {
    let mut held = held(&api, &secret, id).await?;
    if !held.endpoint.is_enabled() {
        enabled(&api, &mut held).await?;
        saved(held.save(api.engine()).await?)?;
    }
    answer(&api, &held).await
}

/// `POST /v1/webhook-endpoints/{id}/secret/rotate`: a new secret, shown once. The one before signs beside it for a day.
pub(crate) async fn rotate(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<EndpointId>,
) -> Result<Response, Failure> {
    let mut held = held(&api, &secret, id).await?;
    let new = new_secret()?;
    held.endpoint.rotate(new.clone(), api.engine().clock.now());
    saved(held.save(api.engine()).await?)?;
    Ok(with_secret(&held, &new))
}

/// `DELETE /v1/webhook-endpoints/{id}`: what was on its way to it is dropped.
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<EndpointId>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let held = fitting(&api, &secret, id, &expected).await?;
    saved(held.remove(api.engine()).await?)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn fitting(api: &Api, secret: &Secret, id: EndpointId, expected: &Expected) -> Result<HeldEndpoint, Failure> {
    let held = held(api, secret, id).await?;
    expected.check(held.version).map_err(Failure::refused)?;
    Ok(held)
}

/// The store compares the version once more: of two who change it at once, one is told.
fn saved(written: bool) -> Result<(), Failure> {
    let detail = "somebody changed it at the same moment; read it again and repeat your change on that";
    if written { Ok(()) } else { Err(Failure::new(StatusCode::PRECONDITION_FAILED, "stale_etag", detail)) }
}

async fn enabled(api: &Api, held: &mut HeldEndpoint) -> Result<(), Failure> {
    held.endpoint.status = Status::Enabled;
    // Or the first failure would end it again: it has failed for days already.
    Ok(webhooks::forgive(api.engine(), held.tenant, held.endpoint.id).await?)
}

async fn answer(api: &Api, held: &HeldEndpoint) -> Result<Response, Failure> {
    let health = webhooks::health(api.engine(), held.tenant, held.endpoint.id).await?;
    Ok(tagged(held.version, Json(shown(&held.endpoint, health.failing_since))))
}

fn with_secret(held: &HeldEndpoint, secret: &SigningSecret) -> Response {
    let mut answer = shown(&held.endpoint, None);
    answer["secret"] = json!(secret.expose());
    tagged(held.version, ([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

/// 32 random bytes, as Standard Webhooks writes a secret.
fn new_secret() -> Result<SigningSecret, Failure> {
    Ok(SigningSecret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(random::<32>()?))))
}

/// What can be said of an address before it is called; the rest is said by the caller, in the log of attempts.
fn address(api: &Api, fields: &mut Fields, url: String) -> Option<String> {
    let anywhere = api.app.config.webhooks_allow_http;
    let wrong = match url.parse::<Uri>() {
        _ if url.len() > URL_BYTES_MAX => Some(("too_long", format!("an address has at most {URL_BYTES_MAX} bytes"))),
        Err(_) => Some(("malformed_url", "write an address like https://example.com/hooks".to_owned())),
        Ok(uri) => refused(&url, &uri, anywhere).map(|(code, detail)| (code, detail.to_owned())),
    };
    if let Some((code, detail)) = wrong {
        fields.wrong("url", code, detail);
        return None;
    }
    Some(url)
}

fn refused(url: &str, uri: &Uri, anywhere: bool) -> Option<(&'static str, &'static str)> {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let inside = bare.parse::<IpAddr>().is_ok_and(|address| !is_public(address)) || bare == "localhost";
    if host.is_empty() || uri.scheme().is_none() {
        Some(("malformed_url", "write an address like https://example.com/hooks"))
    } else if uri.scheme() != Some(&Scheme::HTTPS) && !(anywhere && uri.scheme() == Some(&Scheme::HTTP)) {
        Some(("not_https", "an endpoint is called by https only"))
    } else if authority.contains('@') || url.contains('#') {
        Some(("malformed_url", "leave out the user and the fragment; a token may stand in the path or in the query"))
    } else if inside && !anywhere {
        Some(("address_not_public", "an endpoint has a public address; this one is inside a network"))
    } else {
        None
    }
}

fn topics(fields: &mut Fields, types: Value) -> Option<Topics> {
    let Value::Array(types) = types else {
        fields.wrong("types", "wrong_type", "expected a list of event types");
        return None;
    };
    if types.is_empty() {
        fields.wrong("types", "empty_list", "name at least one event type, or disable the endpoint");
        return None;
    }
    let mut known = Vec::new();
    for (place, name) in types.iter().enumerate() {
        match name.as_str().and_then(Topic::named) {
            Some(topic) => known.push(topic),
            None => {
                let names = Topic::ALL.iter().map(|topic| topic.name()).collect::<Vec<_>>().join(", ");
                fields.wrong(&format!("types/{place}"), "unknown_choice", format!("the event types are: {names}"));
                return None;
            }
        }
    }
    Some(known.into_iter().collect())
}

fn described(fields: &mut Fields, text: String) -> Option<String> {
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        let detail = format!("a description has at most {DESCRIPTION_CHARS_MAX} characters");
        fields.wrong("description", "too_long", detail);
        return None;
    }
    Some(text)
}
