//! Nothing of one tenant can be seen or touched with the key of another: a row per path, none left out.

use crate::rig::{Answer, Rig, track};
use roadbook_api::{ROUTES, RouteClass};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a path does with somebody else's things.
enum Rule {
    /// Names one thing by an id: another tenant's is answered like one nobody has.
    OneThing(Value),
    /// Lists things: another tenant's are not among them.
    List,
    /// Names nothing that could be another tenant's.
    Own,
}

fn rules() -> Vec<(&'static str, &'static str, Rule)> {
    use Rule::{List, OneThing, Own};
    let segment = json!({ "name": "x", "condition": { "tag": "hot" } });
    let journey = json!({ "name": "x", "definition": {
        "entry": { "event": "e" }, "reentry": "once", "start": "a",
        "nodes": { "a": { "type": "wait", "duration": "PT1H", "next": "z" }, "z": { "type": "exit" } }
    }});
    let tag = json!({ "name_zh": "x", "name_en": "x", "group": "x", "type": "string", "origin": "hand" });
    vec![
        ("get", "/v1/profiles", List),
        ("get", "/v1/profiles/lookup", OneThing(Value::Null)),
        ("get", "/v1/profiles/{id}", OneThing(Value::Null)),
        ("get", "/v1/profiles/{id}/stages", OneThing(Value::Null)),
        ("get", "/v1/profiles/{id}/explain/segments/{seg}", OneThing(Value::Null)),
        ("get", "/v1/profiles/{id}/explain/sends/{snd}", OneThing(Value::Null)),
        ("get", "/v1/profiles/{id}/explain/journeys/{jrn}", OneThing(Value::Null)),
        ("get", "/v1/profiles/{id}/timeline", OneThing(Value::Null)),
        ("get", "/v1/profiles/{id}/consents", OneThing(Value::Null)),
        ("post", "/v1/profiles/{id}/consents", OneThing(json!({ "purpose": "marketing", "verdict": "granted" }))),
        ("put", "/v1/profiles/{id}/tags/{key}", OneThing(json!({ "value": "x" }))),
        ("delete", "/v1/profiles/{id}/tags/{key}", OneThing(Value::Null)),
        ("post", "/v1/profiles/{id}/identifiers/unbind", OneThing(json!({ "kind": "device", "value": "tablet-1" }))),
        ("get", "/v1/identity/conflicts", List),
        ("post", "/v1/identity/conflicts/{id}/dismiss", OneThing(Value::Null)),
        ("post", "/v1/identity/merge", OneThing(json!("merge"))),
        ("post", "/v1/identity/merge/preview", OneThing(json!("merge"))),
        ("post", "/v1/identity/unmerge", OneThing(json!("unmerge"))),
        ("get", "/v1/identity/policy", Own),
        ("put", "/v1/identity/policy", Own),
        ("get", "/v1/identity/reviews", List),
        ("post", "/v1/identity/reviews/{id}/resolve", OneThing(Value::Null)),
        ("get", "/v1/segments", List),
        ("post", "/v1/segments", OneThing(json!("refer"))),
        ("post", "/v1/segments/preview", OneThing(json!("refer"))),
        ("get", "/v1/segments/{id}", OneThing(Value::Null)),
        ("put", "/v1/segments/{id}", OneThing(segment)),
        ("delete", "/v1/segments/{id}", OneThing(Value::Null)),
        ("post", "/v1/segments/{id}/publish", OneThing(Value::Null)),
        ("get", "/v1/segments/{id}/stats", OneThing(Value::Null)),
        ("get", "/v1/segments/{id}/members", OneThing(Value::Null)),
        ("get", "/v1/journeys", List),
        ("post", "/v1/journeys", OneThing(json!("refer"))),
        ("get", "/v1/journeys/{id}", OneThing(Value::Null)),
        ("put", "/v1/journeys/{id}", OneThing(journey)),
        ("delete", "/v1/journeys/{id}", OneThing(Value::Null)),
        ("post", "/v1/journeys/{id}/publish", OneThing(Value::Null)),
        ("post", "/v1/journeys/{id}/pause", OneThing(Value::Null)),
        ("post", "/v1/journeys/{id}/resume", OneThing(Value::Null)),
        ("get", "/v1/journeys/{id}/stats", OneThing(Value::Null)),
        ("get", "/v1/journeys/{id}/diagram", OneThing(Value::Null)),
        ("get", "/v1/journeys/{id}/members", OneThing(Value::Null)),
        ("get", "/v1/tag-definitions", List),
        ("post", "/v1/tag-definitions", Own),
        ("post", "/v1/tag-definitions/load-builtin", Own),
        ("get", "/v1/tag-definitions/{key}", OneThing(Value::Null)),
        ("put", "/v1/tag-definitions/{key}", OneThing(tag)),
        ("delete", "/v1/tag-definitions/{key}", OneThing(Value::Null)),
        ("get", "/v1/dead-letters", List),
        ("get", "/v1/dead-letters/{id}", OneThing(Value::Null)),
        ("put", "/v1/dead-letters/{id}", OneThing(json!({ "type": "track", "userId": "u-9", "event": "e" }))),
        ("post", "/v1/dead-letters/{id}/replay", OneThing(Value::Null)),
        ("post", "/v1/dead-letters/replay", Own),
        ("get", "/v1/events/debug", List),
        ("post", "/v1/imports", Own),
        ("get", "/v1/jobs", List),
        ("get", "/v1/jobs/{id}", OneThing(Value::Null)),
        ("get", "/v1/sends/stats", List),
        ("get", "/v1/webhook-endpoints", List),
        ("post", "/v1/webhook-endpoints", Own),
        ("get", "/v1/webhook-endpoints/{id}", OneThing(Value::Null)),
        ("patch", "/v1/webhook-endpoints/{id}", OneThing(json!({ "description": "x" }))),
        ("delete", "/v1/webhook-endpoints/{id}", OneThing(Value::Null)),
        ("post", "/v1/webhook-endpoints/{id}/secret/rotate", OneThing(Value::Null)),
        ("post", "/v1/webhook-endpoints/{id}/enable", OneThing(Value::Null)),
        ("get", "/v1/webhook-endpoints/{id}/attempts", OneThing(Value::Null)),
        ("post", "/v1/webhook-endpoints/{id}/replay", OneThing(json!({ "since": "2026-01-01T00:00:00Z" }))),
        ("get", "/v1/api-keys", List),
        ("post", "/v1/api-keys", Own),
        ("delete", "/v1/api-keys/{id}", OneThing(Value::Null)),
        ("get", "/v1/me", Own),
        ("post", "/v1/me/password", Own),
        ("get", "/v1/users", List),
        ("post", "/v1/users", Own),
        ("get", "/v1/users/{id}", OneThing(Value::Null)),
        ("patch", "/v1/users/{id}", OneThing(json!({ "name": "x" }))),
        ("delete", "/v1/users/{id}", OneThing(Value::Null)),
    ]
}

