//! `POST /v1/imports?format=ndjson|csv&mapping=`: a file of events, as the body of the request.
//!
//! The body goes into the store as it arrives, in chunks of whole lines, and its hash is taken on the way; it becomes a
//! job when it is complete. So memory holds half a megabyte of it, an import that was answered is on the disk, and a
//! file that is sent again finds its job.

mod inflate;

use crate::api::{Api, random};
use crate::body;
use crate::failure::Failure;
use crate::jobs;
use crate::params::Params;
use crate::secret::Secret;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use inflate::Inflate;
use roadbook_jobs::{Format, Upload, UploadError};
use roadbook_wire::{Mapping, MappingError};
use std::sync::Arc;
use std::time::Duration;

/// How long a whole file may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(600);
/// How long it may pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Bytes of a mapping: it stands in the query.
const MAPPING_BYTES_MAX: usize = 8 * 1024;

/// Answers 202 with the job; 200 where the same file was imported before.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    secret: Secret,
    params: Params,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Failure> {
    let format = format(&params)?;
    let inflate = Inflate::new(&headers, api.app.config.import_bytes_max)?;
    let Ok(_place) = api.uploads.try_acquire() else {
        let detail = "too many files are on their way in; repeat the request";
        return Err(Failure::busy(StatusCode::TOO_MANY_REQUESTS, "too_many_uploads", detail));
    };
    let begun = Upload::begin(api.engine(), secret.tenant(), format, random()?).await;
    let mut upload = begun.map_err(failure)?;
    let taken = tokio::time::timeout(ARRIVAL_MAX, take(&mut upload, &mut body, inflate));
    match taken.await.unwrap_or_else(|_| Err(too_slow("the file did not arrive in 10 minutes"))) {
        Ok(()) => {
            let (job, _) = upload.finish(secret.0.source().to_owned()).await.map_err(failure)?;
            Ok(jobs::begun(&job))
        }
        Err(failed) => {
            upload.abandon().await?;
            // The answer is read only by a client that has finished sending.
            let _discarded_or_late = tokio::time::timeout(PAUSE_MAX, body::discard(body)).await;
            Err(failed)
        }
    }
}

async fn take(upload: &mut Upload<'_>, body: &mut Body, mut inflate: Inflate) -> Result<(), Failure> {
    loop {
        let next = tokio::time::timeout(PAUSE_MAX, body::next(body)).await;
        let Some(data) = next.map_err(|_| too_slow("the file paused for 30 s"))?? else { break };
        // A packed body is taken in small pieces, because each can become a thousand times as much.
        for piece in inflate.pieces(&data) {
            let plain = inflate.push(piece)?;
            upload.push(&plain).await.map_err(failure)?;
        }
    }
    let plain = inflate.finish()?;
    upload.push(&plain).await.map_err(failure)
}

fn too_slow(detail: &str) -> Failure {
    Failure::busy(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
}

fn format(params: &Params) -> Result<Format, Failure> {
    match params.required("format")? {
        "ndjson" => Ok(Format::Ndjson),
        "csv" => {
            let mapping = params.required("mapping")?;
            if mapping.len() > MAPPING_BYTES_MAX {
                let detail = format!("the mapping has more than {MAPPING_BYTES_MAX} bytes");
                return Err(Failure::invalid("mapping_too_large", "", detail));
            }
            Mapping::parse(mapping).map_err(|error| unusable(&error))?;
            Ok(Format::Csv { mapping: mapping.to_owned() })
        }
        _ => Err(Failure::invalid("unknown_choice", "", "`format` is ndjson or csv")),
    }
}

/// Names the place in the mapping. What the TOML reader says quotes lines of it, and the first line of a file without a
/// header holds a person: neither is repeated.
fn unusable(error: &MappingError) -> Failure {
    let detail = match error {
        MappingError::Unreadable(text) => {
            let place = text.lines().next().filter(|line| line.starts_with("TOML parse error at"));
            format!("the mapping cannot be read; {}", place.unwrap_or("it is not TOML of this shape"))
        }
        MappingError::Wrong { at, what } => format!("`{at}` of the mapping: {what}"),
        MappingError::Unfit { at, what, .. } => format!("`{at}` of the mapping does not fit the file: {what}"),
    };
    Failure::invalid("invalid_mapping", "", detail)
}

fn failure(error: UploadError) -> Failure {
    match error {
        UploadError::LineTooLong { line } => {
            let detail = format!("line {line} has more than 256 KB; an event has at most 32 KB. Nothing was taken");
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "line_too_long", detail)
        }
        UploadError::Empty => Failure::invalid("empty_file", "", "there is no event in the file"),
        UploadError::Mapping(error) => unusable(&error),
        UploadError::Job(error) => jobs::failure(error),
        UploadError::Fault(fault) => fault.into(),
    }
}
