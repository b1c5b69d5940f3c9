//! What the store keeps of a key: who works on it since when, and then the answer.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use roadbook_kernel::{Hash128, Moment, TenantId};
use roadbook_runtime::Engine;
use roadbook_runtime::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space};
use roadbook_wire::Problem;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How long a key is remembered.
const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long a key belongs to the request that took it. A process that dies leaves its lock behind, and this ends it.
const LOCK_MS: i64 = 60 * 1_000;
/// Largest answer that is kept. What is larger is not: its repetition is decided again, and recognised by its actor.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Forgotten keys looked for after each answer. Keys are hashes, so the neighbours of one are any keys: with this
/// many looked at per new one, at most one key in eight of those stored is older than a day.
const NEIGHBOURS: usize = 8;
const PREFIX: &str = "idempotency/";
/// The headers of an answer that a repetition needs; others are about the connection or the moment.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// One key of one caller for one resource, and what was asked with it.
pub(super) struct Key {
    pub(super) tenant: TenantId,
    pub(super) name: Hash128,
    pub(super) body: Hash128,
}

impl Key {
    fn item(&self) -> ItemKey {
        ItemKey::document(self.tenant, &format!("{PREFIX}{:?}", self.name))
    }
}

/// The right to work on a key: the version that the answer must find.
pub(super) struct Lock(u64);

/// What is known of a key.
pub(super) enum Found {
    /// Nobody has it: now it is this request's.
    Mine(Lock),
    /// It was answered.
    Answered(Answer),
    /// Another request is working on it.
    Elsewhere,
    /// It was used for something else.
    OtherBody,
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// When it was written last.
    at: Moment,
    /// Hash of query, `If-Match` and body.
    body: Hash128,
    state: State,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Answered(Answer),
    /// Given back without an answer. Not removed, so that the version goes on: a request that lost its lock long ago
    /// must not find that version again.
    Free,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body as text, because every answer here is JSON. `None` where it must not be kept: it held a secret.
    body: Option<String>,
}

impl Answer {
    /// Takes an answer down, and gives it back to be sent.
    pub(super) async fn of(response: Response) -> (Option<Self>, Response) {
        let (parts, body) = response.into_parts();
        let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            return (None, Failure::defect().into_response());
        };
        let text = |name: &HeaderName| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
        let secret = parts.headers.get(header::CACHE_CONTROL).is_some_and(|value| value.as_bytes() == b"no-store");
        let kept = std::str::from_utf8(&bytes).ok().filter(|text| text.len() <= ANSWER_BYTES_MAX).map(|body| Self {
            status: parts.status.as_u16(),
            headers: HEADERS.iter().filter_map(text).collect(),
            body: (!secret).then(|| body.to_owned()),
        });
        (kept, Response::from_parts(parts, Body::from(bytes)))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let Some(body) = self.body else {
            let detail =
                "this was done, and its answer held a secret that is shown once; make a new one with a new key";
            return Failure::new(StatusCode::CONFLICT, "answer_shown_once", detail).into_response();
        };
        let mut response = if status.is_success() {
            (status, body).into_response()
        } else {
            // A problem is told anew, so that it names this request and not the first one.
            match serde_json::from_str::<Problem>(&body) {
                Ok(problem) => Failure::from(problem).into_response(),
                Err(_) => (status, body).into_response(),
            }
        };
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        headers.extend(read(&self.headers));
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        response
    }
}

fn read(headers: &[(String, String)]) -> HeaderMap {
    headers.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?))).collect()
}

/// Takes a key, or says what has become of it. `alone_since` is since when nobody else serves this store: whoever took a
/// key before is dead.
pub(super) async fn take(engine: &Engine, key: &Key, alone_since: Option<Moment>) -> Result<Found, Fault> {
    for _ in 0..engine.limits.attempts_max {
        let now = engine.clock.now();
        let item = engine.store.load(&key.item()).await?;
        let version = match &item {
            None => 0,
            Some(item) => {
                let record: Record = serde_json::from_slice(&item.body)
                    .map_err(|error| Fault::unreadable("an idempotency key", &error))?;
                match verdict(record, key, now, alone_since) {
                    Some(found) => return Ok(found),
                    None => item.version,
                }
            }
        };
        if write(engine, key, version, State::Running, now).await? {
            return Ok(Found::Mine(Lock(version + 1)));
        }
    }
    Err(Fault::Contended(engine.limits.attempts_max))
}

