//! What a tenant's tags mean: their descriptions, and the taxonomy that comes with the product.

mod body;
mod builtin;
pub(crate) mod hide;
pub(crate) mod manual;

use crate::api::Api;
use crate::command::{self, CommandId, Decided};
use crate::etag::{IfMatch, tagged};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathText};
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use roadbook_catalog::{Catalog, Command, Published, TagEntry};
use roadbook_kernel::{ActorKey, MessageId, TenantId};
use roadbook_runtime::load_row;
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::ops::Bound;
use std::sync::Arc;

/// What the tenant has published, as this process last saw it: descriptions included.
pub(crate) async fn published(api: &Api, tenant: TenantId) -> Result<Arc<Published>, Failure> {
    let engine = api.engine();
    Ok(engine.catalogs.at_least(engine, tenant, 0).await?)
}

async fn catalog(api: &Api, tenant: TenantId) -> Result<Catalog, Failure> {
    Ok(load_row::<Catalog>(api.engine(), &ActorKey::catalog(tenant)).await?.state)
}

fn shown(entry: &TagEntry) -> Value {
    let tag = &entry.definition;
    json!({
        "key": tag.key,
        "name_zh": tag.name_zh,
        "name_en": tag.name_en,
        "group": tag.group,
        "type": tag.kind,
        "values": tag.values,
        "origin": tag.origin,
        "pii": tag.pii,
        "ttl_days": tag.ttl_days,
        "revision": entry.revision,
        "created_at": write(entry.created_at),
        "updated_at": write(entry.updated_at),
    })
}

async fn found(api: &Api, tenant: TenantId, key: &str) -> Result<TagEntry, Failure> {
    catalog(api, tenant).await?.tags.remove(key).ok_or_else(|| Failure::not_found("tag definition"))
}

/// `GET /v1/tag-definitions?group=`, by key.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret, params: Params) -> Result<Json<Page>, Failure> {
    let keys = secret.keys(&api);
    let group = params.get("group");
    let page = PageQuery::read(&params, &keys, format!("tag definitions/{}", group.unwrap_or_default()))?;
    let catalog = catalog(&api, secret.tenant()).await?;
    let after = page.after.as_deref().and_then(|place| std::str::from_utf8(place).ok());
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let all = catalog.tags.range::<str, _>((from, Bound::Unbounded));
    let mut rows = all.filter(|(_, tag)| group.is_none_or(|group| tag.definition.group == group));
    let taken: Vec<(&String, &TagEntry)> = rows.by_ref().take(page.limit).collect();
    let next = taken.last().filter(|_| rows.next().is_some()).map(|(key, _)| key.as_bytes().to_vec());
    Ok(Json(page.answer(taken.into_iter().map(|(_, tag)| shown(tag)).collect(), next)))
}

/// `GET /v1/tag-definitions/{key}`.
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathText(key): PathText,
) -> Result<Response, Failure> {
    let entry = found(&api, secret.tenant(), &key).await?;
    Ok(tagged(entry.revision, Json(shown(&entry))))
}

/// `POST /v1/tag-definitions`.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    secret: Secret,
    uri: Uri,
    CommandId(message): CommandId,
    fields: Fields,
) -> Result<Response, Failure> {
    let definition = body::read(fields, None)?;
    let key = definition.key.clone();
    told(&api, &secret, message, Command::CreateTag { definition }).await?;
    let entry = found(&api, secret.tenant(), &key).await?;
    let location = format!("{}/{key}", uri.path());
    Ok(tagged(entry.revision, (StatusCode::CREATED, [(header::LOCATION, location)], Json(shown(&entry)))))
}

/// `PUT /v1/tag-definitions/{key}`: the whole description anew.
pub(crate) async fn edit(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathText(key): PathText,
    IfMatch(expected): IfMatch,
    CommandId(message): CommandId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    found(&api, secret.tenant(), &key).await?;
    let definition = body::read(Fields::read(&api, &headers, body).await?, Some(&key))?;
    told(&api, &secret, message, Command::EditTag { definition, expected }).await?;
    let entry = found(&api, secret.tenant(), &key).await?;
    Ok(tagged(entry.revision, Json(shown(&entry))))
}

/// `DELETE /v1/tag-definitions/{key}`: customers keep the tag; what it means is forgotten.
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathText(key): PathText,
    IfMatch(expected): IfMatch,
    CommandId(message): CommandId,
) -> Result<StatusCode, Failure> {
    found(&api, secret.tenant(), &key).await?;
    told(&api, &secret, message, Command::DeleteTag { key, expected }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/tag-definitions/load-builtin`: describes those tags of `schemas/tags/` that the tenant has not described.
/// What is described already stays as it is, so loading again after an update adds what is new.
pub(crate) async fn load_builtin(
    State(api): State<Arc<Api>>,
    secret: Secret,
    CommandId(message): CommandId,
) -> Result<Json<Value>, Failure> {
    let definitions = builtin::all().ok_or_else(Failure::defect)?;
    let tenant = secret.tenant();
    let before = catalog(&api, tenant).await?.tags.len();
    told(&api, &secret, message, Command::LoadTags { definitions }).await?;
    let after = catalog(&api, tenant).await?.tags.len();
    Ok(Json(json!({ "loaded": after.saturating_sub(before), "tag_definitions": after })))
}

async fn told(api: &Api, secret: &Secret, message: MessageId, command: Command) -> Result<Decided, Failure> {
    command::to_catalog(api, secret, message, api.engine().clock.now(), command).await
}
