//! `POST /v1/dead-letters/replay {code?, ids?}`: many letters, as a job.

use crate::api::Api;
use crate::command::CommandId;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::jobs;
use crate::secret::Secret;
use axum::extract::State;
use axum::response::Response;
use roadbook_jobs::LETTERS_MAX;
use roadbook_kernel::DeadLetterId;
use serde_json::Value;
use std::sync::Arc;

/// Without `ids` all letters that wait; with `code` only those refused with it.
pub(crate) async fn replay_many(
    State(api): State<Arc<Api>>,
    secret: Secret,
    CommandId(message): CommandId,
    mut fields: Fields,
) -> Result<Response, Failure> {
    let code = fields.optional_text("code");
    let ids = match fields.optional("ids") {
        None => None,
        Some(value) => {
            let ids = ids(&value);
            if ids.is_none() {
                let detail = format!("expected a list of 1 to {LETTERS_MAX} ids of dead letters, `dl_...`");
                fields.wrong("ids", "bad_id", detail);
            }
            ids
        }
    };
    fields.close()?;
    let by = secret.0.source().to_owned();
    let job = roadbook_jobs::begin_replays(api.engine(), secret.tenant(), by, message, code, ids).await;
    Ok(jobs::begun(&job.map_err(jobs::failure)?))
}

fn ids(value: &Value) -> Option<Vec<DeadLetterId>> {
    let list = value.as_array().filter(|list| (1..=LETTERS_MAX).contains(&list.len()))?;
    list.iter().map(|id| id.as_str()?.parse().ok()).collect()
}
