//! A noted event as it is shown, personal values masked.

use super::notes::{Entry, Noted, Refused};
use crate::api::Api;
use crate::failure::Failure;
use crate::ingest::Fate;
use crate::letters;
use crate::profiles::observed;
use roadbook_kernel::{DeadLetterId, MessageId, Refusal, TenantId};
use roadbook_runtime::ports::{Fault, ItemKey};
use roadbook_runtime::{Letter, Outcome};
use roadbook_wire::time::write;
use serde_json::{Value, json};

/// The name of an entry, for `Last-Event-ID`: which process, and which of its events.
pub(super) fn id(api: &Api, number: u64) -> String {
    format!("{}-{number}", api.debugger_boot)
}

pub(super) async fn entry(api: &Api, tenant: TenantId, entry: &Entry) -> Result<Value, Fault> {
    let mut shown = match &entry.noted {
        Noted::Read { message, occurred, observation, fate } => {
            let mut shown = json!({
                "type": observation.call,
                "name": observation.name,
                "message": message,
                "occurred_at": write(*occurred),
                "event": observed(observation),
            });
            decided(api, tenant, *message, fate, &mut shown).await?;
            shown
        }
        Noted::Refused(refused) => unread(api, tenant, refused).await?,
    };
    shown["id"] = Value::String(id(api, entry.number));
    shown["received_at"] = Value::String(write(entry.received));
    shown["source"] = Value::String(entry.from.source().to_owned());
    Ok(shown)
}

async fn decided(api: &Api, tenant: TenantId, message: MessageId, fate: &Fate, shown: &mut Value) -> Result<(), Fault> {
    let (word, profile, why) = match fate {
        Fate::Decided(Ok(Outcome::Applied { customer, .. })) => ("accepted", *customer, None),
        Fate::Decided(Ok(Outcome::Duplicate { customer })) => ("duplicate", *customer, None),
        Fate::Decided(Ok(Outcome::Refused(refusal))) => ("refused", None, Some(reason(refusal))),
        Fate::Queued => ("queued", None, None),
        Fate::Decided(Ok(Outcome::Defect | Outcome::NotMine { .. })) => {
            let detail = "it could not be applied; it is kept and can be replayed";
            ("refused", None, Some(reason(&Refusal::new("defect", detail))))
        }
        // The sender was told, and sends it again.
        Fate::Decided(Err(fault)) | Fate::NotQueued(fault) => {
            let failure = Failure::fault(fault);
            ("failed", None, Some(json!({ "code": failure.code(), "detail": "the sender was asked to repeat it" })))
        }
    };
    shown["outcome"] = Value::from(word);
    shown["profile"] = json!(profile);
    shown["dead_letter"] = match why {
        Some(_) => json!(letter_of(api, tenant, message).await?),
        None => Value::Null,
    };
    shown["reason"] = why.unwrap_or_default();
    Ok(())
}

/// The letter a turn has written for a message.
async fn letter_of(api: &Api, tenant: TenantId, message: MessageId) -> Result<Option<DeadLetterId>, Fault> {
    let mark = api.engine().store.load(&ItemKey::letter_of(tenant, message)).await?;
    Ok(mark.and_then(|mark| Letter::marked(&mark)))
}

async fn unread(api: &Api, tenant: TenantId, refused: &Refused) -> Result<Value, Fault> {
    let letter = match refused.letter {
        Some(id) => api.engine().store.load(&ItemKey::letter(tenant, id)).await?,
        None => None,
    };
    let event = match letter {
        Some(item) => letters::shown_event(Letter::read(&item)?.body.reveal()),
        None => Value::Null,
    };
    let word = |field: &str| event[field].as_str().map(str::to_owned);
    Ok(json!({
        "type": word("type"),
        "name": word("event").or_else(|| word("name")),
        "message": null,
        "occurred_at": null,
        "outcome": "refused",
        "profile": null,
        "dead_letter": refused.letter,
        "reason": reason(&refused.reason),
        "event": event,
    }))
}

/// Code, sentence, and the first place.
fn reason(refusal: &Refusal) -> Value {
    let pointer = refusal.places.first().map(|place| place.pointer.as_str());
    json!({ "code": refusal.code, "detail": refusal.detail, "pointer": pointer })
}
