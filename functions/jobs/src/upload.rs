//! A file on its way into the store, in chunks of whole lines. It becomes a job when it is complete; until then it
//! belongs to nobody, and is removed when nobody goes on with it.

use crate::import::{Format, Import};
use crate::job::{self, Counts, Job, JobError, Work};
use bytes::Bytes;
use roadbook_kernel::{HOUR_MS, JobId, Moment, TenantId};
use roadbook_runtime::Engine;
use roadbook_runtime::mutants::mutant;
use roadbook_runtime::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space};
use roadbook_wire::{LineReader, MappingError};
use std::fmt::Write;

/// Bytes after which what has arrived is stored. A line may be as long; an event is shorter by far.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks removed in one commit.
const REMOVED_MAX: usize = 64;
/// After this long an upload is over: the door gives it minutes.
const ABANDONED_MS: i64 = HOUR_MS;

/// Why a file was not taken. Nothing of it is left.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UploadError {
    /// A line has more than 256 KB.
    #[error("line {line} has more than {CHUNK_BYTES} bytes")]
    LineTooLong {
        /// Which, counted from 1.
        line: u64,
    },
    /// There is no line in it.
    #[error("the file has no line")]
    Empty,
    /// The mapping does not fit the file.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// No other job can be begun now.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A file of which more may come.
pub struct Upload<'a> {
    engine: &'a Engine,
    tenant: TenantId,
    format: Format,
    id: String,
    hash: blake3::Hasher,
    /// What is not stored yet: the end of the last chunk's line, at least.
    rest: Vec<u8>,
    chunks: u32,
    lines: u64,
    filled: u64,
    first: Option<Vec<u8>>,
}

fn head(tenant: TenantId, id: &str) -> ItemKey {
    ItemKey::document(tenant, &format!("upload/{id}"))
}

/// One chunk of a file.
pub(crate) fn chunk(tenant: TenantId, id: &str, number: u32) -> ItemKey {
    ItemKey::document(tenant, &format!("jobdata/{id}/{number:08}"))
}

fn put(key: ItemKey, body: Bytes) -> Put {
    Put { key, expect: Expect::Anything, item: Some(Item { version: 1, body }) }
}

fn remove(key: ItemKey) -> Put {
    Put { key, expect: Expect::Anything, item: None }
}

async fn commit(engine: &Engine, puts: Vec<Put>) -> Result<(), Fault> {
    match engine.store.commit(Commit { puts, ..Commit::default() }).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict { .. }) => Err(Fault::Contended(1)),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

impl<'a> Upload<'a> {
    /// Begins with an empty file. `random` names it while it has no hash yet.
    ///
    /// # Errors
    /// Too many jobs that are not finished, or a fault.
    pub async fn begin(
        engine: &'a Engine,
        tenant: TenantId,
        format: Format,
        random: [u8; 16],
    ) -> Result<Self, UploadError> {
        job::room(engine, tenant).await?;
        let id = hex(&random);
        let now = engine.clock.now().millis().to_be_bytes();
        commit(engine, vec![put(head(tenant, &id), Bytes::copy_from_slice(&now))]).await?;
        Ok(Self {
            engine,
            tenant,
            format,
            id,
            hash: blake3::Hasher::new(),
            rest: Vec::new(),
            chunks: 0,
            lines: 0,
            filled: 0,
            first: None,
        })
    }

