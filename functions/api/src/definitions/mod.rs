//! What a tenant defines: segments and journeys. Both are drafts that are published, so both have the same handlers;
//! what differs is in `kind.rs`.

pub(crate) mod journeys;
mod kind;
pub(crate) mod members;
pub(crate) mod preview;
pub(crate) mod segments;

use crate::api::Api;
use crate::command::{self, CommandId, Decided};
use crate::etag::{IfMatch, tagged};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use kind::Defined;
use roadbook_catalog::{Catalog, Command, Entry, Status};
use roadbook_kernel::{ActorKey, MessageId, TenantId};
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
        "paused_at": entry.paused_at.map(write),
        "archived_at": entry.archived.map(|archived| write(archived.at)),
        "created_at": write(entry.created_at),
        "updated_at": write(entry.updated_at),
    });
    shown[D::BODY] = entry.draft.clone();
    shown
}

/// The definition as the catalog has it after a command, with its ETag.
async fn answer<D: Defined>(api: &Api, tenant: TenantId, id: D) -> Result<Response, Failure> {
    let catalog = catalog(api, tenant).await?;
    let entry = entry(&catalog, id)?;
    Ok(tagged(entry.revision, Json(shown(id, entry))))
}

/// Which rows of a list are wanted: `?status=`. Archived ones only where they are asked for.
fn wanted(params: &Params) -> Result<Option<Status>, Failure> {
    let Some(text) = params.get("status") else { return Ok(None) };
    serde_json::from_value(Value::from(text))
        .map(Some)
        .map_err(|_| Failure::invalid("unknown_choice", "", "`status` is one of: draft, live, paused, archived"))
}

/// `GET` of the list, oldest first.
pub(crate) async fn list<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    params: Params,
) -> Result<Json<Page>, Failure> {
    let keys = secret.keys(&api);
    let status = wanted(&params)?;
    let page = PageQuery::read(&params, &keys, format!("{}/{status:?}", D::NAME))?;
    let catalog = catalog(&api, secret.tenant()).await?;
    let after = page.after.as_deref().and_then(|place| Some(D::wrap(u128::from_be_bytes(place.try_into().ok()?))));
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let fits = |entry: &Entry| match status {
        Some(status) => entry.status() == status,
        None => entry.archived.is_none(),
    };
    let mut found = D::entries(&catalog).range((from, Bound::Unbounded)).filter(|(_, entry)| fits(entry));
    let rows: Vec<(D, &Entry)> = found.by_ref().take(page.limit).map(|(id, entry)| (*id, entry)).collect();
    let next = rows.last().filter(|_| found.next().is_some()).map(|(id, _)| id.body().to_be_bytes().to_vec());
    Ok(Json(page.answer(rows.into_iter().map(|(id, entry)| shown(id, entry)).collect(), next)))
}

/// `GET` of one.
pub(crate) async fn get<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<D>,
) -> Result<Response, Failure> {
    answer(&api, secret.tenant(), id).await
}

/// `POST` of a new one: a draft. Its answer names every mistake in it at once.
pub(crate) async fn create<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    uri: Uri,
    CommandId(message): CommandId,
    fields: Fields,
) -> Result<Response, Failure> {
    let (name, body) = read::<D>(fields)?;
    let accepted = api.engine().clock.now();
    let id = D::derive(&secret.keys(&api), accepted, message);
    let decided = command::to_catalog(&api, &secret, message, accepted, D::create(id, name, body)).await?;
    let catalog = catalog(&api, secret.tenant()).await?;
    let id = match decided {
        Decided::Applied => id,
        Decided::Duplicate => made_before(&catalog, id)?,
    };
    let location = format!("{}/{id}", uri.path());
    let entry = entry(&catalog, id)?;
    Ok(tagged(entry.revision, (StatusCode::CREATED, [(header::LOCATION, location)], Json(shown(id, entry)))))
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
    IfMatch(expected): IfMatch,
    CommandId(message): CommandId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    entry(&catalog(&api, secret.tenant()).await?, id)?;
    let (name, body) = read::<D>(Fields::read(&api, &headers, body).await?)?;
    let accepted = api.engine().clock.now();
    command::to_catalog(&api, &secret, message, accepted, D::edit(id, name, body, expected)).await?;
    answer(&api, secret.tenant(), id).await
}

/// `POST .../publish`: puts the newest revision in force. Publishing a segment also begins to count its past events,
/// in the same commit.
pub(crate) async fn publish<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<D>,
    CommandId(message): CommandId,
) -> Result<Response, Failure> {
    told(&api, &secret, id, message, D::publish(id)).await
}

/// A `POST` that is all said by its path.
async fn told<D: Defined>(
    api: &Api,
    secret: &Secret,
    id: D,
    message: MessageId,
    command: Command,
) -> Result<Response, Failure> {
    entry(&catalog(api, secret.tenant()).await?, id)?;
    let accepted = api.engine().clock.now();
    command::to_catalog(api, secret, message, accepted, command).await?;
    answer(api, secret.tenant(), id).await
}

/// `DELETE` of one: it is archived. Its id stays known, and everything that was in force of it is not any more.
pub(crate) async fn archive<D: Defined>(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<D>,
    IfMatch(expected): IfMatch,
    CommandId(message): CommandId,
) -> Result<StatusCode, Failure> {
    entry(&catalog(&api, secret.tenant()).await?, id)?;
    let accepted = api.engine().clock.now();
    command::to_catalog(&api, &secret, message, accepted, D::archive(id, expected)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Name and body of a definition. What may stand in them is the catalog's to say.
fn read<D: Defined>(mut fields: Fields) -> Result<(String, Value), Failure> {
    let (name, body) = (fields.text("name"), fields.required(D::BODY));
    fields.close()?;
    name.zip(body).ok_or_else(Failure::defect)
}
