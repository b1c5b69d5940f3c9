//! Batches of 100: first mixed over 50,000 customers nobody has seen yet, then each of one customer.

use anyhow::Result;

use super::{Place, Recorder, SEED, Usage};
use crate::server::Server;
use crate::workload::{self, BATCH_EVENTS, Draw, Workload};
use crate::{generator, procfs};

const CUSTOMERS: u64 = 50_000;
/// Ten seconds at the target rate; 98 of 100 customers are founded on the way.
const MIXED_BATCHES: usize = 2_000;
/// Seven seconds at the target rate.
const ONE_BATCHES: usize = 10_000;
/// Batches under way in the mixed load. More would fold more events of one customer into a turn by waiting for each
/// other, which `events_per_turn` is there to rule out; fewer would leave a core idle during an fsync.
const MIXED_CLIENTS: usize = 8;
/// Batches under way when each is one turn: what one group commit can gather.
const ONE_CLIENTS: usize = 32;
/// Message ids of the two loads lie this far apart.
const MESSAGES_APART: u64 = 1_000_000_000;

/// Keys of this phase.
pub const KEYS: &[&str] = &["batch_per_s", "events_per_turn", "batch_one_per_s", "rss_mb_under_load"];

/// Measures both loads on one server: the second finds the customers the first has founded.
///
/// # Errors
/// Fails when the server does not start, an answer is not 200, or the server's counters disagree with what was sent.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let mut server = Server::start(&place.server, &place.folder.join("batch"))?;
    load(&server, recorder).map_err(|error| server.explain(error))
}

fn load(server: &Server, recorder: &mut Recorder) -> Result<()> {
    let before = server.counters()?;
    let usage = Usage::now(server)?;
    let mut mixed = batches(server, Draw::PerEvent, 0);
    let outcome = generator::run(server.addr, &mut mixed, MIXED_CLIENTS, MIXED_BATCHES)?.all_answered_200()?;
    let cost = usage.until_rest(server)?;
    let after = server.counters_after(before, MIXED_BATCHES * BATCH_EVENTS)?;
    recorder.value("batch_per_s", outcome.events_per_s());
    recorder.value("events_per_turn", (after.events - before.events) / (after.turns - before.turns).max(1.0));
    recorder.notes.push(cost.note("batch, mixed customers", &outcome));

    let usage = Usage::now(server)?;
    let mut one = batches(server, Draw::PerRequest, 1);
    let outcome = generator::run(server.addr, &mut one, ONE_CLIENTS, ONE_BATCHES)?.all_answered_200()?;
    let cost = usage.until_rest(server)?;
    server.counters_after(after, ONE_BATCHES * BATCH_EVENTS)?;
    recorder.value("batch_one_per_s", outcome.events_per_s());
    recorder.notes.push(cost.note("batch, one customer each", &outcome));
    recorder.value("rss_mb_under_load", procfs::rss_peak_mb(server.pid())?);
    Ok(())
}

fn batches(server: &Server, draw: Draw, load: u64) -> Workload {
    let request = workload::batch(&server.host, &server.authorization);
    Workload::new(request, draw, CUSTOMERS, SEED + load, load * MESSAGES_APART)
}
