//! One process with one tenant, and a browser that keeps its cookies.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use roadbook_access::{KeyKind, Membership, Role, Status};
use roadbook_app::{App, Config};
use roadbook_kernel::{Moment, Personal};
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{Direct, Engine, KeyRing, Limits, ManualClock, Memory};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

/// When every test begins: 2026-01-01T00:00:00Z.
pub const START: Moment = Moment::from_millis(1_767_225_600_000);

/// The password of whoever signs in with one.
pub const PASSWORD: &str = "correct horse battery";

pub struct Rig {
    pub app: Arc<App>,
    pub secret: String,
    pub write: String,
    router: Router,
}

impl Rig {
    pub async fn new() -> Self {
        let store = Arc::new(Memory::default());
        let clock = Arc::new(ManualClock::at(START));
        let engine = Arc::new(Engine {
            store: store.clone(),
            history: store.clone(),
            journal: store,
            clock: clock.clone(),
            wall: clock,
            keys: KeyRing::new([7; 32]),
            catalogs: Default::default(),
            subscriptions: Default::default(),
            limits: Limits::default(),
            tally: Default::default(),
        });
        let deliver = Arc::new(Direct(engine.clone()));
        let router = Arc::new(roadbook_runtime::Router::new(engine.clone(), deliver));
        let app = Arc::new(App::new(engine, router, Config::default()));
        let tenant = app.tenants.create("Test Motors", [1; 16], START).await.unwrap().id;
        let write = app.access.create(tenant, KeyKind::Write, "app", [1; 32], START).await.unwrap().text;
        let secret = app.access.create(tenant, KeyKind::Secret, "server", [2; 32], START).await.unwrap().text;
        let api = roadbook_api::router(app.clone());
        let console = roadbook_pages::router(api.clone()).unwrap();
        Self { app, secret, write, router: api.merge(console) }
    }

    /// One more tenant, in which a person has a place too.
    pub async fn second_place(&self, login: &str, tenant: &str) {
        let id = self.app.tenants.create(tenant, [9; 16], START).await.unwrap().id;
        let membership = Membership {
            name: Personal::new("Test Person".into()),
            roles: vec![Role::Auditor],
            org_scope: None,
            status: Status::Active,
            since: START,
        };
        self.app.people.users.join(id, &login.parse().unwrap(), membership).await.unwrap();
    }

    /// A call of the API, which must succeed.
    pub async fn api(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("authorization", format!("Bearer {}", self.secret)), ("if-match", "\"1\"".to_owned())];
        let answer = self.send(method, path, &headers, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
        if answer.text.is_empty() { Value::Null } else { serde_json::from_str(&answer.text).unwrap() }
    }

    /// Sends events, as SDKs do.
    pub async fn taken(&self, events: Value) {
        let body = json!({ "writeKey": self.write, "batch": events }).to_string();
        let answer = self.send("post", "/v1/batch", &[], body).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        let mut relay = Relay::open(&self.app.engine).await.unwrap();
        while relay.pass(&self.app.engine, 256).await.unwrap() > 0 {}
    }

    pub async fn customer(&self, key: &str) -> String {
        let profile = self.api("get", &format!("/v1/profiles/lookup?key={key}"), Value::Null).await;
        profile["id"].as_str().unwrap().to_owned()
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, String)], body: String) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap());
        request = request.uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { rig: self, cookies: Mutex::default(), accepts: "en" }
    }

    /// A browser in which somebody new with this role has signed in.
    pub async fn person(&self, role: &str) -> Browser<'_> {
        let login = format!("{role}@example.com");
        let body = json!({ "login": login, "name": "Test Person", "roles": [role], "password": PASSWORD });
        self.api("post", "/v1/users", body).await;
        self.again(role).await
    }

    /// Another browser of the same person.
    pub async fn again(&self, role: &str) -> Browser<'_> {
        let browser = self.browser();
        let csrf = browser.get("/console/sign-in").await.csrf();
        let login = format!("{role}@example.com");
        let fields = [("csrf", csrf.as_str()), ("login", login.as_str()), ("password", PASSWORD)];
        let answer = browser.post("/console/sign-in", &fields).await;
        assert_eq!(answer.location(), "/console", "{}", answer.text);
        browser
    }

    /// A browser that has signed in with the secret key.
    pub async fn signed_in(&self) -> Browser<'_> {
        let browser = self.browser();
        let page = browser.get("/console/sign-in").await;
        let answer = browser.post("/console/sign-in", &[("csrf", &page.csrf()), ("key", &self.secret)]).await;
        assert_eq!(answer.location(), "/console", "{}", answer.text);
        browser
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    pub fn location(&self) -> &str {
        assert!(self.status.is_redirection(), "{}: {}", self.status, self.text);
        self.header("location")
    }

    /// What the first form of the page carries.
    #[track_caller]
    pub fn csrf(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"csrf\" value=\"").expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }

    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
    }
}

pub struct Browser<'a> {
    pub rig: &'a Rig,
    pub cookies: Mutex<BTreeMap<String, String>>,
    pub accepts: &'static str,
}

impl Browser<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("get", path, String::new(), &[]).await
    }

    /// A page that must be there.
    pub async fn page(&self, path: &str) -> Answer {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {} {}", answer.header("location"), answer.text);
        answer
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.ask("post", path, body.join("&"), &[("content-type", "application/x-www-form-urlencoded".into())]).await
    }

    /// A form with what it must carry, taken from the first page.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.page("/console").await.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    pub async fn ask(&self, method: &str, path: &str, body: String, more: &[(&str, String)]) -> Answer {
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = vec![("accept-language", self.accepts.to_owned())];
        if !cookies.is_empty() {
            headers.push(("cookie", cookies.join("; ")));
        }
        headers.extend_from_slice(more);
        let answer = self.rig.send(method, path, &headers, body).await;
        for line in answer.cookies() {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            let mut kept = self.cookies.lock().unwrap();
            if value.is_empty() {
                kept.remove(name);
            } else {
                kept.insert(name.into(), value.into());
            }
        }
        answer
    }
}

pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
