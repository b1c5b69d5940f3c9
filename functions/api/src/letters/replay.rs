//! `POST /v1/dead-letters/{id}/replay`.

use super::{load, view};
use crate::api::Api;
use crate::failure::Failure;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use roadbook_jobs::{ReplayError, Replayed};
use roadbook_kernel::DeadLetterId;
use roadbook_runtime::Outcome;
use serde_json::{Value, json};
use std::sync::Arc;

/// Sends a letter again, corrected where somebody has corrected it.
pub(crate) async fn replay(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<DeadLetterId>,
) -> Result<Json<Value>, Failure> {
    let (mut letter, _) = load(&api, secret.tenant(), id).await?;
    let replayed = roadbook_jobs::replay(&api.app.router, &mut letter).await.map_err(failure)?;
    let mut answer = view::letter(&letter);
    answer["replay"] = told(&replayed);
    Ok(Json(answer))
}

fn failure(error: ReplayError) -> Failure {
    match error {
        ReplayError::StillWrong(refusal) => Failure::refused(refusal),
        ReplayError::NoEvent => {
            let detail = "this letter holds no event that can be sent again; correct it with PUT, or leave it";
            Failure::new(StatusCode::CONFLICT, "not_replayable", detail)
        }
        ReplayError::Fault(fault) => fault.into(),
    }
}

fn told(Replayed { message, outcome }: &Replayed) -> Value {
    match outcome {
        Outcome::Applied { customer, .. } => json!({ "outcome": "applied", "message": message, "profile": customer }),
        Outcome::Duplicate { customer } => json!({ "outcome": "duplicate", "message": message, "profile": customer }),
        // It has a dead letter of its own now.
        Outcome::Refused(refusal) => json!({ "outcome": "refused", "message": message, "reason": refusal }),
        Outcome::Defect | Outcome::NotMine { .. } => json!({ "outcome": "defect", "message": message }),
    }
}
