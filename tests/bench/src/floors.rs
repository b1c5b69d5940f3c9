//! What this disk can do at all: an append-only log, and one fdatasync.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::stats::percentile;
use crate::workload::{self, SplitMix64};

/// Records per group, one fdatasync each: the number of clients of the busiest load, hence the largest group commit
/// that load can form.
pub const GROUP_RECORDS: usize = 128;

/// Bytes per record unless told otherwise: what one turn of a customer with 2 KB of state has to make durable. 2,000
/// of state, about 400 of the event for the history, 200 of keys, inbox, due index and log framing.
pub const RECORD_BYTES: usize = 2_600;

/// Groups per measurement: about 100,000 records, 270 MB, one to two seconds on an ordinary disk.
const GROUPS: usize = 800;
/// Groups before the clock starts: the first ones pay for the file's first extents.
const WARM_UP_GROUPS: usize = 40;
/// Single records for the latency of one fdatasync: enough for ten samples above the 99th percentile.
const SINGLE_SYNCS: usize = 1_000;

/// Latency of one append of one record and its fdatasync.
#[derive(Debug, Clone, Copy)]
pub struct SyncLatency {
    /// Median, microseconds.
    pub p50_us: f64,
    /// 99th percentile, microseconds.
    pub p99_us: f64,
}

/// Records per second of a raw append log in `folder`: groups of [`GROUP_RECORDS`], one write and one fdatasync each.
///
/// # Errors
/// Fails when the folder cannot be written.
pub fn log_per_s(folder: &Path, record_bytes: usize) -> Result<f64> {
    append_groups(folder, &mut noise(record_bytes * GROUP_RECORDS), |_| Ok(()))
}

/// The same log when every record is also parsed from JSON, changed and rendered again, which no store of JSON state
/// can avoid: the difference to [`log_per_s`] is CPU, not disk.
///
/// # Errors
/// Fails when the folder cannot be written.
pub fn log_json_per_s(folder: &Path, record_bytes: usize) -> Result<f64> {
    let mut group = noise(record_bytes * GROUP_RECORDS);
    let mut state = workload::state_text().into_bytes();
    let mut version = 0_u64;
    append_groups(folder, &mut group, |group| {
        for record in group.chunks_mut(record_bytes) {
            let mut value: serde_json::Value = serde_json::from_slice(&state).context("parse a state")?;
            version += 1;
            value["version"] = version.into();
            state = serde_json::to_vec(&value).context("render a state")?;
            let bytes = state.len().min(record.len());
            record[..bytes].copy_from_slice(&state[..bytes]);
        }
        Ok(())
    })
}

fn append_groups(folder: &Path, group: &mut [u8], mut make: impl FnMut(&mut [u8]) -> Result<()>) -> Result<f64> {
    let path = folder.join("floor.log");
    let mut file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let mut append = |groups: usize| -> Result<Duration> {
        let started = Instant::now();
        for _ in 0..groups {
            make(group)?;
            file.write_all(group).context("append a group")?;
            file.sync_data().context("fdatasync")?;
        }
        Ok(started.elapsed())
    };
    append(WARM_UP_GROUPS)?;
    let elapsed = append(GROUPS)?;
    std::fs::remove_file(&path).context("remove the log")?;
    Ok((GROUPS * GROUP_RECORDS) as f64 / elapsed.as_secs_f64())
}

/// Measures [`SyncLatency`] in `folder`.
///
/// # Errors
/// Fails when the folder cannot be written.
pub fn fdatasync(folder: &Path, record_bytes: usize) -> Result<SyncLatency> {
    let path = folder.join("floor.sync");
    let mut file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let record = noise(record_bytes);
    let mut micros = Vec::with_capacity(SINGLE_SYNCS);
    for _ in 0..SINGLE_SYNCS {
        file.write_all(&record).context("append a record")?;
        let started = Instant::now();
        file.sync_data().context("fdatasync")?;
        micros.push(started.elapsed().as_nanos() as u64);
    }
    std::fs::remove_file(&path).context("remove the log")?;
    micros.sort_unstable();
    let at = |percent| percentile(&micros, percent).unwrap_or(0) as f64 / 1e3;
    Ok(SyncLatency { p50_us: at(50.0), p99_us: at(99.0) })
}

/// Bytes no disk and no hypervisor can compress away.
fn noise(bytes: usize) -> Vec<u8> {
    let mut random = SplitMix64(0x0f10_0f10);
    std::iter::repeat_with(|| random.next().to_le_bytes()).flatten().take(bytes).collect()
}
