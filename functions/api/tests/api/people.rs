//! People: signing in, being changed, and never getting more than whoever lets them in has.

use crate::rig::{Answer, Rig, Tenant};
use axum::Extension;
use axum::extract::ConnectInfo;
use roadbook_access::{Login, Membership, Role, Status};
use roadbook_kernel::Personal;
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";

/// The body that invites somebody.
pub fn person(login: &str, role: &str) -> Value {
    json!({ "login": login, "name": "Test Person", "roles": [role], "password": PASSWORD })
}

pub fn at_store(login: &str, role: &str) -> Value {
    let mut body = person(login, role);
    body["org_scope"] = json!("/oem/brand/east/sh/4S001/dcc");
    body
}

pub async fn sign_in(rig: &Rig, body: Value) -> Answer {
    rig.send("post", "/v1/auth/token", &[], body.to_string()).await
}

/// The token of somebody with the usual password.
pub async fn token(rig: &Rig, login: &str) -> String {
    let answer = sign_in(rig, json!({ "login": login, "password": PASSWORD })).await.ok();
    answer["access_token"].as_str().unwrap().to_owned()
}

pub async fn with(rig: &Rig, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    rig.send(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
}

/// Signed in with a role, by the tenant's own key.
pub async fn signed_in(rig: &Rig, login: &str, role: &str) -> (String, String) {
    let made = rig.post("/v1/users", person(login, role)).await.ok();
    (made["id"].as_str().unwrap().to_owned(), token(rig, login).await)
}

#[tokio::test]
async fn a_person_signs_in_and_may_what_their_role_may() {
    let rig = Rig::new().await;
    let made = rig.post("/v1/users", at_store("Dcc.One@Example.com", "dcc_agent")).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), Some(format!("/v1/users/{id}").as_str()));
    assert!(!made.text().contains(PASSWORD) && !made.text().contains("argon2"));

    let answer = sign_in(&rig, json!({ "login": " dcc.one@EXAMPLE.com", "password": PASSWORD })).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.ok();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3_600)));
    assert_eq!(answer["tenant"], json!({ "id": rig.mine.id, "name": "one" }));
    assert_eq!(answer["user"], json!({ "id": id, "name": "Test Person" }));
    let token = answer["access_token"].as_str().unwrap();

    let me = with(&rig, token, "get", "/v1/me", Value::Null).await.ok();
    assert_eq!(
        me,
        json!({
            "tenant": { "id": rig.mine.id, "name": "one" }, "kind": "user", "id": id, "name": "Test Person",
            "roles": ["dcc_agent"], "scopes": Role::DccAgent.scopes(), "org_scope": "/oem/brand/east/sh/4S001/dcc",
        })
    );
    assert!(with(&rig, token, "get", "/v1/segments", Value::Null).await.status.is_success());
    with(&rig, token, "get", "/v1/users", Value::Null).await.is_problem(403, "missing_scope");
    let batch = json!({ "batch": [] });
    with(&rig, token, "post", "/v1/batch", batch).await.is_problem(401, "unknown_key");
    let me = rig.get("/v1/me").await.ok();
    assert_eq!((&me["kind"], &me["name"], &me["org_scope"]), (&json!("key"), &json!("server"), &Value::Null));
}

