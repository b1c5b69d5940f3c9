//! A repeated request with the same `Idempotency-Key` gets the first one's answer, and does nothing.

use crate::rig::{Answer, Rig, START};
use axum::body::{Body, Bytes};
use roadbook_runtime::ports::{Commit, Expect, Fault, ItemKey, Put, Space, Store};
use serde_json::{Value, json};
use std::convert::Infallible;

const SEGMENTS: &str = "/v1/segments";

fn segment(name: &str) -> Value {
    json!({ "name": name, "condition": { "tag": "hot" } })
}

async fn with_key(rig: &Rig, path: &str, key: &str, body: impl Into<Body>) -> Answer {
    let bearer = format!("Bearer {}", rig.mine.secret);
    rig.send("post", path, &[("authorization", &bearer), ("idempotency-key", key)], body).await
}

async fn kept(rig: &Rig) -> Vec<ItemKey> {
    let items = rig.store.scan(Space::Document, rig.mine.id, b"idempotency/", None, 1_000).await.unwrap();
    items.into_iter().map(|(key, _)| key).collect()
}

async fn forget(rig: &Rig) {
    let put = |key| Put { key, expect: Expect::Anything, item: None };
    let puts = kept(rig).await.into_iter().map(put).collect();
    rig.store.commit(Commit { puts, ..Commit::default() }).await.unwrap();
}

