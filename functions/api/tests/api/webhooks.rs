//! Webhook endpoints through the API, with the product's own worker and an endpoint that answers as it is told.

use crate::rig::{Rig, START, track};
use async_trait::async_trait;
use futures_util::future::join_all;
use roadbook_app::Config;
use roadbook_kernel::{DAY_MS, Moment};
use roadbook_runtime::ports::{Clock, HookAnswer, HookCall, Hooks};
use roadbook_send::Announcer;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const PATH: &str = "/v1/webhook-endpoints";
const ENTERED: &str = "cn.roadbook.segment.entered.v1";

/// Answers what it is told, and remembers what it was called with.
#[derive(Default)]
struct Told {
    answer: Mutex<Option<u16>>,
    calls: Mutex<Vec<(String, String, usize)>>,
}

#[async_trait]
impl Hooks for Told {
    async fn post(&self, call: HookCall<'_>) -> HookAnswer {
        let seen = (call.url.to_owned(), call.delivery.id.to_string(), call.secrets.len());
        self.calls.lock().unwrap().push(seen);
        HookAnswer::Status(self.answer.lock().unwrap().unwrap_or(200))
    }
}

struct World {
    rig: Rig,
    told: Arc<Told>,
    announcer: Arc<Announcer>,
}

impl World {
    async fn new() -> Self {
        let rig = Rig::new().await;
        let segment =
            json!({ "name": "all", "condition": { "event": "Opened", "count": { "op": "gte", "value": 1 } } });
        let segment = rig.post("/v1/segments", segment).await.ok()["id"].as_str().unwrap().to_owned();
        rig.post(&format!("/v1/segments/{segment}/publish"), Value::Null).await.ok();
        let told = Arc::new(Told::default());
        let announcer = Announcer::new(rig.app.engine.clone(), told.clone());
        Self { rig, told, announcer }
    }

    async fn endpoint(&self) -> Value {
        let body = json!({ "url": "https://hooks.example.com/in?token=t", "types": [ENTERED], "description": "CRM" });
        self.rig.post(PATH, body).await.ok()
    }

    async fn enters(&self, who: &str) {
        self.rig.taken(json!([track(who, "Opened", who)])).await;
        self.rig.relay().await;
        self.deliver().await;
    }

    async fn deliver(&self) {
        loop {
            let taken = self.announcer.take(256).await.unwrap();
            if taken.work.is_empty() {
                return;
            }
            join_all(taken.work).await;
        }
    }

    fn answer(&self, status: u16) {
        *self.told.answer.lock().unwrap() = Some(status);
    }

    fn calls(&self) -> Vec<(String, String, usize)> {
        self.told.calls.lock().unwrap().clone()
    }

    fn pass(&self, ms: i64) -> Moment {
        let now = self.rig.clock.now().plus_ms(ms);
        self.rig.clock.advance_to(now);
        now
    }
}

#[tokio::test]
async fn an_endpoint_is_made_shown_changed_and_removed() {
    let world = World::new().await;
    let rig = &world.rig;
    let body = json!({ "url": "https://hooks.example.com/in", "types": [ENTERED] });
    let made = rig.post(PATH, body).await;
    assert_eq!(
        (made.status.as_u16(), made.header("etag"), made.header("cache-control")),
        (201, Some("\"1\""), Some("no-store"))
    );
    let made = made.json();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_") && made["id"].as_str().unwrap().starts_with("whe_"));
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let shown = rig.get(&one).await;
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(
        shown.json(),
        json!({ "id": made["id"], "url": "https://hooks.example.com/in", "description": "", "types": [ENTERED],
            "status": "enabled", "disabled_because": null, "disabled_at": null, "failing_since": null,
            "created_at": "2026-01-01T00:00:00.000Z" }),
        "the secret was shown once"
    );
    assert_eq!(rig.get(PATH).await.ok()["data"], json!([shown.json()]));

    let change = json!({ "description": "CRM", "status": "disabled" });
    rig.change("patch", &one, None, change.clone()).await.is_problem(428, "if_match_required");
    rig.change("patch", &one, Some("\"9\""), change.clone()).await.is_problem(412, "stale_etag");
    let changed = rig.change("patch", &one, Some("\"1\""), change).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let changed = changed.json();
    assert_eq!((&changed["status"], &changed["disabled_because"]), (&json!("disabled"), &json!("operator")));
    assert_eq!(changed["description"], "CRM");
    assert_eq!(rig.post(&format!("{one}/enable"), Value::Null).await.ok()["status"], "enabled");
    rig.change("delete", &one, Some("\"2\""), Value::Null).await.is_problem(412, "stale_etag");
    assert_eq!(rig.change("delete", &one, Some("\"3\""), Value::Null).await.status, 204);
    rig.get(&one).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_is_refused_where_it_is_wrong() {
    let rig = Rig::new().await;
    let types = json!([ENTERED]);
    for (body, pointer, code) in [
        (json!({ "types": types }), "/url", "missing_field"),
        (json!({ "url": "http://example.com/", "types": types }), "/url", "not_https"),
        (json!({ "url": "https://127.0.0.1/", "types": types }), "/url", "address_not_public"),
        (json!({ "url": "https://localhost/", "types": types }), "/url", "address_not_public"),
        (json!({ "url": "https://[::1]/", "types": types }), "/url", "address_not_public"),
        (json!({ "url": "https://169.254.169.254/", "types": types }), "/url", "address_not_public"),
        (json!({ "url": "https://user:pass@example.com/", "types": types }), "/url", "malformed_url"),
        (json!({ "url": "/hooks", "types": types }), "/url", "malformed_url"),
        (json!({ "url": "example", "types": types }), "/url", "malformed_url"),
        (json!({ "url": format!("https://example.com/{}", "x".repeat(2_048)), "types": types }), "/url", "too_long"),
        (json!({ "url": "https://example.com/", "types": [] }), "/types", "empty_list"),
        (json!({ "url": "https://example.com/", "types": "all" }), "/types", "wrong_type"),
        (json!({ "url": "https://example.com/", "types": [ENTERED, "segment.entered"] }), "/types/1", "unknown_choice"),
        (json!({ "url": "https://example.com/", "types": types, "secret": "x" }), "/secret", "unknown_field"),
        (
            json!({ "url": "https://example.com/", "types": types, "description": "x".repeat(201) }),
            "/description",
            "too_long",
        ),
    ] {
        let problem = rig.post(PATH, body.clone()).await.is_problem(400, "invalid_body");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!(pointer), &json!(code)),
            "{body}"
        );
    }
    let beside = Rig::with(Config { webhooks_allow_http: true, ..Config::default() }).await;
    beside.post(PATH, json!({ "url": "http://127.0.0.1:9/", "types": types })).await.ok();
}

