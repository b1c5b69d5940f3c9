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

/// What stands in a path in place of each of its parameters.
struct Things {
    segment: String,
    journey: String,
    send: String,
}

/// Whether a route is about one customer, and the body it takes. A new route does not compile into this table by
/// itself: it is found missing, below, until somebody says here whether it shows or changes a customer.
fn about_one(route: &roadbook_api::RouteInfo, customer: &str) -> Option<Value> {
    let body = match (route.method, route.path.strip_prefix("/v1/profiles/{id}")) {
        (_, Some("" | "/timeline" | "/stages")) => Value::Null,
        (_, Some(path)) if path.starts_with("/explain/") => Value::Null,
        ("get", Some("/consents")) | ("delete", Some("/tags/{key}")) => Value::Null,
        ("post", Some("/consents")) => json!({ "purpose": "marketing", "verdict": "granted" }),
        ("put", Some("/tags/{key}")) => json!({ "value": "yes" }),
        ("post", Some("/identifiers/unbind")) => json!({ "kind": "user_id", "value": "u-2" }),
        _ => match (route.method, route.path) {
            ("post", "/v1/identity/merge" | "/v1/identity/merge/preview") => {
                json!({ "profiles": [customer, "cus_00000000000000000000000001"] })
            }
            ("post", "/v1/identity/unmerge") => json!({ "profile": customer, "merged": customer }),
            ("get", "/v1/profiles/lookup") => Value::Null,
            _ => return None,
        },
    };
    Some(body)
}

/// Routes about no one customer: lists and counts, which have tests of their own, and what belongs to the tenant.
fn about_nobody(path: &str) -> bool {
    const ROOTS: [&str; 18] = [
        "/v1/identity/conflicts",
        "/v1/identity/policy",
        "/v1/identity/reviews",
        "/v1/segments",
        "/v1/journeys",
        "/v1/tag-definitions",
        "/v1/dead-letters",
        "/v1/imports",
        "/v1/jobs",
        "/v1/events/debug",
        "/v1/sends/stats",
        "/v1/webhook-endpoints",
        "/v1/api-keys",
        "/v1/users",
        "/v1/me",
        "/v1/auth/token",
        "/v1/projects/{write_key}/settings",
        "/v1/openapi.json",
    ];
    path == "/v1/profiles"
        || ROOTS.iter().any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

impl Things {
    fn path(&self, pattern: &str, customer: &str, user: &str) -> String {
        let path = pattern
            .replacen("{id}", customer, 1)
            .replace("{seg}", &self.segment)
            .replace("{jrn}", &self.journey)
            .replace("{snd}", &self.send)
            .replace("{key}", "called");
        assert!(!path.contains('{'), "the table does not know a parameter of {pattern}");
        if pattern == "/v1/profiles/lookup" { format!("{path}?key=userId:{user}") } else { path }
    }
}

/// Two stores, a customer of each who got a message, and what they are in.
async fn two_stores(rig: &Rig) -> Things {
    let visited = json!({ "event": "Store Visited", "count": { "op": "gte", "value": 1 } });
    let segment = rig.post("/v1/segments", json!({ "name": "visited", "condition": visited })).await.ok();
    let segment = segment["id"].as_str().unwrap().to_owned();
    rig.post(&format!("/v1/segments/{segment}/publish"), Value::Null).await.ok();
    let definition = json!({
        "entry": { "segment": segment, "edge": "enter" }, "reentry": "once", "start": "invite",
        "nodes": {
            "invite": { "type": "send", "channel": "recording", "purpose": "marketing", "content": { "text": "Hello" },
                "next": "z" },
            "z": { "type": "exit" }
        }
    });
    let journey = rig.post("/v1/journeys", json!({ "name": "thanks", "definition": definition })).await.ok();
    let journey = journey["id"].as_str().unwrap().to_owned();
    rig.post(&format!("/v1/journeys/{journey}/publish"), Value::Null).await.ok();
    rig.taken(json!([visit("u-1", Some("4S001"), "m-1"), visit("u-2", Some("4S002"), "m-2")])).await;
    rig.relay().await;
    Things { segment, journey, send: String::new() }
}

/// The send that a customer has.
async fn send_of(rig: &Rig, customer: &str) -> String {
    let shown = rig.get(&format!("/v1/profiles/{customer}")).await.ok();
    shown["sends"][0]["send"].as_str().unwrap_or_else(|| panic!("no send: {shown}")).to_owned()
}

/// One table for every route there is: whoever has only a store learns the same of another store's customer as of one
/// that nobody has. A new route is asked the same question, or the test fails.
#[tokio::test]
async fn no_route_tells_a_store_of_another_stores_customer() {
    let rig = Rig::new().await;
    let mut things = two_stores(&rig).await;
    for role in ["dcc_agent", "tenant_admin"] {
        rig.post("/v1/users", at_store(&format!("{role}@example.com"), role)).await.ok();
    }
    let (own, theirs) = (rig.profile_id("userId:u-1").await, rig.profile_id("userId:u-2").await);
    let sends = [send_of(&rig, &own).await, send_of(&rig, &theirs).await];
    let nobody = "cus_00000000000000000000000000";
    let mut asked = 0;
    for route in roadbook_api::ROUTES {
        let Some(scope) = route.scope else { continue };
        let Some(body) = about_one(route, &theirs) else {
            assert!(
                about_nobody(route.path),
                "say in this test whether {} {} is about a customer",
                route.method,
                route.path
            );
            continue;
        };
        for role in ["dcc_agent", "tenant_admin"] {
            let token = token(&rig, &format!("{role}@example.com")).await;
            let at_a_store = roadbook_access::Scopes::AT_A_STORE.allows(scope);
            for body in [body.clone(), json!({})] {
                things.send = sends[1].clone();
                let path = things.path(route.path, &theirs, "u-2");
                let answer = changed(&rig, &token, route.method, &path, body.clone()).await;
                let path = things.path(route.path, nobody, "nobody");
                let body = serde_json::from_str(&body.to_string().replace(&theirs, nobody)).unwrap();
                let unknown = changed(&rig, &token, route.method, &path, body).await;
                let way = format!("{role}: {} {}", route.method, route.path);
                assert_eq!(plain(&answer), plain(&unknown), "{way}");
                assert!(!answer.status.is_success(), "{way}");
                if !at_a_store {
                    answer.is_problem(403, "missing_scope");
                }
            }
            if !at_a_store {
                continue;
            }
            asked += 1;
            let path = things.path(route.path, &theirs, "u-2");
            changed(&rig, &token, route.method, &path, body.clone()).await.is_problem(404, "not_found");
            // The same question about their own customer is one that has an answer.
            things.send = sends[0].clone();
            let path = things.path(route.path, &own, "u-1");
            let answer = changed(&rig, &token, route.method, &path, body.clone()).await;
            let allowed = role == "dcc_agent" || route.method == "get";
            assert!(!allowed || answer.status.is_success(), "{role}: {path}: {}", answer.text());
        }
    }
    assert!(asked >= 22, "{asked} questions");
}

async fn changed(rig: &Rig, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let body = if body.is_null() || matches!(method, "get" | "delete") { String::new() } else { body.to_string() };
    let bearer = format!("Bearer {token}");
    rig.send(method, path, &[("authorization", &bearer), ("if-match", "*")], body).await
}

/// An answer without what differs from request to request.
fn plain(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for member in ["trace_id", "instance"] {
        body[member] = Value::Null;
    }
    (answer.status.as_u16(), body)
}
