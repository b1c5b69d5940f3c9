//! Many rules: what an event costs must follow from the rules that name it, not from those that exist.

use anyhow::Result;
use serde_json::json;

use super::{Place, Recorder, SEED, Usage};
use crate::generator;
use crate::server::Server;
use crate::workload::{self, Draw, Workload};

const CUSTOMERS: u64 = 2_000;
/// Both servers are up and take turns: a flush or a compaction of the store, which is no matter of rules, is as large as
/// the CPU of some thousand events, and must meet both alike.
const ROUNDS: usize = 10;
const ROUND_EVENTS: usize = 6_000;
const CLIENTS: usize = 128;
/// Segments that name the event, on both servers.
const NAMING: usize = 5;
/// Segments of the larger server.
const MANY: usize = 1_000;
/// Message ids of the loads lie this far apart.
const MESSAGES_APART: u64 = 1_000_000_000;

/// Keys of this phase.
pub const KEYS: &[&str] = &["rules_flat"];

/// A server with its load and what it has used so far.
struct Side {
    server: Server,
    segments: usize,
    tracks: Workload,
    cpu_us: f64,
}

/// Measures the same load with five segments and with a thousand.
///
/// # Errors
/// Fails when a server does not start, refuses a segment, or an answer is not 200.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let (mut few, mut many) = (Side::start(place, "few", NAMING)?, Side::start(place, "many", MANY)?);
    for round in 0..ROUNDS {
        // Neither is always the first.
        let order = if round % 2 == 0 { [&mut few, &mut many] } else { [&mut many, &mut few] };
        for side in order {
            side.round().map_err(|error| side.server.explain(error))?;
        }
    }
    recorder.value("rules_flat", many.cpu_us / few.cpu_us);
    let each = |side: &Side| side.cpu_us / ROUNDS as f64;
    recorder.notes.push(format!(
        "{} segments: {:.1} us of server CPU per event; {} segments: {:.1} us",
        few.segments,
        each(&few),
        many.segments,
        each(&many)
    ));
    Ok(())
}

impl Side {
    fn start(place: &Place, name: &str, segments: usize) -> Result<Self> {
        let mut server = Server::start(&place.server, &place.folder.join(format!("rules-{name}")))?;
        prepare(&server, segments).map_err(|error| server.explain(error))?;
        let request = workload::track(&server.host, "/v1/track", &server.authorization);
        let tracks = Workload::new(request, Draw::PerEvent, CUSTOMERS, SEED + 1, MESSAGES_APART);
        Ok(Self { server, segments, tracks, cpu_us: 0.0 })
    }

    fn round(&mut self) -> Result<()> {
        let usage = Usage::now(&self.server)?;
        let outcome = generator::run(self.server.addr, &mut self.tracks, CLIENTS, ROUND_EVENTS)?.all_answered_200()?;
        self.cpu_us += usage.until_rest(&self.server)?.cpu_us(&outcome);
        Ok(())
    }
}

fn prepare(server: &Server, segments: usize) -> Result<()> {
    for number in 0..segments {
        let event = if number < NAMING { "Vehicle Configured".to_owned() } else { format!("Other event {number}") };
        let count = json!({ "op": "gte", "value": number % 50 + 2 });
        let condition = json!({ "event": event, "count": count, "within_days": 30 });
        server.publish("segments", &json!({ "name": format!("segment {number}"), "condition": condition }))?;
    }
    let request = workload::identify(&server.host, &server.authorization);
    let mut identifies = Workload::new(request, Draw::InOrder, CUSTOMERS, SEED, 0);
    generator::run(server.addr, &mut identifies, 32, CUSTOMERS as usize)?.all_answered_200()?;
    server.rest()?;
    Ok(())
}