/// The ids of one of everything that a tenant has.
struct Things {
    profile: String,
    second: String,
    segment: String,
    journey: String,
    letter: String,
    key: String,
    user: String,
    job: String,
    conflict: String,
    review: String,
    endpoint: String,
}

async fn things(rig: &Rig) -> Things {
    let id = |value: Value| value["id"].as_str().unwrap().to_owned();
    let segment =
        json!({ "name": "planted segment", "condition": { "event": "Opened", "count": { "op": "gte", "value": 1 } } });
    let segment = id(rig.post("/v1/segments", segment).await.ok());
    rig.post(&format!("/v1/segments/{segment}/publish"), Value::Null).await.ok();
    let journey = json!({ "name": "planted journey", "definition": {
        "entry": { "event": "Opened" }, "reentry": "once", "start": "a",
        "nodes": { "a": { "type": "send", "channel": "recording", "purpose": "service", "content": { "text": "x" }, "next": "z" },
                   "z": { "type": "exit" } }
    }});
    let tag =
        json!({ "key": "planted_tag", "name_zh": "x", "name_en": "x", "group": "x", "type": "bool", "origin": "hand" });
    rig.post("/v1/tag-definitions", tag).await.ok();
    let journey = id(rig.post("/v1/journeys", journey).await.ok());
    rig.post(&format!("/v1/journeys/{journey}/publish"), Value::Null).await.ok();
    rig.taken(
        json!([track("u-1", "Opened", "m-1"), track("u-2", "Opened", "m-2"), { "type": "track", "messageId": "m-3" }]),
    )
    .await;
    let (conflict, review) = crate::identity::planted(rig).await;
    let endpoint = json!({ "url": "https://planted.example.com/", "types": ["cn.roadbook.segment.entered.v1"] });
    let endpoint = id(rig.post("/v1/webhook-endpoints", endpoint).await.ok());
    rig.relay().await;
    let event = track("u-1", "Opened", "m-4");
    let job = id(rig.post("/v1/imports?format=ndjson", event).await.ok());
    Things {
        job,
        conflict,
        review,
        endpoint,
        profile: rig.profile_id("userId:u-1").await,
        second: rig.profile_id("userId:u-2").await,
        segment,
        journey,
        letter: rig.letters().await[0]["id"].as_str().unwrap().to_owned(),
        key: id(rig.post("/v1/api-keys", json!({ "name": "planted key", "kind": "write" })).await.ok()),
        user: id(rig.post("/v1/users", crate::people::person("planted@example.com", "auditor")).await.ok()),
    }
}

