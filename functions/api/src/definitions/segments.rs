//! What only segments have: a count of members, and the sweep that counts past events.

use super::{catalog, entry};
use crate::api::Api;
use crate::failure::Failure;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_kernel::SegmentId;
use roadbook_runtime::projections::segment_stats;
use roadbook_runtime::{SweepState, backfill_progress};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/segments/{id}/stats`: members as far as the relay has come, and how far the past is counted.
pub(crate) async fn stats(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<SegmentId>,
) -> Result<Json<Value>, Failure> {
    let (engine, tenant) = (api.engine(), secret.tenant());
    entry(&catalog(&api, tenant).await?, id)?;
    let members = segment_stats::read(engine.store.as_ref(), tenant, id).await?;
    let sweep = backfill_progress(engine, tenant, id).await?;
    Ok(Json(json!({ "id": id, "members": members, "backfill": sweep.map(progress) })))
}

/// How far a sweep over all customers has come.
pub(super) fn progress(sweep: SweepState) -> Value {
    json!({
        "done": sweep.done,
        "scanned": sweep.scanned,
        "changed": sweep.changed,
        "started_at": write(sweep.started_at),
    })
}
