//! A dead letter as it is shown: personal values masked, as everywhere.

use super::producer_id;
use crate::mask;
use crate::profiles::observed;
use roadbook_customer::Command;
use roadbook_runtime::{Correction, Letter, LetterKind};
use roadbook_wire::time::write;
use serde_json::{Value, json};

pub(super) fn letter(letter: &Letter) -> Value {
    let body = letter.body.reveal();
    let producer = match letter.kind {
        LetterKind::Wire => producer_id(body),
        LetterKind::Command => None,
    };
    json!({
        "id": letter.id,
        "status": letter.status,
        "kind": letter.kind,
        "message": letter.message,
        "message_id": producer,
        "source": letter.source,
        "accepted_at": write(letter.accepted),
        "occurred_at": write(letter.occurred),
        "reason": { "code": letter.reason.code, "detail": letter.reason.detail, "places": letter.reason.places },
        "replays": letter.replays,
        "line": letter.line,
        "origin": letter.origin,
        "applied": letter.applied,
        "event": event(letter.kind, body),
        "correction": letter.correction.as_ref().map(correction),
    })
}

/// The event; `null` where it is no JSON, or is not an event at all. Such a text could hold anything, so none of it is
/// shown.
fn event(kind: LetterKind, body: &Value) -> Value {
    match (kind, body) {
        (LetterKind::Wire, body) => wire(body),
        (LetterKind::Command, body) => match serde_json::from_value(body.clone()) {
            Ok(Command::Observe(observation)) => observed(&observation),
            Ok(
                Command::NoteConsent(_)
                | Command::MergeWith { .. }
                | Command::Unmerge { .. }
                | Command::Unbind { .. }
                | Command::ReportSend(_)
                | Command::SetTag { .. }
                | Command::Backfill { .. }
                | Command::Attend { .. }
                | Command::Leave { .. },
            )
            | Err(_) => Value::Null,
        },
    }
}

/// Fields of an event whose values say what it is, not who somebody is. Properties and traits are masked by their
/// names; whatever else a producer writes into an event it got wrong may be anything, and is masked whole.
const PLAIN: [&str; 15] = [
    "anonymousId",
    "category",
    "channel",
    "event",
    "groupId",
    "messageId",
    "name",
    "originalTimestamp",
    "previousId",
    "receivedAt",
    "sentAt",
    "timestamp",
    "type",
    "userId",
    "version",
];

/// An event as a client sent it; `null` where it is no object.
pub(crate) fn wire(event: &Value) -> Value {
    let Value::Object(fields) = event else { return Value::Null };
    let shown = fields.iter().map(|(key, value)| {
        let shown = match (key.as_str(), value) {
            ("properties" | "traits", Value::Object(named)) => mask::map(named),
            (name, Value::String(_) | Value::Number(_)) if PLAIN.contains(&name) => mask::by_form(value),
            (_, value) => mask::all(value),
        };
        (key.clone(), shown)
    });
    Value::Object(shown.collect())
}

fn correction(correction: &Correction) -> Value {
    json!({ "event": wire(correction.body.reveal()), "by": correction.by, "at": write(correction.at) })
}
