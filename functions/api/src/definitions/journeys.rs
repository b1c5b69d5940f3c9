//! What only journeys have: pauses, who is where, and a picture.

use super::segments::progress;
use super::{catalog, entry, told};
use crate::api::Api;
use crate::command::CommandId;
use crate::failure::Failure;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use roadbook_catalog::{Command, Document, Entry};
use roadbook_journey::{Revision, mermaid};
use roadbook_kernel::{JourneyId, TenantId};
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::projections::journey_stats;
use roadbook_runtime::{Aim, revision_name, sweep_of};
use roadbook_wire::time::write;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The revision in force; the draft of a journey that was never published; of an archived one the last in force, if
/// there was one.
async fn revision(api: &Api, tenant: TenantId, id: JourneyId, entry: &Entry) -> Result<Option<Revision>, Failure> {
    let Some(archived) = entry.archived else {
        let definition = entry.published.as_ref().map_or(&entry.draft, |(_, definition)| definition);
        return Ok(Revision::parse(definition).ok());
    };
    let Some(number) = archived.revision else { return Ok(None) };
    let key = ItemKey::document(tenant, &revision_name(id, number));
    let item = api.engine().store.load(&key).await?;
    let document = item.and_then(|item| serde_json::from_slice::<Document>(&item.body).ok());
    Ok(document.and_then(|document| Revision::parse(&document.definition).ok()))
}

/// `POST /v1/journeys/{id}/pause`: nobody enters, and runs under way are held where they are.
pub(crate) async fn pause(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<JourneyId>,
    CommandId(message): CommandId,
) -> Result<Response, Failure> {
    told(&api, &secret, id, message, Command::PauseJourney { id }).await
}

/// `POST /v1/journeys/{id}/resume`: customers enter again, and held runs go on as of now.
pub(crate) async fn resume(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<JourneyId>,
    CommandId(message): CommandId,
) -> Result<Response, Failure> {
    told(&api, &secret, id, message, Command::ResumeJourney { id }).await
}

/// `GET /v1/journeys/{id}/stats`: counts over all revisions, as far as the relay has come; how far past events are
/// counted (`counting`) and held runs are let go (`releasing`).
pub(crate) async fn stats(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<JourneyId>,
) -> Result<Json<Value>, Failure> {
    let tenant = secret.tenant();
    let catalog = catalog(&api, tenant).await?;
    let entry = entry(&catalog, id)?;
    let known = revision(&api, tenant, id, entry).await?;
    let sweep = async |aim| Ok::<_, Failure>(sweep_of(api.engine(), tenant, aim).await?.map(progress));
    let (counting, releasing) = (sweep(Aim::Counts(id)).await?, sweep(Aim::Runs(id)).await?);
    let mut stats = journey_stats::read(api.engine().store.as_ref(), tenant, id).await?;
    let ended = |how: &str| stats.ended.get(how).copied().unwrap_or(0);
    let mut shown = json!({
        "id": id,
        "status": entry.status(),
        "paused_at": entry.paused_at.map(write),
        "entered": stats.entered,
        "active": stats.active(),
        "held": stats.held(),
        "completed": ended("completed"),
        "goal": ended("goal"),
        "exited": ended("exited"),
        "superseded": ended("superseded"),
        "archived": ended("archived"),
        "counting": counting,
        "releasing": releasing,
    });
    // Nodes nobody has reached are told too.
    for node in known.iter().flat_map(Revision::node_names) {
        stats.nodes.entry(node.to_owned()).or_default();
    }
    let node = |node: journey_stats::NodeStats| {
        let here = node.entered - node.left;
        json!({ "entered": node.entered, "left": node.left, "here": here, "held": node.held })
    };
    let nodes: Map<String, Value> = stats.nodes.into_iter().map(|(name, counts)| (name, node(counts))).collect();
    shown["nodes"] = Value::Object(nodes);
    Ok(Json(shown))
}

/// `GET /v1/journeys/{id}/diagram`: a Mermaid flowchart of the revision in force.
pub(crate) async fn diagram(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<JourneyId>,
) -> Result<Response, Failure> {
    let catalog = catalog(&api, secret.tenant()).await?;
    let revision = revision(&api, secret.tenant(), id, entry(&catalog, id)?).await?;
    let revision =
        revision.ok_or_else(|| Failure::not_found("diagram: this journey was archived before it was in force"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], mermaid(&revision)).into_response())
}
