//! From a request body to the customers its events are about.
//!
//! The hot path of the server. One event costs: a look at the gate, a key from the cache, one parse, one delivery or a
//! place in a queue (`intake.rs`), one static answer. Nothing is logged and no span is made unless the answer is an error.

use super::intake::{Fate, Ready};
use super::rejected;
use crate::api::{Api, random};
use crate::debugger::{Noted, Refused, Size};
use crate::failure::{self, Failure};
use crate::metrics::{RouteClass, add};
use crate::{body, credentials, trace};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use roadbook_access::{Authority, Bearer};
use roadbook_customer::Call;
use roadbook_identity::TenantKeys;
use roadbook_kernel::MessageId;
use roadbook_runtime::{Accepted, Outcome};
use roadbook_wire::{Problem, RawBatch, Rejected, read_batch, read_single};
use std::sync::Arc;

/// Which door an event came through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Door {
    /// Many events in one body.
    Batch,
    /// One event; the path says which call it is.
    Single(Call),
}

/// What is answered when everything was taken. The SDKs look at the status only; some at `success`.
const SUCCESS: &[u8] = br#"{"success":true}"#;

/// Takes the events of a request. The answer comes after the commit of every turn they caused or, where events are queued,
/// when the queue has all of them.
pub(crate) async fn take(api: Arc<Api>, door: Door, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match accept(&api, door, &parts, body).await {
        Ok(()) => success(),
        Err(failure) => trace::failed_ingestion(&parts, failure),
    };
    if parts.headers.contains_key(header::ORIGIN) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    api.metrics.answered(RouteClass::Ingestion, response.status());
    response
}

