//! What only journeys have: who is where, and a picture.

use super::{catalog, entry};
use crate::api::Api;
use crate::failure::Failure;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use roadbook_catalog::Entry;
use roadbook_journey::{Revision, mermaid};
use roadbook_kernel::JourneyId;
use roadbook_runtime::projections::journey_stats;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The revision in force; the draft of a journey that was never published.
fn revision(entry: &Entry) -> Option<Revision> {
    let definition = entry.published.as_ref().map_or(&entry.draft, |(_, definition)| definition);
    Revision::parse(definition).ok()
}

/// `GET /v1/journeys/{id}/stats`: counts over all revisions, as far as the relay has come.
pub(crate) async fn stats(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<JourneyId>,
) -> Result<Json<Value>, Failure> {
    let tenant = secret.tenant();
    let catalog = catalog(&api, tenant).await?;
    let known = revision(entry(&catalog, id)?);
    let mut stats = journey_stats::read(api.engine().store.as_ref(), tenant, id).await?;
    let ended = |how: &str| stats.ended.get(how).copied().unwrap_or(0);
    let mut shown = json!({
        "id": id,
        "entered": stats.entered,
        "active": stats.active(),
        "completed": ended("completed"),
        "goal": ended("goal"),
        "exited": ended("exited"),
        "superseded": ended("superseded"),
    });
    // Nodes nobody has reached are told too.
    for node in known.iter().flat_map(Revision::node_names) {
        stats.nodes.entry(node.to_owned()).or_default();
    }
    let node = |node: journey_stats::NodeStats| json!({ "entered": node.entered, "left": node.left, "here": node.entered - node.left });
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
    let revision = revision(entry(&catalog, id)?).ok_or_else(Failure::defect)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], mermaid(&revision)).into_response())
}
