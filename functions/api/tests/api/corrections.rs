//! Dead letters: corrected, then sent again as a new message.

use crate::ingestion::gzip;
use crate::rig::{Answer, Rig, START, track};
use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use std::convert::Infallible;

/// A letter of this event, and its path.
async fn letter(rig: &Rig, event: Value) -> (Value, String) {
    let id = event["messageId"].clone();
    rig.taken(json!([event])).await;
    let found = rig.letters().await.into_iter().find(|letter| letter["message_id"] == id).expect("it has a letter");
    let path = format!("/v1/dead-letters/{}", found["id"].as_str().unwrap());
    (found, path)
}

async fn put(rig: &Rig, path: &str, body: impl Into<Body>) -> Answer {
    rig.send("put", path, &[("authorization", &format!("Bearer {}", rig.mine.secret))], body).await
}

#[tokio::test]
async fn a_correction_stands_beside_the_original_and_is_what_is_sent() {
    let rig = Rig::new().await;
    let (before, path) = letter(&rig, json!({ "type": "track", "userId": "u-1", "messageId": "m-1" })).await;
    rig.clock.advance_to(START.plus_ms(60_000));
    let corrected = put(&rig, &path, track("u-1", "Opened", "m-1").to_string()).await.ok();
    assert_eq!((&corrected["status"], &corrected["event"]), (&json!("corrected"), &before["event"]));
    assert_eq!(corrected["reason"], before["reason"]);
    assert_eq!(corrected["correction"]["event"]["event"], "Opened");
    assert_eq!(corrected["correction"]["at"], "2026-01-01T00:01:00.000Z");
    assert!(corrected["correction"]["by"].as_str().unwrap().starts_with("key_"));
    assert_eq!(rig.get(&path).await.ok(), corrected);
    rig.lookup("userId:u-1").await.is_problem(404, "not_found");

    rig.clock.advance_to(START.plus_ms(120_000));
    let answer = rig.post(&format!("{path}/replay"), Value::Null).await.ok();
    assert_eq!((&answer["status"], &answer["replay"]["outcome"]), (&json!("replayed"), &json!("applied")));
    assert_ne!(answer["replay"]["message"], answer["message"], "a replay is a new message");
    let profile = rig.profile_id("userId:u-1").await;
    let rows = rig.get(&format!("/v1/profiles/{profile}/timeline")).await.ok()["data"].clone();
    let event = rows.as_array().unwrap().iter().find(|row| row["name"] == "Opened").unwrap().clone();
    assert_eq!(event["occurred_at"], "2026-01-01T00:00:00.000Z", "when it first came");
    let again = rig.post(&format!("{path}/replay"), Value::Null).await.ok();
    assert_eq!(again["replay"]["outcome"], "duplicate");
    assert_eq!(rig.lookup("userId:u-1").await.ok()["events"], 1);
    put(&rig, &path, track("u-1", "Other", "m-1").to_string()).await.is_problem(409, "already_applied");
}