/// The path with the thing it names, and with one nobody has.
fn paths(path: &str, things: &Things) -> (String, String) {
    if path == "/v1/profiles/lookup" {
        return (format!("{path}?key=userId:u-1"), format!("{path}?key=userId:nobody"));
    }
    // Whatever else a path of a customer names is there: it is the customer who must not be found.
    let path = path
        .replace("{seg}", &things.segment)
        .replace("{jrn}", &things.journey)
        .replace("{snd}", "snd_00000000000000000000000000");
    let path = path.as_str();
    let (thing, prefix) = match path.split('/').nth(2) {
        Some("profiles") => (&things.profile, "cus_"),
        Some("segments") => (&things.segment, "seg_"),
        Some("journeys") => (&things.journey, "jrn_"),
        Some("dead-letters") => (&things.letter, "dl_"),
        Some("tag-definitions") => return (path.replace("{key}", "planted_tag"), path.replace("{key}", "no_tag")),
        Some("api-keys") => (&things.key, "key_"),
        Some("users") => (&things.user, "usr_"),
        Some("jobs") => (&things.job, "job_"),
        Some("webhook-endpoints") => (&things.endpoint, "whe_"),
        Some("identity") if path.contains("conflicts") => (&things.conflict, "cfl_"),
        Some("identity") if path.contains("reviews") => (&things.review, "rvw_"),
        _ => return (path.to_owned(), path.to_owned()),
    };
    let path = &path.replace("{key}", "vip");
    (path.replace("{id}", thing), path.replace("{id}", &format!("{prefix}00000000000000000000000000")))
}

/// The body as it names another tenant's things, and as it names nobody's.
fn bodies(path: &str, body: &Value, things: &Things) -> (Value, Value) {
    let nobody = ("cus_00000000000000000000000000", "cus_00000000000000000000000001");
    match body.as_str() {
        Some("merge") => {
            (json!({ "customers": [things.profile, things.second] }), json!({ "customers": [nobody.0, nobody.1] }))
        }
        Some("unmerge") => (
            json!({ "customer": things.profile, "restore": things.second }),
            json!({ "customer": nobody.0, "restore": nobody.1 }),
        ),
        Some("refer") => {
            let refer = |id: &str| match path {
                "/v1/segments" => json!({ "name": "x", "condition": { "segment": id } }),
                "/v1/segments/preview" => json!({ "condition": { "segment": id } }),
                _ => json!({ "name": "x", "definition": {
                    "entry": { "segment": id, "edge": "enter" }, "reentry": "once", "start": "z", "nodes": { "z": { "type": "exit" } }
                }}),
            };
            (refer(&things.segment), refer("seg_00000000000000000000000000"))
        }
        _ => (body.clone(), body.clone()),
    }
}

