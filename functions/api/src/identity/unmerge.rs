//! Two who were made one are two after all.

use super::profile;
use crate::api::Api;
use crate::command::{self, CommandId};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::profiles::live;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_customer::Command;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/identity/unmerge {customer, restore}`: `restore` is an id that was merged into `customer`. What has
/// happened since goes to whose identifiers it carries; what nobody can tell apart is listed under
/// `/v1/identity/reviews`.
pub(crate) async fn unmerge(
    State(api): State<Arc<Api>>,
    secret: Secret,
    CommandId(message): CommandId,
    mut fields: Fields,
) -> Result<Json<Value>, Failure> {
    let (customer, other) = (profile(&mut fields, "customer"), profile(&mut fields, "restore"));
    fields.close()?;
    let (Some(customer), Some(other)) = (customer, other) else { return Err(Failure::defect()) };
    let now = api.engine().clock.now();
    let stays = command::to_customer(&api, &secret, customer, message, Command::Unmerge { other }, now).await?;
    let (one, two) = (live(&api, &secret, stays).await?, live(&api, &secret, other).await?);
    let events = |row: &roadbook_runtime::Row<roadbook_customer::Customer>| row.state.events();
    Ok(Json(json!({
        "stayed": { "id": one.state.id, "events": events(&one) },
        "restored": { "id": two.state.id, "events": events(&two) },
    })))
}
