//! `/_control`: how a test in another process scripts faults and reads the journal. Plain HTTP statuses here: 200,
//! 4xx for a body that does not read, 404 and 409 for tasks.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::fault::Fault;
use crate::people::PeopleChange;
use crate::server::Shared;
use crate::tasks::{Refusal, TaskError};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/_control/faults", post(faults))
        .route("/_control/grants", post(grants))
        .route("/_control/people", post(people))
        .route("/_control/tokens/{what}", post(tokens))
        .route("/_control/clock", post(clock))
        .route("/_control/tasks/{msgid}/{what}", post(tasks))
        .route("/_control/calls", get(calls))
        .route("/_control/deliveries", get(deliveries))
        .route("/_control/reset", post(reset))
}

fn done() -> Response {
    Json(json!({ "ok": true })).into_response()
}

fn no(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "ok": false, "error": error }))).into_response()
}

async fn faults(State(shared): State<Shared>, Json(fault): Json<Fault>) -> Response {
    if !crate::platform::Interface::ALL.iter().any(|interface| interface.path() == fault.path) {
        return no(StatusCode::BAD_REQUEST, "path is none of the simulated interfaces, e.g. /cgi-bin/message/send");
    }
    shared.world().faults.add(fault);
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    openid: String,
    template_id: String,
    #[serde(default = "one")]
    count: u32,
}

fn one() -> u32 {
    1
}

async fn grants(State(shared): State<Shared>, Json(grant): Json<Grant>) -> Response {
    shared.world().people.grant(&grant.openid, &grant.template_id, grant.count);
    done()
}

async fn people(State(shared): State<Shared>, Json(change): Json<PeopleChange>) -> Response {
    shared.world().people.change(change);
    done()
}

async fn tokens(State(shared): State<Shared>, Path(what): Path<String>) -> Response {
    match what.as_str() {
        "expire" => shared.world().tokens.expire_all(),
        "revoke" => shared.world().tokens.revoke_all(),
        _ => return no(StatusCode::NOT_FOUND, "POST /_control/tokens/expire or /_control/tokens/revoke"),
    }
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

async fn clock(State(shared): State<Shared>, Json(by): Json<Advance>) -> Response {
    {
        let mut world = shared.world();
        world.clock.advance(Duration::from_millis(by.advance_ms));
        world.settle();
    }
    shared.announce();
    done()
}

#[derive(Deserialize)]
struct Reason {
    reason: Option<Refusal>,
}

async fn tasks(
    State(shared): State<Shared>,
    Path((msgid, what)): Path<(String, String)>,
    Query(query): Query<Reason>,
) -> Response {
    let result = {
        let mut world = shared.world();
        match what.as_str() {
            "confirm" => world.confirm(&msgid),
            "refuse" => world.refuse(&msgid, query.reason.unwrap_or(Refusal::NotFriend)),
            "expire" => world.tasks.expire(&msgid),
            _ => return no(StatusCode::NOT_FOUND, "a task can be told: confirm, refuse?reason=, expire"),
        }
    };
    shared.announce();
    match result {
        Ok(()) => done(),
        Err(error @ TaskError::Unknown) => no(StatusCode::NOT_FOUND, &error.to_string()),
        Err(error @ TaskError::Closed) => no(StatusCode::CONFLICT, &error.to_string()),
    }
}

/// Which lines of the journal, and how long to wait for them.
#[derive(Deserialize)]
struct Lines {
    /// Only calls of this path.
    path: Option<String>,
    /// Only lines after this seq.
    #[serde(default)]
    since: u64,
    /// Answer only once this many lines are there, or `wait_ms` have passed.
    #[serde(default)]
    at_least: usize,
    /// At most this long; 0: answer at once.
    #[serde(default)]
    wait_ms: u64,
}

async fn calls(State(shared): State<Shared>, Query(lines): Query<Lines>) -> Response {
    let wanted = |call: &&crate::Call| call.seq > lines.since && lines.path.as_ref().is_none_or(|p| *p == call.path);
    let wait = Duration::from_millis(lines.wait_ms);
    let enough = |world: &crate::world::World| world.journal.calls.iter().filter(wanted).count() >= lines.at_least;
    shared.wait_until(wait, enough).await;
    let world = shared.world();
    let found: Vec<_> = world.journal.calls.iter().filter(wanted).collect();
    Json(found).into_response()
}

async fn deliveries(State(shared): State<Shared>, Query(lines): Query<Lines>) -> Response {
    let wanted = |delivery: &&crate::Delivery| delivery.seq > lines.since;
    let wait = Duration::from_millis(lines.wait_ms);
    let enough = |world: &crate::world::World| world.journal.deliveries.iter().filter(wanted).count() >= lines.at_least;
    shared.wait_until(wait, enough).await;
    let mut world = shared.world();
    world.settle();
    let found: Vec<_> = world.journal.deliveries.iter().filter(wanted).collect();
    Json(found).into_response()
}

async fn reset(State(shared): State<Shared>) -> Response {
    shared.world().reset();
    shared.announce();
    done()
}
