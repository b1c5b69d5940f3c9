//! The lines of a file, a few at a time.

use crate::job::{Counts, Job};
use crate::upload;
use roadbook_identity::TenantKeys;
use roadbook_kernel::{Moment, Place, Refusal};
use roadbook_runtime::mutants::mutant;
use roadbook_runtime::ports::{Expect, Fault, Put};
use roadbook_runtime::{Accepted, Letter, LetterKind, Outcome, Router, Undelivered, write_letter};
use roadbook_wire::{
    Inbound, LineError, LineReader, Mapping, MappingError, Rejected, kept, keyless, line_message, read_line,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// How the lines of a file become events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum Format {
    /// Each line is an event as `/v1/batch` takes it.
    Ndjson,
    /// Each line becomes an event by a mapping, as `roadbook replay` reads one.
    Csv {
        /// The mapping, TOML.
        mapping: String,
    },
}

impl Format {
    /// Whether the first line is no event.
    pub(crate) fn has_header(&self) -> Result<bool, MappingError> {
        match self {
            Format::Ndjson => Ok(false),
            Format::Csv { mapping } => Ok(Mapping::parse(mapping)?.header),
        }
    }

    /// What tells two imports of one file apart.
    pub(crate) fn parts(&self) -> (&'static [u8], &[u8]) {
        match self {
            Format::Ndjson => (b"ndjson", b""),
            Format::Csv { mapping } => (b"csv", mapping.as_bytes()),
        }
    }
}

/// An import and its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    format: Format,
    /// The hash of the file: with the line it is the id of a message.
    file: String,
    /// The names of the columns, where the file has them.
    header: Option<String>,
    upload: String,
    chunks: u32,
    /// The chunk that is read now, and the bytes of it that are done.
    chunk: u32,
    offset: usize,
    /// Lines that are done.
    line: u64,
}

impl Import {
    pub(crate) fn begun(format: Format, file: String, first: Option<Vec<u8>>, upload: String, chunks: u32) -> Self {
        let header = first.map(|line| String::from_utf8_lossy(&line).into_owned());
        Self { format, file, header, upload, chunks, chunk: 0, offset: 0, line: 0 }
    }
}

enum Reader {
    Ndjson,
    Csv(Box<LineReader>, bool),
}

/// A line that is no event: for the dead letters.
struct Bad {
    line: u64,
    reason: Refusal,
    body: Value,
}

/// Applies the next lines, at most `limit` and not beyond a chunk. Gives back what to write together with the place.
pub(crate) async fn step(router: &Router, job: &mut Job, import: &mut Import, limit: usize) -> Result<Vec<Put>, Fault> {
    let engine = router.engine();
    let key = upload::chunk(job.tenant, &import.upload, import.chunk);
    // Chunks are removed together with the place behind them, so the chunk of the place is there.
    let item =
        engine.store.load(&key).await?.ok_or_else(|| Fault::Corrupt("a chunk of an import is missing".into()))?;
    let keys = engine.keys.of(job.tenant);
    let reader = reader(import, &keys)?;
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let rest = item.body.get(import.offset..).unwrap_or_default();
    for line in rest.split_inclusive(|byte| *byte == b'\n').take(limit) {
        import.offset += line.len();
        import.line += 1;
        match read(&reader, line, import, &keys, job.created_at) {
            None => {}
            Some(Ok(inbound)) => good.push(accepted(*inbound, job.created_at, import.line)),
            Some(Err(one)) => bad.push(one),
        }
    }
    keep(router, job, &import.file, bad).await?;
    let applied = apply(router, job, good).await;
    if !mutant!(PlaceBeforeLines) {
        applied?;
    }
    let mut puts = Vec::new();
    if import.offset >= item.body.len() {
        puts.push(Put { key, expect: Expect::Anything, item: None });
        (import.chunk, import.offset) = (import.chunk + 1, 0);
        if import.chunk == import.chunks {
            job.finished_at = Some(engine.clock.now());
        }
    }
    Ok(puts)
}

