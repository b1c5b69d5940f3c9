//! "Why?", asked of customers with much state.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use super::{Place, Recorder, SEED};
use crate::server::Server;
use crate::workload::{self, Draw, Workload};
use crate::{generator, stats};

/// Customers with 2 KB of traits each, and what followed from their events.
const CUSTOMERS: u64 = 2_000;
const EVENTS: usize = 20_000;
/// Customers asked about, three questions each.
const ASKED: u64 = 300;
/// How long what the events set off may take.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// Message ids of the loads lie this far apart.
const MESSAGES_APART: u64 = 1_000_000_000;

/// Keys of this phase.
pub const KEYS: &[&str] = &["explain_ms_p99"];

/// Measures each explanation with a connection of its own, as a console would ask.
///
/// # Errors
/// Fails when the server does not start, an answer is not 200, or nobody can be explained.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let mut server = Server::start(&place.server, &place.folder.join("explain"))?;
    load(&server, recorder).map_err(|error| server.explain(error))
}

fn load(server: &Server, recorder: &mut Recorder) -> Result<()> {
    let often = json!({ "event": "Vehicle Configured", "count": { "op": "gte", "value": 3 }, "within_days": 30 });
    let condition = json!({ "all": [often, { "trait": "preferred_model", "op": "exists" }] });
    let segment = server.publish("segments", &json!({ "name": "keen", "condition": condition }))?;
    let definition = json!({
        "entry": { "segment": segment, "edge": "enter" }, "reentry": "once", "start": "tell",
        "nodes": {
            "tell": { "type": "send", "channel": "recording", "purpose": "service", "content": { "text": "look" }, "next": "wait" },
            "wait": { "type": "wait", "duration": "P7D", "next": "over" },
            "over": { "type": "exit" }
        }
    });
    let journey = server.publish("journeys", &json!({ "name": "keen", "definition": definition }))?;
    let request = workload::identify(&server.host, &server.authorization);
    let mut identifies = Workload::new(request, Draw::InOrder, CUSTOMERS, SEED, 0);
    generator::run(server.addr, &mut identifies, 32, CUSTOMERS as usize)?.all_answered_200()?;
    let request = workload::track(&server.host, "/v1/track", &server.authorization);
    let mut tracks = Workload::new(request, Draw::PerEvent, CUSTOMERS, SEED + 1, MESSAGES_APART);
    generator::run(server.addr, &mut tracks, 32, EVENTS)?.all_answered_200()?;
    server.rest()?;
    let mut took_ms = Vec::new();
    for number in 0..ASKED {
        let profile = profile(server, number)?;
        let id = profile["id"].as_str().context("a profile has an id")?;
        let mut questions = vec![format!("segments/{segment}"), format!("journeys/{journey}")];
        questions.extend(profile["sends"][0]["send"].as_str().map(|send| format!("sends/{send}")));
        for question in questions {
            let asked = Instant::now();
            let answer = server.call("GET", &format!("/v1/profiles/{id}/explain/{question}"), &Value::Null)?;
            took_ms.push(asked.elapsed().as_secs_f64() * 1e3);
            if answer["sentence"]["zh"].as_str().is_none_or(str::is_empty) {
                bail!("{question} was answered without a sentence: {answer}");
            }
        }
    }
    took_ms.sort_by(f64::total_cmp);
    let p99 = took_ms[(took_ms.len() * 99 / 100).min(took_ms.len() - 1)];
    recorder.value("explain_ms_p99", p99);
    let median = stats::median(&took_ms).unwrap_or_default();
    recorder.notes.push(format!("{} explanations, median {median:.1} ms, connection included", took_ms.len()));
    Ok(())
}

/// The profile of a customer, once what its events set off is visible.
fn profile(server: &Server, number: u64) -> Result<Value> {
    let deadline = Instant::now() + SETTLE_MAX;
    let path = format!("/v1/profiles/lookup?key=userId:customer-{number:09}");
    loop {
        let profile = server.call("GET", &path, &Value::Null)?;
        if profile["events"].as_u64() > Some(1) || Instant::now() > deadline {
            return Ok(profile);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
