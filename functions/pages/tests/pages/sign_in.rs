//! In, out, and back to where one was.

use crate::rig::Rig;
use roadbook_pages::PAGES;
use serde_json::{Value, json};

#[tokio::test]
async fn every_page_but_the_sign_in_asks_who_it_is_and_says_nothing_before() {
    let rig = Rig::new().await;
    for page in PAGES.iter().filter(|page| page.signed_in) {
        let path = format!("/console{}", page.path.trim_end_matches('/'));
        let path = path.replace("{id}", "cus_1").replace("{what}", "sends").replace("{which}", "snd_1");
        let path = path.replace("{node}", "n");
        let browser = rig.browser();
        let answer = if page.method == "get" { browser.get(&path).await } else { browser.post(&path, &[]).await };
        if page.method == "get" {
            assert!(answer.location().starts_with("/console/sign-in"), "{path}");
            assert!(answer.text.is_empty(), "{path}: {}", answer.text);
        } else {
            assert_eq!(answer.status, 401, "{path}");
            assert!(answer.text.contains("name=\"key\""), "{path}");
        }
    }
    assert_eq!(rig.browser().get("/").await.location(), "/console");
}

#[tokio::test]
async fn the_cookie_is_strict_and_unreadable_and_secure_behind_tls() {
    let rig = Rig::new().await;
    let browser = rig.browser();
    let csrf = browser.get("/console/sign-in").await.csrf();
    let body = format!("csrf={csrf}&key={}", rig.secret);
    let headers =
        [("content-type", "application/x-www-form-urlencoded".to_owned()), ("x-forwarded-proto", "https".to_owned())];
    let answer = browser.ask("post", "/console/sign-in", body, &headers).await;
    let session = answer.cookies().into_iter().find(|line| line.starts_with("roadbook_session=")).unwrap().to_owned();
    for part in ["; Path=/console;", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
        assert!(session.contains(part), "{part} in {session}");
    }
    let me = browser.page("/console").await;
    assert!(!me.text.contains(&rig.secret), "the page repeats the key");
    let out = browser.submit("/console/sign-out", &[]).await;
    assert_eq!(out.location(), "/console/sign-in");
    assert!(browser.get("/console").await.location().starts_with("/console/sign-in"));
}

