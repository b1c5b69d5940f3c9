//! Sending a dead letter again.
//!
//! A replay is a new message: the customer remembers that the original came to nothing. Its id follows from the
//! original and the number of the replay, so a replay whose answer was lost, or that two people ask for at once, is
//! still one.

use super::{load, view};
use crate::api::Api;
use crate::failure::{self, Failure};
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use roadbook_customer::{Command, Observation};
use roadbook_identity::TenantKeys;
use roadbook_kernel::{DeadLetterId, MessageId, Moment, Place, Refusal};
use roadbook_runtime::ports::{Commit, CommitError, Expect, Item, ItemKey, Put};
use roadbook_runtime::{Accepted, Letter, LetterKind, LetterStatus, Outcome};
use roadbook_wire::read_batch;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/dead-letters/{id}/replay`.
pub(crate) async fn replay(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<DeadLetterId>,
) -> Result<Json<Value>, Failure> {
    let (mut letter, version) = load(&api, secret.tenant(), id).await?;
    let keys = secret.keys(&api);
    if letter.applied {
        // Asked again because the first answer was lost, or by a double click: it stays applied once.
        let message = keys.replayed(letter.message, letter.replays);
        let mut answer = view::letter(&letter);
        answer["replay"] = told(&Outcome::Duplicate { customer: None }, message);
        return Ok(Json(answer));
    }
    let number = letter.replays + 1;
    let message = keys.replayed(letter.message, number);
    let (observation, occurred) = read(&letter, &keys)?;
    let accepted = api.engine().clock.now();
    let event = Accepted { id: message, accepted, occurred, position: 0, observation };
    let outcome = match api.app.router.observe(secret.tenant(), vec![event]).await.pop() {
        Some(Ok(outcome)) => outcome,
        Some(Err(fault)) => {
            failure::log(&fault);
            return Err(Failure::fault(&fault));
        }
        None => return Err(Failure::defect()),
    };
    letter.replays = number;
    letter.status = LetterStatus::Replayed;
    letter.applied = matches!(outcome, Outcome::Applied { .. } | Outcome::Duplicate { .. });
    mark(&api, &letter, version).await?;
    let mut answer = view::letter(&letter);
    answer["replay"] = told(&outcome, message);
    Ok(Json(answer))
}

/// The event as it is to be applied, and when it happened: as it was first accepted, not now.
fn read(letter: &Letter, keys: &TenantKeys) -> Result<(Arc<Observation>, Moment), Failure> {
    let body = letter.body.reveal();
    match letter.kind {
        LetterKind::Wire => from_wire(letter, body, keys),
        LetterKind::Command => match serde_json::from_value(body.clone()) {
            Ok(Command::Observe(observation)) => Ok((observation, letter.occurred)),
            Ok(
                Command::NoteConsent(_)
                | Command::MergeWith { .. }
                | Command::Unmerge { .. }
                | Command::Unbind { .. }
                | Command::ReportSend(_)
                | Command::Backfill { .. },
            )
            | Err(_) => {
                let detail = "this letter holds no event; an operator must look at it";
                Err(Failure::new(StatusCode::CONFLICT, "not_replayable", detail))
            }
        },
    }
}

/// Through the front door again. What is still wrong with it is told, and the letter stays as it is.
fn from_wire(letter: &Letter, body: &Value, keys: &TenantKeys) -> Result<(Arc<Observation>, Moment), Failure> {
    let text = json!({ "batch": [body] }).to_string();
    let outcome = read_batch(text.as_bytes())?.into_inbound(keys, &letter.source, letter.accepted).pop();
    match outcome {
        Some(Ok(inbound)) => Ok((Arc::new(inbound.observation), inbound.occurred_at)),
        Some(Err((rejected, _))) => {
            let pointer = rejected.pointer.strip_prefix("/batch/0").unwrap_or_default().to_owned();
            let place = Place { pointer, code: rejected.code.clone(), detail: rejected.detail.clone() };
            let still = Refusal { code: rejected.code, detail: rejected.detail, places: vec![place] };
            Err(Failure::refused(still))
        }
        None => Err(Failure::defect()),
    }
}

/// Whoever was faster has marked the same replay.
async fn mark(api: &Api, letter: &Letter, version: u64) -> Result<(), Failure> {
    let key = ItemKey::letter(letter.tenant, letter.id);
    let item = Some(Item { version: version + 1, body: letter.bytes()? });
    let put = Put { key, expect: Expect::Version(version), item };
    match api.engine().store.commit(Commit { puts: vec![put], ..Commit::default() }).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault.into()),
    }
}

fn told(outcome: &Outcome, message: MessageId) -> Value {
    match outcome {
        Outcome::Applied { customer, .. } => json!({ "outcome": "applied", "message": message, "profile": customer }),
        Outcome::Duplicate { customer } => json!({ "outcome": "duplicate", "message": message, "profile": customer }),
        // It has a dead letter of its own now.
        Outcome::Refused(refusal) => json!({ "outcome": "refused", "message": message, "reason": refusal }),
        Outcome::Defect | Outcome::NotMine { .. } => json!({ "outcome": "defect", "message": message }),
    }
}
