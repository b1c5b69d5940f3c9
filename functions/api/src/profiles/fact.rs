//! One line of a timeline per fact that a person would want to read about. Personal values are masked.

use super::stages;
use super::view::{cause, name, send_request, send_status, word};
use crate::mask;
use roadbook_customer::{Event, Observation};
use roadbook_journey::RunEvent;
use roadbook_kernel::{JourneyId, MessageId, Moment};
use roadbook_runtime::record::{Entry, Trigger};
use roadbook_wire::time::write;
use serde_json::{Value, json};

/// A fact and what caused it.
pub(super) struct Line<'a> {
    /// When it happened, as it counts: never later than it was accepted.
    pub(super) at: Moment,
    cause: &'a Trigger,
    kind: What<'a>,
}

enum What<'a> {
    Event(&'a Observation),
    Fact(&'static str, &'a Event),
    Refused(&'a str),
}

/// The lines of one cause.
pub(super) fn lines<'a>(entry: &'a Entry<Event>) -> impl Iterator<Item = Line<'a>> {
    let refused = match &entry.cause {
        Trigger::Message { refused: Some(code), .. } => Some(What::Refused(code)),
        Trigger::Message { refused: None, .. } | Trigger::Due { .. } | Trigger::Beside { .. } => None,
    };
    let refused = refused.map(|kind| Line { at: cause_time(&entry.cause), cause: &entry.cause, kind });
    let fallback = entry.facts.iter().find_map(time).unwrap_or_else(|| cause_time(&entry.cause));
    let facts = entry.facts.iter().filter_map(move |event| {
        let kind = match event {
            Event::Observed { observation, .. } => What::Event(observation),
            Event::Founded { .. }
            | Event::Linked { .. }
            | Event::Unlinked { .. }
            | Event::Unbound { .. }
            | Event::Parted { .. }
            | Event::LinkRefused { .. }
            | Event::Absorbed { .. }
            | Event::MergedInto { .. }
            | Event::Backfilled { .. }
            | Event::ConsentNoted { .. }
            | Event::TagSet { .. }
            | Event::TagExpired { .. }
            | Event::TraitSet { .. }
            | Event::SegmentJudged { .. }
            | Event::Journey { .. }
            | Event::Messaged { .. }
            | Event::SendReported { .. }
            | Event::CarRelated { .. }
            | Event::CarReleased { .. }
            | Event::StageRipened { .. }
            | Event::StageMoved { .. }
            | Event::CascadeStopped { .. } => What::Fact(fact_name(event)?, event),
        };
        Some(Line { at: time(event).unwrap_or(fallback), cause: &entry.cause, kind })
    });
    refused.into_iter().chain(facts)
}

impl Line<'_> {
    /// The line as it is shown.
    pub(super) fn shown(&self) -> Value {
        let mut shown = match self.kind {
            What::Event(observation) => observed(observation),
            What::Fact(name, event) => {
                let mut details = details(event);
                details["type"] = json!("fact");
                details["fact"] = json!(name);
                details
            }
            What::Refused(code) => json!({ "type": "fact", "fact": "message_refused", "code": code }),
        };
        shown["occurred_at"] = json!(write(self.at));
        if let Trigger::Message { id, accepted, occurred, .. } = self.cause {
            shown["message_id"] = json!(id);
            shown["accepted_at"] = json!(write(*accepted));
            // A producer whose clock is ahead says a time that does not count.
            if matches!(self.kind, What::Event(_)) && *occurred != self.at {
                shown["stated_at"] = json!(write(*occurred));
            }
        }
        if let Trigger::Beside { id } = self.cause {
            shown["message_id"] = json!(id);
        }
        shown
    }
}

/// An event as it is shown, without its times.
pub(crate) fn observed(observation: &Observation) -> Value {
    let kinds: Vec<_> = observation.identifiers.iter().map(|identifier| identifier.kind).collect();
    let mut shown = json!({
        "type": "event",
        "event_type": observation.call,
        "name": observation.name,
        "identifiers": kinds,
        "properties": mask::map(observation.properties.reveal()),
    });
    if !observation.traits.is_empty() {
        shown["traits"] = mask::trait_ops(&observation.traits);
    }
    shown
}

