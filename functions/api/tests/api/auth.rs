//! Who may do what.

use crate::rig::{Rig, basic, track};
use serde_json::{Value, json};

#[tokio::test]
async fn the_header_counts_before_the_body() {
    let rig = Rig::new().await;
    let body = |id: &str, key: Option<&str>| {
        let mut body = json!({ "batch": [track("u-1", "Opened", id)] });
        if let Some(key) = key {
            body["writeKey"] = json!(key);
        }
        body.to_string()
    };
    let (own, bearer, unknown) = (basic(&rig.mine.write), format!("Bearer {}", rig.mine.write), basic("rb_wk_unknown"));
    let empty = basic("");
    let write = rig.mine.write.clone();
    for (index, (header, key, status)) in [
        (Some(own.as_str()), None, 200),
        (Some(own.as_str()), Some("rb_wk_unknown"), 200),
        (Some(bearer.as_str()), None, 200),
        (Some(empty.as_str()), Some(write.as_str()), 200),
        (None, Some(write.as_str()), 200),
        (None, None, 401),
        (None, Some("rb_wk_unknown"), 401),
        (Some(unknown.as_str()), Some(write.as_str()), 401),
        (Some("Basic %%%"), Some(write.as_str()), 401),
        (Some("Digest x"), Some(write.as_str()), 401),
    ]
    .into_iter()
    .enumerate()
    {
        let headers: Vec<(&str, &str)> = header.map(|header| ("authorization", header)).into_iter().collect();
        let answer = rig.send("post", "/v1/batch", &headers, body(&format!("m-{index}"), key)).await;
        assert_eq!(answer.status, status, "case {index}: {}", answer.text());
        if status == 401 {
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert!(answer.json()["code"].is_string() && answer.json()["message"].is_string());
        }
    }
    let answer =
        rig.send("post", "/v1/track", &[], json!({ "writeKey": write, "userId": "u", "event": "e" }).to_string());
    assert!(answer.await.status.is_success(), "the key in a single call's body");
    let answer = rig.send("post", "/v1/batch", &[("authorization", &basic(&"é".repeat(3_000)))], "{}").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_revoked_key_proves_nothing() {
    let rig = Rig::new().await;
    let made = rig.post("/v1/api-keys", json!({ "name": "old app", "kind": "write" })).await.ok();
    let key = made["key"].as_str().unwrap();
    let body = json!({ "batch": [] }).to_string();
    let authorization = basic(key);
    let send = async || rig.send("post", "/v1/batch", &[("authorization", &authorization)], body.clone()).await;
    assert!(send().await.status.is_success());
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(rig.secret(&rig.mine, "delete", &path, Value::Null).await.status, 204);
    send().await.is_problem(401, "unknown_key");
    rig.send("get", &format!("/v1/projects/{key}/settings"), &[], "").await.is_problem(404, "not_found");
    let listed = rig.get("/v1/api-keys").await.ok();
    let found = listed["data"].as_array().unwrap().iter().find(|one| one["id"] == made["id"]).unwrap();
    assert!(found["revoked_at"].is_string() && found.get("key").is_none() && found["prefix"].is_string());
    rig.secret(&rig.mine, "delete", "/v1/api-keys/key_0000000000000000", Value::Null)
        .await
        .is_problem(404, "not_found");
}

#[tokio::test]
async fn keys_are_checked_when_they_are_made() {
    let rig = Rig::new().await;
    let problem = rig.post("/v1/api-keys", json!({ "name": " ", "kind": "root", "scope": "all" })).await;
    let problem = problem.is_problem(400, "invalid_body");
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|place| place["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/name", "/kind", "/scope"]);
    let made = rig.post("/v1/api-keys", json!({ "name": "server", "kind": "secret" })).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, Some("no-store")));
    let bearer = format!("Bearer {}", made.json()["key"].as_str().unwrap());
    assert!(rig.send("get", "/v1/segments", &[("authorization", &bearer)], "").await.status.is_success());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let rig = Rig::new().await;
    rig.get("/v1/no-such-place").await.is_problem(404, "unknown_path");
    let answer = rig.secret(&rig.mine, "delete", "/v1/batch", Value::Null).await;
    answer.is_problem(405, "method_not_allowed");
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")), "{:?}", answer.headers);
    rig.secret(&rig.mine, "patch", "/v1/segments", Value::Null).await.is_problem(405, "method_not_allowed");
}
