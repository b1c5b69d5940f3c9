//! Somebody at a store sees the customers of that store. Others do not exist for them.

use crate::people::{at_store, person, token, with};
use crate::rig::{Answer, Rig};
use serde_json::{Value, json};

fn visit(user: &str, store: Option<&str>, id: &str) -> Value {
    let properties = store.map_or(json!({}), |store| json!({ "store_id": store }));
    json!({ "type": "track", "userId": user, "event": "Store Visited", "messageId": id, "properties": properties })
}

/// Every way to ask for one customer.
async fn asked(rig: &Rig, token: &str, id: &str, user: &str) -> Vec<(String, Answer)> {
    let consent = json!({ "purpose": "marketing", "verdict": "granted" });
    let ways = [
        ("get", format!("/v1/profiles/{id}"), Value::Null),
        ("get", format!("/v1/profiles/lookup?key=userId:{user}"), Value::Null),
        ("get", format!("/v1/profiles/{id}/timeline"), Value::Null),
        ("get", format!("/v1/profiles/{id}/stages"), Value::Null),
        ("get", format!("/v1/profiles/{id}/consents"), Value::Null),
        ("post", format!("/v1/profiles/{id}/consents"), consent),
        ("put", format!("/v1/profiles/{id}/tags/called"), json!({ "value": "yes" })),
    ];
    let mut answers = Vec::new();
    for (method, path, body) in ways {
        answers.push((format!("{method} {path}"), with(rig, token, method, &path, body).await));
    }
    answers
}

fn told(answer: &Answer) -> Value {
    let mut problem = answer.is_problem(404, "not_found");
    for member in ["trace_id", "instance"] {
        problem[member] = Value::Null;
    }
    problem
}

#[tokio::test]
async fn a_customer_of_another_store_is_like_one_nobody_has() {
    let rig = Rig::new().await;
    rig.taken(json!([
        visit("u-1", Some("4S001"), "m-1"),
        visit("u-2", Some("4S002"), "m-2"),
        visit("u-3", None, "m-3"),
        visit("u-4", Some("4S001"), "m-4"),
        visit("u-4", Some("4S002"), "m-5"),
    ]))
    .await;
    rig.post("/v1/users", at_store("dcc@example.com", "dcc_agent")).await.ok();
    rig.post("/v1/users", person("oem@example.com", "oem_operations")).await.ok();
    let (dcc, oem) = (token(&rig, "dcc@example.com").await, token(&rig, "oem@example.com").await);
    let nobody = asked(&rig, &dcc, "cus_00000000000000000000000000", "nobody").await;
    for (user, visible) in [("u-1", true), ("u-2", false), ("u-3", false), ("u-4", true)] {
        let id = rig.profile_id(&format!("userId:{user}")).await;
        for (index, (way, answer)) in asked(&rig, &dcc, &id, user).await.into_iter().enumerate() {
            if visible {
                assert!(answer.status.is_success(), "{way}: {}", answer.text());
            } else {
                assert_eq!(told(&answer), told(&nobody[index].1), "{way}");
            }
        }
        for (way, answer) in asked(&rig, &oem, &id, user).await {
            assert!(answer.status.is_success(), "{way}: {}", answer.text());
        }
    }
    let untouched = rig.profile_id("userId:u-2").await;
    let timeline = rig.get(&format!("/v1/profiles/{untouched}/timeline")).await.ok();
    assert_eq!(timeline.to_string().matches("\"granted\"").count(), 1, "the whole tenant's word alone: {timeline}");
    let path = format!("/v1/profiles/{untouched}/tags/called");
    with(&rig, &dcc, "delete", &path, Value::Null).await.is_problem(404, "not_found");
    assert!(rig.get(&format!("/v1/profiles/{untouched}")).await.ok()["tags"]["called"].is_object());
}

#[tokio::test]
async fn lists_and_counts_are_those_of_the_store() {
    let rig = Rig::new().await;
    let visited = json!({ "event": "Store Visited", "count": { "op": "gte", "value": 1 } });
    let segment = rig.post("/v1/segments", json!({ "name": "visited", "condition": visited })).await.ok();
    let segment = segment["id"].as_str().unwrap().to_owned();
    rig.post(&format!("/v1/segments/{segment}/publish"), Value::Null).await.ok();
    rig.taken(json!([
        visit("u-1", Some("4S001"), "m-1"),
        visit("u-2", Some("4S002"), "m-2"),
        visit("u-3", None, "m-3")
    ]))
    .await;
    rig.post("/v1/users", at_store("dcc@example.com", "dcc_agent")).await.ok();
    let dcc = token(&rig, "dcc@example.com").await;
    let members = format!("/v1/segments/{segment}/members");
    assert_eq!(rig.get(&members).await.ok()["data"].as_array().map(Vec::len), Some(3));
    let mine = with(&rig, &dcc, "get", &members, Value::Null).await.ok();
    let ids: Vec<&Value> = mine["data"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, [&json!(rig.profile_id("userId:u-1").await)]);
    for path in ["/v1/profiles?key=userId:u-2", "/v1/profiles?q=u-2"] {
        assert_eq!(rig.get(path).await.ok()["data"].as_array().map(Vec::len), Some(1), "{path}");
        assert_eq!(with(&rig, &dcc, "get", path, Value::Null).await.ok()["data"], json!([]), "{path}");
    }
    let path = format!("/v1/profiles?segment={segment}");
    let found = with(&rig, &dcc, "get", &path, Value::Null).await.ok();
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
    let preview = json!({ "condition": visited });
    assert_eq!(rig.post("/v1/segments/preview", preview.clone()).await.ok()["count"], 3);
    let seen = with(&rig, &dcc, "post", "/v1/segments/preview", preview).await.ok();
    assert_eq!((&seen["count"], seen["sample"].as_array().map(Vec::len)), (&json!(1), Some(1)));
}

/// What cannot be divided by stores is closed to whoever has only one, whatever their role.
#[tokio::test]
async fn what_belongs_to_the_whole_tenant_is_not_for_a_store() {
    let rig = Rig::new().await;
    rig.post("/v1/users", at_store("admin@example.com", "tenant_admin")).await.ok();
    let admin = token(&rig, "admin@example.com").await;
    for (method, path) in [
        ("get", "/v1/dead-letters"),
        ("get", "/v1/identity/conflicts"),
        ("post", "/v1/identity/merge"),
        ("post", "/v1/segments"),
        ("post", "/v1/journeys"),
    ] {
        with(&rig, &admin, method, path, Value::Null).await.is_problem(403, "missing_scope");
    }
    assert!(with(&rig, &admin, "get", "/v1/users", Value::Null).await.status.is_success());
    let key = with(&rig, &admin, "post", "/v1/api-keys", json!({ "name": "store", "kind": "secret" })).await.ok();
    let key = key["key"].as_str().unwrap();
    with(&rig, key, "get", "/v1/dead-letters", Value::Null).await.is_problem(403, "missing_scope");
}
