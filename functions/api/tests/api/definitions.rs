//! Segments and journeys over the API, and what they do to customers.

use crate::rig::{Rig, track};
use roadbook_runtime::advance_backfill;
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * 3_600_000;
const NOBODY: &str = "seg_00000000000000000000000000";

fn twice() -> Value {
    json!({ "name": "Twice", "condition": { "event": "Opened", "count": { "op": "gte", "value": 2 } } })
}

fn welcome(purpose: &str) -> Value {
    json!({ "name": "Welcome", "definition": {
        "entry": { "event": "Signed Up" }, "reentry": "once", "start": "pause",
        "nodes": {
            "pause": { "type": "wait", "duration": "P1D", "next": "hello" },
            "hello": { "type": "send", "channel": "recording", "purpose": purpose, "content": { "text": "hello" }, "next": "over" },
            "over": { "type": "exit" }
        }
    }})
}

async fn made(rig: &Rig, path: &str, body: Value) -> String {
    let answer = rig.post(path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(format!("{path}/{id}").as_str()));
    id
}

#[tokio::test]
async fn a_segment_is_drafted_edited_and_published() {
    let rig = Rig::new().await;
    let id = made(&rig, "/v1/segments", twice()).await;
    let path = format!("/v1/segments/{id}");
    let draft = rig.get(&path).await.ok();
    assert_eq!(
        (&draft["status"], &draft["revision"], &draft["published_revision"]),
        (&json!("draft"), &json!(1), &Value::Null)
    );
    let published = rig.post(&format!("{path}/publish"), Value::Null).await.ok();
    assert_eq!((&published["status"], &published["published_revision"]), (&json!("live"), &json!(1)));
    rig.post(&format!("{path}/publish"), Value::Null).await.is_problem(409, "already_published");
    let edited = json!({ "name": "Thrice", "condition": { "event": "Opened", "count": { "op": "gte", "value": 3 } } });
    let edited = rig.secret(&rig.mine, "put", &path, edited).await.ok();
    assert_eq!(
        (&edited["name"], &edited["revision"], &edited["published_revision"]),
        (&json!("Thrice"), &json!(2), &json!(1))
    );
    rig.taken(json!([track("u-1", "Opened", "m-1"), track("u-1", "Opened", "m-2")])).await;
    let profile = rig.lookup("userId:u-1").await.ok();
    assert_eq!(profile["segments"][0]["id"], json!(id), "the published revision counts: {profile}");
    rig.post(&format!("{path}/publish"), Value::Null).await.ok();
    rig.taken(json!([track("u-1", "Opened", "m-3")])).await;
    let profile = rig.lookup("userId:u-1").await.ok();
    assert_eq!(profile["segments"][0]["since"], "2026-01-01T00:00:00.000Z", "inside all along: {profile}");
    rig.relay().await;
    assert_eq!(rig.get(&format!("{path}/stats")).await.ok()["members"], 1);
}

#[tokio::test]
async fn nobody_overwrites_what_they_have_not_read() {
    let rig = Rig::new().await;
    for (list, body) in [("/v1/segments", twice()), ("/v1/journeys", welcome("service"))] {
        let made = rig.post(list, body.clone()).await;
        let path = made.header("location").unwrap().to_owned();
        assert_eq!((made.header("etag"), rig.get(&path).await.header("etag")), (Some("\"1\""), Some("\"1\"")));
        rig.change("put", &path, None, body.clone()).await.is_problem(428, "if_match_required");
        rig.change("put", &path, Some("1"), body.clone()).await.is_problem(400, "malformed_if_match");
        assert_eq!(rig.change("put", &path, Some("\"1\""), body.clone()).await.header("etag"), Some("\"2\""));
        let problem = rig.change("put", &path, Some("\"1\""), body.clone()).await.is_problem(412, "stale_etag");
        assert!(problem["detail"].as_str().unwrap().contains("\"2\""), "{problem}");
        // Two authors at once: whoever comes second is told, however close.
        let both = futures_util::future::join(
            rig.change("put", &path, Some("\"2\""), body.clone()),
            rig.change("put", &path, Some("\"2\""), body.clone()),
        );
        let (one, other) = both.await;
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        assert_eq!(rig.change("put", &path, Some("*"), body).await.header("etag"), Some("\"4\""));
    }
}

