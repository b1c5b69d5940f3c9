//! What a customer said about being contacted.

use crate::api::Api;
use crate::command;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use roadbook_customer::Command;
use roadbook_kernel::{ActorKey, CustomerId, Moment};
use roadbook_tenancy::{Purpose, Verdict};
use roadbook_wire::time;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/profiles/{id}/consents {purpose, verdict, as_of?}`. `as_of` is when the customer said it: an older word
/// than the one known changes nothing.
pub(crate) async fn note(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<CustomerId>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let message = command::message_id(&api, &secret, &Method::POST, &uri, &headers)?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    let purpose = word(&mut fields, "purpose", &[("service", Purpose::Service), ("marketing", Purpose::Marketing)]);
    let verdict = word(&mut fields, "verdict", &[("granted", Verdict::Granted), ("withdrawn", Verdict::Withdrawn)]);
    let as_of = as_of(&mut fields, api.engine().clock.now());
    fields.close()?;
    let (Some(purpose), Some(verdict), Some(as_of)) = (purpose, verdict, as_of) else { return Err(Failure::defect()) };
    let to = ActorKey::customer(secret.tenant(), id);
    let on = command::to_customer(&api, to, message, Command::NoteConsent { purpose, verdict }, as_of).await?;
    let shown = json!({ "id": on, "purpose": purpose, "verdict": verdict, "as_of": time::write(as_of) });
    Ok(Json(shown))
}

fn word<T: Copy>(fields: &mut Fields, name: &str, words: &[(&str, T)]) -> Option<T> {
    let text = fields.text(name)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        fields.wrong(name, "unknown_choice", format!("write one of: {}", known.join(", ")));
    }
    found
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