async fn segments(rig: &Rig) -> usize {
    rig.get(SEGMENTS).await.ok()["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer() {
    let rig = Rig::new().await;
    let first = with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await;
    rig.clock.advance_to(START.plus_ms(3_600_000));
    let again = with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await;
    assert_eq!((first.status.as_u16(), &first.bytes), (again.status.as_u16(), &again.bytes));
    for header in ["content-type", "location"] {
        assert!(first.header(header).is_some() && first.header(header) == again.header(header), "{header}");
    }
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
    assert_eq!(segments(&rig).await, 1);
    // Without a key, or with another one, it is another request.
    rig.post(SEGMENTS, segment("a")).await.ok();
    with_key(&rig, SEGMENTS, "k-2", segment("a").to_string()).await.ok();
    assert_eq!(segments(&rig).await, 3);
}

/// Another body under the same key would be dropped as a repetition of the first, and answered as if it were done.
#[tokio::test]
async fn a_change_in_place_is_a_request_like_any_other() {
    let rig = Rig::new().await;
    let made = rig.post(SEGMENTS, segment("a")).await.ok();
    let path = format!("{SEGMENTS}/{}", made["id"].as_str().unwrap());
    let bearer = format!("Bearer {}", rig.mine.secret);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k-1"), ("if-match", "*")];
    let put = async |name: &str| rig.send("put", &path, &headers, segment(name).to_string()).await;
    put("b").await.ok();
    assert_eq!(put("b").await.header("idempotent-replayed"), Some("true"));
    put("c").await.is_problem(422, "idempotency_key_reused");
    assert_eq!(rig.get(&path).await.ok()["name"], "b");
    for replayed in [None, Some("true")] {
        let gone = rig.send("delete", &path, &headers, "").await;
        assert_eq!((gone.status.as_u16(), gone.header("idempotent-replayed")), (204, replayed));
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_body_one_path_and_one_caller() {
    let rig = Rig::new().await;
    with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.ok();
    let other = with_key(&rig, SEGMENTS, "k-1", segment("b").to_string()).await;
    other.is_problem(422, "idempotency_key_reused");
    with_key(&rig, "/v1/segments?x=1", "k-1", segment("a").to_string()).await.is_problem(422, "idempotency_key_reused");
    // Another path, another key of the same tenant, another tenant: three other keys.
    let made = rig.post("/v1/api-keys", json!({ "name": "second", "kind": "secret" })).await.ok();
    let second = format!("Bearer {}", made["key"].as_str().unwrap());
    let theirs = format!("Bearer {}", rig.other.secret);
    for bearer in [second, theirs] {
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k-1")];
        rig.send("post", SEGMENTS, &headers, segment("b").to_string()).await.ok();
    }
    assert_eq!(segments(&rig).await, 2);
}

#[tokio::test]
async fn what_was_refused_is_refused_again_and_what_was_never_decided_is_decided_anew() {
    let rig = Rig::new().await;
    let unknown = json!({ "name": "x", "condition": { "segment": "seg_00000000000000000000000000" } }).to_string();
    let first = with_key(&rig, SEGMENTS, "refused", unknown.clone()).await;
    first.is_problem(422, "unknown_segment");
    let again = with_key(&rig, SEGMENTS, "refused", unknown).await;
    let (mut one, mut two) = (first.json(), again.is_problem(422, "unknown_segment"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_ne!(one["trace_id"], two["trace_id"], "each answer names its own request");
    (one["trace_id"], two["trace_id"]) = (Value::Null, Value::Null);
    assert_eq!(one, two);
    // A body that cannot be read has decided nothing: it is corrected under the same key.
    with_key(&rig, SEGMENTS, "typo", "{\"name\":").await.is_problem(400, "malformed_json");
    with_key(&rig, SEGMENTS, "typo", segment("a").to_string()).await.ok();
}

#[tokio::test]
async fn a_fault_is_not_an_answer() {
    let rig = Rig::new().await;
    rig.store.ready_fails(Some(Fault::DiskFull { free_bytes: 1, needed_bytes: 2 }));
    with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.is_problem(503, "disk_full");
    rig.store.ready_fails(None);
    let rig = Rig::new().await;
    rig.store.commits_fail(Some(Fault::Store("gone".into())));
    with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.is_problem(503, "store_unavailable");
    rig.store.commits_fail(None);
    let answer = with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.header("idempotent-replayed")), (201, None));
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_not_applied_twice() {
    let rig = Rig::new().await;
    let first = with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.ok();
    // As after a crash between the commit and the stored answer, when the lock has ended.
    forget(&rig).await;
    rig.clock.advance_to(START.plus_ms(61_000));
    let again = with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.ok();
    assert_eq!((first["id"].as_str(), segments(&rig).await), (again["id"].as_str(), 1));
}

#[tokio::test]
async fn a_request_in_progress_holds_its_key_for_a_minute() {
    let rig = Rig::new().await;
    with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.ok();
    // What a process that died in the middle of the request has left behind.
    let key = kept(&rig).await.pop().unwrap();
    let mut item = rig.store.load(&key).await.unwrap().unwrap();
    let mut record: Value = serde_json::from_slice(&item.body).unwrap();
    record["state"] = json!("running");
    item.body = record.to_string().into();
    let put = Put { key, expect: Expect::Anything, item: Some(item) };
    rig.store.commit(Commit { puts: vec![put], ..Commit::default() }).await.unwrap();
    let answer = with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await;
    answer.is_problem(409, "idempotency_key_in_progress");
    assert!(answer.header("retry-after").is_some());
    with_key(&rig, SEGMENTS, "k-1", segment("b").to_string()).await.is_problem(422, "idempotency_key_reused");
    rig.clock.advance_to(START.plus_ms(59_999));
    with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.is_problem(409, "idempotency_key_in_progress");
    rig.clock.advance_to(START.plus_ms(60_000));
    with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.ok();
    assert_eq!(segments(&rig).await, 1);
}

#[tokio::test]
async fn two_at_once_are_one() {
    let rig = Rig::new().await;
    let body = segment("a").to_string();
    let send = || with_key(&rig, SEGMENTS, "k-1", body.clone());
    let (one, two, three) = tokio::join!(send(), send(), send());
    let mut statuses = [one.status.as_u16(), two.status.as_u16(), three.status.as_u16()];
    statuses.sort_unstable();
    assert!(statuses.iter().all(|status| [201, 409].contains(status)) && statuses[0] == 201, "{statuses:?}");
    assert_eq!(segments(&rig).await, 1);
    assert_eq!(send().await.status, 201);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_and_the_forgotten_are_removed() {
    let rig = Rig::new().await;
    for index in 0..40 {
        let path = "/v1/segments/seg_00000000000000000000000000/publish";
        with_key(&rig, path, &format!("old-{index}"), "").await.is_problem(404, "not_found");
    }
    assert_eq!(kept(&rig).await.len(), 40);
    rig.clock.advance_to(START.plus_ms(24 * 3_600_000));
    let path = "/v1/segments/seg_00000000000000000000000000/publish";
    for index in 0..40 {
        let answer = with_key(&rig, path, &format!("new-{index}"), "").await;
        assert_eq!(answer.header("idempotent-replayed"), None);
    }
    assert!(kept(&rig).await.len() < 60, "{} are kept", kept(&rig).await.len());
    let answer = with_key(&rig, path, "old-0", "").await;
    assert_eq!(answer.header("idempotent-replayed"), None, "a day later it is a new request");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let rig = Rig::new().await;
    let body = json!({ "name": "server", "kind": "secret" }).to_string();
    let made = with_key(&rig, "/v1/api-keys", "k-1", body.clone()).await.ok();
    with_key(&rig, "/v1/api-keys", "k-1", body).await.is_problem(409, "answer_shown_once");
    let text = made["key"].as_str().unwrap();
    let holds = |item: &[u8]| item.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!rig.store.inner.items().iter().any(|(_, item)| holds(&item.body)));
}

#[tokio::test]
async fn keys_and_bodies_that_cannot_be_used_leave_nothing_behind() {
    let rig = Rig::new().await;
    for key in ["", &"x".repeat(256)] {
        with_key(&rig, SEGMENTS, key, segment("a").to_string()).await.is_problem(400, "invalid_idempotency_key");
    }
    let headers = [("idempotency-key", "k-1")];
    rig.send("post", SEGMENTS, &headers, segment("a").to_string()).await.is_problem(401, "missing_key");
    let write = format!("Bearer {}", rig.mine.write);
    let headers = [("authorization", write.as_str()), ("idempotency-key", "k-1")];
    rig.send("post", SEGMENTS, &headers, segment("a").to_string()).await.is_problem(403, "wrong_key_kind");
    with_key(&rig, SEGMENTS, "k-1", vec![b' '; 600 * 1024]).await.is_problem(413, "body_too_large");
    assert_eq!(kept(&rig).await, []);
    with_key(&rig, SEGMENTS, "k-1", &b"{\"name\":\"\xff\"}"[..]).await.is_problem(400, "malformed_json");
    with_key(&rig, SEGMENTS, "k-1", segment("a").to_string()).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_holds_no_key() {
    let rig = Rig::new().await;
    let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>());
    with_key(&rig, SEGMENTS, "k-1", body).await.is_problem(408, "body_too_slow");
    assert_eq!(kept(&rig).await, []);
}
