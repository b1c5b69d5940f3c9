//! Sending a dead letter again.
//!
//! A replay is a new message: the customer remembers that the original came to nothing. Its id follows from the
//! original and the number of the replay, so a replay whose answer was lost, or that two people ask for at once, is
//! still one. What is sent is the correction where there is one, and the message as it came where there is none.
//!
//! A replay that is refused leaves a letter of its own, of the same event. Both count their replays together, at the
//! original: so two of them sent at once are one message, and what was applied from one is a duplicate from the other.

use crate::family::{has_letter, note_origin, original, settle};
use roadbook_customer::{Command, Observation};
use roadbook_identity::TenantKeys;
use roadbook_kernel::{MessageId, Moment, Place, Refusal};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Accepted, Letter, LetterKind, Outcome, Router};
use roadbook_wire::read_batch;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a replay came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// The new message.
    pub message: MessageId,
    /// What became of it. What was applied by an earlier replay is a duplicate.
    pub outcome: Outcome,
}

/// Why a letter was not sent again. It stays as it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// It is still wrong: the front door says why and where.
    #[error("the event is still refused: {}", .0.code)]
    StillWrong(Refusal),
    /// What it holds is no event, and nobody has corrected it.
    #[error("the letter holds no event")]
    NoEvent,
    /// The world failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Replays of one letter that were sent and not counted, because the process died in between, before it is given up
/// until the next request.
const UNCOUNTED_MAX: u32 = 16;

/// Sends a letter again and notes that it was: afterwards `letter` is what is stored.
///
/// # Errors
/// See [`ReplayError`].
pub async fn replay(router: &Router, letter: &mut Letter) -> Result<Replayed, ReplayError> {
    let engine = router.engine();
    let keys = engine.keys.of(letter.tenant);
    let original = original(engine, letter).await?;
    if original.applied {
        // Asked again because the first answer was lost, or by a double click, or of the letter that its replay had
        // left: it stays applied once.
        let message = keys.replayed(original.message, original.replays);
        settle(engine, &original, original.replays, true, letter).await?;
        return Ok(Replayed { message, outcome: Outcome::Duplicate { customer: None } });
    }
    let (observation, occurred) = read(letter, &keys)?;
    let mut number = original.replays;
    let (message, outcome) = loop {
        number += 1;
        let message = keys.replayed(original.message, number);
        note_origin(engine, &original, message).await?;
        let observation = observation.clone();
        let event = Accepted { id: message, accepted: engine.clock.now(), occurred, position: 0, observation };
        let outcome = router.observe(letter.tenant, vec![event]).await.pop().unwrap_or(Ok(Outcome::Defect))?;
        // A duplicate of a replay that was refused, and whose number was not counted before the process died.
        let known = matches!(outcome, Outcome::Duplicate { .. });
        if known && number - original.replays <= UNCOUNTED_MAX && has_letter(engine, letter.tenant, message).await? {
            continue;
        }
        break (message, outcome);
    };
    let applied = matches!(outcome, Outcome::Applied { .. })
        || matches!(outcome, Outcome::Duplicate { .. }) && !has_letter(engine, letter.tenant, message).await?;
    settle(engine, &original, number, applied, letter).await?;
    Ok(Replayed { message, outcome })
}

/// The event as it is to be applied, and when it happened: as it was first accepted, not now.
fn read(letter: &Letter, keys: &TenantKeys) -> Result<(Arc<Observation>, Moment), ReplayError> {
    if let Some(correction) = &letter.correction {
        return check(letter, correction.body.reveal(), keys).map_err(ReplayError::StillWrong);
    }
    let body = letter.body.reveal();
    match letter.kind {
        LetterKind::Wire => check(letter, body, keys).map_err(ReplayError::StillWrong),
        LetterKind::Command => match serde_json::from_value(body.clone()) {
            Ok(Command::Observe(observation)) => Ok((observation, letter.occurred)),
            Ok(
                Command::NoteConsent(_)
                | Command::Unmerge { .. }
                | Command::Unbind { .. }
                | Command::MergeWith { .. }
                | Command::ReportSend(_)
                | Command::SetTag { .. }
                | Command::Backfill { .. }
                | Command::Attend { .. }
                | Command::Leave { .. },
            )
            | Err(_) => Err(ReplayError::NoEvent),
        },
    }
}

/// Reads a body as the front door would have at the time the letter's message came: the observation, and when it
/// happened. What was accepted before keeps the time it was given then.
///
/// # Errors
/// What is wrong with it, with pointers that begin at the event.
pub fn check(letter: &Letter, body: &Value, keys: &TenantKeys) -> Result<(Arc<Observation>, Moment), Refusal> {
    let text = json!({ "batch": [body] }).to_string();
    let batch = read_batch(text.as_bytes())
        .map_err(|error| Refusal::new(error.code(), "the event cannot be read as JSON of an event"))?;
    // What came in a file came by a secret key. Of the rest nobody remembers how it came, and less is believed.
    match batch.trusted(letter.line.is_some()).into_inbound(keys, &letter.source, letter.accepted).pop() {
        Some(Ok(inbound)) => {
            let occurred = match letter.kind {
                LetterKind::Wire => inbound.occurred_at,
                LetterKind::Command => letter.occurred,
            };
            Ok((Arc::new(inbound.observation), occurred))
        }
        Some(Err((rejected, _))) => {
            let pointer = rejected.pointer.strip_prefix("/batch/0").unwrap_or_default().to_owned();
            let place = Place { pointer, code: rejected.code.clone(), detail: rejected.detail.clone() };
            Err(Refusal { code: rejected.code, detail: rejected.detail, places: vec![place] })
        }
        None => Err(Refusal::new("malformed_batch", "there is no event in it")),
    }
}
