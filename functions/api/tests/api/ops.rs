//! Health and counters.

use crate::rig::{Rig, track};
use roadbook_runtime::ports::Fault;
use serde_json::json;

#[tokio::test]
async fn health_is_whether_it_can_commit() {
    let rig = Rig::new().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(rig.send("get", path, &[], "").await.ok(), json!({ "status": "ok" }));
    }
    rig.store.ready_fails(Some(Fault::DiskFull { free_bytes: 1, needed_bytes: 2 }));
    for path in ["/healthz", "/readyz"] {
        let answer = rig.send("get", path, &[], "").await;
        answer.is_problem(503, "disk_full");
        assert!(answer.header("retry-after").is_some());
    }
    rig.store.ready_fails(None);
    rig.app.drain();
    assert!(rig.send("get", "/healthz", &[], "").await.status.is_success(), "a stopping process is healthy");
    rig.send("get", "/readyz", &[], "").await.is_problem(503, "draining");
}

#[tokio::test]
async fn counters_are_exact_and_name_no_tenant() {
    let rig = Rig::new().await;
    for round in 0..2 {
        let events: Vec<_> =
            (0..10).map(|index| track(&format!("u-{}", index % 3), "Opened", &format!("m-{index}"))).collect();
        rig.taken(json!(events)).await;
        assert_eq!(rig.counter("roadbook_events_total").await, 10, "round {round}");
    }
    rig.taken(json!([{ "type": "track" }])).await;
    // A command is no event.
    let id = rig.profile_id("userId:u-1").await;
    rig.post(&format!("/v1/profiles/{id}/consents"), json!({ "purpose": "marketing", "verdict": "granted" }))
        .await
        .ok();
    assert_eq!(rig.counter("roadbook_events_total").await, 10);
    assert_eq!(rig.counter("roadbook_messages_total").await, 11);
    assert_eq!(rig.counter("roadbook_turns_total").await, 4, "three customers, one of them twice");
    assert_eq!(rig.counter("roadbook_events_received_total").await, 21);
    assert_eq!(rig.counter("roadbook_events_rejected_total").await, 1);
    assert_eq!(rig.counter("roadbook_dead_letters_total").await, 1);
    assert_eq!(rig.counter("roadbook_relay_lag_turns").await, 4);
    rig.relay().await;
    assert_eq!(rig.counter("roadbook_relay_lag_turns").await, 0);
    assert_eq!(rig.counter(r#"roadbook_http_answers_total{route="ingestion",status="2xx"}"#).await, 3);
    let text = rig.send("get", "/metrics", &[], "").await.text();
    assert!(!text.contains(&rig.mine.id.to_string()) && !text.contains("rb_"), "{text}");
    for line in text.lines() {
        let is_sample = line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<u64>().is_ok());
        assert!(line.starts_with("# ") || is_sample, "{line}");
    }
}
