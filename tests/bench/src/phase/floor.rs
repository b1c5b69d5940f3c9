//! The machine itself: raw log, fdatasync, and HTTP without a server behind it.

use anyhow::Result;

use super::{Place, Recorder, SEED};
use crate::server::Server;
use crate::workload::{self, Draw, Workload};
use crate::{floors, generator};

const CLIENTS: usize = 128;
/// Enough for about two seconds, so that the 10 ms ticks of the CPU clock do not matter.
const REQUESTS: usize = 100_000;
const WARM_UP_REQUESTS: usize = 10_000;
/// As in the single-event load, which this is the floor of.
const CUSTOMERS: u64 = 2_000;

/// Keys of [`disk`].
pub const DISK_KEYS: &[&str] = &["floor_log_per_s", "floor_log_json_per_s", "fdatasync_us_p50", "fdatasync_us_p99"];
/// Keys of [`http`].
pub const HTTP_KEYS: &[&str] = &["http_floor_per_s", "generator_cpu_us"];

/// Measures the disk.
///
/// # Errors
/// Fails when the folder cannot be written.
pub fn disk(place: &Place, recorder: &mut Recorder) -> Result<()> {
    recorder.value("floor_log_per_s", floors::log_per_s(&place.folder, place.record_bytes)?);
    recorder.value("floor_log_json_per_s", floors::log_json_per_s(&place.folder, place.record_bytes)?);
    let latency = floors::fdatasync(&place.folder, place.record_bytes)?;
    recorder.value("fdatasync_us_p50", latency.p50_us);
    recorder.value("fdatasync_us_p99", latency.p99_us);
    Ok(())
}

/// Measures the generator and the loopback against an endpoint that parses and answers only.
///
/// # Errors
/// Fails when the floor server does not answer every request with 200.
pub fn http(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let server = Server::start_floor(&place.folder)?;
    let request = workload::track(&server.host, "/floor", &server.authorization);
    let mut workload = Workload::new(request, Draw::PerEvent, CUSTOMERS, SEED, 0);
    generator::run(server.addr, &mut workload, CLIENTS, WARM_UP_REQUESTS)?.all_answered_200()?;
    let outcome = generator::run(server.addr, &mut workload, CLIENTS, REQUESTS)?.all_answered_200()?;
    recorder.value("http_floor_per_s", outcome.events_per_s());
    recorder.value("generator_cpu_us", outcome.generator_cpu_us());
    Ok(())
}