/// `None` where the key is free.
fn verdict(record: Record, key: &Key, now: Moment, alone_since: Option<Moment>) -> Option<Found> {
    let age_ms = now.since_ms(record.at);
    let same = record.body == key.body;
    match record.state {
        State::Answered(_) | State::Running if age_ms >= KEPT_MS => None,
        State::Running if age_ms >= LOCK_MS => None,
        State::Running if alone_since.is_some_and(|since| record.at < since) => None,
        State::Free => None,
        State::Answered(_) | State::Running if !same => Some(Found::OtherBody),
        State::Answered(answer) => Some(Found::Answered(answer)),
        State::Running => Some(Found::Elsewhere),
    }
}

/// Ends the work on a key: with the answer, or without one. Whoever took the key over meanwhile keeps it.
pub(super) async fn close(
    engine: &Engine,
    key: &Key,
    lock: Lock,
    answer: Option<Answer>,
    now: Moment,
) -> Result<(), Fault> {
    write(engine, key, lock.0, answer.map_or(State::Free, State::Answered), now).await?;
    forget(engine, key, now).await
}

/// Whether it was written: not where another request was faster.
async fn write(engine: &Engine, key: &Key, version: u64, state: State, at: Moment) -> Result<bool, Fault> {
    let record = Record { at, body: key.body, state };
    let body = serde_json::to_vec(&record).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let expect = if version == 0 { Expect::Absent } else { Expect::Version(version) };
    let item = Some(Item { version: version + 1, body: body.into() });
    let put = Put { key: key.item(), expect, item };
    commit(engine, vec![put]).await
}

async fn commit(engine: &Engine, puts: Vec<Put>) -> Result<bool, Fault> {
    match engine.store.commit(Commit { puts, ..Commit::default() }).await {
        Ok(()) => Ok(true),
        Err(CommitError::Conflict { .. }) => Ok(false),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

/// Removes neighbours whose day is over.
async fn forget(engine: &Engine, key: &Key, now: Moment) -> Result<(), Fault> {
    let (prefix, place) = (PREFIX.as_bytes(), key.item());
    let neighbours = engine.store.scan(Space::Document, key.tenant, prefix, Some(place.local()), NEIGHBOURS).await?;
    let old = |item: &Item| {
        serde_json::from_slice::<Record>(&item.body).map_or(true, |record| now.since_ms(record.at) >= KEPT_MS)
    };
    let remove = |(key, item): (ItemKey, Item)| Put { key, expect: Expect::Version(item.version), item: None };
    let puts: Vec<Put> = neighbours.into_iter().filter(|(_, item)| old(item)).map(remove).collect();
    if !puts.is_empty() {
        // A neighbour that changed meanwhile is looked at another time.
        let _removed = commit(engine, puts).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_dead_process_is_free_at_once_and_any_other_after_a_minute() {
        let at = Moment::from_millis(1_000_000);
        let key = || Key { tenant: TenantId::from_u128(1), name: Hash128(2), body: Hash128(3) };
        let running = || Record { at, body: Hash128(3), state: State::Running };
        let found = |now: Moment, alone_since| verdict(running(), &key(), now, alone_since);
        let soon = at.plus_ms(1_000);
        assert!(matches!(found(soon, None), Some(Found::Elsewhere)));
        assert!(matches!(found(soon, Some(at)), Some(Found::Elsewhere)), "this process took it");
        assert!(found(soon, Some(at.plus_ms(1))).is_none(), "whoever took it is dead");
        assert!(found(at.plus_ms(LOCK_MS), None).is_none());
    }
}