#[tokio::test]
async fn attempts_are_listed_and_a_rotation_signs_twice() {
    let world = World::new().await;
    let made = world.endpoint().await;
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    world.answer(500);
    world.enters("u-1").await;
    assert!(world.rig.get(&one).await.ok()["failing_since"].is_string());
    world.answer(200);
    world.pass(6_000);
    world.deliver().await;
    let rotated = world.rig.post(&format!("{one}/secret/rotate"), Value::Null).await;
    assert_eq!(rotated.header("cache-control"), Some("no-store"));
    assert_ne!(rotated.ok()["secret"], made["secret"]);
    world.enters("u-2").await;
    world.pass(DAY_MS + 1);
    world.enters("u-3").await;
    let secrets: Vec<usize> = world.calls().iter().map(|(_, _, secrets)| *secrets).collect();
    assert_eq!(secrets, [1, 1, 2, 1]);

    let list = world.rig.get(&format!("{one}/attempts")).await.ok();
    let told: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|row| (&row["attempt"], &row["status"], &row["error"])).collect();
    let ok = (&json!(1), &json!(200), &Value::Null);
    assert_eq!(told, [ok, ok, (&json!(2), &json!(200), &Value::Null), (&json!(1), &json!(500), &json!("http_500"))]);
    assert_eq!(list["data"][0]["type"], ENTERED);
    let text = list.to_string();
    assert!(!text.contains("example.com") && !text.contains("whsec"), "{text}");
}

#[tokio::test]
async fn one_message_or_everything_that_failed_is_sent_again() {
    let world = World::new().await;
    let id = world.endpoint().await["id"].as_str().unwrap().to_owned();
    let (one, replay) = (format!("{PATH}/{id}"), format!("{PATH}/{id}/replay"));
    world.enters("u-1").await;
    world.answer(410);
    world.enters("u-2").await;
    let shown = world.rig.get(&one).await.ok();
    assert_eq!((&shown["status"], &shown["disabled_because"]), (&json!("disabled"), &json!("gone")));
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    world.rig.post(&replay, since.clone()).await.is_problem(409, "endpoint_disabled");
    world.answer(200);
    world.rig.post(&format!("{one}/enable"), Value::Null).await.ok();
    let calls = world.calls();
    let (taken, failed) = (calls[0].1.clone(), calls[1].1.clone());

    assert_eq!(
        world.rig.post(&replay, since.clone()).await.ok(),
        json!({ "replayed": 1, "has_more": false, "after": null })
    );
    world.deliver().await;
    assert_eq!(world.rig.post(&replay, since).await.ok()["replayed"], 0, "nothing failed any more");
    let again = world.rig.post(&replay, json!({ "message": taken })).await;
    assert_eq!((again.status.as_u16(), &again.json()["replayed"]), (202, &json!(1)));
    world.deliver().await;
    let ids: Vec<String> = world.calls().into_iter().map(|(_, id, _)| id).collect();
    assert_eq!(ids, [taken.clone(), failed.clone(), failed, taken], "each under its own id");

    world.rig.post(&replay, json!({ "message": "whm_00000000000000000000000000" })).await.is_problem(404, "not_found");
    world.rig.post(&replay, json!({ "message": "nonsense" })).await.is_problem(404, "not_found");
    for body in [json!({}), json!({ "message": "x", "since": "2026-01-01T00:00:00Z" })] {
        assert_eq!(
            world.rig.post(&replay, body).await.is_problem(400, "invalid_body")["errors"][0]["code"],
            "one_of_two"
        );
    }
    let late = json!({ "since": "yesterday" });
    assert_eq!(world.rig.post(&replay, late).await.is_problem(400, "invalid_body")["errors"][0]["pointer"], "/since");
}

#[tokio::test]
async fn a_tenant_has_fifty_endpoints_and_hears_of_its_own_customers_only() {
    let world = World::new().await;
    for _ in 0..50 {
        world.endpoint().await;
    }
    let body = json!({ "url": "https://hooks.example.com/", "types": [ENTERED] });
    world.rig.post(PATH, body.clone()).await.is_problem(409, "too_many_endpoints");
    world.rig.secret(&world.rig.other, "post", PATH, body).await.ok();
    world.enters("u-1").await;
    assert_eq!(world.calls().len(), 50);
    assert!(world.calls().iter().all(|(url, _, _)| url == "https://hooks.example.com/in?token=t"));
    assert_eq!(world.rig.clock.now(), START);
}
