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

/// Every code that can stand on a letter has a sentence in both languages, and the code stands beside it.
#[tokio::test]
async fn every_reason_of_a_letter_has_a_sentence() {
    let document = serde_json::to_value(roadbook_api::openapi_document()).unwrap();
    let refused = &document["paths"]["/v1/dead-letters/{id}/replay"]["post"]["responses"]["422"];
    let codes = &refused["content"]["application/problem+json"]["schema"]["properties"]["code"]["enum"];
    let mut codes: Vec<&str> = codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    codes.extend(["customer_full", "too_many_cars", "too_many_hops", "defect", "malformed_line", "unknown_evidence"]);
    assert!(codes.len() > 25, "{codes:?}");
    let texts = roadbook_pages::Texts::read().unwrap();
    for code in codes {
        for lang in [roadbook_pages::Lang::Zh, roadbook_pages::Lang::En] {
            assert!(texts.get(lang, &format!("reason.{code}")).is_some(), "reason.{code} is missing");
        }
    }
    let rig = Rig::new().await;
    rig.taken(json!([{ "type": "track", "userId": "u-1" }])).await;
    let browser = rig.signed_in().await;
    let letters = rig.api("get", "/v1/dead-letters", Value::Null).await;
    let path = format!("/console/letters/{}", letters["data"][0]["id"].as_str().unwrap());
    for (lang, sentence) in [("en", "the event has no name"), ("zh", "事件缺少名称")] {
        for page in ["/console/letters", path.as_str()] {
            let text = browser.page(&format!("{page}?lang={lang}")).await.text;
            assert!(
                text.contains(sentence) && text.contains("<code class=\"code\">event_name_missing</code>"),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_role_may_not_do_is_not_offered() {
    let rig = Rig::new().await;
    rig.taken(json!([{ "type": "track", "userId": "u-1" }, { "type": "identify", "userId": "u-2" }])).await;
    let letters = rig.api("get", "/v1/dead-letters", Value::Null).await;
    let letter = format!("/console/letters/{}", letters["data"][0]["id"].as_str().unwrap());
    let browser = rig.signed_in().await;
    let page = browser.page(&letter).await.text;
    assert!(page.contains("/replay\"") && page.contains("<textarea") && page.contains(">Identity</a>"), "{page}");
    let auditor = rig.person("auditor").await;
    let page = auditor.page(&letter).await.text;
    assert!(
        page.contains("Your role may look") && !page.contains("/replay\"") && !page.contains("<textarea"),
        "{page}"
    );
    assert!(page.contains(">Dead letters</a>") && !page.contains(">Identity</a>"), "{page}");
    let marketing = rig.person("oem_marketing").await;
    let home = marketing.page("/console").await.text;
    for hidden in [">Dead letters</a>", ">Identity</a>", ">Live events</a>", "Open dead letters"] {
        assert!(!home.contains(hidden), "{hidden} in {home}");
    }
    assert!(home.contains(">Segments</a>") && home.contains(">Customers</a>"), "{home}");
}

#[tokio::test]
async fn a_person_changes_their_password_and_stays_signed_in_here_only() {
    let rig = Rig::new().await;
    let (here, elsewhere) = (rig.person("auditor").await, rig.again("auditor").await);
    let old = crate::rig::PASSWORD;
    let wrong = [("old", old), ("new", "another horse battery"), ("again", "yet another battery")];
    let answer = here.submit("/console/password", &wrong).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("passwords_differ") && !answer.text.contains("another horse"), "{}", answer.text);
    let wrong = [("old", "no horse at all"), ("new", "another horse battery"), ("again", "another horse battery")];
    let answer = here.submit("/console/password", &wrong).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("The current password is wrong"), "{}", answer.text);
    let right = [("old", old), ("new", "another horse battery"), ("again", "another horse battery")];
    let answer = here.submit("/console/password", &right).await;
    assert_eq!(answer.location(), "/console/password?done=1");
    let done = here.page("/console/password?done=1&lang=zh").await.text;
    assert!(done.contains("密码已修改") && done.contains("修改密码"), "{done}");
    assert!(elsewhere.get("/console").await.location().contains("expired=1"));
    let with_key = rig.signed_in().await.page("/console/password").await.text;
    assert!(with_key.contains("an API key, which has no password") && !with_key.contains("name=\"old\""), "{with_key}");
}
