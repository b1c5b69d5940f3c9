//! Forms that change something.

use crate::rig::Rig;
use roadbook_pages::PAGES;
use serde_json::{Value, json};

#[tokio::test]
async fn no_form_is_taken_without_what_it_must_carry() {
    let rig = Rig::new().await;
    let browser = rig.signed_in().await;
    let other = {
        let more = rig.api("post", "/v1/api-keys", json!({ "kind": "secret", "name": "another" })).await;
        let browser = rig.browser();
        let csrf = browser.get("/console/sign-in").await.csrf();
        browser.post("/console/sign-in", &[("csrf", &csrf), ("key", more["key"].as_str().unwrap())]).await;
        browser.page("/console").await.csrf()
    };
    for page in PAGES.iter().filter(|page| page.method == "post") {
        let path = format!("/console{}", page.path).replace("{id}", "dl_1");
        for csrf in ["", "0", other.as_str()] {
            let answer = browser.post(&path, &[("csrf", csrf), ("body", "{}"), ("key", "x")]).await;
            assert_eq!(answer.status, 403, "{path} with {csrf}");
        }
        let answer = browser.post(&path, &[]).await;
        assert_eq!(answer.status, 403, "{path} without any");
    }
    browser.page("/console").await;
}

#[tokio::test]
async fn a_letter_is_put_right_and_what_is_refused_stands_in_the_form_again() {
    let rig = Rig::new().await;
    rig.taken(json!([{ "type": "track", "userId": "u-1", "properties": { "phone": "13800000001" } }])).await;
    let browser = rig.signed_in().await;
    let list = browser.page("/console/letters").await;
    assert!(list.text.contains("event_name_missing"), "{}", list.text);
    let letters = rig.api("get", "/v1/dead-letters", Value::Null).await;
    let path = format!("/console/letters/{}", letters["data"][0]["id"].as_str().unwrap());
    let page = browser.page(&path).await;
    assert!(!page.text.contains("13800000001"), "{}", page.text);

    let broken = "{\"type\": \"track\", oops";
    let answer = browser.submit(&format!("{path}/fix"), &[("body", broken)]).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("oops") && answer.text.contains("malformed_json"), "{}", answer.text);

    let answer = browser.submit(&format!("{path}/replay"), &[]).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("event_name_missing") && answer.text.contains("&#x2f;event"), "{}", answer.text);
    assert!(answer.text.contains("Trace id"), "{}", answer.text);
}

#[tokio::test]
async fn a_merge_is_shown_before_it_is_made_and_wrong_ids_come_back_in_the_form() {
    let rig = Rig::new().await;
    rig.taken(json!([{ "type": "identify", "userId": "u-1" }, { "type": "identify", "userId": "u-2" }])).await;
    let (a, b) = (rig.customer("userId:u-1").await, rig.customer("userId:u-2").await);
    let browser = rig.signed_in().await;
    let wrong = browser.submit("/console/identity/merge/preview", &[("a", "13800000000"), ("b", &b)]).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains(&b), "{}", wrong.text);
    let preview = browser.submit("/console/identity/merge/preview", &[("a", &a), ("b", &b)]).await;
    assert_eq!(preview.status, 200);
    assert_ne!(rig.customer("userId:u-1").await, rig.customer("userId:u-2").await, "a look changes nothing");
    let merged = browser.submit("/console/identity/merge", &[("a", &a), ("b", &b)]).await;
    let now = rig.customer("userId:u-1").await;
    assert_eq!(merged.location(), format!("/console/customers/{now}"));
    let gone = if now == a { &b } else { &a };
    assert_eq!(
        browser.get(&format!("/console/customers/{gone}")).await.location(),
        format!("/console/customers/{now}")
    );
    let page = browser.page(&format!("/console/customers/{now}")).await;
    assert!(page.text.contains(gone) && page.text.contains("became part"), "{}", page.text);
    let undone = browser.submit("/console/identity/unmerge", &[("customer", &now), ("merged", gone)]).await;
    assert_eq!(undone.location(), "/console/identity?done=unmerged");
    assert_ne!(rig.customer("userId:u-1").await, rig.customer("userId:u-2").await);
}