    /// Takes the next bytes. When this returns, all but the last quarter of a megabyte is in the store.
    ///
    /// # Errors
    /// See [`UploadError`]; then [`Upload::abandon`] it.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.hash.update(bytes);
        for piece in bytes.chunks(CHUNK_BYTES) {
            self.rest.extend_from_slice(piece);
            if self.rest.len() < CHUNK_BYTES {
                continue;
            }
            let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
                return Err(UploadError::LineTooLong { line: self.lines + 1 });
            };
            let rest = self.rest.split_off(end + 1);
            let lines = std::mem::replace(&mut self.rest, rest);
            self.store(lines).await?;
        }
        Ok(())
    }

    async fn store(&mut self, lines: Vec<u8>) -> Result<(), UploadError> {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.lines += 1;
            if line.len() > CHUNK_BYTES {
                return Err(UploadError::LineTooLong { line: self.lines });
            }
            if self.first.is_none() {
                self.first = Some(line.to_vec());
                self.fits()?;
            }
            self.filled += u64::from(!line.trim_ascii().is_empty());
        }
        let key = chunk(self.tenant, &self.id, self.chunks);
        commit(self.engine, vec![put(key, lines.into())]).await?;
        self.chunks += 1;
        Ok(())
    }

    /// Whether the mapping fits the first line: told before anything else is taken.
    fn fits(&self) -> Result<(), MappingError> {
        match &self.format {
            Format::Ndjson => Ok(()),
            Format::Csv { mapping } => {
                let mapping = roadbook_wire::Mapping::parse(mapping)?;
                let keys = self.engine.keys.of(self.tenant);
                LineReader::new(&mapping, self.first.as_deref().unwrap_or_default(), &keys, "").map(drop)
            }
        }
    }

    /// The file is complete: makes the job of it, in one commit. The same file in the same format is the same job: then
    /// that one is given back, and the second value is false.
    ///
    /// # Errors
    /// See [`UploadError`]; nothing is left of the file, except after a fault: the job may have been made then, and the
    /// file is its own. Where it was not, the file is removed an hour later.
    pub async fn finish(mut self, by: String) -> Result<(Job, bool), UploadError> {
        match self.complete(by).await {
            Ok((job, true)) => Ok((job, true)),
            Ok((job, false)) => self.abandon().await.map(|()| (job, false)).map_err(UploadError::Fault),
            Err(error) => {
                let may_be_begun = matches!(error, UploadError::Fault(_) | UploadError::Job(JobError::Fault(_)));
                if !may_be_begun || mutant!(FileTakenAway) {
                    self.abandon().await?;
                }
                Err(error)
            }
        }
    }

    async fn complete(&mut self, by: String) -> Result<(Job, bool), UploadError> {
        if !self.rest.is_empty() {
            let lines = std::mem::take(&mut self.rest);
            self.store(lines).await?;
        }
        let header = u64::from(self.format.has_header()?);
        let Some(total) = self.filled.checked_sub(header).filter(|total| *total > 0) else {
            return Err(UploadError::Empty);
        };
        let file = self.hash.finalize().to_hex().to_string();
        let keys = self.engine.keys.of(self.tenant);
        let (format, mapping) = self.format.parts();
        let id = JobId::from_u128(keys.derived(&[b"import", file.as_bytes(), format, mapping]).0);
        let first = if header == 1 { self.first.take() } else { None };
        let import = Import::begun(self.format.clone(), file, first, self.id.clone(), self.chunks);
        let job = Job {
            id,
            tenant: self.tenant,
            by,
            created_at: self.engine.clock.now(),
            finished_at: None,
            counts: Counts { total: Some(total), ..Counts::default() },
            work: Work::Import(import),
        };
        Ok(job::create(self.engine, job, vec![remove(head(self.tenant, &self.id))]).await?)
    }

    /// Removes what has arrived.
    ///
    /// # Errors
    /// A fault: then it is removed an hour later.
    pub async fn abandon(self) -> Result<(), Fault> {
        forget(self.engine, self.tenant, &self.id).await
    }
}

/// Removes an upload, its head last: a crash in between leaves the head, by which the rest is found again.
async fn forget(engine: &Engine, tenant: TenantId, id: &str) -> Result<(), Fault> {
    let prefix = format!("jobdata/{id}/");
    loop {
        let found = engine.store.scan(Space::Document, tenant, prefix.as_bytes(), None, REMOVED_MAX).await?;
        if found.is_empty() {
            return commit(engine, vec![remove(head(tenant, id))]).await;
        }
        commit(engine, found.into_iter().map(|(key, _)| remove(key)).collect()).await?;
    }
}

/// Removes uploads that nobody goes on with: the client hung up, or the process died.
pub(crate) async fn remove_abandoned(engine: &Engine, tenant: TenantId) -> Result<(), Fault> {
    let now = engine.clock.now();
    for (key, item) in engine.store.scan(Space::Document, tenant, b"upload/", None, REMOVED_MAX).await? {
        let begun = item.body.as_ref().try_into().map_or(Moment::MIN, |ms| Moment::from_millis(i64::from_be_bytes(ms)));
        if now.since_ms(begun) >= ABANDONED_MS
            && let Some(id) = key.local().get(7..).and_then(|id| std::str::from_utf8(id).ok())
        {
            forget(engine, tenant, id).await?;
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