#[tokio::test]
async fn whoever_had_to_sign_in_comes_back_to_their_place_and_to_no_other() {
    let rig = Rig::new().await;
    let browser = rig.browser();
    let to = browser.get("/console/letters?status=all").await.location().to_owned();
    assert_eq!(to, "/console/sign-in?next=%2Fconsole%2Fletters%3Fstatus%3Dall");
    let form = browser.get(&to).await;
    assert!(form.text.contains("value=\"&#x2f;console&#x2f;letters?status=all\""), "{}", form.text);
    let place = "/console/letters?status=all";
    let csrf = form.csrf();
    let fields = [("csrf", csrf.as_str()), ("key", rig.secret.as_str()), ("next", place)];
    assert_eq!(browser.post("/console/sign-in", &fields).await.location(), place);
    for elsewhere in ["https://evil.example", "//evil.example", "/console/../v1", "/\\evil.example", "/console@evil"] {
        let browser = rig.browser();
        let csrf = browser.get("/console/sign-in").await.csrf();
        let answer =
            browser.post("/console/sign-in", &[("csrf", &csrf), ("key", &rig.secret), ("next", elsewhere)]).await;
        let to = answer.location();
        assert!(to == "/console" || to.starts_with("/console/"), "{elsewhere} became {to}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_and_a_write_key_opens_nothing() {
    let rig = Rig::new().await;
    for (key, status, word) in [
        ("rb_sk_0000", 401, "The key is unknown"),
        (rig.write.as_str(), 403, "only sends events"),
        ("", 401, "The name or the password is wrong"),
    ] {
        let browser = rig.browser();
        let csrf = browser.get("/console/sign-in").await.csrf();
        let fields = [("csrf", csrf.as_str()), ("key", key), ("login", "somebody"), ("password", "wrong")];
        let answer = browser.post("/console/sign-in", &fields).await;
        assert_eq!(answer.status, status, "{key}: {}", answer.text);
        assert!(answer.text.contains(word), "{word} in {}", answer.text);
        assert!(!answer.text.contains("value=\"wrong\"") && (key.is_empty() || !answer.text.contains(key)));
        assert!(browser.get("/console").await.status.is_redirection());
    }
}

#[tokio::test]
async fn a_person_signs_in_with_name_and_password_and_leaves_when_disabled() {
    let rig = Rig::new().await;
    let person = json!({
        "login": "test.person@example.com", "name": "Test Person", "roles": ["oem_operations"],
        "password": "correct horse battery",
    });
    let id = rig.api("post", "/v1/users", person).await["id"].as_str().unwrap().to_owned();
    let browser = rig.browser();
    let csrf = browser.get("/console/sign-in").await.csrf();
    let fields = [("csrf", csrf.as_str()), ("login", "Test.Person@example.com"), ("password", "correct horse battery")];
    let answer = browser.post("/console/sign-in", &fields).await;
    assert_eq!(answer.location(), "/console", "{}", answer.text);
    assert!(browser.page("/console").await.text.contains("Test Person"));
    rig.api("patch", &format!("/v1/users/{id}"), json!({ "status": "disabled" })).await;
    assert!(browser.get("/console").await.location().contains("expired=1"));
}

#[tokio::test]
async fn a_key_that_was_revoked_leads_to_the_sign_in_and_what_was_written_comes_back() {
    let rig = Rig::new().await;
    rig.taken(json!([{ "type": "track", "userId": "u-1" }])).await;
    let letters = rig.api("get", "/v1/dead-letters", Value::Null).await;
    let path = format!("/console/letters/{}", letters["data"][0]["id"].as_str().unwrap());
    let browser = rig.signed_in().await;
    let csrf = browser.page(&path).await.csrf();
    let written = "{\"type\": \"track\", \"event\": \"written before\"}";
    browser.cookies.lock().unwrap().remove("roadbook_session");
    let form = browser.post(&format!("{path}/fix"), &[("csrf", &csrf), ("body", written)]).await;
    assert_eq!(form.status, 401);
    assert!(form.text.contains("name=\"draft\"") && form.text.contains("written before"), "{}", form.text);
    let fields = [("csrf", &*form.csrf()), ("key", &*rig.secret), ("next", &*path), ("draft", written)];
    let back = browser.post("/console/sign-in", &fields).await;
    assert_eq!(back.status, 200, "{}", back.text);
    assert!(back.text.contains("written before") && back.text.contains("<textarea"), "{}", back.text);

    let keys = rig.api("get", "/v1/api-keys", Value::Null).await;
    let secret = keys["data"].as_array().unwrap().iter().find(|key| key["kind"] == "secret").unwrap().clone();
    rig.api("delete", &format!("/v1/api-keys/{}", secret["id"].as_str().unwrap()), Value::Null).await;
    let answer = browser.get(&path).await;
    assert!(answer.location().contains("expired=1"), "{}", answer.location());
    assert!(answer.cookies().iter().any(|line| line.starts_with("roadbook_session=;")), "the cookie is taken back");
}

const PASSWORD: &str = " a long password of a test person ";

#[tokio::test]
async fn a_person_signs_in_with_a_password_and_their_role_decides_what_they_see() {
    let rig = Rig::new().await;
    let person =
        json!({ "login": "clerk@example.com", "name": "Test Clerk", "roles": ["oem_marketing"], "password": PASSWORD });
    rig.api("post", "/v1/users", person).await;
    let browser = rig.browser();
    let csrf = browser.get("/console/sign-in").await.csrf();
    let fields = [("csrf", csrf.as_str()), ("login", "clerk@example.com"), ("password", "wrong")];
    let wrong = browser.post("/console/sign-in", &fields).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text.contains("The name or the password is wrong") && wrong.text.contains("clerk@example.com"));
    let fields = [("csrf", csrf.as_str()), ("login", "clerk@example.com"), ("password", PASSWORD)];
    let right = browser.post("/console/sign-in", &fields).await;
    assert_eq!(right.location(), "/console", "{}", right.text);
    let session = right.cookies().into_iter().find(|line| line.starts_with("roadbook_session=")).unwrap();
    assert!(session.contains("; Max-Age="), "it ends with the token: {session}");
    let home = browser.page("/console").await;
    assert!(home.text.contains("Test Motors") && home.text.contains("Test Clerk"), "{}", home.text);
    let identity = browser.page("/console/identity").await;
    assert!(identity.text.contains("missing_scope"), "{}", identity.text);
}

#[tokio::test]
async fn somebody_of_two_organisations_chooses_one() {
    let rig = Rig::new().await;
    let person =
        json!({ "login": "both@example.com", "name": "Test Both", "roles": ["tenant_admin"], "password": PASSWORD });
    rig.api("post", "/v1/users", person).await;
    rig.second_place("both@example.com", "Other Motors").await;
    let browser = rig.browser();
    let csrf = browser.get("/console/sign-in").await.csrf();
    let mut fields = vec![("csrf", csrf.as_str()), ("login", "both@example.com"), ("password", PASSWORD)];
    let choose = browser.post("/console/sign-in", &fields).await;
    assert_eq!(choose.status, 409, "{}", choose.text);
    assert!(choose.text.contains("Other Motors") && choose.text.contains("Test Motors"), "{}", choose.text);
    assert!(!choose.text.contains(PASSWORD.trim()), "the password is not written into the page");
    let (before, _) = choose.text.split_once("Other Motors").unwrap();
    let tenant = before.rsplit("value=\"").next().unwrap().split('"').next().unwrap().to_owned();
    fields.push(("tenant", &tenant));
    assert_eq!(browser.post("/console/sign-in", &fields).await.location(), "/console");
    assert!(browser.page("/console").await.text.contains("Other Motors"));
}
