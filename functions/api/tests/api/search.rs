//! Customers found by what somebody said, and by what they have in common.

use crate::rig::{Rig, track};
use roadbook_app::{Config, MiniProgram};
use serde_json::{Value, json};

const OPENID: &str = "oTestTestTestTestTestTest01";
const VIN: &str = "LTESTVIN000000001";

async fn found(rig: &Rig, query: &str) -> Vec<Value> {
    let page = rig.get(&format!("/v1/profiles?{query}")).await.ok();
    assert_eq!((&page["next_cursor"], &page["has_more"]), (&Value::Null, &json!(false)), "{query}");
    page["data"].as_array().unwrap().clone()
}

async fn ids(rig: &Rig, query: &str) -> Vec<String> {
    found(rig, query).await.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn known() -> Rig {
    let app = MiniProgram { appid: "wxapp1".into(), secret: "x".into(), tenant: None };
    let rig = Rig::with(Config { miniprograms: vec![app], ..Config::default() }).await;
    rig.taken(json!([
        { "type": "identify", "userId": "u-1", "anonymousId": "a-1", "messageId": "m-1",
          "traits": { "phone": "13800000001", "email": "person@example.com", "name": "Test Person" },
          "context": { "roadbook": { "identifiers": [
              { "kind": "openid", "scope": "wxapp1", "value": OPENID },
              { "kind": "unionid", "value": "uTestTestTestTestTestTest01" },
              { "kind": "crm_id", "value": "C-0001" } ] } } },
        track("u-2", "Opened", "m-2"),
        // Somebody whose userId is the other's phone number.
        track("13800000001", "Opened", "m-3"),
    ]))
    .await;
    rig
}

#[tokio::test]
async fn whatever_is_said_finds_its_customer() {
    let rig = known().await;
    let id = rig.profile_id("userId:u-1").await;
    for said in [
        "u-1",
        "a-1",
        "PERSON@example.com",
        "C-0001",
        "%2B86%20138-0000-0001",
        OPENID,
        "uTestTestTestTestTestTest01",
        &id,
        "%20u-1%20",
    ] {
        assert_eq!(ids(&rig, &format!("q={said}")).await, [id.as_str()], "{said}");
    }
    assert_eq!(ids(&rig, "key=phone:13800000001").await, [id.as_str()]);
    assert_eq!(ids(&rig, "q=13800000001").await.len(), 2, "a phone number, and a userId of the same digits");
    for nobody in ["q=u-9", "q=cus_00000000000000000000000000", "q=13800000009", "key=phone:13800000009", "q=null"] {
        assert_eq!(ids(&rig, nobody).await, Vec::<String>::new(), "{nobody}");
    }
    let theirs = rig.secret(&rig.other, "get", &format!("/v1/profiles?q={id}"), Value::Null).await.ok();
    assert_eq!(theirs["data"], json!([]));
}

#[tokio::test]
async fn a_short_profile_is_masked() {
    let rig = known().await;
    let rows = found(&rig, "q=u-1").await;
    let row = &rows[0];
    assert_eq!((&row["stage"], &row["last_seen_at"]), (&Value::Null, &json!("2026-01-01T00:00:00.000Z")));
    assert!(row["name"].as_str().unwrap().contains("****"));
    assert_eq!(row["identifiers"].as_array().unwrap().len(), 7);
    let text = row.to_string();
    for planted in ["13800000001", "person@example", "Test Person", OPENID] {
        assert!(!text.contains(planted), "{planted} in {text}");
    }
}

#[tokio::test]
async fn a_car_leads_to_its_people() {
    let rig = known().await;
    let car = |user: &str, id: &str| json!({ "type": "track", "userId": user, "event": "vehicle_bound", "messageId": id, "properties": { "vin": VIN } });
    rig.taken(json!([car("u-1", "v-1"), car("u-2", "v-2")])).await;
    rig.relay().await;
    let mut people = [rig.profile_id("userId:u-1").await, rig.profile_id("userId:u-2").await];
    people.sort();
    assert_eq!(ids(&rig, &format!("q={VIN}")).await, people);
    assert_eq!(ids(&rig, &format!("q={}", VIN.to_lowercase())).await, people);
    assert_eq!(ids(&rig, "q=LTESTVIN000000002").await, Vec::<String>::new());
    let theirs = rig.secret(&rig.other, "get", &format!("/v1/profiles?q={VIN}"), Value::Null).await.ok();
    assert_eq!(theirs["data"], json!([]));
}

#[tokio::test]
async fn customers_are_listed_in_pages_and_filtered() {
    let rig = Rig::new().await;
    let condition = json!({ "event": "Opened", "count": { "op": "gte", "value": 1 } });
    let segment = rig.post("/v1/segments", json!({ "name": "x", "condition": condition })).await.ok()["id"].clone();
    let segment = segment.as_str().unwrap();
    rig.post(&format!("/v1/segments/{segment}/publish"), Value::Null).await.ok();
    let journey = json!({ "name": "x", "definition": {
        "entry": { "event": "Tagged" }, "reentry": "once", "start": "a",
        "nodes": { "a": { "type": "set_tag", "tag": "grade", "value": "H", "expires_in": "P1D", "next": "z" },
                   "z": { "type": "exit" } } } });
    let journey = rig.post("/v1/journeys", journey).await.ok()["id"].clone();
    rig.post(&format!("/v1/journeys/{}/publish", journey.as_str().unwrap()), Value::Null).await.ok();
    let events: Vec<Value> = (0..9)
        .map(|one| {
            let name = ["Opened", "Tagged", "lead_submitted"][one % 3];
            track(&format!("u-{one}"), name, &format!("m-{one}"))
        })
        .collect();
    rig.taken(json!(events)).await;
    rig.relay().await;
    assert_eq!(found(&rig, "").await.len(), 9);
    assert_eq!(found(&rig, &format!("segment={segment}")).await.len(), 3);
    assert_eq!(found(&rig, "tag=grade").await.len(), 3);
    assert_eq!(found(&rig, "tag=grade:H").await.len(), 3);
    assert_eq!(found(&rig, "tag=grade:A").await.len(), 0);
    assert_eq!(found(&rig, &format!("tag=grade&segment={segment}")).await.len(), 0, "both must hold");
    let lead = found(&rig, "q=u-2").await;
    let stage = lead[0]["stage"].as_str().expect("who leaves a lead has a stage");
    let staged = found(&rig, &format!("stage={stage}")).await;
    assert_eq!((staged.len(), &staged[0]), (3, &lead[0]));
    assert_eq!(found(&rig, "stage=upgrade").await.len(), 0);
    rig.wait(2 * 86_400_000).await;
    assert_eq!(found(&rig, "tag=grade").await.len(), 0, "a tag that has ended");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rig.get(&format!("/v1/profiles?segment={segment}&limit=2{cursor}")).await.ok();
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 3);
    let other = format!("/v1/profiles?tag=grade{cursor}");
    rig.get(&other).await.is_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused_without_repeating_it() {
    let rig = known().await;
    let long = "x".repeat(300);
    for (query, code) in [
        ("key=phone:notaphone13800000001", "identifier_malformed"),
        ("key=13800000001", "malformed_key"),
        ("key=13800000001:x", "unknown_identifier_kind"),
        ("q=13800000001&key=phone:13800000001", "conflicting_parameters"),
        ("q=13800000001&tag=hot", "conflicting_parameters"),
        ("segment=13800000001", "bad_id"),
        ("stage=13800000001", "unknown_choice"),
        ("q=u-1&limit=0", "invalid_limit"),
        ("cursor=13800000001", "invalid_cursor"),
        (&format!("q=13800000001{long}"), "query_too_long"),
    ] {
        let answer = rig.get(&format!("/v1/profiles?{query}")).await;
        let problem = answer.is_problem(400, code);
        assert_eq!(problem["instance"], "/v1/profiles");
        assert!(!answer.text().contains("13800000001"), "{}", answer.text());
    }
    for query in ["q=%ff%fe", "q=%00", "tag=%ff", "tag=:", "q=%F0%9F%98%80"] {
        assert!(rig.get(&format!("/v1/profiles?{query}")).await.status.as_u16() < 500, "{query}");
    }
}
