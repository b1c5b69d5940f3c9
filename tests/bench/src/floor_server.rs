//! The hidden verbs' server: `/floor` parses a body and answers, the least any JSON endpoint must do.
//!
//! The other paths count what they are sent and keep nothing, under the same names as the product, so that the
//! instrument can be tried end to end with itself as the server. Their figures mean nothing and no table uses them.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde_json::Value;

#[derive(Default)]
struct Counts {
    events: AtomicU64,
    turns: AtomicU64,
}

/// Serves on a free port of 127.0.0.1 until killed; the first line on stdout is the ready line, as `roadbook serve
/// --json` prints it.
///
/// # Errors
/// Fails when no port can be bound.
pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start tokio")?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("bind a port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let ready = serde_json::json!({ "url": url, "tenant": "tn_floor", "write_key": "wk_floor", "admin_key": "" });
        writeln!(std::io::stdout(), "{ready}").context("print the ready line")?;
        let listener = listener.tap_io(|stream| {
            // A socket that is already gone cannot be configured; its first read will say so.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router()).await.context("serve")
    })
}

fn router() -> Router {
    let single = || post(take_one);
    Router::new()
        .route("/floor", post(parse_only))
        .route("/v1/track", single())
        .route("/v1/identify", single())
        .route("/v1/batch", post(take_batch))
        .route("/metrics", get(metrics))
        .with_state(Arc::<Counts>::default())
}

async fn parse_only(body: Bytes) -> Response {
    answer(serde_json::from_slice(&body))
}

async fn take_one(State(counts): State<Arc<Counts>>, body: Bytes) -> Response {
    counts.events.fetch_add(1, Ordering::Relaxed);
    counts.turns.fetch_add(1, Ordering::Relaxed);
    answer(serde_json::from_slice(&body))
}

async fn take_batch(State(counts): State<Arc<Counts>>, body: Bytes) -> Response {
    let parsed = serde_json::from_slice::<Value>(&body);
    let events = parsed.as_ref().ok().and_then(|body| body["batch"].as_array()).map_or(0, Vec::len);
    counts.events.fetch_add(events as u64, Ordering::Relaxed);
    counts.turns.fetch_add(events as u64, Ordering::Relaxed);
    answer(parsed)
}

async fn metrics(State(counts): State<Arc<Counts>>) -> String {
    format!(
        "roadbook_events_total {}\nroadbook_turns_total {}\n",
        counts.events.load(Ordering::Relaxed),
        counts.turns.load(Ordering::Relaxed)
    )
}

fn answer(parsed: serde_json::Result<Value>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match parsed {
        Ok(_) => (json, r#"{"success":true}"#).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, json, format!(r#"{{"message":"{error}"}}"#)).into_response(),
    }
}
