//! `PUT /v1/dead-letters/{id}`: what the event should have been. The original stays; the correction stands beside it.
//!
//! A letter is shown masked, and the person who corrects it may not know what is behind a mask. So what is shown can
//! be sent back: a mask that stands where it was shown stands for its value. A mask anywhere else is refused, because
//! it would be stored as if it were somebody's name.

use super::{load, view};
use crate::api::Api;
use crate::etag::{self, tagged};
use crate::failure::Failure;
use crate::fields;
use crate::params::PathId;
use crate::secret::Secret;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use roadbook_kernel::{DeadLetterId, Personal, Place, Refusal};
use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put};
use roadbook_runtime::{Correction, Letter, LetterKind, LetterStatus};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Takes the corrected event, as `/v1/batch` takes one: with its `type`.
pub(crate) async fn correct(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<DeadLetterId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let expected = etag::optional(&headers)?;
    let (mut letter, version) = load(&api, secret.tenant(), id).await?;
    expected.check(version).map_err(Failure::refused)?;
    let sent = Value::Object(fields::object(&api, &headers, body).await?);
    if roadbook_jobs::settled(api.engine(), &letter).await? {
        let detail = "a replay of this event was applied: there is nothing left to correct";
        return Err(Failure::new(StatusCode::CONFLICT, "already_applied", detail));
    }
    let corrected = roadbook_wire::keyless(unmasked(&letter, sent)?);
    roadbook_jobs::check(&letter, &corrected, &secret.keys(&api)).map_err(Failure::refused)?;
    letter.correction = Some(Correction {
        body: Personal::new(corrected),
        by: secret.0.source().to_owned(),
        at: api.engine().clock.now(),
    });
    letter.status = LetterStatus::Corrected;
    let item = Some(Item { version: version + 1, body: letter.bytes()? });
    let key = ItemKey::letter(letter.tenant, letter.id);
    let put = Put { key, expect: Expect::Version(version), item };
    api.engine().store.commit(Commit { puts: vec![put], ..Commit::default() }).await?;
    Ok(tagged(version + 1, Json(view::letter(&letter))))
}

/// Puts the values back for the masks.
fn unmasked(letter: &Letter, mut sent: Value) -> Result<Value, Failure> {
    let mut bodies: Vec<&Value> = letter.correction.iter().map(|correction| correction.body.reveal()).collect();
    match letter.kind {
        LetterKind::Wire => bodies.push(letter.body.reveal()),
        // It is shown in a form of its own, so its masks stand nowhere in an event.
        LetterKind::Command => {}
    }
    let shown: Vec<(Value, &Value)> =
        bodies.into_iter().filter(|body| body.is_object()).map(|body| (view::wire(body), body)).collect();
    let mut masks = BTreeSet::new();
    shown.iter().for_each(|(shown, body)| collect(shown, body, &mut masks));
    let known: Vec<(&Value, &Value)> = shown.iter().map(|(shown, body)| (shown, *body)).collect();
    let mut stray = Vec::new();
    put_back(&mut sent, &known, &masks, &mut String::new(), &mut stray);
    if stray.is_empty() {
        return Ok(sent);
    }
    let detail = "a masked value stands where it was not shown; `errors` names each place";
    Err(Failure::refused(Refusal::new("masked_value", detail).at(stray)))
}

/// Every text that is a mask.
fn collect(shown: &Value, body: &Value, masks: &mut BTreeSet<String>) {
    match (shown, body) {
        (Value::Object(shown), Value::Object(body)) => {
            shown.iter().for_each(|(key, entry)| collect(entry, &body[key], masks));
        }
        (Value::Array(shown), Value::Array(body)) => {
            shown.iter().zip(body).for_each(|(entry, body)| collect(entry, body, masks));
        }
        (Value::String(mask), body) if body.as_str() != Some(mask) => drop(masks.insert(mask.clone())),
        (
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
            _,
        ) => {}
    }
}

fn put_back(
    sent: &mut Value,
    known: &[(&Value, &Value)],
    masks: &BTreeSet<String>,
    pointer: &mut String,
    stray: &mut Vec<Place>,
) {
    let mut below = |sent: &mut Value, step: &str, known: Vec<(&Value, &Value)>, stray: &mut Vec<Place>| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        put_back(sent, &known, masks, pointer, stray);
        pointer.truncate(length);
    };
    match sent {
        Value::String(text) if masks.contains(text.as_str()) => {
            match known.iter().find(|(shown, _)| shown.as_str() == Some(text)) {
                Some((_, body)) => *sent = (*body).clone(),
                None => stray.push(Place {
                    pointer: pointer.clone(),
                    code: "masked_value".into(),
                    detail: "this is a mask, not a value: write the value, or leave the mask where it was shown".into(),
                }),
            }
        }
        Value::Object(fields) => {
            for (key, entry) in fields {
                let inner = known.iter().filter_map(|(shown, body)| Some((shown.get(key)?, body.get(key)?))).collect();
                below(entry, key, inner, stray);
            }
        }
        Value::Array(entries) => {
            for (index, entry) in entries.iter_mut().enumerate() {
                let inner =
                    known.iter().filter_map(|(shown, body)| Some((shown.get(index)?, body.get(index)?))).collect();
                below(entry, &index.to_string(), inner, stray);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
