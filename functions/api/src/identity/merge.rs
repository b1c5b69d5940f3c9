//! An operator says that two customers are one.

use super::pair;
use crate::api::Api;
use crate::command::{self, CommandId};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::profiles::live;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_customer::Command;
use roadbook_identity::survivor;
use roadbook_kernel::CustomerId;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/identity/merge {customers: [a, b], into?}`. The elder of the two ids stays: with `into` the caller says
/// which one they expect, and is refused where it is the other.
pub(crate) async fn merge(
    State(api): State<Arc<Api>>,
    secret: Secret,
    CommandId(message): CommandId,
    mut fields: Fields,
) -> Result<Json<Value>, Failure> {
    let pair = pair(&mut fields);
    let into = match fields.optional_text("into") {
        Some(text) => {
            let id = text.parse::<CustomerId>().ok();
            if id.is_none() {
                fields.wrong("into", "bad_id", "expected a profile id, `cus_...`");
            }
            id
        }
        None => None,
    };
    fields.close()?;
    let Some([a, b]) = pair else { return Err(Failure::defect()) };
    let _tenant = secret.tenant();
    let (first, second) = (live(&api, &secret, a).await?.state.id, live(&api, &secret, b).await?.state.id);
    let stays = survivor(first, second);
    if let Some(into) = into {
        let expected = live(&api, &secret, into).await?.state.id;
        if expected != stays {
            let detail = format!("the elder id stays, which is {stays}");
            return Err(Failure::invalid("not_the_survivor", "/into", detail));
        }
    }
    let id = if first == second {
        first
    } else {
        let other = if stays == first { second } else { first };
        command::to_customer(&api, &secret, stays, message, Command::MergeWith { other }, api.engine().clock.now())
            .await?
    };
    Ok(Json(json!({ "id": id, "merged": [a, b] })))
}
