//! One process with two tenants, and a client that speaks to its router.

use crate::contract;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use roadbook_access::KeyKind;
use roadbook_app::{App, Config, Tenants};
use roadbook_channels::Documents;
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::ports::{Commit, CommitError, DueEntry, DueKind, Fault, Item, ItemKey, Space, Store};
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{Direct, Engine, KeyRing, Limits, ManualClock, Memory, sweep};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

/// When every test begins: 2026-01-01T00:00:00Z.
pub const START: Moment = Moment::from_millis(1_767_225_600_000);

/// A memory store that can be told to fail.
#[derive(Default)]
pub struct Failing {
    pub inner: Memory,
    ready: Mutex<Option<Fault>>,
    commits: Mutex<Option<Fault>>,
}

impl Failing {
    pub fn ready_fails(&self, fault: Option<Fault>) {
        *self.ready.lock().unwrap() = fault;
    }

    pub fn commits_fail(&self, fault: Option<Fault>) {
        *self.commits.lock().unwrap() = fault;
    }
}

#[async_trait]
impl Store for Failing {
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
        self.inner.load(key).await
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        self.inner.scan(space, tenant, prefix, after, limit).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        if let Some(fault) = self.commits.lock().unwrap().clone() {
            return Err(fault.into());
        }
        self.inner.commit(commit).await
    }

    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        self.inner.due(kind, until, limit).await
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        self.inner.due_page(kind, lane, from, limit).await
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        self.inner.next_due(kind).await
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.ready.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

/// History and journal live in the same memory.
struct Shared(Arc<Failing>);

mod shared {
    use super::Shared;
    use async_trait::async_trait;
    use roadbook_kernel::{ActorKey, MessageId};
    use roadbook_runtime::ports::{Committed, Fault, History, Journal, Turn};

    #[async_trait]
    impl Journal for Shared {
        async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
            self.0.inner.read(after, limit).await
        }

        async fn truncate(&self, upto: u64) -> Result<(), Fault> {
            self.0.inner.truncate(upto).await
        }

        fn last(&self) -> u64 {
            self.0.inner.last()
        }

        async fn wait(&self, after: u64) {
            self.0.inner.wait(after).await;
        }
    }

    #[async_trait]
    impl History for Shared {
        async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
            self.0.inner.turns(actor, after, limit).await
        }

        async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
            self.0.inner.turns_before(actor, before, limit).await
        }

        async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault> {
            self.0.inner.find(actor, message).await
        }
    }
}

/// The keys of one tenant.
pub struct Tenant {
    pub id: TenantId,
    pub write: String,
    pub secret: String,
}