#[tokio::test]
async fn publishing_a_segment_counts_the_past_too() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Opened", "m-1"), track("u-1", "Opened", "m-2"), track("u-2", "Opened", "m-3")]))
        .await;
    let id = made(&rig, "/v1/segments", twice()).await;
    let stats = format!("/v1/segments/{id}/stats");
    assert_eq!(rig.get(&stats).await.ok(), json!({ "id": id, "members": 0, "backfill": null }));
    rig.post(&format!("/v1/segments/{id}/publish"), Value::Null).await.ok();
    assert_eq!(rig.get(&stats).await.ok()["backfill"]["done"], false);
    let deliver = rig.app.router.deliver().clone();
    while advance_backfill(&rig.app.engine, deliver.as_ref(), rig.mine.id, 100).await.unwrap() {}
    rig.relay().await;
    let done = rig.get(&stats).await.ok();
    assert_eq!(
        (&done["members"], &done["backfill"]["done"], &done["backfill"]["scanned"]),
        (&json!(1), &json!(true), &json!(2))
    );
    assert_eq!(rig.lookup("userId:u-1").await.ok()["segments"][0]["id"], json!(id));
}

#[tokio::test]
async fn a_journey_is_walked_and_counted() {
    let rig = Rig::new().await;
    let id = made(&rig, "/v1/journeys", welcome("service")).await;
    let path = format!("/v1/journeys/{id}");
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!(stats["nodes"]["pause"], json!({ "entered": 0, "left": 0, "here": 0, "held": 0 }), "{stats}");
    rig.post(&format!("{path}/publish"), Value::Null).await.ok();
    rig.taken(json!([track("u-1", "Signed Up", "m-1")])).await;
    rig.relay().await;
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!(
        (&stats["entered"], &stats["active"], &stats["nodes"]["pause"]["here"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let run = rig.lookup("userId:u-1").await.ok()["journeys"][0].clone();
    assert_eq!(
        (&run["id"], &run["node"], &run["until"]),
        (&json!(id), &json!("pause"), &json!("2026-01-02T00:00:00.000Z"))
    );
    rig.wait(DAY_MS).await;
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!(
        (&stats["active"], &stats["completed"], &stats["goal"], &stats["exited"]),
        (&json!(0), &json!(1), &json!(0), &json!(0))
    );
    assert_eq!(rig.get("/v1/sends/stats").await.ok()["sends"], json!({ "intended": 1 }));
    let diagram = rig.get(&format!("{path}/diagram")).await;
    assert!(diagram.text().starts_with("flowchart TD") && diagram.text().contains("hello"), "{}", diagram.text());
    assert_eq!(diagram.header("content-type"), Some("text/plain; charset=utf-8"));
    let rows = rig.get(&format!("/v1/profiles/{}/timeline", rig.profile_id("userId:u-1").await)).await.ok();
    let facts: Vec<&str> = rows["data"].as_array().unwrap().iter().filter_map(|row| row["fact"].as_str()).collect();
    for fact in ["journey_entered", "journey_waiting", "journey_moved", "message_asked", "journey_ended"] {
        assert!(facts.contains(&fact), "{fact} in {facts:?}");
    }
}

#[tokio::test]
async fn marketing_waits_for_consent() {
    let rig = Rig::new().await;
    let id = made(&rig, "/v1/journeys", welcome("marketing")).await;
    rig.post(&format!("/v1/journeys/{id}/publish"), Value::Null).await.ok();
    rig.taken(json!([track("u-1", "Signed Up", "m-1"), track("u-2", "Signed Up", "m-2")])).await;
    let profile = rig.profile_id("userId:u-2").await;
    let consents = format!("/v1/profiles/{profile}/consents");
    rig.post(&consents, json!({ "purpose": "marketing", "verdict": "granted" })).await.ok();
    rig.wait(DAY_MS).await;
    assert_eq!(rig.get("/v1/sends/stats").await.ok()["sends"], json!({ "intended": 1, "suppressed/no_consent": 1 }));
}

#[tokio::test]
async fn invalid_definitions_are_refused_when_saved_and_name_the_place() {
    let rig = Rig::new().await;
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/clients/fixtures/invalid_definitions.json"
    ));
    let cases: Value = serde_json::from_str(&text.unwrap()).unwrap();
    for (path, kind) in [("/v1/segments", "segments"), ("/v1/journeys", "journeys")] {
        for case in cases[kind].as_array().unwrap() {
            let answer = rig.post(path, case["body"].clone()).await;
            assert!(matches!(answer.status.as_u16(), 400 | 422), "{}: {}", case["why"], answer.text());
            let problem = answer.json();
            let place = case["pointer"].as_str().unwrap();
            let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{}: {problem}", case["why"]));
            let hit = |error: &Value| {
                let pointer = error["pointer"].as_str().unwrap();
                let code = case["code"].is_null() || case["code"] == error["code"];
                code && (pointer == place || pointer.starts_with(&format!("{}/", place.trim_end_matches('/'))))
            };
            assert!(errors.iter().any(hit), "{}: nothing at {place} in {problem}", case["why"]);
        }
        let listed = rig.get(path).await.ok();
        assert_eq!(listed, json!({ "data": [], "next_cursor": null, "has_more": false }));
    }
    for (body, status, code) in [
        ("{", 400, "malformed_json"),
        ("[]", 400, "wrong_type"),
        ("{}", 400, "invalid_body"),
        ("", 400, "invalid_body"),
        (r#"{"name":7,"condition":{"tag":"x"}}"#, 400, "invalid_body"),
        (r#"{"name":" ","condition":{"tag":"x"}}"#, 422, "invalid_name"),
    ] {
        let headers = [("authorization", &*format!("Bearer {}", rig.mine.secret))];
        rig.send("post", "/v1/segments", &headers, body).await.is_problem(status, code);
    }
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(600_000));
    let headers = [("authorization", &*format!("Bearer {}", rig.mine.secret))];
    rig.send("post", "/v1/segments", &headers, large).await.is_problem(413, "body_too_large");
}

#[tokio::test]
async fn a_reference_to_a_segment_nobody_has_is_refused_with_its_place() {
    let rig = Rig::new().await;
    let known = made(&rig, "/v1/segments", twice()).await;
    let body =
        |id: &str| json!({ "name": "x", "condition": { "any": [{ "tag": "a/b" }, { "not": { "segment": id } }] } });
    let problem = rig.post("/v1/segments", body(NOBODY)).await;
    assert_eq!(problem.is_problem(422, "unknown_segment")["errors"][0]["pointer"], "/condition/any/1/not/segment");
    let second = made(&rig, "/v1/segments", body(&known)).await;
    let path = format!("/v1/segments/{second}");
    rig.secret(&rig.mine, "put", &path, body(NOBODY)).await.is_problem(422, "unknown_segment");
    // Saved, and not publishable before what it refers to.
    rig.post(&format!("{path}/publish"), Value::Null).await.is_problem(409, "cannot_publish");
    rig.post(&format!("/v1/segments/{known}/publish"), Value::Null).await.ok();
    rig.post(&format!("{path}/publish"), Value::Null).await.ok();
    let journey = |id: &str| {
        let mut body = welcome("service");
        body["definition"]["goal"] = json!({ "segment": id, "edge": "enter" });
        body
    };
    let problem = rig.post("/v1/journeys", journey(NOBODY)).await.is_problem(422, "unknown_segment");
    assert_eq!(problem["errors"][0]["pointer"], "/definition/goal/segment");
    made(&rig, "/v1/journeys", journey(&known)).await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let rig = Rig::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(made(&rig, "/v1/segments", twice()).await);
    }
    ids.sort();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rig.get(&format!("/v1/segments?limit=2{cursor}")).await.ok();
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        assert_eq!(page["has_more"], json!(!page["next_cursor"].is_null()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    rig.get(&format!("/v1/journeys?limit=2{cursor}")).await.is_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_repeated_request_with_a_key_makes_one_thing() {
    let rig = Rig::new().await;
    let authorization = format!("Bearer {}", rig.mine.secret);
    let send = async |key: &str, body: Value| {
        let headers = [("authorization", authorization.as_str()), ("idempotency-key", key)];
        rig.send("post", "/v1/segments", &headers, body.to_string()).await
    };
    let first = send("k-1", twice()).await.ok();
    rig.clock.advance_to(crate::rig::START.plus_ms(5));
    assert_eq!(send("k-1", twice()).await.ok(), first);
    assert_ne!(send("k-2", twice()).await.ok()["id"], first["id"]);
    assert_eq!(rig.get("/v1/segments").await.ok()["data"].as_array().unwrap().len(), 2);
    let wrong = json!({ "name": "x", "condition": { "weather": "sunny" } });
    send("k-3", wrong).await.is_problem(422, "invalid_condition");
    send("k-3", twice()).await.is_problem(422, "idempotency_key_reused");
    send("", twice()).await.is_problem(400, "invalid_idempotency_key");
}
