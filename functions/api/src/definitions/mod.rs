//! What a tenant defines: segments and journeys. Both are drafts that are published, so both have the same handlers;
//! what differs is in `kind.rs`.

pub(crate) mod journeys;
mod kind;
mod references;
pub(crate) mod segments;

use crate::api::Api;
use crate::command::{self, Decided};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use kind::Defined;
use roadbook_catalog::{Catalog, Entry};
use roadbook_kernel::{ActorKey, TenantId};
use roadbook_runtime::load_row;
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::ops::Bound;
use std::sync::Arc;

/// The catalog of a tenant, as last committed.
async fn catalog(api: &Api, tenant: TenantId) -> Result<Catalog, Failure> {
    Ok(load_row::<Catalog>(api.engine(), &ActorKey::catalog(tenant)).await?.state)
}

fn entry<D: Defined>(catalog: &Catalog, id: D) -> Result<&Entry, Failure> {
    D::entries(catalog).get(&id).ok_or_else(|| Failure::not_found(D::NAME))
}

/// A definition as it is shown: the draft, and which revision is in force.
fn shown<D: Defined>(id: D, entry: &Entry) -> Value {
    let mut shown = json!({
        "id": id,
        "name": entry.name,
        "status": entry.status(),
        "revision": entry.revision,
        "published_revision": entry.published.as_ref().map(|(revision, _)| revision),
        "created_at": write(entry.created_at),
        "updated_at": write(entry.updated_at),
    });
    shown[D::BODY] = entry.draft.clone();
    shown
}

/// `GET` of the list, oldest first.
pub(crate) async fn list<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    params: Params,
) -> Result<Json<Page>, Failure> {
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, D::NAME.to_owned())?;
    let catalog = catalog(&api, secret.tenant()).await?;
    let after = page.after.as_deref().and_then(|place| Some(D::wrap(u128::from_be_bytes(place.try_into().ok()?))));
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut found = D::entries(&catalog).range((from, Bound::Unbounded));
    let rows: Vec<(D, &Entry)> = found.by_ref().take(page.limit).map(|(id, entry)| (*id, entry)).collect();
    let next = rows.last().filter(|_| found.next().is_some()).map(|(id, _)| id.body().to_be_bytes().to_vec());
    Ok(Json(page.answer(rows.into_iter().map(|(id, entry)| shown(id, entry)).collect(), next)))
}

/// `GET` of one.
pub(crate) async fn get<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<D>,
) -> Result<Json<Value>, Failure> {
    let catalog = catalog(&api, secret.tenant()).await?;
    Ok(Json(shown(id, entry(&catalog, id)?)))
}

/// `POST` of a new one: a draft. Its answer names every mistake in it at once.
pub(crate) async fn create<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let message = command::message_id(&api, &secret, &Method::POST, &uri, &headers)?;
    let (name, body) = read::<D>(&api, &secret, &headers, body).await?;
    let accepted = api.engine().clock.now();
    let id = D::derive(&secret.keys(&api), accepted, message);
    let decided = command::to_catalog(&api, &secret, message, accepted, D::create(id, name, body)).await?;
    let catalog = catalog(&api, secret.tenant()).await?;
    let id = match decided {
        Decided::Applied => id,
        Decided::Duplicate => made_before(&catalog, id)?,
    };
    let location = format!("{}/{id}", uri.path());
    let answer = Json(shown(id, entry(&catalog, id)?));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer).into_response())
}

/// What an earlier request with the same `Idempotency-Key` made. An id is the time and a hash of the message: of a
/// repeated request the time differs and the hash does not.
fn made_before<D: Defined>(catalog: &Catalog, id: D) -> Result<D, Failure> {
    const HASH: u128 = (1 << 80) - 1;
    let same = |known: &&D| known.body() & HASH == id.body() & HASH;
    D::entries(catalog).keys().find(same).copied().ok_or_else(|| {
        let detail = "a request with this Idempotency-Key was refused; correct it and use a new key";
        Failure::new(StatusCode::CONFLICT, "idempotency_key_used", detail)
    })
}

/// `PUT` of one: a new draft. What is published stays in force until the draft is.
pub(crate) async fn edit<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<D>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let message = command::message_id(&api, &secret, &Method::PUT, &uri, &headers)?;
    entry(&catalog(&api, secret.tenant()).await?, id)?;
    let (name, body) = read::<D>(&api, &secret, &headers, body).await?;
    let accepted = api.engine().clock.now();
    command::to_catalog(&api, &secret, message, accepted, D::edit(id, name, body)).await?;
    let catalog = catalog(&api, secret.tenant()).await?;
    Ok(Json(shown(id, entry(&catalog, id)?)))
}

/// `POST .../publish`: puts the newest revision in force. Publishing a segment also begins to count its past events,
/// in the same commit.
pub(crate) async fn publish<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<D>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let message = command::message_id(&api, &secret, &Method::POST, &uri, &headers)?;
    entry(&catalog(&api, secret.tenant()).await?, id)?;
    let accepted = api.engine().clock.now();
    command::to_catalog(&api, &secret, message, accepted, D::publish(id)).await?;
    let catalog = catalog(&api, secret.tenant()).await?;
    Ok(Json(shown(id, entry(&catalog, id)?)))
}

/// Name and body of a definition. Segments it refers to must exist: the catalog checks the rest.
async fn read<D: Defined>(
    api: &Api,
    secret: &Secret,
    headers: &HeaderMap,
    body: Body,
) -> Result<(String, Value), Failure> {
    let mut fields = Fields::read(api, headers, body).await?;
    let (name, body) = (fields.text("name"), fields.required(D::BODY));
    fields.close()?;
    let (Some(name), Some(body)) = (name, body) else { return Err(Failure::defect()) };
    let named = D::segments_named(&body);
    if !named.is_empty() {
        let catalog = catalog(api, secret.tenant()).await?;
        references::check(&catalog, &named, &body, D::BODY)?;
    }
    Ok((name, body))
}