/// What is the same in two answers to one question about different ids.
fn told(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for member in ["instance", "trace_id"] {
        body[member] = Value::Null;
    }
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn every_secret_path_is_in_the_table() {
    let listed: BTreeSet<_> = rules().into_iter().map(|(method, path, _)| (method, path)).collect();
    let secret = ROUTES.iter().filter(|route| route.class == RouteClass::Secret);
    let existing: BTreeSet<_> = secret.map(|route| (route.method, route.path)).collect();
    assert_eq!(listed, existing, "a new path needs a row in rules()");
}

#[tokio::test]
async fn another_tenants_things_are_like_those_nobody_has() {
    let rig = Rig::new().await;
    let things = things(&rig).await;
    let before = rig.store.inner.items();
    for (method, path, rule) in rules() {
        let what = format!("{method} {path}");
        match rule {
            Rule::OneThing(body) => {
                let (theirs, nobodys) = paths(path, &things);
                let (their_body, nobodys_body) = bodies(path, &body, &things);
                let theirs = rig.secret(&rig.other, method, &theirs, their_body).await;
                let nobodys = rig.secret(&rig.other, method, &nobodys, nobodys_body).await;
                assert!(matches!(theirs.status.as_u16(), 404 | 422), "{what}: {}", theirs.text());
                assert_eq!(told(&theirs), told(&nobodys), "{what}");
            }
            Rule::List => {
                let answer = rig.secret(&rig.other, method, path, Value::Null).await.ok().to_string();
                for planted in [
                    "planted",
                    "m-3",
                    "intended",
                    &things.segment,
                    &things.journey,
                    &things.letter,
                    &things.key,
                    &things.user,
                    &things.job,
                    &things.profile,
                    &things.job,
                ] {
                    assert!(!answer.contains(planted), "{what} shows {planted}: {answer}");
                }
            }
            Rule::Own => {}
        }
    }
    let mine = |items: Vec<_>| {
        let of = |(key, _): &(roadbook_runtime::ports::ItemKey, _)| key.tenant() == rig.mine.id;
        items.into_iter().filter(of).collect::<Vec<_>>()
    };
    assert!(mine(before) == mine(rig.store.inner.items()), "nothing of the tenant has changed");
}

#[tokio::test]
async fn every_secret_path_asks_for_a_secret_key() {
    let rig = Rig::new().await;
    let things = things(&rig).await;
    for route in ROUTES.iter().filter(|route| route.class == RouteClass::Secret) {
        let (path, _) = paths(route.path, &things);
        let send = async |header: &str| rig.send(route.method, &path, &[("authorization", header)], "").await;
        let none = rig.send(route.method, &path, &[], "").await;
        none.is_problem(401, "missing_key");
        send("Bearer ").await.is_problem(401, "missing_key");
        send("Bearer rb_sk_unknown").await.is_problem(401, "unknown_key");
        send("Basic %%%").await.is_problem(401, "unreadable_authorization");
        send(&format!("Bearer {}", rig.mine.write)).await.is_problem(403, "wrong_key_kind");
    }
}

#[tokio::test]
async fn a_cursor_of_one_tenant_opens_nothing_of_another() {
    let rig = Rig::new().await;
    things(&rig).await;
    rig.taken(json!([{ "type": "track", "messageId": "m-4" }])).await;
    let page = rig.get("/v1/dead-letters?limit=1").await.ok();
    let path = format!("/v1/dead-letters?cursor={}", page["next_cursor"].as_str().unwrap());
    rig.secret(&rig.other, "get", &path, Value::Null).await.is_problem(400, "invalid_cursor");
    assert!(rig.get(&path).await.status.is_success());
}

#[tokio::test]
async fn the_same_identifier_is_another_customer_for_each_tenant() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Opened", "m-1")])).await;
    let basic = crate::rig::basic(&rig.other.write);
    let body = json!({ "batch": [track("u-1", "Opened", "m-1")] }).to_string();
    rig.send("post", "/v1/batch", &[("authorization", &basic)], body).await.ok();
    let theirs = rig.secret(&rig.other, "get", "/v1/profiles/lookup?key=userId:u-1", Value::Null).await.ok();
    assert_ne!(theirs["id"].as_str().unwrap(), rig.profile_id("userId:u-1").await);
    assert_eq!(theirs["events"], 1);
}
