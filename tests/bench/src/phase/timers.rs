//! Timers that come due while the server is busy with something else.

use anyhow::{Context, Result, bail};
use serde_json::json;
use std::time::{Duration, Instant};

use super::{Place, Recorder, SEED};
use crate::server::Server;
use crate::workload::{self, BATCH_EVENTS, Draw, Workload};
use crate::{client, generator};

/// Customers who wait.
const WAITING: usize = 20_000;
/// How long each waits: the load runs by then.
const WAIT_S: u64 = 10;
/// The load besides: single events of other customers, 32 at a time, in slices until every timer must have fired.
const SLICE_EVENTS: usize = 4_000;
const OTHERS: u64 = 2_000;
/// How long after their instants the last timers may take before the phase gives up.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Message ids of the loads lie this far apart.
const MESSAGES_APART: u64 = 1_000_000_000;

/// Keys of this phase.
pub const KEYS: &[&str] = &["timer_late_ms_p99"];

/// Measures how late timers fire, as the server's own histogram tells: the upper bound of the bucket that holds the
/// 99th percentile.
///
/// # Errors
/// Fails when the server does not start, an answer is not 200, or timers are missing.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let mut server = Server::start(&place.server, &place.folder.join("timers"))?;
    load(&server, recorder).map_err(|error| server.explain(error))
}

fn load(server: &Server, recorder: &mut Recorder) -> Result<()> {
    let definition = json!({
        "entry": { "event": "identify" }, "reentry": "once", "start": "wait",
        "nodes": {
            "wait": { "type": "wait", "duration": format!("PT{WAIT_S}S"), "next": "mark" },
            "mark": { "type": "set_tag", "tag": "waited", "value": "yes", "next": "over" },
            "over": { "type": "exit" }
        }
    });
    server.publish("journeys", &json!({ "name": "wait", "definition": definition }))?;
    server.rest()?;
    let request = workload::leads(&server.host, &server.authorization);
    let mut leads = Workload::new(request, Draw::EachNext, WAITING as u64, SEED, 0);
    generator::run(server.addr, &mut leads, 8, WAITING / BATCH_EVENTS)?.all_answered_200()?;

    let deadline = Instant::now() + Duration::from_secs(WAIT_S) + GIVE_UP;
    let request = workload::track(&server.host, "/v1/track", &server.authorization);
    let mut tracks = Workload::new(request, Draw::PerEvent, OTHERS, SEED + 1, MESSAGES_APART);
    let (mut events, began) = (0, Instant::now());
    let counts = loop {
        generator::run(server.addr, &mut tracks, 32, SLICE_EVENTS)?.all_answered_200()?;
        events += SLICE_EVENTS;
        let counts = buckets(&client::get(server.addr, "/metrics")?)?;
        let fired = counts.last().map_or(0, |(_, sum)| *sum);
        if fired >= WAITING as u64 {
            break counts;
        }
        if Instant::now() > deadline {
            bail!("{WAITING} timers were due, {fired} fired");
        }
    };
    recorder.value("timer_late_ms_p99", percentile(&counts, 0.99));
    let rate = events as f64 / began.elapsed().as_secs_f64();
    recorder.notes.push(format!(
        "timers: {WAITING} within a load of {rate:.0} events/s; half of them at most {:.0} ms late",
        percentile(&counts, 0.5)
    ));
    Ok(())
}

/// Upper bound in milliseconds and timers up to it, as the histogram has them.
fn buckets(exposition: &str) -> Result<Vec<(f64, u64)>> {
    let lines = exposition.lines().filter_map(|line| line.strip_prefix("roadbook_timer_late_seconds_bucket{le=\""));
    let read = |line: &str| {
        let (bound, rest) = line.split_once("\"} ")?;
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse::<f64>().ok()? * 1e3 };
        Some((bound, rest.trim().parse().ok()?))
    };
    lines.map(|line| read(line).with_context(|| format!("a bucket of another form: {line}"))).collect()
}

fn percentile(counts: &[(f64, u64)], share: f64) -> f64 {
    let all = counts.last().map_or(0, |(_, sum)| *sum) as f64;
    counts.iter().find(|(_, sum)| *sum as f64 >= all * share).map_or(f64::INFINITY, |(bound, _)| *bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_bound_of_its_bucket() {
        let text = "roadbook_timer_late_seconds_bucket{le=\"0.01\"} 50\n\
                    roadbook_timer_late_seconds_bucket{le=\"0.25\"} 99\n\
                    roadbook_timer_late_seconds_bucket{le=\"+Inf\"} 100\nroadbook_timer_late_seconds_count 100\n";
        let counts = buckets(text).unwrap();
        assert_eq!((percentile(&counts, 0.5), percentile(&counts, 0.99)), (10.0, 250.0));
        assert_eq!(percentile(&counts, 0.999), f64::INFINITY);
    }
}
