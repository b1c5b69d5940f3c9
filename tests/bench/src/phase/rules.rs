//! Many rules: what an event costs must follow from the rules that name it, not from those that exist.

use anyhow::Result;
use serde_json::json;
use std::path::Path;

use super::{Place, Recorder, SEED, Usage};
use crate::generator;
use crate::server::Server;
use crate::workload::{self, Draw, Workload};

const CUSTOMERS: u64 = 2_000;
const EVENTS: usize = 20_000;
const CLIENTS: usize = 128;
/// Segments that name the event, on both servers.
const NAMING: usize = 5;
/// Segments of the larger server.
const MANY: usize = 1_000;
/// Message ids of the loads lie this far apart.
const MESSAGES_APART: u64 = 1_000_000_000;

/// Keys of this phase.
pub const KEYS: &[&str] = &["rules_flat"];

/// Measures the same load with five segments and with a thousand.
///
/// # Errors
/// Fails when a server does not start, refuses a segment, or an answer is not 200.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let few = cpu_us(place, "few", NAMING, recorder)?;
    let many = cpu_us(place, "many", MANY, recorder)?;
    recorder.value("rules_flat", many / few);
    Ok(())
}

fn cpu_us(place: &Place, name: &str, segments: usize, recorder: &mut Recorder) -> Result<f64> {
    let folder: &Path = &place.folder.join(format!("rules-{name}"));
    let mut server = Server::start(&place.server, folder)?;
    load(&server, segments, recorder).map_err(|error| server.explain(error))
}

fn load(server: &Server, segments: usize, recorder: &mut Recorder) -> Result<f64> {
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
    let usage = Usage::now(server)?;
    let request = workload::track(&server.host, "/v1/track", &server.authorization);
    let mut tracks = Workload::new(request, Draw::PerEvent, CUSTOMERS, SEED + 1, MESSAGES_APART);
    let outcome = generator::run(server.addr, &mut tracks, CLIENTS, EVENTS)?.all_answered_200()?;
    let cost = usage.until_rest(server)?;
    recorder.notes.push(cost.note(&format!("{segments} segments"), &outcome));
    Ok(cost.cpu_us(&outcome))
}
