//! What goes on after its request was answered, and how far it is.

use crate::api::Api;
use crate::failure::Failure;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use roadbook_identity::TenantKeys;
use roadbook_jobs::{Job, JobError, JobKind};
use roadbook_kernel::{JobId, Moment};
use roadbook_runtime::{Aim, SweepState, sweeps};
use roadbook_wire::time::write;
use serde_json::{Value, json};
use std::sync::Arc;

/// One row of the list and where it stands in it: newest first.
type Row = (Moment, JobId, Value);

fn shown(job: &Job) -> Value {
    let counts = &job.counts;
    json!({
        "id": job.id,
        "kind": job.work.kind(),
        "status": if job.finished_at.is_some() { "done" } else { "running" },
        "total": counts.total,
        "done": counts.done,
        "applied": counts.applied,
        "duplicates": counts.duplicates,
        "rejected": counts.rejected,
        "by": job.by,
        "created_at": write(job.created_at),
        "finished_at": job.finished_at.map(write),
    })
}

/// A sweep over all customers, in the form of a job. The engine keeps no time of its end.
fn backfill(keys: &TenantKeys, sweep: &SweepState) -> Row {
    let (name, segment, journey) = match sweep.aim {
        Aim::Segment(id) => ("segment", Some(id), None),
        Aim::Counts(id) => ("counts", None, Some(id)),
        Aim::Runs(id) => ("runs", None, Some(id)),
    };
    let about = segment.map(|id| id.as_u128()).or(journey.map(|id| id.as_u128())).unwrap_or_default();
    let parts: [&[u8]; 4] = [b"backfill job", name.as_bytes(), &about.to_be_bytes(), &sweep.edition.to_be_bytes()];
    let id = keys.derived(&parts);
    let id = JobId::from_u128(id.0);
    let shown = json!({
        "id": id,
        "kind": JobKind::Backfill,
        "status": if sweep.done { "done" } else { "running" },
        "segment": segment,
        "journey": journey,
        "total": null,
        "done": sweep.scanned,
        "applied": sweep.changed,
        "duplicates": 0,
        "rejected": 0,
        "by": null,
        "created_at": write(sweep.started_at),
        "finished_at": null,
    });
    (sweep.started_at, id, shown)
}

/// The answer to a request that began a job, or named one that is there.
pub(crate) fn begun(job: &Job) -> Response {
    let status = if job.finished_at.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, [(header::LOCATION, format!("/v1/jobs/{}", job.id))], Json(shown(job))).into_response()
}

pub(crate) fn failure(error: JobError) -> Failure {
    match error {
        JobError::TooMany => {
            let detail = "too many jobs are not finished yet; wait for one of them";
            Failure::busy(StatusCode::TOO_MANY_REQUESTS, "too_many_jobs", detail)
        }
        JobError::Fault(fault) => fault.into(),
    }
}

async fn rows(api: &Api, secret: &Secret) -> Result<Vec<Row>, Failure> {
    let (engine, tenant) = (api.engine(), secret.tenant());
    let keys = secret.keys(api);
    let jobs = roadbook_jobs::list(engine, tenant).await?;
    let mut rows: Vec<Row> = jobs.iter().map(|job| (job.created_at, job.id, shown(job))).collect();
    rows.extend(sweeps(engine, tenant).await?.iter().map(|sweep| backfill(&keys, sweep)));
    rows.sort_by_key(|(at, id, _)| std::cmp::Reverse((*at, *id)));
    Ok(rows)
}

/// `GET /v1/jobs?limit=&cursor=`, newest first.
pub(crate) async fn list(State(api): State<Arc<Api>>, secret: Secret, params: Params) -> Result<Json<Page>, Failure> {
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, "jobs".into())?;
    let after = page.after.as_deref().and_then(place);
    let mut rows =
        rows(&api, &secret).await?.into_iter().filter(|(at, id, _)| after.is_none_or(|after| (*at, *id) < after));
    let shown: Vec<Row> = rows.by_ref().take(page.limit).collect();
    let next = shown
        .last()
        .filter(|_| rows.next().is_some())
        .map(|(at, id, _)| [&at.millis().to_be_bytes()[..], &id.as_u128().to_be_bytes()].concat());
    Ok(Json(page.answer(shown.into_iter().map(|(_, _, shown)| shown).collect(), next)))
}

fn place(bytes: &[u8]) -> Option<(Moment, JobId)> {
    let (at, id) = bytes.split_first_chunk()?;
    let id = u128::from_be_bytes(id.try_into().ok()?);
    Some((Moment::from_millis(i64::from_be_bytes(*at)), JobId::from_u128(id)))
}

/// `GET /v1/jobs/{id}`.
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<JobId>,
) -> Result<Json<Value>, Failure> {
    if let Some(job) = roadbook_jobs::find(api.engine(), secret.tenant(), id).await? {
        return Ok(Json(shown(&job)));
    }
    let found = rows(&api, &secret).await?.into_iter().find(|(_, known, _)| *known == id);
    found.map(|(_, _, shown)| Json(shown)).ok_or_else(|| Failure::not_found("job"))
}
