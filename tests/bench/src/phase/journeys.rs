//! The whole way: an event enters a segment, the segment starts a journey, the journey's first node sends.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use super::{Place, Recorder, SEED, Usage};
use crate::generator;
use crate::server::Server;
use crate::workload::{self, BATCH_EVENTS, Draw, Workload};

/// Every event is of a customer nobody has seen, so every one of them enters.
const CUSTOMERS: usize = 100_000;
/// Batches under way.
const CLIENTS: usize = 8;
/// How long the relay may trail the last answer.
const HAND_OVER_MAX: Duration = Duration::from_secs(60);

/// Keys of this phase.
pub const KEYS: &[&str] = &["e2e_per_s"];

/// Measures from the first request to the hand-over of the last send.
///
/// # Errors
/// Fails when the server does not start, an answer is not 200, or not exactly one send per event was handed over.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let mut server = Server::start(&place.server, &place.folder.join("journeys"))?;
    load(&server, recorder).map_err(|error| server.explain(error))
}

fn load(server: &Server, recorder: &mut Recorder) -> Result<()> {
    let condition = json!({ "event": "Vehicle Configured", "count": { "op": "gte", "value": 1 }, "within_days": 30 });
    let segment = server.publish("segments", &json!({ "name": "configured", "condition": condition }))?;
    let definition = json!({
        "entry": { "segment": segment, "edge": "enter" }, "reentry": "once", "start": "tell",
        "nodes": {
            "tell": { "type": "send", "channel": "recording", "purpose": "service",
                      "content": { "text": "somebody looks at {{ traits.city | default('a car') }}" }, "next": "over" },
            "over": { "type": "exit" }
        }
    });
    server.publish("journeys", &json!({ "name": "tell", "definition": definition }))?;
    server.rest()?;

    let usage = Usage::now(server)?;
    let request = workload::batch(&server.host, &server.authorization);
    let mut batches = Workload::new(request, Draw::EachNext, CUSTOMERS as u64, SEED, 0);
    let started = Instant::now();
    let outcome = generator::run(server.addr, &mut batches, CLIENTS, CUSTOMERS / BATCH_EVENTS)?.all_answered_200()?;
    let handed_over = hand_over(server, started)?;
    let cost = usage.until_rest(server)?;
    recorder.value("e2e_per_s", CUSTOMERS as f64 / handed_over.as_secs_f64());
    recorder.notes.push(format!(
        "{}; the last send was handed over {:.2} s after the last answer",
        cost.note("events that end in a message", &outcome),
        handed_over.saturating_sub(outcome.elapsed).as_secs_f64()
    ));
    Ok(())
}

/// Until the relay has handed over one send per event.
fn hand_over(server: &Server, started: Instant) -> Result<Duration> {
    let deadline = Instant::now() + HAND_OVER_MAX;
    loop {
        let stats = server.call("GET", "/v1/sends/stats", &Value::Null)?;
        let intended = intended(&stats);
        if intended == CUSTOMERS as u64 {
            return Ok(started.elapsed());
        }
        if intended > CUSTOMERS as u64 || Instant::now() > deadline {
            bail!("{CUSTOMERS} events, each of which sends once, came to {intended} sends: {stats}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn intended(stats: &Value) -> u64 {
    stats["sends"]["intended"].as_u64().unwrap_or(0)
}