#[tokio::test]
async fn whatever_is_wrong_with_a_login_is_answered_alike() {
    let rig = Rig::new().await;
    let id = rig.post("/v1/users", person("known@example.com", "auditor")).await.ok()["id"].clone();
    let other = rig.other.id.to_string();
    let wrong = [
        json!({ "login": "known@example.com", "password": "not the password" }),
        json!({ "login": "nobody@example.com", "password": PASSWORD }),
        json!({ "login": "known@example.com", "password": PASSWORD, "tenant": other }),
        json!({ "login": "known@example.com", "password": PASSWORD, "tenant": "nonsense" }),
        json!({ "login": "two words", "password": PASSWORD }),
        json!({ "login": "known@example.com", "password": "" }),
    ];
    let mut answers = Vec::new();
    for body in wrong {
        answers.push(sign_in(&rig, body).await.is_problem(401, "wrong_login"));
    }
    let disabled = json!({ "status": "disabled" });
    rig.secret(&rig.mine, "patch", &format!("/v1/users/{}", id.as_str().unwrap()), disabled).await.ok();
    let body = json!({ "login": "known@example.com", "password": PASSWORD });
    answers.push(sign_in(&rig, body).await.is_problem(401, "wrong_login"));
    for answer in &mut answers {
        answer["trace_id"] = Value::Null;
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    sign_in(&rig, json!({ "login": "x" })).await.is_problem(400, "invalid_body");
}

#[tokio::test]
async fn who_belongs_to_two_tenants_says_which() {
    let rig = Rig::new().await;
    rig.post("/v1/users", person("both@example.com", "tenant_admin")).await.ok();
    let id = rig.get("/v1/users").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    // Only the operator gives somebody a place in a second tenant.
    rig.secret(&rig.other, "post", "/v1/users", person("both@example.com", "auditor"))
        .await
        .is_problem(409, "login_taken");
    let login: Login = "both@example.com".parse().unwrap();
    let membership = Membership {
        name: Personal::new("Test Person".into()),
        roles: vec![Role::Auditor],
        org_scope: None,
        status: Status::Active,
        since: crate::rig::START,
    };
    rig.app.people.users.join(rig.other.id, &login, membership).await.unwrap();

    let body = |tenant: Value| json!({ "login": "both@example.com", "password": PASSWORD, "tenant": tenant });
    let choice = sign_in(&rig, body(Value::Null)).await.is_problem(409, "choose_tenant");
    let expected = json!([{ "id": rig.mine.id, "name": "one" }, { "id": rig.other.id, "name": "two" }]);
    assert_eq!(choice["tenants"], expected);
    let token = sign_in(&rig, body(json!(rig.other.id))).await.ok()["access_token"].as_str().unwrap().to_owned();
    let me = with(&rig, &token, "get", "/v1/me", Value::Null).await.ok();
    assert_eq!((&me["tenant"]["id"], &me["roles"]), (&json!(rig.other.id), &json!(["auditor"])));

    // Neither tenant opens the other's door.
    for tenant in [&rig.mine, &rig.other] {
        let path = format!("/v1/users/{id}");
        let body = json!({ "password": "another password" });
        rig.secret(tenant, "patch", &path, body).await.is_problem(409, "belongs_elsewhere");
    }
    let path = format!("/v1/users/{id}");
    assert_eq!(rig.secret(&rig.mine, "delete", &path, Value::Null).await.status, 204);
    rig.get(&path).await.is_problem(404, "not_found");
    assert!(rig.secret(&rig.other, "get", &path, Value::Null).await.status.is_success());
    assert!(sign_in(&rig, body(Value::Null)).await.status.is_success(), "one tenant is left: no choice");
    assert_eq!(rig.secret(&rig.other, "delete", &path, Value::Null).await.status, 204);
    rig.post("/v1/users", person("both@example.com", "auditor")).await.ok();
}

/// Disabled, a new password, removed, fewer roles: effective with the next request.
#[tokio::test]
async fn a_token_ends_with_what_it_stands_for() {
    let rig = Rig::new().await;
    let (id, token) = signed_in(&rig, "one@example.com", "tenant_admin").await;
    let path = format!("/v1/users/{id}");
    let me = async |token: &str| with(&rig, token, "get", "/v1/me", Value::Null).await;
    let patch = async |body: Value| rig.secret(&rig.mine, "patch", &path, body).await.ok();

    patch(json!({ "roles": ["auditor"] })).await;
    with(&rig, &token, "post", "/v1/users", person("x@example.com", "auditor")).await.is_problem(403, "missing_scope");
    assert_eq!(me(&token).await.ok()["roles"], json!(["auditor"]));

    patch(json!({ "status": "disabled" })).await;
    me(&token).await.is_problem(401, "invalid_token");
    patch(json!({ "status": "active" })).await;
    me(&token).await.is_problem(401, "invalid_token");

    let second = crate::people::token(&rig, "one@example.com").await;
    assert!(me(&second).await.status.is_success());
    patch(json!({ "password": "another password" })).await;
    me(&second).await.is_problem(401, "invalid_token");
    sign_in(&rig, json!({ "login": "one@example.com", "password": PASSWORD })).await.is_problem(401, "wrong_login");
    let body = json!({ "login": "one@example.com", "password": "another password" });
    let third = sign_in(&rig, body).await.ok()["access_token"].as_str().unwrap().to_owned();
    assert!(me(&third).await.status.is_success());
    assert_eq!(rig.secret(&rig.mine, "delete", &path, Value::Null).await.status, 204);
    me(&third).await.is_problem(401, "invalid_token");
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have() {
    let rig = Rig::new().await;
    let limited = |scopes: Value| json!({ "name": "limited", "kind": "secret", "scopes": scopes });
    let made = rig.post("/v1/api-keys", limited(json!(["admin:read", "admin:write", "profiles:read"]))).await.ok();
    let key = made["key"].as_str().unwrap();
    for body in [limited(json!(["admin:write", "segments:write"])), json!({ "name": "app", "kind": "write" })] {
        with(&rig, key, "post", "/v1/api-keys", body).await.is_problem(403, "more_than_own");
    }
    // Without scopes it gets its maker's, not everything.
    let child = with(&rig, key, "post", "/v1/api-keys", json!({ "name": "child", "kind": "secret" })).await.ok();
    assert_eq!(child["scopes"], json!(["profiles:read", "admin:read", "admin:write"]));
    let child = child["key"].as_str().unwrap();
    with(&rig, child, "get", "/v1/segments", Value::Null).await.is_problem(403, "missing_scope");

    let (admin, _) = signed_in(&rig, "admin@example.com", "tenant_admin").await;
    let admin = format!("/v1/users/{admin}");
    with(&rig, key, "post", "/v1/users", person("new@example.com", "tenant_admin"))
        .await
        .is_problem(403, "more_than_own");
    for body in [json!({ "password": "taken over now" }), json!({ "status": "disabled" }), json!({ "name": "x" })] {
        with(&rig, key, "patch", &admin, body).await.is_problem(403, "more_than_own");
    }
    with(&rig, key, "delete", &admin, Value::Null).await.is_problem(403, "more_than_own");
    let whole = rig.post("/v1/api-keys", json!({ "name": "server", "kind": "secret" })).await.ok();
    assert_eq!(whole["scopes"].as_array().map(Vec::len), Some(roadbook_access::Scope::ALL.len()));
}

#[tokio::test]
async fn an_administrator_of_a_region_stays_in_it() {
    let rig = Rig::new().await;
    let mut body = person("east@example.com", "tenant_admin");
    body["org_scope"] = json!("/oem/brand/east");
    rig.post("/v1/users", body).await.ok();
    let token = crate::people::token(&rig, "east@example.com").await;
    let elsewhere = rig.post("/v1/users", person("whole@example.com", "auditor")).await.ok();
    let path = format!("/v1/users/{}", elsewhere["id"].as_str().unwrap());
    with(&rig, &token, "get", &path, Value::Null).await.is_problem(404, "not_found");
    with(&rig, &token, "delete", &path, Value::Null).await.is_problem(404, "not_found");
    let listed = with(&rig, &token, "get", "/v1/users", Value::Null).await.ok();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");

    with(&rig, &token, "post", "/v1/users", person("new@example.com", "auditor"))
        .await
        .is_problem(403, "more_than_own");
    let made = with(&rig, &token, "post", "/v1/users", at_store("dcc@example.com", "dcc_agent")).await.ok();
    let path = format!("/v1/users/{}", made["id"].as_str().unwrap());
    let away = json!({ "org_scope": "/oem/brand/west/gd/4S900" });
    with(&rig, &token, "patch", &path, away).await.is_problem(403, "more_than_own");
    let nowhere = json!({ "roles": ["auditor"], "org_scope": null });
    with(&rig, &token, "patch", &path, nowhere).await.is_problem(403, "more_than_own");

    let key = with(&rig, &token, "post", "/v1/api-keys", json!({ "name": "east", "kind": "secret" })).await.ok();
    assert_eq!(key["org_scope"], json!("/oem/brand/east"));
    let listed = with(&rig, &token, "get", "/v1/api-keys", Value::Null).await.ok();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
    let all = rig.get("/v1/api-keys").await.ok();
    let server = all["data"].as_array().unwrap().iter().find(|key| key["name"] == "server").unwrap();
    let path = format!("/v1/api-keys/{}", server["id"].as_str().unwrap());
    with(&rig, &token, "delete", &path, Value::Null).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn people_are_checked_when_they_are_invited() {
    let rig = Rig::new().await;
    let body =
        json!({ "login": "a b", "name": "", "roles": ["root"], "org_scope": "east", "password": "short", "x": 1 });
    let problem = rig.post("/v1/users", body).await.is_problem(400, "invalid_body");
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|place| place["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/login", "/name", "/roles", "/org_scope", "/password", "/x"]);
    // A role of a store without a store would see every customer.
    let problem = rig.post("/v1/users", person("a@example.com", "dcc_agent")).await.is_problem(400, "invalid_body");
    assert_eq!(problem["errors"][0]["code"], "role_needs_place");
    let made = rig.post("/v1/users", at_store("a@example.com", "dcc_agent")).await.ok();
    let path = format!("/v1/users/{}", made["id"].as_str().unwrap());
    let patch = async |body: Value| rig.secret(&rig.mine, "patch", &path, body).await;
    patch(json!({ "org_scope": null })).await.is_problem(400, "invalid_body");
    patch(json!({ "status": "gone" })).await.is_problem(400, "invalid_body");
    assert_eq!(patch(json!({ "name": "Another Person" })).await.ok()["name"], "Another Person");
    rig.post("/v1/users", person("A@example.com", "auditor")).await.is_problem(409, "login_taken");
    let (id, token) = signed_in(&rig, "admin@example.com", "tenant_admin").await;
    let own = format!("/v1/users/{id}");
    with(&rig, &token, "delete", &own, Value::Null).await.is_problem(409, "oneself");
    with(&rig, &token, "patch", &own, json!({ "status": "disabled" })).await.is_problem(409, "oneself");
}

#[tokio::test]
async fn people_come_in_pages_and_keys_expire() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.post("/v1/users", person(&format!("p{number}@example.com"), "auditor")).await.ok();
    }
    let first = rig.get("/v1/users?limit=2").await.ok();
    assert_eq!((first["data"].as_array().map(Vec::len), &first["has_more"]), (Some(2), &json!(true)));
    let rest = rig.get(&format!("/v1/users?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await.ok();
    assert_eq!((rest["data"].as_array().map(Vec::len), &rest["has_more"]), (Some(1), &json!(false)));

    let body =
        |end: &str| json!({ "name": "report", "kind": "secret", "scopes": ["profiles:read"], "expires_at": end });
    rig.post("/v1/api-keys", body("2025-12-31T00:00:00Z")).await.is_problem(400, "invalid_body");
    rig.post("/v1/api-keys", body("tomorrow")).await.is_problem(400, "invalid_body");
    let made = rig.post("/v1/api-keys", body("2026-01-01T00:01:00Z")).await.ok();
    assert_eq!(made["expires_at"], "2026-01-01T00:01:00.000Z");
    let key = made["key"].as_str().unwrap();
    assert!(with(&rig, key, "get", "/v1/me", Value::Null).await.status.is_success());
    rig.wait(60_000).await;
    with(&rig, key, "get", "/v1/me", Value::Null).await.is_problem(401, "unknown_key");
    for scopes in [json!([]), json!(["everything"]), json!("profiles:read")] {
        let body = json!({ "name": "x", "kind": "secret", "scopes": scopes });
        rig.post("/v1/api-keys", body).await.is_problem(400, "invalid_body");
    }
    let body = json!({ "name": "x", "kind": "write", "scopes": ["profiles:read"] });
    rig.post("/v1/api-keys", body).await.is_problem(400, "invalid_body");
}

#[tokio::test]
async fn guessing_is_slowed_down_per_login_and_per_address() {
    let rig = Rig::new().await;
    rig.post("/v1/users", person("victim@example.com", "auditor")).await.ok();
    let wrong = |login: &str| json!({ "login": login, "password": "a wrong password" });
    for _ in 0..10 {
        sign_in(&rig, wrong("victim@example.com")).await.is_problem(401, "wrong_login");
    }
    let slowed = sign_in(&rig, wrong("victim@example.com")).await;
    slowed.is_problem(429, "too_many_failures");
    assert_eq!(slowed.header("retry-after"), Some("60"));
    let right = json!({ "login": "victim@example.com", "password": PASSWORD });
    sign_in(&rig, right.clone()).await.is_problem(429, "too_many_failures");
    // Somebody else is not concerned, and an unknown login is slowed down just the same.
    sign_in(&rig, wrong("nobody@example.com")).await.is_problem(401, "wrong_login");
    rig.wait(60_000).await;
    assert!(sign_in(&rig, right).await.status.is_success());
}

/// Over real connections: the address is known without any layer of a test.
#[tokio::test]
async fn one_address_that_tries_many_logins_is_slowed_down() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rig = Rig::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let doors = roadbook_api::Doors::new(rig.router.clone(), rig.app.clone());
    let served = tokio::spawn(axum::serve(listener, doors).into_future());
    let mut last = String::new();
    for number in 0..61 {
        let body = json!({ "login": format!("guess-{number}"), "password": "a wrong password" }).to_string();
        let length = body.len();
        let request = format!(
            "POST /v1/auth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        last.clear();
        stream.read_to_string(&mut last).await.unwrap();
        let expected = if number < 60 { "HTTP/1.1 401" } else { "HTTP/1.1 429" };
        assert!(last.starts_with(expected), "{number}: {last}");
    }
    assert!(last.contains("too_many_failures") && last.contains("retry-after: 10\r\n"), "{last}");
    served.abort();
    let body = json!({ "login": "guess-60", "password": "a wrong password" });
    sign_in(&rig, body.clone()).await.is_problem(401, "wrong_login");
    let elsewhere = Rig {
        router: rig.router.clone().layer(Extension(ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 1], 50_000))))),
        ..rig
    };
    sign_in(&elsewhere, body).await.is_problem(401, "wrong_login");
}

/// What a tenant's answers say of another tenant's people.
#[tokio::test]
async fn people_of_another_tenant_are_unknown() {
    let rig = Rig::new().await;
    let (id, _) = signed_in(&rig, "mine@example.com", "auditor").await;
    let theirs = async |tenant: &Tenant, method: &str, body: Value| {
        rig.secret(tenant, method, &format!("/v1/users/{id}"), body).await
    };
    theirs(&rig.other, "get", Value::Null).await.is_problem(404, "not_found");
    theirs(&rig.other, "patch", json!({ "password": "taken over now" })).await.is_problem(404, "not_found");
    theirs(&rig.other, "delete", Value::Null).await.is_problem(404, "not_found");
    assert_eq!(rig.secret(&rig.other, "get", "/v1/users", Value::Null).await.ok()["data"], json!([]));
}
