//! What is kept of a job.

use crate::import::Import;
use crate::replays::Replays;
use roadbook_kernel::{JobId, Moment, TenantId};
use roadbook_runtime::Engine;
use roadbook_runtime::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space};
use serde::{Deserialize, Serialize};

/// Jobs of one tenant that are not finished.
pub const OPEN_MAX: usize = 8;
/// Jobs of one tenant that are remembered; of more the oldest finished ones are forgotten. What they did stays done.
const KEPT_MAX: usize = 500;
/// More than there can ever be: [`KEPT_MAX`] and those that several requests add at once.
const SCANNED_MAX: usize = 1_000;

/// One job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose.
    pub tenant: TenantId,
    /// The key or the person who asked for it.
    pub by: String,
    /// When it was asked for. What it applies counts as accepted then.
    pub created_at: Moment,
    /// When it had nothing left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Moment>,
    /// How far it is.
    pub counts: Counts,
    /// What it does, and its place in it.
    pub work: Work,
}

/// How far a job is. A piece that is done again after a crash is counted once, as what it was the second time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// How many there are; `None` where nobody has counted.
    pub total: Option<u64>,
    /// How many were looked at.
    pub done: u64,
    /// Of these: applied now.
    pub applied: u64,
    /// Of these: known already.
    pub duplicates: u64,
    /// Of these: refused, and in the dead letters.
    pub rejected: u64,
}

/// What a job does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Applies the lines of a file.
    Import(Import),
    /// Sends dead letters again.
    Replay(Replays),
}

/// The kind of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// An import of a file.
    Import,
    /// A replay of dead letters.
    Replay,
    /// A sweep over all customers after a change of the catalog; the engine's own, shown among the jobs.
    Backfill,
}

impl Work {
    /// Its kind.
    pub const fn kind(&self) -> JobKind {
        match self {
            Work::Import(_) => JobKind::Import,
            Work::Replay(_) => JobKind::Replay,
        }
    }
}

/// Why a job was not begun.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JobError {
    /// [`OPEN_MAX`] jobs are not finished.
    #[error("{OPEN_MAX} jobs are not finished yet")]
    TooMany,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fn document(tenant: TenantId, id: JobId) -> ItemKey {
    ItemKey::document(tenant, &format!("job/{id}"))
}

/// Stands while the job is not finished, so that whoever looks for work reads no finished ones.
fn marker(tenant: TenantId, id: JobId) -> ItemKey {
    ItemKey::document(tenant, &format!("jobopen/{id}"))
}

fn read(item: &Item) -> Result<Job, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a job", &error))
}

fn put(job: &Job, expect: Expect, version: u64) -> Result<Put, Fault> {
    let body = serde_json::to_vec(job).map_err(|error| Fault::Corrupt(error.to_string()))?;
    Ok(Put { key: document(job.tenant, job.id), expect, item: Some(Item { version, body: body.into() }) })
}

/// A job and the version it was read at.
pub(crate) async fn load(engine: &Engine, tenant: TenantId, id: JobId) -> Result<Option<(Job, u64)>, Fault> {
    let item = engine.store.load(&document(tenant, id)).await?;
    item.map(|item| Ok((read(&item)?, item.version))).transpose()
}

/// The job of this id.
///
/// # Errors
/// A fault of the store.
pub async fn find(engine: &Engine, tenant: TenantId, id: JobId) -> Result<Option<Job>, Fault> {
    Ok(load(engine, tenant, id).await?.map(|(job, _)| job))
}

/// Every job that is remembered, newest first. One that cannot be read is passed, with a word in the log: `roadbook
/// doctor` names it.
///
/// # Errors
/// A fault of the store.
pub async fn list(engine: &Engine, tenant: TenantId) -> Result<Vec<Job>, Fault> {
    let items = engine.store.scan(Space::Document, tenant, b"job/", None, SCANNED_MAX).await?;
    let readable = |(key, item): &(ItemKey, Item)| {
        let name = String::from_utf8_lossy(key.local());
        read(item).inspect_err(|fault| tracing::error!(document = %name, %fault, "a job cannot be read")).ok()
    };
    let mut jobs: Vec<Job> = items.iter().filter_map(readable).collect();
    jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
    Ok(jobs)
}

/// The ids of the jobs that are not finished.
pub(crate) async fn open(engine: &Engine, tenant: TenantId) -> Result<Vec<JobId>, Fault> {
    let items = engine.store.scan(Space::Document, tenant, b"jobopen/", None, SCANNED_MAX).await?;
    let id = |(key, _): &(ItemKey, Item)| std::str::from_utf8(key.local().get(8..)?).ok()?.parse().ok();
    Ok(items.iter().filter_map(id).collect())
}

/// Whether a tenant may begin another job.
pub(crate) async fn room(engine: &Engine, tenant: TenantId) -> Result<(), JobError> {
    if open(engine, tenant).await?.len() < OPEN_MAX { Ok(()) } else { Err(JobError::TooMany) }
}

/// Begins a job, together with `puts`. Where there is one of this id already, that one is given back and nothing is
/// written; the second value says whether it is new.
pub(crate) async fn create(engine: &Engine, job: Job, mut puts: Vec<Put>) -> Result<(Job, bool), JobError> {
    let (tenant, id) = (job.tenant, job.id);
    if let Some(known) = find(engine, tenant, id).await? {
        return Ok((known, false));
    }
    room(engine, tenant).await?;
    puts.push(put(&job, Expect::Absent, 1)?);
    let mark = Item { version: 1, body: bytes::Bytes::new() };
    puts.push(Put { key: marker(tenant, id), expect: Expect::Anything, item: Some(mark) });
    let finished = list(engine, tenant).await?.into_iter().skip(KEPT_MAX - 1).filter(|job| job.finished_at.is_some());
    puts.extend(finished.map(|job| Put { key: document(tenant, job.id), expect: Expect::Anything, item: None }));
    match engine.store.commit(Commit { puts, ..Commit::default() }).await {
        Ok(()) => Ok((job, true)),
        Err(CommitError::Conflict { .. }) => {
            let known = find(engine, tenant, id).await?;
            known.map(|job| (job, false)).ok_or(JobError::Fault(Fault::Contended(1)))
        }
        Err(CommitError::Fault(fault)) => Err(fault.into()),
    }
}

/// Stores the new place of a job, together with `puts`. A step of another host that came between keeps its place: what
/// this one did is done, and is recognised when it is done again.
pub(crate) async fn advanced(engine: &Engine, job: &Job, version: u64, mut puts: Vec<Put>) -> Result<(), Fault> {
    puts.push(put(job, Expect::Version(version), version + 1)?);
    if job.finished_at.is_some() {
        puts.push(Put { key: marker(job.tenant, job.id), expect: Expect::Anything, item: None });
    }
    match engine.store.commit(Commit { puts, ..Commit::default() }).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}