fn cause_time(cause: &Trigger) -> Moment {
    match cause {
        Trigger::Message { accepted, occurred, .. } => (*occurred).min(*accepted),
        Trigger::Due { at } => *at,
        // Always beside a fact with a time of its own.
        Trigger::Beside { .. } => Moment::from_millis(0),
    }
}

/// When a fact happened, where it says so itself.
fn time(event: &Event) -> Option<Moment> {
    match event {
        Event::Founded { at, .. }
        | Event::Linked { at, .. }
        | Event::Unlinked { at, .. }
        | Event::Unbound { at, .. }
        | Event::Parted { at, .. }
        | Event::LinkRefused { at, .. }
        | Event::Absorbed { at, .. }
        | Event::MergedInto { at, .. }
        | Event::Observed { at, .. }
        | Event::TagSet { at, .. }
        | Event::TagExpired { at, .. }
        | Event::TraitSet { at, .. }
        | Event::SegmentJudged { at, .. }
        | Event::SendReported { at, .. }
        | Event::CarRelated { at, .. }
        | Event::CarReleased { at, .. }
        | Event::StageRipened { at, .. }
        | Event::StageMoved { at, .. }
        | Event::CascadeStopped { at, .. } => Some(*at),
        Event::ConsentNoted { standing, .. } => Some(standing.as_of),
        Event::Messaged { record } => Some(record.asked_at),
        Event::Journey { step, .. } => match step {
            RunEvent::Entered { run } => Some(run.entered_at),
            RunEvent::Moved { at, .. }
            | RunEvent::Ended { at, .. }
            | RunEvent::Held { at, .. }
            | RunEvent::Released { at, .. } => Some(*at),
            RunEvent::HeldOn { .. } | RunEvent::Paused { .. } | RunEvent::SendIntended { .. } => None,
        },
        Event::Backfilled { .. } => None,
    }
}

/// What a fact is called; `None` for those that another line already tells, or that only the engine needs.
fn fact_name(event: &Event) -> Option<&'static str> {
    match event {
        Event::Founded { .. } => Some("founded"),
        Event::Linked { .. } => Some("identifier_linked"),
        Event::Unlinked { .. } => Some("identifier_unlinked"),
        Event::Unbound { .. } => Some("identifier_unbound"),
        Event::Parted { .. } => Some("unmerged"),
        Event::LinkRefused { .. } => Some("link_refused"),
        Event::Absorbed { .. } => Some("merged"),
        Event::Backfilled { .. } => Some("history_counted"),
        Event::ConsentNoted { .. } => Some("consent"),
        Event::TagSet { value: Some(_), .. } => Some("tag_set"),
        Event::TagSet { value: None, .. } => Some("tag_cleared"),
        Event::TagExpired { .. } => Some("tag_expired"),
        Event::TraitSet { .. } => Some("trait_set"),
        Event::SegmentJudged { changed: true, inside: true, .. } => Some("segment_entered"),
        Event::SegmentJudged { changed: true, inside: false, .. } => Some("segment_left"),
        Event::Journey { step, .. } => match step {
            RunEvent::Entered { .. } => Some("journey_entered"),
            RunEvent::Moved { .. } => Some("journey_moved"),
            RunEvent::Paused { .. } => Some("journey_waiting"),
            RunEvent::Ended { .. } => Some("journey_ended"),
            RunEvent::Held { .. } => Some("journey_held"),
            RunEvent::Released { .. } => Some("journey_released"),
            RunEvent::HeldOn { .. } | RunEvent::SendIntended { .. } => None,
        },
        Event::Messaged { .. } => Some("message_asked"),
        Event::SendReported { .. } => Some("message_reported"),
        Event::CarRelated { .. } => Some("car_related"),
        Event::CarReleased { .. } => Some("car_released"),
        Event::StageMoved { .. } => Some("stage_moved"),
        Event::CascadeStopped { .. } => Some("cascade_stopped"),
        Event::Observed { .. }
        | Event::MergedInto { .. }
        | Event::StageRipened { .. }
        | Event::SegmentJudged { changed: false, .. } => None,
    }
}