fn success() -> Response {
    let mut response = Response::new(Body::from(Bytes::from_static(SUCCESS)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn accept(api: &Api, door: Door, parts: &Parts, body: Body) -> Result<(), Failure> {
    let config = &api.app.config;
    api.gate.open(&api.app).await?;
    // A key in the header is proven before the body is read: nobody unknown makes us parse.
    let authority = match credentials::presented(&parts.headers)? {
        Some(key) => Some(credentials::prove(api, &key).await?),
        None => None,
    };
    let body =
        body::read(&parts.headers, body, config.body_bytes_max).await.inspect_err(told(api, authority.as_ref()))?;
    let body =
        body::unpack(&parts.headers, body, config.inflated_bytes_max).inspect_err(told(api, authority.as_ref()))?;
    let batch = match door {
        Door::Batch => read_batch(&body),
        Door::Single(call) => read_single(call, &body),
    };
    let batch = batch.map_err(Failure::from).inspect_err(told(api, authority.as_ref()))?;
    let authority = match (authority, batch.write_key()) {
        (Some(authority), _) => authority,
        (None, Some(key)) => credentials::prove(api, key).await?,
        (None, None) => return Err(credentials::missing()),
    };
    if batch.len() > config.batch_events_max {
        let events = batch.len();
        let detail = format!(
            "the batch has {events} events; at most {} are taken: send smaller batches",
            config.batch_events_max
        );
        return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_events", detail));
    }
    let _ticket = api.gate.enter(batch.len(), config.in_flight_events_max)?;
    add(&api.metrics.received, batch.len() as u64);
    let size = Size { events: batch.len(), bytes: body.len() };
    let sent = Sent { door, list: list(door, &body), strict: is_strict(&parts.headers), size };
    deliver(api, &sent, &authority, batch).await
}

/// How the events were sent.
struct Sent {
    door: Door,
    /// What stands before the index in a pointer to an event; `None` for a single call.
    list: Option<&'static str>,
    strict: bool,
    size: Size,
}

/// Notes a request of which nothing could be read, where it is known whose it was.
fn told<'a>(api: &'a Api, authority: Option<&'a Authority>) -> impl FnOnce(&Failure) + 'a {
    move |failure| {
        if let Some(from) = authority {
            let noted = Noted::request(failure.code(), failure.detail().to_owned());
            api.debugger.note(from, api.engine().clock.now(), Size { events: 1, bytes: 0 }, vec![noted]);
        }
    }
}

fn list(door: Door, body: &[u8]) -> Option<&'static str> {
    match door {
        Door::Batch if body.trim_ascii_start().starts_with(b"[") => Some(""),
        Door::Batch => Some("/batch"),
        Door::Single(_) => None,
    }
}

/// `X-Strict-Mode: 1`: one bad event fails the request, and then nothing of it is taken.
fn is_strict(headers: &HeaderMap) -> bool {
    headers.get("x-strict-mode").is_some_and(|value| value.as_bytes() == b"1")
}

async fn deliver(api: &Api, sent: &Sent, authority: &Authority, batch: RawBatch<'_>) -> Result<(), Failure> {
    let (tenant, source) = (authority.tenant(), authority.source());
    let keys = api.engine().keys.of(tenant);
    let received = api.engine().clock.now();
    let mut good = Vec::with_capacity(batch.len());
    let mut bad = Vec::new();
    let mut drawn = None;
    let trusted = authority.bearer() != Bearer::WriteKey;
    for (index, outcome) in batch.trusted(trusted).into_inbound(&keys, source, received).into_iter().enumerate() {
        match outcome {
            Ok(inbound) => good.push(Accepted {
                id: match inbound.producer_id {
                    Some(_) => inbound.message,
                    None => nameless(&keys, &mut drawn, index)?,
                },
                accepted: received,
                occurred: inbound.occurred_at,
                position: u32::try_from(index).unwrap_or(u32::MAX),
                observation: Arc::new(inbound.observation),
            }),
            Err(rejected) => bad.push(rejected),
        }
    }
    if sent.strict && !bad.is_empty() {
        let told = bad
            .iter()
            .map(|(one, _)| Noted::Refused(Refused { reason: rejected::reason(one.clone()), letter: None }))
            .collect();
        api.debugger.note(authority, received, sent.size, told);
        return Err(Problem::rejected(bad.iter().map(|(rejected, _)| rejected)).into());
    }
    let about = Noted::about(&good);
    let positions: Vec<u32> = if sent.strict { good.iter().map(|one| one.position).collect() } else { Vec::new() };
    let ready = Ready::new(&api.app.intake, &keys, tenant, sent.list, good)?;
    // Before the good events: if this fails, nothing was taken and the client repeats the whole.
    let refused = match bad.is_empty() {
        true => Vec::new(),
        false => rejected::keep(api, sent.door, authority, received, bad).await?,
    };
    if about.is_empty() {
        api.debugger.note(authority, received, sent.size, refused.into_iter().map(Noted::Refused).collect());
        return Ok(());
    }
    let fates = ready.go(api, tenant).await;
    let noted = refused.into_iter().map(Noted::Refused).chain(Noted::decided(about, &fates)).collect();
    api.debugger.note(authority, received, sent.size, noted);
    // A fault on any event: the client sends all of them again, and those that were taken are recognised.
    if let Some(fault) = fates.iter().find_map(Fate::fault) {
        failure::log(fault);
        return Err(Failure::fault(fault));
    }
    if sent.strict { refusals(sent.list, &positions, &fates) } else { Ok(()) }
}

/// The id of an event that its producer did not name. What is sent twice in one millisecond is two events, so nothing
/// of the request itself can tell them apart: the first nameless event of a request draws.
fn nameless(keys: &TenantKeys, drawn: &mut Option<[u8; 16]>, index: usize) -> Result<MessageId, Failure> {
    let drawn = match drawn {
        Some(drawn) => drawn,
        None => drawn.insert(random()?),
    };
    Ok(MessageId::from_u128(keys.derived(&[b"nameless event", drawn, &(index as u64).to_be_bytes()]).0))
}

/// In strict mode the sender is also told what the customers themselves refused, where that is known: what waits in a
/// queue was asked by nobody yet. It is in the dead letters, and the rest was taken.
fn refusals(list: Option<&str>, positions: &[u32], fates: &[Fate]) -> Result<(), Failure> {
    let refused: Vec<Rejected> = positions
        .iter()
        .zip(fates)
        .filter_map(|(position, fate)| {
            let (code, detail) = match fate {
                Fate::Decided(Ok(Outcome::Refused(refusal))) => (refusal.code.clone(), refusal.detail.clone()),
                Fate::Decided(Ok(Outcome::Defect)) => {
                    ("defect".into(), "it could not be applied; it is kept and can be replayed".into())
                }
                Fate::Decided(
                    Ok(Outcome::Applied { .. } | Outcome::Duplicate { .. } | Outcome::NotMine { .. }) | Err(_),
                )
                | Fate::Queued
                | Fate::NotQueued(_) => return None,
            };
            Some(Rejected { code, pointer: rejected::at(list, *position), detail, index: *position as usize })
        })
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(Problem::rejected(&refused).into()) }
}
