//! Turned away before anything is taken, and told when to come back.

use crate::rig::{Rig, track};
use roadbook_app::Config;
use roadbook_runtime::ports::Fault;
use serde_json::{Value, json};

fn batch(events: usize) -> Value {
    json!((0..events).map(|index| track("u-1", "Opened", &format!("m-{index}"))).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_full_process_answers_429() {
    let rig = Rig::with(Config { in_flight_events_max: 3, ..Config::default() }).await;
    let answer = rig.batch(batch(4)).await;
    answer.is_problem(429, "too_many_in_flight");
    assert_eq!(answer.header("retry-after"), Some("1"));
    rig.taken(batch(3)).await;
    rig.taken(batch(3)).await;
    assert_eq!(rig.counter("roadbook_events_total").await, 3);
    assert_eq!(rig.counter("roadbook_in_flight_events").await, 0);
}

#[tokio::test]
async fn a_full_disk_answers_503_before_anything_is_taken() {
    let rig = Rig::new().await;
    rig.store.ready_fails(Some(Fault::DiskFull { free_bytes: 1, needed_bytes: 2 }));
    let answer = rig.batch(batch(1)).await;
    answer.is_problem(503, "disk_full");
    assert!(answer.header("retry-after").is_some());
    let answer = rig.post("/v1/segments", json!({ "name": "x", "condition": { "tag": "hot" } })).await;
    answer.is_problem(503, "disk_full");
    assert!(rig.get("/v1/segments").await.status.is_success(), "reading needs no room");
    assert_eq!(rig.counter("roadbook_turns_total").await, 0);
}

#[tokio::test]
async fn a_fault_on_any_event_makes_the_client_repeat_the_whole_batch() {
    let rig = Rig::new().await;
    for (fault, code) in [
        (Fault::DiskFull { free_bytes: 1, needed_bytes: 2 }, "disk_full"),
        (Fault::Overloaded, "overloaded"),
        (Fault::Contended(3), "contended"),
        (Fault::Store("gone".into()), "store_unavailable"),
    ] {
        rig.store.commits_fail(Some(fault));
        for events in [batch(2), json!([{ "type": "track", "messageId": "bad" }])] {
            let answer = rig.batch(events).await;
            answer.is_problem(503, code);
            assert!(answer.header("retry-after").is_some());
        }
    }
    rig.store.commits_fail(None);
    rig.taken(batch(2)).await;
    assert_eq!(rig.counter("roadbook_events_total").await, 2);
}

#[tokio::test]
async fn a_stopping_process_takes_nothing_new() {
    let rig = Rig::new().await;
    rig.app.drain();
    let answer = rig.batch(batch(1)).await;
    answer.is_problem(503, "draining");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(rig.counter("roadbook_events_total").await, 0);
}
