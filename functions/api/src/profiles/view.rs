//! A customer as the API shows them: one object, personal values masked.

use super::stages;
use crate::mask;
use roadbook_customer::{Cause, Customer, Link, SendRecord, SendStatus, Tag};
use roadbook_journey::{Run, RunState};
use roadbook_kernel::Moment;
use roadbook_tenancy::{ConsentLedger, Standing};
use roadbook_wire::time::write;
use serde_json::{Map, Value, json};

/// The profile. `now` hides tags whose end has passed and whose timer has not fired yet.
pub(super) fn profile(customer: &Customer, now: Moment) -> Value {
    let first = customer.activity.values().map(|activity| activity.first).min();
    let last = customer.activity.values().map(|activity| activity.last).max();
    let traits: Map<String, Value> = customer
        .traits
        .iter()
        .filter_map(|(key, known)| known.value().map(|value| (key.clone(), mask::value(key, &value))))
        .collect();
    let tags: Map<String, Value> = customer
        .tags
        .iter()
        .filter(|(_, tag)| tag.expires_at.is_none_or(|end| end > now))
        .filter_map(|(key, known)| tag(key, known).map(|shown| (key.clone(), shown)))
        .collect();
    json!({
        "id": customer.id,
        "merged_from": customer.absorbed.keys().collect::<Vec<_>>(),
        "events": customer.events(),
        "first_seen_at": first.map(write),
        "last_seen_at": last.map(write),
        "identifiers": customer.links.iter().map(identifier).collect::<Vec<_>>(),
        "traits": traits,
        "tags": tags,
        "consents": consents(&customer.consents),
        "stage": customer.position().map(|at| at.stage),
        "aipl": customer.position().map(|at| at.aipl),
        "cars": stages::cars(customer),
        "stores": stages::stores(customer),
        "segments": segments(customer),
        "journeys": customer.runs.values().map(run).collect::<Vec<_>>(),
        "sends": customer.sends.iter().map(send).collect::<Vec<_>>(),
    })
}

/// The text form of an enum that is written as one word.
pub(super) fn name(word: &impl serde::Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// By purpose: the word about every channel, and under `channels` those about one.
pub(crate) fn consents(ledger: &ConsentLedger) -> Value {
    let mut shown = Map::new();
    for (purpose, channel, standing) in ledger.iter() {
        let of = shown.entry(purpose.word()).or_insert_with(|| json!({}));
        match channel {
            None => *of = word(standing),
            Some(channel) => of["channels"][channel.word()] = word(standing),
        }
    }
    Value::Object(shown)
}

/// A word of consent, without what it is about.
pub(crate) fn word(standing: &Standing) -> Value {
    let mut shown = json!({ "verdict": standing.verdict, "as_of": write(standing.as_of) });
    if let Some(version) = &standing.text_version {
        shown["text_version"] = json!(version);
    }
    if let Some(evidence) = &standing.evidence {
        shown["evidence"] = json!(evidence);
    }
    shown
}

pub(super) fn identifier(link: &Link) -> Value {
    let identifier = &link.identifier;
    json!({
        "kind": identifier.kind,
        "scope": identifier.scope,
        "value": identifier.value.masked(),
        "since": write(link.at),
        "evidence": link.grade.name(),
        "parent": link.parent.map(|parent| parent.kind),
    })
}

/// A tag; `None` where it was cleared.
pub(crate) fn tag(key: &str, tag: &Tag) -> Option<Value> {
    let value = tag.value.as_ref()?;
    Some(json!({
        "value": mask::value(key, &Value::from(value.as_str())),
        "since": write(tag.at),
        "expires_at": tag.expires_at.map(write),
        "cause": cause(&tag.cause),
    }))
}

/// Why something is as it is: `{"event": "msg_..."}`, `{"journey": "jrn_..."}`, or `{"by": "key_..."}` where a person
/// or a key did it.
pub(super) fn cause(cause: &Cause) -> Value {
    match cause {
        Cause::Event(message) => json!({ "event": message }),
        Cause::Journey(journey) => json!({ "journey": journey }),
        Cause::Hand(hand) => json!({ "by": hand }),
    }
}

fn segments(customer: &Customer) -> Vec<Value> {
    let inside = customer.memberships.iter().filter(|(_, membership)| membership.inside);
    inside
        .map(|(id, membership)| json!({ "id": id, "revision": membership.revision, "since": write(membership.since) }))
        .collect()
}

/// Where a customer stands in a journey.
pub(crate) fn run(run: &Run) -> Value {
    let (state, until) = match run.state {
        RunState::Ready => ("ready", None),
        RunState::Waiting { until } => ("waiting", Some(until)),
        RunState::Listening { until } => ("listening", Some(until)),
    };
    json!({
        "id": run.journey,
        "run": run.id,
        "revision": run.revision,
        "node": run.node,
        "state": state,
        "until": until.map(write),
        "held_since": run.held.map(|held| write(held.since)),
        "entered_at": write(run.entered_at),
    })
}

fn send(record: &SendRecord) -> Value {
    let mut shown = send_request(record);
    shown["status"] = send_status(&record.status);
    shown
}

/// What was asked, without what became of it.
pub(super) fn send_request(record: &SendRecord) -> Value {
    json!({
        "send": record.key,
        "journey": record.journey,
        "run": record.run,
        "node": record.node,
        "channel": record.channel,
        "purpose": record.purpose,
        "asked_at": write(record.asked_at),
    })
}

pub(super) fn send_status(status: &SendStatus) -> Value {
    match status {
        SendStatus::Intended => json!({ "is": "intended" }),
        SendStatus::Suppressed { reason } => json!({ "is": "suppressed", "reason": reason }),
        SendStatus::Reported { outcome, at } => json!({ "is": "reported", "at": write(*at), "report": outcome }),
    }
}
