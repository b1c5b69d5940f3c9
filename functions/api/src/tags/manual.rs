//! Tags that a person, or a program with a key, sets on one customer.

use super::{hide, published};
use crate::api::Api;
use crate::command::{self, CommandId};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::params::PathIdText;
use crate::profiles::{self, live};
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use roadbook_audience::limits::NAME_CHARS_MAX;
use roadbook_customer::{Command, Hand};
use roadbook_kernel::{CustomerId, Moment};
use roadbook_wire::time;
use serde_json::{Value, json};
use std::sync::Arc;

/// Bytes of a value.
const VALUE_BYTES_MAX: usize = 2_048;

/// `PUT /v1/profiles/{id}/tags/{key} {value?, expires_at?}`. The value is a text, a number, `true`/`false`, or a list
/// of texts; where the tag is described it must fit. Whose key it was is shown as the tag's cause.
pub(crate) async fn set(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathIdText(id, tag): PathIdText<CustomerId>,
    CommandId(message): CommandId,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    check_key(&tag)?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    let now = api.engine().clock.now();
    let (value, expires_at) = (value(&mut fields), expires_at(&mut fields, now));
    fields.close()?;
    let by = hand(&secret)?;
    let said = Command::SetTag { tag: tag.clone(), value: Some(value), expires_at, by };
    profiles::reach(&api, &secret, id).await?;
    let on = command::to_customer(&api, &secret, id, message, said, now).await?;
    let customer = live(&api, &secret, on).await?.state;
    let tags = customer.tags.get(&tag).and_then(|known| profiles::tag(&tag, known));
    let mut shown = json!({ "tags": { &tag: tags } });
    let catalog = published(&api, secret.tenant()).await?;
    hide::in_profile(&catalog, &mut shown);
    let mut shown = shown["tags"][&tag].take();
    (shown["id"], shown["tag"]) = (json!(customer.id), json!(tag));
    Ok(Json(shown))
}

/// `DELETE /v1/profiles/{id}/tags/{key}`: the customer does not have the tag any more, whoever set it.
pub(crate) async fn clear(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathIdText(id, tag): PathIdText<CustomerId>,
    CommandId(message): CommandId,
) -> Result<StatusCode, Failure> {
    check_key(&tag)?;
    let said = Command::SetTag { tag, value: None, expires_at: None, by: hand(&secret)? };
    profiles::reach(&api, &secret, id).await?;
    command::to_customer(&api, &secret, id, message, said, api.engine().clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn hand(secret: &Secret) -> Result<Hand, Failure> {
    secret.0.source().parse().map_err(|_| Failure::defect())
}

fn check_key(key: &str) -> Result<(), Failure> {
    if key.trim().is_empty() || key.chars().count() > NAME_CHARS_MAX || key.contains(char::is_control) {
        let detail = format!("the key of a tag has 1 to {NAME_CHARS_MAX} characters in one line");
        return Err(Failure::invalid("invalid_key", "", detail));
    }
    Ok(())
}

/// The value as it is stored: a text. A bare tag has the empty one.
fn value(fields: &mut Fields) -> String {
    let text = match fields.optional("value") {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(Value::Bool(mark)) => mark.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(parts)) if parts.iter().all(Value::is_string) => {
            let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            parts.join(",")
        }
        Some(Value::Null | Value::Array(_) | Value::Object(_)) => {
            fields.wrong("value", "wrong_type", "expected a text, a number, true or false, or a list of texts");
            String::new()
        }
    };
    if text.len() > VALUE_BYTES_MAX {
        fields.wrong("value", "too_long", format!("at most {VALUE_BYTES_MAX} bytes here"));
    }
    text
}

fn expires_at(fields: &mut Fields, now: Moment) -> Option<Moment> {
    let text = fields.optional_text("expires_at")?;
    match time::read(&text) {
        Ok(at) if at > now => Some(at),
        Ok(_) => {
            fields.wrong("expires_at", "in_the_past", "a tag ends in the future; DELETE takes it away now");
            None
        }
        Err(error) => {
            fields.wrong("expires_at", "malformed_timestamp", error.to_string());
            None
        }
    }
}