fn reader(import: &Import, keys: &TenantKeys) -> Result<Reader, Fault> {
    match &import.format {
        Format::Ndjson => Ok(Reader::Ndjson),
        Format::Csv { mapping } => {
            // Both were checked when the file was taken.
            let unusable = |_| Fault::Corrupt("the mapping of an import".into());
            let mapping = Mapping::parse(mapping).map_err(unusable)?;
            let header = import.header.as_deref().unwrap_or_default().as_bytes();
            let reader = LineReader::new(&mapping, header, keys, &import.file).map_err(unusable)?;
            Ok(Reader::Csv(Box::new(reader), mapping.header))
        }
    }
}

fn read(
    reader: &Reader,
    line: &[u8],
    import: &Import,
    keys: &TenantKeys,
    accepted: Moment,
) -> Option<Result<Box<Inbound>, Bad>> {
    let number = import.line;
    match reader {
        Reader::Ndjson => Some(match read_line(line, number, keys, &import.file, accepted)? {
            Ok(inbound) => Ok(Box::new(inbound)),
            Err((Rejected { code, pointer, detail, .. }, body)) => {
                let detail = format!("line {number}: {detail}");
                let places = vec![Place { pointer, code: code.clone(), detail: detail.clone() }];
                Err(Bad { line: number, reason: Refusal { code, detail, places }, body })
            }
        }),
        Reader::Csv(_, true) if number == 1 => None,
        Reader::Csv(reader, _) => match reader.read(line, number) {
            Ok(inbound) => inbound.map(|inbound| Ok(Box::new(inbound))),
            Err(error) => Some(Err(Bad { line: number, reason: reason(&error), body: kept(line) })),
        },
    }
}

fn reason(error: &LineError) -> Refusal {
    let detail = error.to_string();
    let place = error.column.as_ref().map(|column| Place {
        pointer: format!("/{}", column.replace('~', "~0").replace('/', "~1")),
        code: "malformed_line".into(),
        detail: detail.clone(),
    });
    Refusal::new("malformed_line", detail).at(place)
}

fn accepted(inbound: Inbound, at: Moment, line: u64) -> Accepted {
    Accepted {
        id: inbound.message,
        accepted: at,
        occurred: inbound.occurred_at,
        position: u32::try_from(line).unwrap_or(u32::MAX),
        observation: Arc::new(inbound.observation),
    }
}

/// One letter per line, also when the piece is done again.
async fn keep(router: &Router, job: &mut Job, file: &str, bad: Vec<Bad>) -> Result<(), Fault> {
    let keys = router.engine().keys.of(job.tenant);
    for Bad { line, reason, body } in bad {
        let letter = Letter::new(Undelivered {
            tenant: job.tenant,
            message: line_message(&keys, file, line),
            kind: LetterKind::Wire,
            source: job.id.to_string(),
            accepted: job.created_at,
            occurred: job.created_at,
            reason,
            body: keyless(body),
        });
        write_letter(router.engine(), &letter.at_line(line)).await?;
        job.counts.note(&Outcome::Defect);
    }
    Ok(())
}

async fn apply(router: &Router, job: &mut Job, good: Vec<Accepted>) -> Result<(), Fault> {
    for outcome in router.observe(job.tenant, good).await {
        // A fault on any: the whole piece is done again, and those that were applied are recognised.
        job.counts.note(&outcome?);
    }
    Ok(())
}

impl Counts {
    /// Counts one more.
    pub(crate) fn note(&mut self, outcome: &Outcome) {
        self.done += 1;
        match outcome {
            Outcome::Applied { .. } => self.applied += 1,
            Outcome::Duplicate { .. } => self.duplicates += 1,
            Outcome::Refused(_) | Outcome::Defect | Outcome::NotMine { .. } => self.rejected += 1,
        }
    }
}
