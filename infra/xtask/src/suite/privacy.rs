//! Plants personal values that are easy to find again, everywhere a value can come in, and looks for them in every
//! answer and in every log line of the server, at its most talkative level.

use super::bench::{Bench, Verdict};
use crate::http::{Client, escaped};
use crate::process::{self, Process};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;

/// What was planted: of whom, and the characters that must not come out. None of it belongs to anybody.
const PLANTED: &[(&str, &str)] = &[
    ("phone", "13800007391"),
    ("name", "Plantname Testperson"),
    ("plate", "沪A·T7391"),
    ("vin", "LTESTVINPLANT7391"),
    ("email", "plant7391@example.test"),
    ("openid", "oPlantedOpenid73910000"),
    ("external_userid", "wmPlantedExternal7391"),
    ("unionid", "oPlantedUnionid73910000"),
];
/// Log lines below which the search would prove nothing.
const LOG_LINES_MIN: usize = 20;

/// The step.
pub fn nothing_leaks(bench: &Bench) -> Result<Verdict> {
    bench.programs()?;
    let folder = bench.fresh_folder("privacy")?;
    let simulator = process::simulator(&bench.place, &folder.join("simulator.log"))?;
    let mut command = process::server(&bench.place, &folder.join("data"), 0, simulator.told("base_url")?)?;
    let log = folder.join("server.log");
    // Everything our own crates can say; of the libraries below what they say by default.
    let server = Process::start("roadbook serve", command.env("RUST_LOG", "debug,roadbook=trace"), &log)?;
    let keys = [server.told("admin_key")?.to_owned(), server.told("write_key")?.to_owned()];
    let [admin, write] = &keys;
    let probe = Probe { url: Client::new(server.told("url")?), admin, write };
    probe.send_message(&Client::new(simulator.told("base_url")?))?;
    probe.send_bad_events()?;
    probe.ask_about_the_customer()?;
    probe.ask_wrongly()?;
    server.stop()?;
    simulator.stop()?;
    let text = fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
    if text.lines().count() < LOG_LINES_MIN {
        bail!(
            "the log has only {} lines, so finding nothing in it means nothing: {}",
            text.lines().count(),
            log.display()
        );
    }
    clean("the log", &text)?;
    for key in &keys {
        if text.contains(key.as_str()) {
            bail!("the log contains an API key: {}", log.display());
        }
    }
    Ok(Verdict::Passed)
}

/// Nothing planted is in a text.
fn clean(what: &str, text: &str) -> Result<()> {
    for (kind, value) in PLANTED {
        if let Some(line) = text.lines().find(|line| line.contains(value)) {
            bail!("{what} contains the planted {kind}: {}", line.chars().take(600).collect::<String>());
        }
    }
    Ok(())
}

fn planted(kind: &str) -> &'static str {
    PLANTED.iter().find(|(name, _)| *name == kind).map_or("", |(_, value)| value)
}

/// Every planted value under the name that people give it.
fn all() -> Value {
    let mut all: serde_json::Map<String, Value> =
        PLANTED.iter().map(|(kind, value)| ((*kind).to_owned(), json!(value))).collect();
    all.insert("seller".into(), json!("test-seller"));
    Value::Object(all)
}

struct Probe<'a> {
    url: Client,
    admin: &'a str,
    write: &'a str,
}

