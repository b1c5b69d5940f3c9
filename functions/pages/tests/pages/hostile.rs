//! Values that would like to be more than values, and the headers that would not let them.

use crate::rig::Rig;
use serde_json::{Value, json};

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}";

fn assert_harmless(path: &str, text: &str) {
    for mark in ["<script>alert", "<img", "onerror=alert(2)>", "49"] {
        let harmless = mark == "49" || !text.contains(mark);
        assert!(harmless, "{mark} on {path}: {text}");
    }
    let scripts = text.matches("<script").count();
    let ours = text.matches("<script src=\"/console/assets/live.js").count();
    assert_eq!(scripts, ours, "{path}");
    assert!(!text.contains(" style=\"") && !text.contains("javascript:"), "{path}");
    assert!(text.contains("{{ 7*7 }}") || !text.contains("alert(1)"), "{path}: a value was read as a template");
}

#[tokio::test]
async fn hostile_values_are_text_wherever_they_stand() {
    let rig = Rig::new().await;
    let condition = json!({ "trait": HOSTILE, "op": "eq", "value": HOSTILE });
    let segment = rig.api("post", "/v1/segments", json!({ "name": HOSTILE, "condition": condition })).await;
    let segment = segment["id"].as_str().unwrap().to_owned();
    rig.api("post", &format!("/v1/segments/{segment}/publish"), Value::Null).await;
    let definition = json!({
        "entry": { "event": HOSTILE, "where": [{ "property": "p", "op": "eq", "value": HOSTILE }] },
        "reentry": "once", "start": "mark",
        "nodes": {
            "mark": { "type": "set_tag", "tag": HOSTILE, "value": HOSTILE, "next": "tell" },
            "tell": { "type": "send", "channel": "recording", "purpose": "marketing", "content": { "text": HOSTILE.replace("{{ 7*7 }}", "") }, "next": "rest" },
            "rest": { "type": "wait_for", "event": HOSTILE, "timeout": "P3D", "on_event": "over", "on_timeout": "over" },
            "over": { "type": "exit" },
        },
    });
    let journey = rig.api("post", "/v1/journeys", json!({ "name": HOSTILE, "definition": definition })).await;
    let journey = journey["id"].as_str().unwrap().to_owned();
    rig.api("post", &format!("/v1/journeys/{journey}/publish"), Value::Null).await;
    let traits: Value = json!({ HOSTILE: HOSTILE, "name": HOSTILE, "nested": { HOSTILE: [HOSTILE] } });
    rig.taken(json!([
        { "type": "identify", "userId": "u-1", "traits": traits },
        { "type": "track", "userId": "u-1", "event": HOSTILE, "properties": { HOSTILE: HOSTILE, "p": HOSTILE } },
        { "type": "track", "userId": "u-1", "messageId": HOSTILE, "properties": { HOSTILE: HOSTILE } },
    ]))
    .await;
    let id = rig.customer("userId:u-1").await;
    let letters = rig.api("get", "/v1/dead-letters", Value::Null).await;
    let letter = letters["data"][0]["id"].as_str().unwrap().to_owned();
    let browser = rig.signed_in().await;
    let mut seen = 0;
    for path in [
        "/console".to_owned(),
        format!("/console/customers/{id}"),
        format!("/console/customers/{id}/timeline"),
        format!("/console/customers/{id}/why/journeys/{journey}"),
        "/console/segments".to_owned(),
        format!("/console/segments/{segment}"),
        "/console/journeys".to_owned(),
        format!("/console/journeys/{journey}"),
        "/console/letters".to_owned(),
        format!("/console/letters/{letter}"),
        "/console/live".to_owned(),
    ] {
        for lang in ["zh", "en"] {
            let page = browser.page(&format!("{path}?lang={lang}")).await;
            seen += page.text.matches("alert(1)").count();
            assert_harmless(&path, &page.text);
        }
    }
    assert!(seen > 20, "the values are on the pages, as text: {seen}");
    let node = format!("/console/journeys/{journey}/nodes/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert_harmless(&node, &browser.get(&node).await.text);
    for (form, fields) in [
        ("/console/search", vec![("q", HOSTILE)]),
        ("/console/identity/merge/preview", vec![("a", HOSTILE), ("b", HOSTILE)]),
    ] {
        assert_harmless(form, &browser.submit(form, &fields).await.text);
    }
    let fix = format!("/console/letters/{letter}/fix");
    let textarea = format!("</textarea>{HOSTILE}");
    assert_harmless(&fix, &browser.submit(&fix, &[("body", &textarea)]).await.text);
    let stranger = rig.browser();
    let form = stranger.get(&format!("/console/sign-in?next={}", crate::rig::encoded(HOSTILE))).await;
    let fields =
        [("csrf", &*form.csrf()), ("login", HOSTILE), ("password", "x"), ("next", HOSTILE), ("draft", HOSTILE)];
    let again = stranger.post("/console/sign-in", &fields).await;
    assert!(again.text.contains("alert(1)"), "what was written is kept");
    assert_harmless("sign-in", &again.text);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_guard_it() {
    let rig = Rig::new().await;
    let browser = rig.signed_in().await;
    for path in [
        "/console",
        "/console/sign-in",
        "/console/nowhere",
        "/console/segments/x",
        "/console/live",
        "/console/assets/style.css",
    ] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self' data:;"), "{path}: {policy}");
        for part in ["form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(policy.contains("script-src 'self'"), path == "/console/live", "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        let cached = if path.contains("/assets/") { "public, max-age=31536000, immutable" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), cached, "{path}");
    }
    assert_eq!(browser.get("/console/assets/secret.txt").await.status, 404);
    assert_eq!(browser.get("/console/nowhere").await.status, 404);
}
