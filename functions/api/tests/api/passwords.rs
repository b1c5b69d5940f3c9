//! People change their own password.

use crate::people::{PASSWORD, sign_in, signed_in, token, with};
use crate::rig::Rig;
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_changes_their_own_password_and_every_other_session_ends() {
    const NEXT: &str = "another horse battery";
    let rig = Rig::new().await;
    let (_, here) = signed_in(&rig, "dcc@example.com", "auditor").await;
    let elsewhere = token(&rig, "dcc@example.com").await;
    let change = async |token: &str, old: &str, new: &str| {
        with(&rig, token, "post", "/v1/me/password", json!({ "old_password": old, "new_password": new })).await
    };
    change(&here, "wrong horse battery", NEXT).await.is_problem(403, "wrong_password");
    for (new, code) in
        [("short", "invalid_password"), ("dcc@example.com", "invalid_password"), (PASSWORD, "invalid_password")]
    {
        let problem = change(&here, PASSWORD, new).await.is_problem(400, "invalid_body");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/new_password"), &json!(code))
        );
    }
    let done = change(&here, PASSWORD, NEXT).await;
    assert_eq!(done.header("cache-control"), Some("no-store"));
    assert!(!done.text().contains(NEXT) && !done.text().contains("argon2"));
    let fresh = done.ok()["access_token"].as_str().unwrap().to_owned();
    for ended in [&here, &elsewhere] {
        with(&rig, ended, "get", "/v1/me", Value::Null).await.is_problem(401, "invalid_token");
    }
    assert_eq!(with(&rig, &fresh, "get", "/v1/me", Value::Null).await.ok()["kind"], "user");
    sign_in(&rig, json!({ "login": "dcc@example.com", "password": PASSWORD })).await.is_problem(401, "wrong_login");
    sign_in(&rig, json!({ "login": "dcc@example.com", "password": NEXT })).await.ok();
    rig.post("/v1/me/password", json!({ "old_password": PASSWORD, "new_password": NEXT }))
        .await
        .is_problem(403, "not_a_person");
}

#[tokio::test]
async fn guesses_of_the_old_password_are_counted_as_guesses_of_a_login() {
    let rig = Rig::new().await;
    let (_, token) = signed_in(&rig, "dcc@example.com", "auditor").await;
    let body = json!({ "old_password": "wrong horse battery", "new_password": "another horse battery" });
    for _ in 0..10 {
        with(&rig, &token, "post", "/v1/me/password", body.clone()).await.is_problem(403, "wrong_password");
    }
    let limited = with(&rig, &token, "post", "/v1/me/password", body).await;
    limited.is_problem(429, "too_many_failures");
    assert!(limited.header("retry-after").is_some());
    sign_in(&rig, json!({ "login": "dcc@example.com", "password": PASSWORD }))
        .await
        .is_problem(429, "too_many_failures");
}
