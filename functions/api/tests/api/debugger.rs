//! The event debugger: the last events with what became of them, on demand and live.

use crate::rig::{Rig, START, Tenant, track};
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use roadbook_runtime::ports::Fault;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

const PATH: &str = "/v1/events/debug";

async fn seen(rig: &Rig) -> Vec<Value> {
    rig.get(PATH).await.ok()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_fate_is_shown() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Opened", "m-1")])).await;
    rig.clock.advance_to(START.plus_ms(1_000));
    let phone = json!({ "type": "track", "userId": "u-1", "event": "Called", "messageId": "m-2", "timestamp":
        "2025-12-31T23:00:00Z", "properties": { "phone": "13800000001", "model": "T-1" } });
    rig.taken(json!([track("u-1", "Opened", "m-1"), phone, { "type": "track", "userId": "u-1", "messageId": "m-3" }]))
        .await;
    let shown = seen(&rig).await;
    let fates: Vec<_> =
        shown.iter().map(|event| (event["name"].as_str(), event["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        fates,
        [(Some("Called"), "accepted"), (Some("Opened"), "duplicate"), (None, "refused"), (Some("Opened"), "accepted")]
    );
    let profile = rig.profile_id("userId:u-1").await;
    let letter = &rig.letters().await[0];
    assert_eq!((&shown[0]["profile"], &shown[1]["profile"]), (&json!(profile), &json!(profile)));
    assert_eq!(shown[0]["received_at"], "2026-01-01T00:00:01.000Z");
    assert_eq!(shown[0]["occurred_at"], "2025-12-31T23:00:00.000Z");
    assert_eq!((&shown[0]["type"], &shown[0]["event"]["properties"]["model"]), (&json!("track"), &json!("T-1")));
    assert!(shown[0]["source"].as_str().unwrap().starts_with("key_") && shown[0]["source"] == letter["source"]);
    let refused = &shown[2];
    assert_eq!((&refused["dead_letter"], &refused["type"]), (&letter["id"], &json!("track")));
    assert_eq!(refused["reason"]["code"], "event_name_missing");
    assert_eq!(refused["reason"]["pointer"], "/batch/2/event");
    assert!(!json!(shown).to_string().contains("13800000001"));
    // Sent again: one letter, seen twice.
    rig.taken(json!([{ "type": "track", "userId": "u-1", "messageId": "m-3" }])).await;
    assert_eq!(seen(&rig).await[0]["dead_letter"], letter["id"]);
}

#[tokio::test]
async fn what_was_not_taken_is_shown_too() {
    let rig = Rig::new().await;
    rig.ingest("/v1/batch", "{\"batch\":[", &[]).await.is_problem(400, "malformed_json");
    let strict = json!({ "batch": [track("u-1", "Opened", "m-1"), { "type": "trick", "userId": "u-1" }] }).to_string();
    rig.ingest("/v1/batch", strict, &[("x-strict-mode", "1")]).await.is_problem(400, "events_rejected");
    rig.store.commits_fail(Some(Fault::Store("gone".into())));
    rig.batch(json!([track("u-1", "Opened", "m-1")])).await.is_problem(503, "store_unavailable");
    rig.store.commits_fail(None);
    let shown = seen(&rig).await;
    let fates: Vec<_> = shown
        .iter()
        .map(|event| (event["outcome"].as_str().unwrap(), event["reason"]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(fates, [("failed", "store_unavailable"), ("refused", "unknown_type"), ("refused", "malformed_json")]);
    assert!(shown.iter().all(|event| event["dead_letter"].is_null()));
}

/// A refusal by the customer: read, delivered, and waiting in the dead letters.
#[tokio::test]
async fn a_refusal_of_the_customer_leads_to_its_letter() {
    let rig = Rig::new().await;
    for index in 0..4 {
        let traits: serde_json::Map<String, Value> =
            (0..100).map(|key| (format!("t{index}-{key}"), json!("x".repeat(150)))).collect();
        let id = format!("grow-{index}");
        rig.taken(json!([{ "type": "identify", "userId": "u-1", "traits": traits, "messageId": id }])).await;
    }
    let letters = rig.letters().await;
    let shown = seen(&rig).await;
    let refused: Vec<&Value> = shown.iter().filter(|event| event["outcome"] == "refused").collect();
    assert_eq!(refused.len(), letters.len());
    assert_eq!(
        (&refused[0]["dead_letter"], &refused[0]["reason"]["code"]),
        (&letters[0]["id"], &json!("customer_full"))
    );
}

#[tokio::test]
async fn the_last_hundred_are_remembered() {
    let rig = Rig::new().await;
    let events = |from: usize, to: usize| {
        json!((from..to).map(|index| track("u-1", &format!("e-{index}"), &format!("m-{index}"))).collect::<Vec<_>>())
    };
    rig.taken(events(0, 30)).await;
    rig.taken(events(30, 330)).await;
    let shown = seen(&rig).await;
    assert_eq!((shown.len(), &shown[0]["name"], &shown[99]["name"]), (100, &json!("e-329"), &json!("e-230")));
    assert_eq!(rig.secret(&rig.other, "get", PATH, Value::Null).await.ok()["data"], json!([]));
}

/// Large events are fewer: memory is bounded by bytes too.
#[tokio::test]
async fn large_events_are_fewer() {
    let rig = Rig::new().await;
    for index in 0..60 {
        let event = json!({ "type": "track", "userId": format!("u-{index}"), "event": "Large", "messageId": index,
            "properties": { "text": "x".repeat(30_000) } });
        rig.taken(json!([event])).await;
    }
    let shown = seen(&rig).await.len();
    assert!((30..40).contains(&shown), "{shown} events of 30 KB in 1 MB");
}

/// An open stream, read event by event.
struct Live {
    body: BodyDataStream,
    text: String,
}

impl Live {
    async fn open(rig: &Rig, tenant: &Tenant, after: Option<&str>) -> Self {
        let request = Request::get(PATH)
            .header("authorization", format!("Bearer {}", tenant.secret))
            .header("accept", "text/event-stream");
        let request = after.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        let response = rig.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream", "{}", response.status());
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next block up to an empty line; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let data = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// The next event: its kind, its id and what it says.
    async fn event(&mut self) -> (String, String, Value) {
        let block = self.block().await.expect("the stream goes on");
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_default().trim_start().to_owned()
        };
        (field("event"), field("id"), serde_json::from_str(&field("data")).unwrap_or_default())
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_live_and_a_reader_goes_on_where_they_were() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "e-1", "m-1")])).await;
    let mut live = Live::open(&rig, &rig.mine, None).await;
    let (kind, id, shown) = live.event().await;
    assert_eq!((kind.as_str(), &shown["name"], &shown["id"]), ("event", &json!("e-1"), &json!(id)));
    let (next, ()) = tokio::join!(live.event(), rig.taken(json!([track("u-1", "e-2", "m-2")])));
    assert_eq!(next.2["name"], "e-2");
    rig.taken(json!([track("u-1", "e-3", "m-3")])).await;
    let mut again = Live::open(&rig, &rig.mine, Some(&next.1)).await;
    assert_eq!(again.event().await.2["name"], "e-3", "nothing twice, nothing missed");
    for unknown in ["7-1", "x", "", "99999999999999999999999999-1"] {
        let mut from_the_start = Live::open(&rig, &rig.mine, Some(unknown)).await;
        assert_eq!(from_the_start.event().await.2["name"], "e-1", "an id of another process is passed over");
    }
    let (process, _) = next.1.split_once('-').unwrap();
    for ahead in [u64::MAX, 4] {
        let mut from_the_start = Live::open(&rig, &rig.mine, Some(&format!("{process}-{ahead}"))).await;
        assert_eq!(from_the_start.event().await.2["name"], "e-1", "the ring was forgotten since: it counts anew");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_what_they_missed() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "first", "m-first")])).await;
    let mut live = Live::open(&rig, &rig.mine, None).await;
    live.event().await;
    let events: Vec<Value> = (0..250).map(|index| track("u-1", &format!("e-{index}"), &format!("m-{index}"))).collect();
    rig.taken(json!(events)).await;
    let (kind, _, told) = live.event().await;
    assert_eq!((kind.as_str(), told), ("dropped", json!({ "count": 150 })));
    for index in 150..250 {
        assert_eq!(live.event().await.2["name"], format!("e-{index}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_beats_and_ends_when_the_process_stops() {
    let rig = Rig::new().await;
    let mut live = Live::open(&rig, &rig.mine, None).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..3 {
        assert!(live.block().await.unwrap().starts_with(':'), "a comment");
    }
    assert_eq!(begun.elapsed().as_secs(), 45);
    let theirs = crate::rig::basic(&rig.other.write);
    let body = json!({ "batch": [track("u-1", "theirs", "m-1")] }).to_string();
    rig.send("post", "/v1/batch", &[("authorization", &theirs)], body).await.ok();
    assert!(live.block().await.unwrap().starts_with(':'), "another tenant's events are not heard");
    let (end, ()) = tokio::join!(live.block(), async { rig.app.drain() });
    assert_eq!(end, None);
    let mut late = Live::open(&rig, &rig.mine, None).await;
    assert_eq!(tokio::time::timeout(Duration::from_secs(1), late.block()).await, Ok(None));
}

#[tokio::test]
async fn watchers_are_counted_and_their_places_come_back() {
    let rig = Rig::new().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Live::open(&rig, &rig.mine, None).await);
    }
    let bearer = format!("Bearer {}", rig.mine.secret);
    let headers = [("authorization", bearer.as_str()), ("accept", "text/event-stream")];
    let answer = rig.send("get", PATH, &headers, "").await;
    answer.is_problem(429, "too_many_watchers");
    Live::open(&rig, &rig.other, None).await;
    open.pop();
    Live::open(&rig, &rig.mine, None).await;
}
