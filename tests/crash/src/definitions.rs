//! What is published before the load begins.

use crate::batch::{BOOKED, CONFIGURED};
use crate::client::Connection;
use crate::host::Host;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Events of this many make a member of the segment.
pub const CONFIGURED_MIN: u64 = 3;

/// The ids of what is in force.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// The segment.
    pub segment: String,
    /// The journeys: the message is recorded, or told to a seller.
    pub journeys: [String; 2],
}

impl Definitions {
    /// Defines and publishes. Without a platform the second journey records its message, too.
    ///
    /// # Errors
    /// A server that refuses one.
    pub fn publish(host: &Host, platform: bool) -> Result<Self> {
        let count = json!({ "op": "gte", "value": CONFIGURED_MIN });
        let condition = json!({ "event": CONFIGURED, "count": count, "within_days": 30 });
        let segment = define(host, "segments", &json!({ "name": "looked often", "condition": condition }))?;
        let recorded = json!({ "type": "send", "channel": "recording", "purpose": "service",
                               "content": { "text": "booked {{ entry.n }}" }, "next": "over" });
        let told = json!({ "type": "send", "channel": "wecom_seller", "purpose": "service",
                           "to": { "corp": "ww-sim-corp", "member": { "trait": "seller" } },
                           "content": { "text": "booked {{ entry.n }};" }, "next": "over" });
        let told = if platform { told } else { recorded.clone() };
        let journey = |which: usize, wait: &str, send: Value| {
            let definition = json!({
                "entry": { "event": BOOKED[which] }, "reentry": "once", "start": "pause",
                "nodes": { "pause": { "type": "wait", "duration": wait, "next": "tell" }, "tell": send,
                           "over": { "type": "exit" } }
            });
            define(host, "journeys", &json!({ "name": BOOKED[which], "definition": definition }))
        };
        Ok(Self { segment, journeys: [journey(0, "PT2S", recorded)?, journey(1, "PT3S", told)?] })
    }
}

fn define(host: &Host, kind: &str, draft: &Value) -> Result<String> {
    let made = ask(host, "POST", format!("/v1/{kind}"), draft.to_string())?;
    let id = made["id"].as_str().context("a new definition has an id")?.to_owned();
    ask(host, "POST", format!("/v1/{kind}/{id}/publish"), String::new())?;
    Ok(id)
}

/// Asks what must be answered with 2xx; returns its JSON.
///
/// # Errors
/// Any other answer, or none.
pub fn ask(host: &Host, method: &'static str, path: String, body: String) -> Result<Value> {
    let request = host.request(method, path, body);
    match Connection::new(host.server).ask(&request) {
        Ok(reply) if matches!(reply.status, 200..300) => Ok(reply.json()),
        Ok(reply) => bail!("{method} {} answered {}: {}", request.path, reply.status, reply.text),
        Err(lost) => bail!("{method} {} was not answered ({lost:?}); {}", request.path, host.log_tail()),
    }
}