pub struct Rig {
    pub app: Arc<App>,
    pub store: Arc<Failing>,
    pub clock: Arc<ManualClock>,
    pub mine: Tenant,
    pub other: Tenant,
    pub router: Router,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{} is no JSON ({error}): {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The answer is a problem document of this status and code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        for member in ["type", "title", "detail", "message"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
        }
        assert_eq!(
            (problem["status"].as_u64(), problem["code"].as_str()),
            (Some(status.into()), Some(code)),
            "{problem}"
        );
        problem
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.text());
        self.json()
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        Self::started(|_| config).await
    }

    /// With settings that know the tenants: the first is "one", the second "two".
    pub async fn started(config: impl FnOnce(&[TenantId; 2]) -> Config) -> Self {
        let store = Arc::new(Failing::default());
        let clock = Arc::new(ManualClock::at(START));
        let engine = Arc::new(Engine {
            store: store.clone(),
            history: Arc::new(Shared(store.clone())),
            journal: Arc::new(Shared(store.clone())),
            clock: clock.clone(),
            wall: clock.clone(),
            keys: KeyRing::new([7; 32]),
            catalogs: Default::default(),
            subscriptions: Default::default(),
            limits: Limits::default(),
            tally: Default::default(),
        });
        let deliver = Arc::new(Direct(engine.clone()));
        let router = Arc::new(roadbook_runtime::Router::new(engine.clone(), deliver));
        let tenants = Tenants::new(store.clone());
        let ids = [made(&tenants, "one", 1).await, made(&tenants, "two", 2).await];
        let fetch: Arc<dyn roadbook_runtime::ports::Fetch> = Arc::new(Documents::new().unwrap());
        let app = Arc::new(App::new(engine, router, config(&ids)).trusting(&fetch));
        let mine = tenant(&app, ids[0], 1).await;
        let other = tenant(&app, ids[1], 2).await;
        let router = roadbook_api::router(app.clone());
        Self { app, store, clock, mine, other, router }
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let body = body.into();
        // A body of unknown length may never end, and that is what its test is about.
        let (sent, body) = match HttpBody::size_hint(&body).exact() {
            Some(_) => {
                let sent = body.collect().await.unwrap().to_bytes();
                (sent.clone(), Body::from(sent))
            }
            None => (Bytes::new(), body),
        };
        let mut request = Request::new(body);
        *request.method_mut() = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, bytes };
        contract::hold(method, path, &sent, &answer);
        answer
    }

    /// A call of the secret API. What changes a thing says that it does not care which revision is there.
    pub async fn secret(&self, tenant: &Tenant, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let authorization = format!("Bearer {}", tenant.secret);
        let headers = [("authorization", authorization.as_str()), ("if-match", "*")];
        let sent = if matches!(method, "put" | "patch" | "delete") { &headers[..] } else { &headers[..1] };
        self.send(method, path, sent, body).await
    }

    /// The same with one's own key and an `If-Match`, or none.
    pub async fn change(&self, method: &str, path: &str, if_match: Option<&str>, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let authorization = format!("Bearer {}", self.mine.secret);
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(if_match.map(|tag| ("if-match", tag)));
        self.send(method, path, &headers, body).await
    }

    /// Carries every sweep over all customers to its end.
    pub async fn sweep(&self) {
        let deliver = self.app.router.deliver().clone();
        let (engine, tenant) = (&self.app.engine, self.mine.id);
        while roadbook_runtime::advance_backfill(engine, deliver.as_ref(), tenant, 2).await.unwrap() {}
        self.relay().await;
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.secret(&self.mine, "get", path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.secret(&self.mine, "post", path, body).await
    }

    /// Sends events with the write key, as SDKs do.
    pub async fn ingest(&self, path: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
        let basic = basic(&self.mine.write);
        let mut all = vec![("authorization", basic.as_str())];
        all.extend_from_slice(headers);
        self.send("post", path, &all, body).await
    }

    #[track_caller]
    pub fn batch<'a>(&'a self, events: Value) -> impl Future<Output = Answer> + 'a {
        self.ingest("/v1/batch", json!({ "batch": events }).to_string(), &[])
    }

    /// Sends events that must all be taken.
    pub async fn taken(&self, events: Value) {
        let answer = self.batch(events).await;
        assert_eq!(answer.ok(), json!({ "success": true }));
    }

    pub async fn lookup(&self, key: &str) -> Answer {
        self.get(&format!("/v1/profiles/lookup?key={key}")).await
    }

    pub async fn profile_id(&self, key: &str) -> String {
        self.lookup(key).await.ok()["id"].as_str().unwrap().to_owned()
    }

    pub async fn letters(&self) -> Vec<Value> {
        self.get("/v1/dead-letters").await.ok()["data"].as_array().unwrap().clone()
    }

    /// Carries everything the relay has not carried yet.
    pub async fn relay(&self) {
        let mut relay = Relay::open(&self.app.engine).await.unwrap();
        while relay.pass(&self.app.engine, 256).await.unwrap() > 0 {}
    }

    /// Moves the clock and fires what is due.
    pub async fn wait(&self, ms: i64) {
        use roadbook_runtime::ports::Clock;
        self.clock.advance_to(self.clock.now().plus_ms(ms));
        sweep::drain(&self.app.engine, self.app.router.deliver().as_ref(), self.clock.now()).await.unwrap();
        self.relay().await;
    }

    pub async fn counter(&self, name: &str) -> u64 {
        let text = self.send("get", "/metrics", &[], Body::empty()).await.text();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("{name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
    }
}

pub fn basic(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{key}:")))
}

pub fn track(user: &str, event: &str, id: &str) -> Value {
    json!({ "type": "track", "userId": user, "event": event, "messageId": id })
}

async fn made(tenants: &Tenants, name: &str, seed: u8) -> TenantId {
    tenants.create(name, [seed; 16], START).await.unwrap().id
}

async fn tenant(app: &App, id: TenantId, seed: u8) -> Tenant {
    let write = app.access.create(id, KeyKind::Write, "app", [seed; 32], START).await.unwrap().text;
    let secret = app.access.create(id, KeyKind::Secret, "server", [seed + 100; 32], START).await.unwrap().text;
    Tenant { id, write, secret }
}
