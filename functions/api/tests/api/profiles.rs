//! What is shown of a customer.

use crate::rig::{Rig, START, track};
use serde_json::{Value, json};

#[tokio::test]
async fn a_profile_is_found_by_every_kind_of_identifier() {
    let rig = Rig::new().await;
    let openid = "oTestTestTestTestTestTest01";
    rig.taken(json!([{
        "type": "identify", "userId": "u-1", "anonymousId": "a-1", "messageId": "m-1",
        "traits": { "phone": "138 0000 0001", "email": "Person@Example.com", "city": "Testville" },
        "context": {
            "device": { "id": "device-1" },
            "roadbook": { "identifiers": [
                { "kind": "openid", "scope": "wxapp1", "value": openid },
                { "kind": "unionid", "value": "uTestTestTestTestTestTest01" },
                { "kind": "external_userid", "scope": "ww1", "value": "wmTestTestTestTestTestTest01" },
            ]}
        }
    }]))
    .await;
    let id = rig.profile_id("userId:u-1").await;
    for key in [
        "anonymousId:a-1",
        "phone:13800000001",
        "phone:%2B86%20138-0000-0001",
        "email:person@example.com",
        "device:device-1",
        "unionid:uTestTestTestTestTestTest01",
        "openid:wxapp1:oTestTestTestTestTestTest01",
        "external_userid:ww1:wmTestTestTestTestTestTest01",
    ] {
        assert_eq!(rig.profile_id(key).await, id, "{key}");
    }
    rig.lookup("openid:wxapp2:oTestTestTestTestTestTest01").await.is_problem(404, "not_found");
    rig.lookup("phone:13800000002").await.is_problem(404, "not_found");
    for (key, code) in [
        ("", "missing_parameter"),
        ("userId", "malformed_key"),
        ("openid:x", "malformed_key"),
        ("userId:", "identifier_empty"),
        (":x", "unknown_identifier_kind"),
        ("plate:x", "unknown_identifier_kind"),
        ("phone:not-a-phone", "identifier_malformed"),
        ("userId:null", "identifier_blocked"),
        ("openid::x", "identifier_scope_missing"),
    ] {
        rig.lookup(key).await.is_problem(400, code);
    }
    rig.get("/v1/profiles/lookup").await.is_problem(400, "missing_parameter");
    let profile = rig.get(&format!("/v1/profiles/{id}")).await.ok();
    assert_eq!(profile["traits"]["city"], "Testville");
    assert_eq!(profile["identifiers"].as_array().unwrap().len(), 8);
    let text = profile.to_string();
    for planted in ["13800000001", "person@example", "Person@Example", openid] {
        assert!(!text.contains(planted), "{planted} in {text}");
    }
}

#[tokio::test]
async fn a_merged_id_leads_to_the_survivor_with_both_histories() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "First", "m-1")])).await;
    rig.clock.advance_to(START.plus_ms(1_000));
    rig.taken(json!([track("u-2", "Second", "m-2")])).await;
    let (elder, younger) = (rig.profile_id("userId:u-1").await, rig.profile_id("userId:u-2").await);
    rig.clock.advance_to(START.plus_ms(2_000));
    let wrong = json!({ "customers": [elder, younger], "into": younger });
    rig.post("/v1/identity/merge", wrong).await.is_problem(400, "not_the_survivor");
    let merged = rig.post("/v1/identity/merge", json!({ "customers": [younger, elder], "into": elder })).await.ok();
    assert_eq!(merged["id"], json!(elder));
    let again = rig.post("/v1/identity/merge", json!({ "customers": [younger, elder] })).await.ok();
    assert_eq!(again["id"], json!(elder), "merging what is one already changes nothing");
    for id in [&elder, &younger] {
        let profile = rig.get(&format!("/v1/profiles/{id}")).await.ok();
        assert_eq!((&profile["id"], &profile["merged_from"]), (&json!(elder), &json!([younger])));
        let rows = rig.get(&format!("/v1/profiles/{id}/timeline")).await.ok()["data"].clone();
        let names: Vec<&str> = rows.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(names, ["Second", "First"]);
        assert!(rows.as_array().unwrap().iter().any(|row| row["fact"] == "merged" && row["profile"] == json!(younger)));
    }
    assert_eq!(rig.profile_id("userId:u-2").await, elder);
    for (body, status, code) in [
        (json!({}), 400, "invalid_body"),
        (json!({ "customers": [elder] }), 400, "invalid_body"),
        (json!({ "customers": [elder, elder] }), 400, "invalid_body"),
        (json!({ "customers": [elder, "cus_1"] }), 400, "invalid_body"),
        (json!({ "customers": [elder, "cus_00000000000000000000000000"] }), 404, "not_found"),
        (json!({ "customers": [elder, younger], "into": "x" }), 400, "invalid_body"),
    ] {
        rig.post("/v1/identity/merge", body).await.is_problem(status, code);
    }
}

