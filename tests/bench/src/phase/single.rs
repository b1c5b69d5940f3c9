//! One event per request to customers that already have 2 KB of state: the everyday load, every answer durable.

use anyhow::Result;

use super::{Place, Recorder, SEED, Usage};
use crate::server::Server;
use crate::workload::{self, Draw, Workload};
use crate::{generator, procfs};

const CUSTOMERS: u64 = 2_000;
const EVENTS: usize = 20_000;
/// Message ids of the loads lie this far apart.
const MESSAGES_APART: u64 = 1_000_000_000;

/// Keys of this phase.
pub const KEYS: &[&str] = &[
    "single_per_s_128",
    "single_p50_ms_128",
    "single_p99_ms_128",
    "single_per_s_32",
    "single_p50_ms_32",
    "single_p99_ms_32",
    "single_cpu_us",
    "single_vs_log",
    "rss_mb_under_load",
];

/// Measures 128 clients, then 32, on one server.
///
/// # Errors
/// Fails when the server does not start, an answer is not 200, or the server's counters disagree with what was sent.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let mut server = Server::start(&place.server, &place.folder.join("single"))?;
    load(&server, recorder).map_err(|error| server.explain(error))
}

fn load(server: &Server, recorder: &mut Recorder) -> Result<()> {
    found_customers(server)?;

    let before = server.counters()?;
    let usage = Usage::now(server)?;
    let mut tracks = tracks(server, 1);
    let outcome = generator::run(server.addr, &mut tracks, 128, EVENTS)?.all_answered_200()?;
    let cost = usage.until_rest(server)?;
    let after = server.counters_after(before, EVENTS)?;
    recorder.value("single_per_s_128", outcome.events_per_s());
    recorder.value("single_p50_ms_128", outcome.latency_ms(50.0));
    recorder.value("single_p99_ms_128", outcome.latency_ms(99.0));
    recorder.value("single_cpu_us", cost.cpu_us(&outcome));
    if let Some(log) = recorder.recorded("floor_log_per_s") {
        recorder.value("single_vs_log", outcome.events_per_s() / log);
    }
    let turns = (after.turns - before.turns).max(1.0);
    recorder.notes.push(format!(
        "{}; {:.2} events per turn",
        cost.note("single, 128 clients", &outcome),
        EVENTS as f64 / turns
    ));

    let usage = Usage::now(server)?;
    let mut tracks = self::tracks(server, 2);
    let outcome = generator::run(server.addr, &mut tracks, 32, EVENTS)?.all_answered_200()?;
    let cost = usage.until_rest(server)?;
    server.counters_after(after, EVENTS)?;
    recorder.value("single_per_s_32", outcome.events_per_s());
    recorder.value("single_p50_ms_32", outcome.latency_ms(50.0));
    recorder.value("single_p99_ms_32", outcome.latency_ms(99.0));
    recorder.notes.push(cost.note("single, 32 clients", &outcome));
    recorder.value("rss_mb_under_load", procfs::rss_peak_mb(server.pid())?);
    Ok(())
}

/// Not timed: every customer identified once, with its traits.
fn found_customers(server: &Server) -> Result<()> {
    let before = server.counters()?;
    let request = workload::identify(&server.host, &server.authorization);
    let mut identifies = Workload::new(request, Draw::InOrder, CUSTOMERS, SEED, 0);
    generator::run(server.addr, &mut identifies, 32, CUSTOMERS as usize)?.all_answered_200()?;
    server.counters_after(before, CUSTOMERS as usize)?;
    server.rest()?;
    Ok(())
}

fn tracks(server: &Server, load: u64) -> Workload {
    let request = workload::track(&server.host, "/v1/track", &server.authorization);
    Workload::new(request, Draw::PerEvent, CUSTOMERS, SEED + load, load * MESSAGES_APART)
}
