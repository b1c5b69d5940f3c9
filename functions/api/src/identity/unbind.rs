//! An identifier is not this customer's any more.

use crate::api::Api;
use crate::command::{self, CommandId};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::params::PathId;
use crate::profiles::live;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_customer::Command;
use roadbook_identity::Kind;
use roadbook_kernel::CustomerId;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/profiles/{id}/identifiers/unbind {kind, scope?, value}`. It leads nowhere until somebody brings it again;
/// what hangs on it (the openids of a unionid) goes with it.
pub(crate) async fn unbind(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<CustomerId>,
    CommandId(message): CommandId,
    mut fields: Fields,
) -> Result<Json<Value>, Failure> {
    let kind = fields.text("kind").and_then(|text| match text.parse::<Kind>() {
        Ok(kind) => Some(kind),
        Err(unknown) => {
            fields.wrong("kind", "unknown_identifier_kind", unknown.to_string());
            None
        }
    });
    let (scope, value) = (fields.optional_text("scope").unwrap_or_default(), fields.text("value"));
    let identifier = kind.zip(value).and_then(|(kind, value)| {
        let identifier = secret.keys(&api).identifier(kind, &scope, &value);
        // The reason names the rule, never the value.
        identifier.map_err(|rejected| fields.wrong("value", rejected.code(), rejected.to_string())).ok()
    });
    fields.close()?;
    let Some(identifier) = identifier else { return Err(Failure::defect()) };
    let command = Command::Unbind { identifier: identifier.key() };
    let on = command::to_customer(&api, &secret, id, message, command, api.engine().clock.now()).await?;
    let left = live(&api, &secret, on).await?.state.links.len();
    Ok(Json(json!({ "id": on, "identifiers_left": left })))
}
