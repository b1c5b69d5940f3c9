//! Memory over a long time: a load that goes on, and the resident memory of the server sampled while it does.
//!
//! A server that keeps something for every turn grows in proportion to them. What only fills, such as caches and write
//! buffers, grows too, but ends: here they are set small, so that they are full before the first tenth has passed, and
//! what they breathe is little. So the verdict is a slope: over the second half of the run a line is laid through the
//! samples. It comes with its standard error, and where that hides the limit, nothing was measured.
//!
//! The store breathes: a round of compactions is some 15 MB up and down, and takes the better part of a million turns.
//! A run of one million sees half a breath in its second half, whose slope says nothing (seen: 20 MB per million in one,
//! 0.8 over three): three million are the least that can be believed.

use crate::host::{Host, Program};
use anyhow::{Context, Result};
use roadbook_bench::workload::{self, Draw, Workload};
use roadbook_bench::{client, generator, procfs};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Events of one slice; the memory is sampled between two.
const SLICE_EVENTS: usize = 2_500;
const CLIENTS: usize = 32;
/// Customers who take turns: more than the server keeps awake, so that they come and go; few enough that each row has
/// reached its full size long before the second half.
const CUSTOMERS: u64 = 4_000;
/// Small buffers and caches: with the usual ones, 32 MB and 8 MB, tables of rare rows fill for millions of turns.
const SETTINGS: &str = "write_buffer_bytes = 4194304\ncache_bytes = 1048576\n";
/// Memory that is freed goes back at once, not after a while: what the allocator keeps in between is noise here.
const AT_ONCE: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");
/// What a million turns may leave behind, MB: 8 bytes of each, less than any reference to it.
const SLOPE_MB_MAX: f64 = 8.0;

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Turns the server counted.
    pub turns: u64,
    /// Events per second.
    pub events_per_s: f64,
    /// Resident memory after a tenth, after half, and in the end, MB.
    pub rss_mb: [f64; 3],
    /// Growth over the second half, MB per million turns.
    pub slope_mb_per_million: f64,
    /// Its standard error.
    pub slope_error_mb: f64,
    /// What it may be at most.
    pub slope_mb_max: f64,
    /// How far samples of the second half lie from the line, MB, root of the mean square.
    pub breath_mb: f64,
    /// Bytes in the data folder in the end, MB: what grew meanwhile.
    pub data_mb: f64,
}

impl Outcome {
    /// Whether memory is flat, and the run long enough to say so.
    pub fn is_flat(&self) -> bool {
        self.slope_mb_per_million <= self.slope_mb_max && self.slope_error_mb <= self.slope_mb_max / 2.0
    }
}

/// Loads a server until it has taken `turns` turns.
///
/// # Errors
/// A server that does not start, or an answer that is not 200.
pub fn soak(mut program: Program, turns: u64, seed: u64, say: &dyn Fn(&str)) -> Result<Outcome> {
    let settings = program.data.with_extension("toml");
    fs::write(&settings, SETTINGS).with_context(|| format!("write {}", settings.display()))?;
    program.config = Some(settings);
    program.environment.push((AT_ONCE.0.to_owned(), AT_ONCE.1.to_owned()));
    let data = program.data.clone();
    let mut host = Host::found(program)?;
    let place = host.server.to_string();
    let request = workload::track(&place, "/v1/track", &host.keys.write);
    let mut load = Workload::new(request, Draw::PerEvent, CUSTOMERS, seed, 0);
    let begun = Instant::now();
    let (mut samples, mut events) = (Vec::new(), 0usize);
    let done = loop {
        generator::run(host.server, &mut load, CLIENTS, SLICE_EVENTS)?.all_answered_200()?;
        events += SLICE_EVENTS;
        let done = client::counter(&client::get(host.server, "/metrics")?, "roadbook_turns_total");
        samples.push((done, procfs::rss_mb(host.pid())?));
        if samples.len() % 80 == 0 {
            say(&format!("{done:.0} turns, {:.0} MB", samples.last().map_or(0.0, |(_, mb)| *mb)));
        }
        if done >= turns as f64 {
            break done;
        }
    };
    let took = begun.elapsed();
    host.stop()?;
    let at = |place: usize| samples.get(place).map(|(_, mb)| *mb).context("too few samples");
    let line = Line::through(&samples[samples.len() / 2..]);
    Ok(Outcome {
        turns: done as u64,
        events_per_s: events as f64 / took.as_secs_f64(),
        rss_mb: [at(samples.len() / 10)?, at(samples.len() / 2)?, at(samples.len() - 1)?],
        slope_mb_per_million: line.slope * 1e6,
        slope_error_mb: line.error * 1e6,
        slope_mb_max: SLOPE_MB_MAX,
        breath_mb: line.breath,
        data_mb: bytes_below(&data)? as f64 / 1e6,
    })
}

/// Bytes of all files below a folder.
fn bytes_below(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { bytes_below(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}

/// The line through samples by least squares.
struct Line {
    slope: f64,
    /// Standard error of the slope.
    error: f64,
    /// Root mean square of the distances from it.
    breath: f64,
}

impl Line {
    fn through(samples: &[(f64, f64)]) -> Self {
        let count = samples.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|one| one.0), mean(|one| one.1));
        let (mut above, mut below) = (0.0, 0.0);
        for sample in samples {
            above += (sample.0 - x) * (sample.1 - y);
            below += (sample.0 - x) * (sample.0 - x);
        }
        if below <= 0.0 || samples.len() < 3 {
            return Self { slope: 0.0, error: f64::INFINITY, breath: 0.0 };
        }
        let slope = above / below;
        let squares: f64 = samples.iter().map(|one| (one.1 - y - slope * (one.0 - x)).powi(2)).sum();
        Self { slope, error: (squares / (count - 2.0) / below).sqrt(), breath: (squares / count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_noise_has_none() {
        let line: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 3.0 + 2.0 * f64::from(x))).collect();
        let line = Line::through(&line);
        assert!((line.slope - 2.0).abs() < 1e-9 && line.error < 1e-9 && line.breath < 1e-9);
        let noise: Vec<(f64, f64)> = (0..100).map(|x| (f64::from(x), f64::from(x * 37 % 11))).collect();
        let noise = Line::through(&noise);
        assert!(noise.slope.abs() < 2.0 * noise.error && noise.error < 0.02 && (3.0..3.5).contains(&noise.breath));
        assert!(Line::through(&[(1.0, 2.0)]).error.is_infinite(), "one sample says nothing");
    }
}
