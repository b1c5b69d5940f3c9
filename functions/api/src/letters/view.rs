//! A dead letter as it is shown: personal values masked, as everywhere.

use super::producer_id;
use crate::mask;
use crate::profiles::observed;
use roadbook_customer::Command;
use roadbook_runtime::{Letter, LetterKind};
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
        "event": event(letter.kind, body),
    })
}

/// The event; `null` where it is no JSON, or is not an event at all. Such a text could hold anything, so none of it is
/// shown.
fn event(kind: LetterKind, body: &Value) -> Value {
    match (kind, body) {
        (LetterKind::Wire, Value::Object(fields)) => mask::map(fields),
        (LetterKind::Wire, _) => Value::Null,
        (LetterKind::Command, body) => match serde_json::from_value(body.clone()) {
            Ok(Command::Observe(observation)) => observed(&observation),
            Ok(
                Command::NoteConsent { .. }
                | Command::MergeWith { .. }
                | Command::ReportSend(_)
                | Command::Backfill { .. },
            )
            | Err(_) => Value::Null,
        },
    }
}
