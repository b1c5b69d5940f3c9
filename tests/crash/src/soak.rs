//! Memory over a long time: a load that goes on, and the resident memory of the server sampled while it does.
//!
//! A server that keeps something for every turn grows in proportion to them. So the verdict is a slope: over the second
//! half of the run, when caches and write buffers are as full as they get, a line is laid through the samples.

use crate::host::{Host, Program};
use anyhow::{Context, Result};
use roadbook_bench::workload::{self, Draw, Workload};
use roadbook_bench::{client, generator, procfs};
use serde::Serialize;
use std::time::Instant;

/// Events of one slice; the memory is sampled between two.
const SLICE_EVENTS: usize = 10_000;
const CLIENTS: usize = 32;
/// Customers who take turns: more than the server keeps awake, so that they come and go; few enough that each row has
/// reached its full size long before the second half.
const CUSTOMERS: u64 = 4_000;
/// What a million turns may leave behind, MB. What the server keeps per turn would show: 16 bytes make 16 MB.
const SLOPE_MB_MAX: f64 = 16.0;

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
    /// What it may be at most.
    pub slope_mb_max: f64,
}

impl Outcome {
    /// Whether memory is flat.
    pub fn is_flat(&self) -> bool {
        self.slope_mb_per_million <= self.slope_mb_max
    }
}

/// Loads a server until it has taken `turns` turns.
///
/// # Errors
/// A server that does not start, or an answer that is not 200.
pub fn soak(program: Program, turns: u64, seed: u64, say: &dyn Fn(&str)) -> Result<Outcome> {
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
        if samples.len() % 20 == 0 {
            say(&format!("{done:.0} turns, {:.0} MB", samples.last().map_or(0.0, |(_, mb)| *mb)));
        }
        if done >= turns as f64 {
            break done;
        }
    };
    let took = begun.elapsed();
    host.stop()?;
    let at = |place: usize| samples.get(place).map(|(_, mb)| *mb).context("too few samples");
    let slope = slope(&samples[samples.len() / 2..]) * 1e6;
    Ok(Outcome {
        turns: done as u64,
        events_per_s: events as f64 / took.as_secs_f64(),
        rss_mb: [at(samples.len() / 10)?, at(samples.len() / 2)?, at(samples.len() - 1)?],
        slope_mb_per_million: slope,
        slope_mb_max: SLOPE_MB_MAX,
    })
}

/// The slope of the line through the samples by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|one| one.0), mean(|one| one.1));
    let (mut above, mut below) = (0.0, 0.0);
    for sample in samples {
        above += (sample.0 - x) * (sample.1 - y);
        below += (sample.0 - x) * (sample.0 - x);
    }
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_noise_has_none() {
        let line: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 3.0 + 2.0 * f64::from(x))).collect();
        assert!((slope(&line) - 2.0).abs() < 1e-9);
        let noise: Vec<(f64, f64)> = (0..100).map(|x| (f64::from(x), f64::from(x * 37 % 11))).collect();
        assert!(slope(&noise).abs() < 0.05);
        assert_eq!(slope(&[(1.0, 2.0)]), 0.0);
    }
}