#[tokio::test]
async fn a_correction_that_is_still_wrong_is_refused_with_its_place() {
    let rig = Rig::new().await;
    let (before, path) = letter(&rig, json!({ "type": "track", "userId": "u-1", "messageId": "m-1" })).await;
    for (event, code, pointer) in [
        (json!({ "type": "track", "userId": "u-1" }), "event_name_missing", "/event"),
        (json!({ "userId": "u-1", "event": "e" }), "type_missing", "/type"),
        (json!({ "type": "track", "event": "e" }), "no_usable_identifier", ""),
        (json!({ "type": "track", "event": "e", "userId": { "a": 1 } }), "wrong_type", "/userId"),
        (
            json!({ "type": "track", "event": "e", "userId": "u-1", "timestamp": "soon" }),
            "malformed_timestamp",
            "/timestamp",
        ),
        (json!({}), "type_missing", "/type"),
    ] {
        let problem = put(&rig, &path, event.to_string()).await.is_problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(rig.get(&path).await.ok(), before, "nothing of it was kept");
    put(&rig, "/v1/dead-letters/dl_00000000000000000000000000", "{}").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_change_nothing() {
    let rig = Rig::new().await;
    let (before, path) = letter(&rig, json!({ "type": "track", "userId": "u-1", "messageId": "m-1" })).await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let huge = r#"{"type":"track","event":"e","userId":"u-1","properties":{"n":1e999}}"#;
    for (body, code) in [
        (&b"["[..], "malformed_json"),
        (b"{\"type\":\"\xff\"}", "malformed_json"),
        (deep.as_bytes(), "malformed_json"),
        (huge.as_bytes(), "malformed_json"),
        (b"[]", "wrong_type"),
        (b"7", "wrong_type"),
    ] {
        put(&rig, &path, body.to_vec()).await.is_problem(400, code);
    }
    let bomb = gzip(&vec![b' '; 50_000_000]);
    put(&rig, &path, bomb).await.is_problem(413, "body_too_large");
    let large = json!({ "type": "track", "event": "e", "userId": "u-1", "properties": { "x": "y".repeat(40_000) } });
    put(&rig, &path, large.to_string()).await.is_problem(422, "event_too_large");
    // Deeper than the reader goes, but not deeper than JSON is read.
    let nested = format!("{}1{}", r#"{"a":"#.repeat(120), "}".repeat(120));
    let nested = format!(r#"{{"type":"track","event":"e","userId":"u-1","properties":{nested}}}"#);
    let answer = put(&rig, &path, nested).await;
    assert!(answer.status.is_success() || answer.status == 422, "{}", answer.text());
    if !answer.status.is_success() {
        assert_eq!(rig.get(&path).await.ok(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_correction_that_does_not_arrive_is_no_correction() {
    let rig = Rig::new().await;
    let (_, path) = letter(&rig, json!({ "type": "track", "userId": "u-1", "messageId": "m-1" })).await;
    let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>());
    put(&rig, &path, body).await.is_problem(408, "body_too_slow");
}

/// The person who corrects a letter sees masks, changes what is wrong, and sends the rest back as it was shown.
#[tokio::test]
async fn what_is_masked_can_be_sent_back_and_stands_for_its_value() {
    let rig = Rig::new().await;
    let event = json!({
        "type": "identify", "userId": "u-1", "messageId": "m-1", "timestamp": "yesterday",
        "traits": { "phone": "13800000001", "name": "Test Person", "city": "Testville" }
    });
    let (shown, path) = letter(&rig, event).await;
    let mut edited = shown["event"].clone();
    assert_ne!(edited["traits"]["phone"], "13800000001");
    edited["timestamp"] = json!("2025-12-31T12:00:00Z");
    let corrected = put(&rig, &path, edited.to_string()).await.ok();
    assert!(!corrected.to_string().contains("13800000001"), "{corrected}");
    let moved = json!({ "type": "identify", "userId": "u-1", "traits": { "nick": edited["traits"]["name"] } });
    let problem = put(&rig, &path, moved.to_string()).await.is_problem(422, "masked_value");
    assert_eq!(problem["errors"][0]["pointer"], "/traits/nick");
    rig.post(&format!("{path}/replay"), Value::Null).await.ok();
    assert_eq!(rig.profile_id("phone:13800000001").await, rig.profile_id("userId:u-1").await);
}

#[tokio::test]
async fn two_people_do_not_overwrite_each_others_correction_unseen() {
    let rig = Rig::new().await;
    let (_, path) = letter(&rig, json!({ "type": "track", "userId": "u-1", "messageId": "m-1" })).await;
    let tag = rig.get(&path).await.header("etag").expect("a letter has an ETag").to_owned();
    let bearer = format!("Bearer {}", rig.mine.secret);
    let headers = [("authorization", bearer.as_str()), ("if-match", tag.as_str())];
    let first = rig.send("put", &path, &headers, track("u-1", "Opened", "m-1").to_string()).await;
    assert!(first.status.is_success() && first.header("etag").is_some_and(|now| now != tag), "{}", first.text());
    let second = rig.send("put", &path, &headers, track("u-1", "Other", "m-1").to_string()).await;
    second.is_problem(412, "stale_etag");
    let nameless = [("authorization", bearer.as_str()), ("if-match", "")];
    let third = rig.send("put", &path, &nameless, track("u-1", "Other", "m-1").to_string()).await;
    third.is_problem(400, "malformed_if_match");
    assert_eq!(rig.get(&path).await.json()["correction"]["event"]["event"], "Opened");
}

#[tokio::test]
async fn letters_are_found_by_status_and_code() {
    let rig = Rig::new().await;
    letter(&rig, json!({ "type": "track", "userId": "u-1", "messageId": "m-1" })).await;
    let (_, path) = letter(&rig, json!({ "userId": "u-1", "messageId": "m-2" })).await;
    put(&rig, &path, track("u-1", "Opened", "m-2").to_string()).await.ok();
    let found = async |query: &str| {
        let page = rig.get(&format!("/v1/dead-letters?{query}")).await.ok();
        page["data"].as_array().unwrap().iter().map(|row| row["message_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(found("status=open").await, ["m-1"]);
    assert_eq!(found("status=corrected").await, ["m-2"]);
    assert_eq!(found("code=type_missing").await, ["m-2"]);
    assert_eq!(found("status=open&code=type_missing").await, Vec::<Value>::new());
    assert_eq!(found("code=").await.len(), 2);
}

/// What a customer refused was read long ago; its correction is a client's event all the same.
#[tokio::test]
async fn a_refused_command_is_corrected_like_an_event() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Opened", "m-0")])).await;
    for index in 0..4 {
        let traits: serde_json::Map<String, Value> =
            (0..100).map(|key| (format!("t{index}-{key}"), json!("x".repeat(150)))).collect();
        let id = format!("grow-{index}");
        rig.taken(json!([{ "type": "identify", "userId": "u-1", "traits": traits, "messageId": id }])).await;
    }
    let letters = rig.letters().await;
    let refused = letters.iter().find(|letter| letter["kind"] == "command").expect("the customer is full");
    let path = format!("/v1/dead-letters/{}", refused["id"].as_str().unwrap());
    put(&rig, &path, json!({ "type": "track", "userId": "u-2", "event": "Asked" }).to_string()).await.ok();
    let answer = rig.post(&format!("{path}/replay"), Value::Null).await.ok();
    assert_eq!(answer["replay"]["outcome"], "applied");
    assert_eq!(rig.lookup("userId:u-2").await.ok()["events"], 1);
}