impl Probe<'_> {
    fn ask(&self, key: &str, method: &str, path: &str, body: &str) -> Result<(u16, Value)> {
        let answer = self.url.with_key(key).call(method, path, body)?;
        clean(&format!("the answer to {method} {}", path.split('?').next().unwrap_or_default()), &answer.text)?;
        Ok((answer.status, answer.json()))
    }

    /// An event that carries every value, and a journey that writes them into a message, to a seller who exists and
    /// to one who does not.
    fn send_message(&self, simulator: &Client) -> Result<()> {
        simulator.expect("POST", "/_control/people", Some(&json!({ "unknown_members": ["gone-seller"] })))?;
        let to = |member: Value| json!({ "corp": "ww-sim-corp", "member": member });
        let text = "{{ traits.name }} {{ traits.phone }} {{ traits.plate }} {{ entry.vin }} {{ entry.email }}";
        let send = |member: Value, next: &str| {
            json!({ "type": "send", "channel": "wecom_seller", "purpose": "service", "to": to(member),
                    "content": { "text": text }, "next": next })
        };
        let definition = json!({
            "entry": { "event": "lead_submitted" }, "reentry": "once", "start": "tell",
            "nodes": {
                "tell": send(json!({ "trait": "seller" }), "tell_nobody"),
                "tell_nobody": send(json!("gone-seller"), "over"),
                "over": { "type": "exit" },
            },
        });
        let body = json!({ "name": "privacy", "definition": definition }).to_string();
        let (_, made) = self.ask(self.admin, "POST", "/v1/journeys", &body)?;
        let id = made["id"].as_str().with_context(|| format!("create the journey: {made}"))?;
        self.ask(self.admin, "POST", &format!("/v1/journeys/{id}/publish"), "")?;

        let identifiers = json!([
            { "kind": "openid", "scope": "wx-sim-app", "value": planted("openid") },
            { "kind": "external_userid", "scope": "ww-sim-corp", "value": planted("external_userid") },
            { "kind": "unionid", "value": planted("unionid") },
        ]);
        let context = json!({ "roadbook": { "identifiers": identifiers } });
        let identify = json!({ "userId": "privacy-1", "traits": all(), "context": context });
        let track =
            json!({ "userId": "privacy-1", "event": "lead_submitted", "properties": all(), "context": context });
        for (path, body) in [("/v1/identify", identify), ("/v1/track", track)] {
            let (status, _) = self.ask(self.write, "POST", path, &body.to_string())?;
            if status != 200 {
                bail!("{path} answered {status}");
            }
        }
        let calls = simulator.get("/_control/calls?path=/cgi-bin/message/send&at_least=2&wait_ms=20000")?;
        if !calls.text.contains(planted("phone")) {
            bail!("the message with the planted values did not reach the simulator: {}", calls.text);
        }
        Ok(())
    }

    /// Events that are refused for every reason there is, with the values where the fault is.
    fn send_bad_events(&self) -> Result<()> {
        let bad: Vec<Value> = PLANTED
            .iter()
            .flat_map(|(_, value)| {
                [
                    json!({ "type": value, "userId": "privacy-1", "event": "x" }),
                    json!({ "type": "track", "userId": "privacy-1", "event": "x", "timestamp": value }),
                    json!({ "type": "track", "userId": "privacy-1", "event": "x", "properties": value }),
                    json!({ "type": "track", "event": "x", "properties": all() }),
                    json!({ "type": "track", "userId": { "id": value }, "event": "x" }),
                    json!({ "type": "alias", "userId": "privacy-1", "properties": { "phone": value } }),
                ]
            })
            .collect();
        let batch = json!({ "batch": bad }).to_string();
        self.ask(self.write, "POST", "/v1/batch", &batch)?;
        self.look_at_dead_letters(bad.len())?;
        let cut_off = &batch[..batch.char_indices().nth(batch.chars().count() - 9).map_or(0, |(at, _)| at)];
        self.ask(self.write, "POST", "/v1/batch", cut_off)?;
        self.ask(planted("email"), "POST", "/v1/batch", &batch)?;
        Ok(())
    }

    /// A dead letter shows the event, so that somebody can mend it; what stands in a place that is not personal by
    /// its name or form is shown. Its reason repeats nothing.
    fn look_at_dead_letters(&self, sent: usize) -> Result<()> {
        let letters = self.url.with_key(self.admin).expect("GET", "/v1/dead-letters?limit=200", None)?;
        let rows = letters["data"].as_array().map_or(&[][..], Vec::as_slice);
        // Not each of them: the digits of a phone number can be read as a time.
        if rows.len() + PLANTED.len() < sent {
            bail!("{} dead letters of {sent} bad events", rows.len());
        }
        for row in rows {
            clean("the reason of a dead letter", &row["reason"].to_string())?;
            for (kind, value) in PLANTED.iter().filter(|(kind, _)| ["phone", "email"].contains(kind)) {
                if row.to_string().contains(value) {
                    bail!("a dead letter shows the planted {kind}: {row}");
                }
            }
        }
        let id = rows[0]["id"].as_str().context("a dead letter has an id")?;
        self.ask(self.admin, "POST", &format!("/v1/dead-letters/{id}/replay"), "")?;
        Ok(())
    }

    /// What is known of the customer is shown masked.
    fn ask_about_the_customer(&self) -> Result<()> {
        let lookup = |key: String| format!("/v1/profiles/lookup?key={}", escaped(&key));
        let (status, found) = self.ask(self.admin, "GET", &lookup(format!("phone:{}", planted("phone"))), "")?;
        let id = found["id"].as_str().with_context(|| format!("lookup by phone answered {status}: {found}"))?;
        self.ask(self.admin, "GET", &format!("/v1/profiles/{id}"), "")?;
        self.ask(self.admin, "GET", &format!("/v1/profiles/{id}/timeline?limit=200"), "")?;
        for key in [
            format!("email:{}", planted("email")),
            format!("openid:wx-sim-app:{}", planted("openid")),
            format!("external_userid:ww-sim-corp:{}", planted("external_userid")),
            format!("unionid:{}", planted("unionid")),
            format!("phone:{}x", planted("phone")),
            format!("nosuchkind:{}", planted("name")),
            format!("userId:{}", planted("vin")),
        ] {
            self.ask(self.admin, "GET", &lookup(key), "")?;
        }
        Ok(())
    }

    /// Requests that are wrong in themselves.
    fn ask_wrongly(&self) -> Result<()> {
        for (kind, value) in PLANTED {
            let value = escaped(value);
            for path in
                [format!("/v1/{value}"), format!("/v1/profiles/{value}"), format!("/v1/segments?cursor={value}")]
            {
                self.ask(self.admin, "GET", &path, "")?;
            }
            let condition = json!({ "trait": kind, "op": "resembles", "value": all() });
            self.ask(self.admin, "POST", "/v1/segments", &json!({ "name": "x", "condition": condition }).to_string())?;
            let merge = json!({ "customers": [value, value] });
            self.ask(self.admin, "POST", "/v1/identity/merge", &merge.to_string())?;
        }
        Ok(())
    }
}