fn details(event: &Event) -> Value {
    match event {
        Event::Founded { on, .. } => json!({ "on": on.kind }),
        Event::Linked { identifier, moved, grade, .. } => json!({
            "kind": identifier.kind,
            "scope": identifier.scope,
            "value": identifier.value.masked(),
            "from_another_profile": moved,
            "evidence": grade.name(),
        }),
        Event::Unlinked { identifier, to, .. } => json!({ "kind": identifier.kind, "to": to }),
        Event::Unbound { identifiers, .. } => {
            json!({ "kinds": identifiers.iter().map(|one| one.kind).collect::<Vec<_>>() })
        }
        Event::Parted { other, restored, gone, review, .. } => json!({
            "profile": other,
            "restored": restored,
            "events_moved": gone.len(),
            "to_review": review.len(),
        }),
        Event::LinkRefused { conflict, identifier, other, reason, .. } => {
            json!({ "kind": identifier.kind, "other": other, "reason": reason, "conflict": conflict })
        }
        Event::Absorbed { loser, .. } => json!({ "profile": loser }),
        Event::Backfilled { found } => {
            json!({ "occurrences": found.values().map(|(_, found)| found.len()).sum::<usize>() })
        }
        Event::ConsentNoted { purpose, channel, standing, .. } => {
            let mut shown = word(standing);
            shown["purpose"] = json!(purpose);
            shown["channel"] = json!(channel);
            shown
        }
        Event::TagSet { tag, value, cause: why, expires_at, .. } => json!({
            "tag": tag,
            "value": value.as_ref().map(|value| mask::value(tag, &Value::from(value.as_str()))),
            "cause": cause(why),
            "expires_at": expires_at.map(write),
        }),
        Event::TagExpired { tag, .. } => json!({ "tag": tag }),
        Event::TraitSet { key, value, cause: why, .. } => {
            json!({ "trait": key, "value": mask::value(key, value), "cause": cause(why) })
        }
        Event::SegmentJudged { segment, revision, .. } => json!({ "segment": segment, "revision": revision }),
        Event::Journey { journey, step } => journey_step(*journey, step),
        Event::Messaged { record } => {
            let mut shown = send_request(record);
            shown["status"] = send_status(&record.status);
            shown
        }
        Event::SendReported { key, outcome, .. } => json!({ "send": key, "report": outcome }),
        Event::CarRelated { car, vin, role, .. } => json!({ "car": car, "vin": vin.masked(), "role": role }),
        Event::CarReleased { car, .. } => json!({ "car": car }),
        Event::StageRipened { car, signal, .. } => json!({ "car": car, "signal": signal }),
        Event::StageMoved { car, from, to, .. } => stages::moved(*car, from.as_ref(), to.as_ref()),
        Event::CascadeStopped { steps, .. } => json!({ "steps": steps }),
        Event::Observed { by, .. } | Event::MergedInto { by, .. } => by_message(*by),
    }
}

fn by_message(by: MessageId) -> Value {
    json!({ "by": by })
}

fn journey_step(journey: JourneyId, step: &RunEvent) -> Value {
    let mut shown = match step {
        RunEvent::Entered { run } => json!({ "node": run.node, "revision": run.revision }),
        RunEvent::Moved { from, to, .. } => json!({ "from": from, "node": to }),
        RunEvent::Paused { until, listening, .. } => json!({ "until": write(*until), "listening": listening }),
        RunEvent::Ended { node, how, .. } => json!({ "node": node, "how": name(how) }),
        RunEvent::Held { node, .. } | RunEvent::Released { node, .. } => json!({ "node": node }),
        RunEvent::HeldOn { .. } => json!({}),
        RunEvent::SendIntended { node, iteration, .. } => json!({ "node": node, "iteration": iteration }),
    };
    shown["journey"] = json!(journey);
    shown["run"] = json!(step.run_id());
    shown
}
