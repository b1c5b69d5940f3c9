//! What a customer said about being contacted.

use crate::api::Api;
use crate::command::{self, CommandId};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::mask;
use crate::params::PathId;
use crate::profiles;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_customer::{Command, ConsentWord};
use roadbook_kernel::{CustomerId, Moment};
use roadbook_tenancy::{
    ChannelKind, ConsentLedger, EVIDENCE_REFERENCE_BYTES_MAX, EVIDENCE_SOURCE_BYTES_MAX, Evidence, Purpose, Standing,
    TEXT_VERSION_BYTES_MAX, Verdict, is_label,
};
use roadbook_wire::time;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `GET /v1/profiles/{id}/consents`: every word that counts, and what follows from them for each purpose and channel.
/// Earlier words are in the timeline.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<CustomerId>,
) -> Result<Json<Value>, Failure> {
    let customer = profiles::live(&api, &secret, id).await?.state;
    let ledger = &customer.consents;
    let words: Vec<Value> =
        ledger.iter().map(|(purpose, channel, standing)| shown(purpose, channel, standing)).collect();
    let open: Map<String, Value> = Purpose::ALL.into_iter().map(|purpose| open(ledger, purpose)).collect();
    Ok(Json(json!({ "id": customer.id, "data": words, "open": open })))
}

/// Whether a purpose is open, channel by channel.
fn open(ledger: &ConsentLedger, purpose: Purpose) -> (String, Value) {
    let channels = ChannelKind::ALL.map(|channel| (channel.word().to_owned(), ledger.allows(purpose, channel).into()));
    (purpose.word().to_owned(), Value::Object(channels.into_iter().collect()))
}

/// A word of consent with what it is about; `channel` is null where it is about all of them.
fn shown(purpose: Purpose, channel: Option<ChannelKind>, standing: &Standing) -> Value {
    let mut shown = profiles::word(standing);
    shown["purpose"] = json!(purpose);
    shown["channel"] = json!(channel);
    shown
}

/// `POST /v1/profiles/{id}/consents {purpose, channel?, verdict, as_of?, text_version?, evidence?: {source,
/// reference?}}`. Without a channel the word is about all of them. `as_of` is when the customer said it: an older word
/// than the one known changes nothing. Text version and evidence name texts, places and records of the tenant's own
/// systems; they are shown as they are, so they must hold no personal data.
pub(crate) async fn note(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<CustomerId>,
    CommandId(message): CommandId,
    mut fields: Fields,
) -> Result<Json<Value>, Failure> {
    let purpose = choice(&mut fields, "purpose", Purpose::ALL, Purpose::word);
    let channel = fields.has("channel").then(|| choice(&mut fields, "channel", ChannelKind::ALL, ChannelKind::word));
    let verdict = choice(&mut fields, "verdict", [Verdict::Granted, Verdict::Withdrawn], said);
    let as_of = as_of(&mut fields, api.engine().clock.now());
    let text_version = fields.optional_text("text_version");
    let text_version = text_version.and_then(|text| label(&mut fields, "text_version", text, TEXT_VERSION_BYTES_MAX));
    let evidence = evidence(&mut fields);
    fields.close()?;
    let (Some(purpose), Some(verdict), Some(as_of)) = (purpose, verdict, as_of) else { return Err(Failure::defect()) };
    let word = ConsentWord { purpose, channel: channel.flatten(), verdict, text_version, evidence };
    let ConsentWord { text_version, evidence, channel, .. } = word.clone();
    profiles::reach(&api, &secret, id).await?;
    let on = command::to_customer(&api, &secret, id, message, Command::NoteConsent(word), as_of).await?;
    let mut shown = shown(purpose, channel, &Standing { as_of, verdict, text_version, evidence });
    shown["id"] = json!(on);
    Ok(Json(shown))
}

const fn said(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Granted => "granted",
        Verdict::Withdrawn => "withdrawn",
    }
}

fn choice<T: Copy, const N: usize>(
    fields: &mut Fields,
    name: &str,
    all: [T; N],
    word: impl Fn(T) -> &'static str,
) -> Option<T> {
    let text = fields.text(name)?;
    let found = all.into_iter().find(|one| word(*one) == text);
    if found.is_none() {
        fields.wrong(name, "unknown_choice", format!("write one of: {}", all.map(word).join(", ")));
    }
    found
}

/// A text that is kept and shown as it is: it may not look like a person's.
fn label(fields: &mut Fields, name: &str, text: String, bytes_max: usize) -> Option<String> {
    if !is_label(&text, bytes_max) {
        let detail = format!("write 1 to {bytes_max} ASCII characters without spaces and without @");
        fields.wrong(name, "malformed_label", detail);
        return None;
    }
    if mask::names_a_person(&text) {
        let detail = "this looks like a phone number; name a text, a place or a record, never a person";
        fields.wrong(name, "personal_data", detail);
        return None;
    }
    Some(text)
}

fn evidence(fields: &mut Fields) -> Option<Evidence> {
    let mut inner = match fields.optional("evidence")? {
        Value::Object(inner) => inner,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            fields.wrong(
                "evidence",
                "wrong_type",
                "expected an object with `source` and, if there is one, `reference`",
            );
            return None;
        }
    };
    if inner.get("source").is_none_or(Value::is_null) {
        fields.wrong("evidence/source", "missing_field", "say where it was said: page, form, agent, call");
    }
    let mut part = |name: &str, bytes_max| {
        let pointer = format!("evidence/{name}");
        match inner.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => label(fields, &pointer, text, bytes_max),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                fields.wrong(&pointer, "wrong_type", "expected a text");
                None
            }
        }
    };
    let (source, reference) =
        (part("source", EVIDENCE_SOURCE_BYTES_MAX), part("reference", EVIDENCE_REFERENCE_BYTES_MAX));
    if !inner.is_empty() {
        fields.wrong("evidence", "unknown_field", "an evidence has `source` and `reference`, and nothing else");
    }
    Some(Evidence { source: source?, reference })
}

fn as_of(fields: &mut Fields, now: Moment) -> Option<Moment> {
    let Some(text) = fields.optional_text("as_of") else { return Some(now) };
    match time::read(&text) {
        Ok(at) if at <= now => Some(at),
        Ok(_) => {
            fields.wrong("as_of", "in_the_future", "nobody has said anything in the future yet");
            None
        }
        Err(error) => {
            fields.wrong("as_of", "malformed_timestamp", error.to_string());
            None
        }
    }
}