#[tokio::test]
async fn the_timeline_is_in_the_order_things_happened_over_all_pages() {
    let rig = Rig::new().await;
    let mut sent = Vec::new();
    for index in 0..30 {
        let now = START.plus_ms(index * 60_000);
        rig.clock.advance_to(now);
        // Every third event is told late, by up to two hours.
        let late = if index % 3 == 0 { 7_200_000 - index * 1_000 } else { 0 };
        let at = roadbook_wire_time(now.minus_ms(late));
        let mut event = track("u-1", &format!("E{index}"), &format!("m-{index}"));
        event["timestamp"] = json!(at);
        rig.taken(json!([event])).await;
        sent.push((now.minus_ms(late), format!("E{index}")));
    }
    sent.sort();
    sent.reverse();
    let id = rig.profile_id("userId:u-1").await;
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rig.get(&format!("/v1/profiles/{id}/timeline?limit=7{cursor}")).await.ok();
        rows.extend(page["data"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, sent.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>());
    let times: Vec<String> = rows.iter().map(|row| row["occurred_at"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let one = rows.iter().find(|row| row["name"] == "E1").unwrap();
    assert_eq!((&one["type"], &one["event_type"]), (&json!("event"), &json!("track")));
    assert!(one["message_id"].as_str().unwrap().starts_with("msg_") && one["accepted_at"].is_string());
    rig.get(&format!("/v1/profiles/{id}/timeline?cursor=nonsense")).await.is_problem(400, "invalid_cursor");
    rig.get(&format!("/v1/profiles/{id}/timeline?limit=0")).await.is_problem(400, "invalid_limit");
}

fn roadbook_wire_time(at: roadbook_kernel::Moment) -> String {
    roadbook_wire::time::write(at)
}

#[tokio::test]
async fn a_time_in_the_future_counts_as_its_acceptance_and_is_told() {
    let rig = Rig::new().await;
    let mut event = track("u-1", "Ahead", "m-1");
    event["timestamp"] = json!("2035-06-01T12:00:00.000Z");
    let mut old = track("u-1", "Old", "m-2");
    old["timestamp"] = json!("1970-01-01T00:00:00.000Z");
    rig.taken(json!([event, old])).await;
    let id = rig.profile_id("userId:u-1").await;
    let rows = rig.get(&format!("/v1/profiles/{id}/timeline")).await.ok()["data"].clone();
    let find = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(find("Ahead")["occurred_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(find("Ahead")["stated_at"], "2035-06-01T12:00:00.000Z");
    assert_eq!(find("Old")["occurred_at"], "1970-01-01T00:00:00.000Z");
    assert!(find("Old").get("stated_at").is_none());
}

#[tokio::test]
async fn the_latest_word_about_a_purpose_counts() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Opened", "m-1")])).await;
    let id = rig.profile_id("userId:u-1").await;
    let path = format!("/v1/profiles/{id}/consents");
    rig.post(&path, json!({ "purpose": "marketing", "verdict": "withdrawn", "as_of": "2025-12-02T00:00:00.000Z" }))
        .await
        .ok();
    rig.post(&path, json!({ "purpose": "marketing", "verdict": "granted", "as_of": "2025-12-01T00:00:00Z" }))
        .await
        .ok();
    let consents = rig.get(&format!("/v1/profiles/{id}")).await.ok()["consents"].clone();
    assert_eq!(consents, json!({ "marketing": { "verdict": "withdrawn", "as_of": "2025-12-02T00:00:00.000Z" } }));
    let rows = rig.get(&format!("/v1/profiles/{id}/timeline")).await.ok()["data"].clone();
    let told: Vec<&Value> = rows.as_array().unwrap().iter().filter(|row| row["fact"] == "consent").collect();
    assert_eq!(told.len(), 2);
    assert_eq!(
        (&told[0]["verdict"], &told[0]["occurred_at"]),
        (&json!("withdrawn"), &json!("2025-12-02T00:00:00.000Z"))
    );
    for (body, pointer) in [
        (json!({ "verdict": "granted" }), "/purpose"),
        (json!({ "purpose": "gossip", "verdict": "granted" }), "/purpose"),
        (json!({ "purpose": "service", "verdict": true }), "/verdict"),
        (json!({ "purpose": "service", "verdict": "granted", "as_of": "2035-01-01" }), "/as_of"),
        (json!({ "purpose": "service", "verdict": "granted", "as_of": "yesterday" }), "/as_of"),
        (json!({ "purpose": "service", "verdict": "granted", "channel": "pigeon" }), "/channel"),
        (json!({ "purpose": "service", "verdict": "granted", "chanel": "recording" }), "/chanel"),
        (json!({ "purpose": "service", "verdict": "granted", "text_version": "" }), "/text_version"),
        (json!({ "purpose": "service", "verdict": "granted", "text_version": "x".repeat(65) }), "/text_version"),
        (json!({ "purpose": "service", "verdict": "granted", "evidence": "form" }), "/evidence"),
        (json!({ "purpose": "service", "verdict": "granted", "evidence": {} }), "/evidence/source"),
        (json!({ "purpose": "service", "verdict": "granted", "evidence": { "source": 7 } }), "/evidence/source"),
        (evidence(json!({ "source": "form", "by": "x" })), "/evidence"),
        (evidence(json!({ "source": "Test Person" })), "/evidence/source"),
        (evidence(json!({ "source": "call", "reference": "13800000000" })), "/evidence/reference"),
        (evidence(json!({ "source": "form", "reference": "test@example.com" })), "/evidence/reference"),
    ] {
        let problem = rig.post(&path, body).await.is_problem(400, "invalid_body");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
        assert!(!problem.to_string().contains("13800000000") && !problem.to_string().contains("Test Person"));
    }
    let nobody = "/v1/profiles/cus_00000000000000000000000000/consents";
    rig.post(nobody, json!({ "purpose": "service", "verdict": "granted" })).await.is_problem(404, "no_such_customer");
}

fn evidence(evidence: Value) -> Value {
    json!({ "purpose": "service", "verdict": "granted", "evidence": evidence })
}

#[tokio::test]
async fn a_word_about_one_channel_is_shown_beside_the_general_one_with_its_proof() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Opened", "m-1")])).await;
    let id = rig.profile_id("userId:u-1").await;
    let path = format!("/v1/profiles/{id}/consents");
    let general = json!({ "purpose": "marketing", "verdict": "granted", "as_of": "2025-12-01T00:00:00.000Z" });
    rig.post(&path, general).await.ok();
    let own = json!({ "purpose": "marketing", "channel": "wecom_seller", "verdict": "withdrawn",
        "as_of": "2025-12-02T00:00:00.000Z", "text_version": "2025-11/v3",
        "evidence": { "source": "form", "reference": "/unsubscribe" } });
    let mut answered = own.clone();
    answered["id"] = json!(id);
    assert_eq!(rig.post(&path, own.clone()).await.ok(), answered);

    let list = rig.get(&path).await.ok();
    let general = json!({ "purpose": "marketing", "channel": null, "verdict": "granted",
        "as_of": "2025-12-01T00:00:00.000Z" });
    assert_eq!((&list["id"], &list["data"]), (&json!(id), &json!([general, own])));
    assert_eq!(
        list["open"]["marketing"],
        json!({ "wecom_seller": false, "wecom_group_task": true, "miniprogram_subscribe": true, "recording": true })
    );
    assert_eq!(
        (&list["open"]["service"]["recording"], &list["open"]["dealer_sharing"]["recording"]),
        (&json!(true), &json!(false))
    );

    let consents = rig.get(&format!("/v1/profiles/{id}")).await.ok()["consents"].clone();
    let proof = json!({ "verdict": "withdrawn", "as_of": "2025-12-02T00:00:00.000Z", "text_version": "2025-11/v3",
        "evidence": { "source": "form", "reference": "/unsubscribe" } });
    assert_eq!(
        consents,
        json!({ "marketing": { "verdict": "granted", "as_of": "2025-12-01T00:00:00.000Z",
            "channels": { "wecom_seller": proof } } })
    );
    let rows = rig.get(&format!("/v1/profiles/{id}/timeline")).await.ok()["data"].clone();
    let told: Vec<&Value> = rows.as_array().unwrap().iter().filter(|row| row["fact"] == "consent").collect();
    assert_eq!((&told[0]["channel"], &told[0]["evidence"]["source"]), (&json!("wecom_seller"), &json!("form")));
    assert_eq!(told[1]["channel"], Value::Null);
}
