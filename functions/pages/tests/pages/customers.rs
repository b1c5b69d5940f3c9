//! Finding customers and reading what is known of them.

use crate::rig::{Browser, Rig};
use serde_json::{Value, json};

const PHONE: &str = "13800000007";

async fn known(rig: &Rig) -> String {
    rig.taken(json!([
        { "type": "track", "anonymousId": "b-1", "event": "model_viewed", "properties": { "series": "R1" } },
        { "type": "identify", "anonymousId": "b-1", "userId": "u-1",
          "traits": { "name": "Test Person", "phone": PHONE, "email": "test@example.com", "city": "上海" } },
    ]))
    .await;
    rig.customer("userId:u-1").await
}

#[tokio::test]
async fn a_phone_number_finds_its_customer_and_stands_in_no_address() {
    let rig = Rig::new().await;
    let id = known(&rig).await;
    let browser = rig.signed_in().await;
    let here = format!("/console/customers/{id}");
    for wanted in [PHONE, "+86 138 0000 0007", "test@example.com", "u-1", "b-1", &id, "userId:u-1", " 13800000007 "] {
        assert_eq!(browser.submit("/console/search", &[("q", wanted)]).await.location(), here, "{wanted}");
    }
    for nobody in ["13800000099", "nobody", "phone:x", "a:b:c", "\u{0}", "😀"] {
        let answer = browser.submit("/console/search", &[("q", nobody)]).await;
        assert_eq!(answer.status, 200, "{nobody}: {}", answer.text);
        assert!(answer.text.contains("name=\"q\""), "{nobody}: the form is there again");
    }
    assert_eq!(browser.get(&format!("/console/customers/{PHONE}")).await.status, 404);
}

#[tokio::test]
async fn no_address_on_any_page_holds_a_personal_value() {
    let rig = Rig::new().await;
    let id = known(&rig).await;
    let browser = rig.signed_in().await;
    for path in places(&browser, &id).await {
        let page = browser.page(&path).await;
        for planted in [PHONE, "Test Person", "test@example.com"] {
            assert!(!page.text.contains(planted), "{planted} on {path}");
        }
        for address in
            page.text.replace("&#x2f;", "/").split("href=\"").skip(1).filter_map(|rest| rest.split('"').next())
        {
            assert!(address.starts_with("/console") || address == "#main", "{address} on {path}");
            assert!(!address.contains("138") && !address.contains('@'), "{address} on {path}");
        }
    }
    let answer = browser.submit("/console/search", &[("q", "13800000099")]).await;
    assert!(answer.text.split("href=\"").skip(1).all(|rest| !rest.split('"').next().unwrap().contains("138")));
}

async fn places(browser: &Browser<'_>, id: &str) -> Vec<String> {
    let mut places: Vec<String> = ["", "/customers", "/segments", "/journeys", "/letters", "/identity", "/live"]
        .map(|p| format!("/console{p}"))
        .into();
    places.push(format!("/console/customers/{id}"));
    let kinds = ["", "?kind=events", "?kind=identity", "?kind=marks", "?kind=messages"];
    places.extend(kinds.map(|kind| format!("/console/customers/{id}/timeline{kind}")));
    assert!(browser.page(&places[0]).await.text.contains("Find a customer"));
    places
}

#[tokio::test]
async fn a_customer_is_read_in_words_and_the_timeline_by_kinds_and_pages() {
    let rig = Rig::new().await;
    let id = known(&rig).await;
    let many: Vec<Value> =
        (0..60).map(|n| json!({ "type": "track", "userId": "u-1", "event": format!("Event{n}") })).collect();
    rig.taken(json!(many)).await;
    let browser = rig.signed_in().await;
    let page = browser.page(&format!("/console/customers/{id}")).await;
    for word in ["Phone", "User id", "Te****", "上海", "Event59"] {
        assert!(page.text.contains(word), "{word} in {}", page.text);
    }
    let timeline = format!("/console/customers/{id}/timeline");
    let first = browser.page(&timeline).await;
    assert!(first.text.contains("Event59") && !first.text.contains("Event0<"), "{}", first.text);
    let (_, rest) = first.text.split_once("timeline?cursor=").expect("there is more");
    let next = format!("{timeline}?cursor={}", rest.split('"').next().unwrap());
    let second = browser.page(&next).await;
    assert!(second.text.contains("Event0 ") || second.text.contains(">Event0"), "{}", second.text);
    let identity = browser.page(&format!("{timeline}?kind=identity")).await;
    assert!(identity.text.contains("Linked Phone") && !identity.text.contains("Event59"), "{}", identity.text);
    let refused = browser.get(&format!("{timeline}?cursor=made-up")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("invalid_cursor") && refused.text.contains("Trace id"), "{}", refused.text);
}

#[tokio::test]
async fn a_segment_and_a_journey_are_shown_in_words_and_as_a_picture() {
    let rig = Rig::new().await;
    let condition = json!({ "event": "model_viewed", "count": { "op": "gte", "value": 1 }, "within_days": 14 });
    let segment = rig.api("post", "/v1/segments", json!({ "name": "Lookers", "condition": condition })).await;
    let segment = segment["id"].as_str().unwrap();
    rig.api("post", &format!("/v1/segments/{segment}/publish"), Value::Null).await;
    let definition = json!({
        "entry": { "event": "model_viewed" }, "reentry": "once", "start": "tell",
        "nodes": {
            "tell": { "type": "send", "channel": "recording", "purpose": "marketing", "content": { "text": "hello" }, "next": "rest" },
            "rest": { "type": "wait", "duration": "P3D", "next": "over" }, "over": { "type": "exit" },
        },
    });
    let journey = rig.api("post", "/v1/journeys", json!({ "name": "Welcome", "definition": definition })).await;
    let journey = journey["id"].as_str().unwrap();
    rig.api("post", &format!("/v1/journeys/{journey}/publish"), Value::Null).await;
    let id = known(&rig).await;
    let browser = rig.signed_in().await;
    let page = browser.page(&format!("/console/segments/{segment}")).await;
    assert!(page.text.contains("“Viewed a model (model_viewed)” at least 1 times in 14 days"), "{}", page.text);
    let page = browser.page(&format!("/console/journeys/{journey}")).await;
    assert!(page.text.contains("<svg") && page.text.matches("class=\"node ").count() == 3, "{}", page.text);
    assert!(page.text.contains("3 d") && page.text.contains("once in a life"), "{}", page.text);
    let page = browser.page(&format!("/console/customers/{id}")).await;
    assert!(page.text.contains("Welcome") && page.text.contains("Not sent") && page.text.contains("no consent"));
    let (_, rest) = page.text.split_once("/why/sends/").expect("a link to the reason");
    let why = format!("/console/customers/{id}/why/sends/{}", rest.split('"').next().unwrap());
    let page = browser.page(&why).await;
    assert!(page.text.contains("consent"), "{}", page.text);
    for what in [format!("journeys/{journey}"), format!("segments/{segment}")] {
        browser.page(&format!("/console/customers/{id}/why/{what}")).await;
    }
    assert_eq!(browser.get(&format!("/console/customers/{id}/why/sends/snd_0")).await.status.as_u16() / 100, 4);
}
