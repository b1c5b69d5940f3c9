//! `Idempotency-Key` on whatever changes something: a request that is repeated gets the answer of the first one.
//!
//! Underneath, the id of a command is derived from the same key (`command.rs`), so the actor itself recognises a
//! repetition. That is what keeps a command from being applied twice when the process dies between its commit and the
//! stored answer; the stored answer is what tells the caller what had been decided, refusals included.
//!
//! `POST /v1/imports` is left out: its body may have 64 MB and goes to the store in pieces, and the job it makes is
//! named after the hash of the file, so a repeated import finds the job that is there without any key.

mod record;

use crate::api::Api;
use crate::body;
use crate::command::KEY_BYTES_MAX;
use crate::failure::{Failure, log};
use crate::secret::Secret;
use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use record::{Answer, Found, Key, Lock};
use std::sync::Arc;
use tracing::Instrument;

/// The routes whose bodies are not read whole before their handler.
const LEFT_OUT: [&str; 1] = ["/v1/imports"];

/// In front of every handler of the secret API, behind the gate and the span.
pub(crate) async fn around(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let asked = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
        && request.headers().contains_key("idempotency-key")
        && request.extensions().get::<MatchedPath>().is_none_or(|route| !LEFT_OUT.contains(&route.as_str()));
    if !asked {
        return next.run(request).await;
    }
    once(api, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn once(api: Arc<Api>, request: Request, next: Next) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    // What was not proven leaves nothing behind: neither a lock nor an answer.
    let secret = Secret::from_request_parts(&mut parts, &api).await?;
    let bytes = body::read(&parts.headers, body, api.app.config.body_bytes_max).await?;
    let key = key(&api, &secret, &parts, &bytes)?;
    let lock = match record::take(api.engine(), &key, api.app.alone_since).await? {
        Found::Mine(lock) => lock,
        Found::Answered(answer) => return Ok(answer.into_response()),
        Found::Elsewhere => {
            let detail = "a request with this Idempotency-Key is being worked on; repeat it in a moment";
            return Err(Failure::busy(StatusCode::CONFLICT, "idempotency_key_in_progress", detail));
        }
        Found::OtherBody => {
            let detail = "this Idempotency-Key was used with another request; a new request needs a new key";
            return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail));
        }
    };
    // On its own, so that it is finished and its answer kept also when the caller hangs up: the caller who repeats a
    // request after a timeout is the very one the key is for.
    let work = async move {
        let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
        keep(&api, &key, lock, response).await
    };
    tokio::spawn(work.in_current_span()).await.map_err(|_| Failure::defect())
}

fn key(api: &Api, secret: &Secret, parts: &Parts, body: &[u8]) -> Result<Key, Failure> {
    let text = parts.headers.get("idempotency-key").map(|key| key.as_bytes()).unwrap_or_default();
    if text.is_empty() || text.len() > KEY_BYTES_MAX {
        let detail = format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} bytes");
        return Err(Failure::invalid("invalid_idempotency_key", "", detail));
    }
    let keys = secret.keys(api);
    let (method, path) = (parts.method.as_str().as_bytes(), parts.uri.path().as_bytes());
    let expected = parts.headers.get(header::IF_MATCH).map(|tag| tag.as_bytes()).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    Ok(Key {
        tenant: secret.tenant(),
        name: keys.derived(&[b"idempotency key", secret.0.source().as_bytes(), method, path, text]),
        body: keys.derived(&[b"idempotent body", query, expected, body]),
    })
}

/// Keeps an answer that a repetition must get too, or gives the key back.
async fn keep(api: &Api, key: &Key, lock: Lock, response: Response) -> Response {
    let (answer, response) = if is_kept(response.status()) { Answer::of(response).await } else { (None, response) };
    let now = api.engine().clock.now();
    if let Err(fault) = record::close(api.engine(), key, lock, answer, now).await {
        // What was decided is decided, and its answer is right. The lock ends by itself, and then the repeated
        // command is recognised by its actor.
        log(&fault);
    }
    response
}

/// What was decided is kept, also a "no": the actor remembers the message and would not say "no" a
/// second time. What failed before anything was decided is not: the caller mends the request and may keep its key.
fn is_kept(status: StatusCode) -> bool {
    status.is_success() || matches!(status.as_u16(), 404 | 409 | 412 | 413 | 422)
}
