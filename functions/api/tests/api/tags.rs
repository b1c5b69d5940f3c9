//! What tags mean, and tags set by hand.

use crate::rig::{Rig, track};
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * 3_600_000;
const ONE: &str = "/v1/tag-definitions/lead_grade";

fn grade(values: &[&str]) -> Value {
    json!({ "key": "lead_grade", "name_zh": "意向级别", "name_en": "Lead grade", "group": "intent", "type": "enum",
        "values": values, "origin": "rule" })
}

async fn customer(rig: &Rig) -> String {
    rig.taken(json!([track("u-1", "Opened", "m-1")])).await;
    format!("/v1/profiles/{}", rig.profile_id("userId:u-1").await)
}

#[tokio::test]
async fn descriptions_are_made_changed_and_deleted_under_their_etag() {
    let rig = Rig::new().await;
    let made = rig.post("/v1/tag-definitions", grade(&["H", "A"])).await;
    assert_eq!((made.status.as_u16(), made.header("location"), made.header("etag")), (201, Some(ONE), Some("\"1\"")));
    rig.post("/v1/tag-definitions", grade(&["H"])).await.is_problem(409, "already_defined");
    let mut wider = grade(&["H", "A", "B"]);
    wider["ttl_days"] = json!(30);
    rig.change("put", ONE, None, wider.clone()).await.is_problem(428, "if_match_required");
    rig.change("put", ONE, Some("\"9\""), wider.clone()).await.is_problem(412, "stale_etag");
    let edited = rig.change("put", ONE, Some("\"1\""), wider.clone()).await;
    assert_eq!((edited.header("etag"), &edited.ok()["values"]), (Some("\"2\""), &json!(["H", "A", "B"])));
    rig.change("put", ONE, Some("\"1\""), wider.clone()).await.is_problem(412, "stale_etag");
    let read = rig.get(ONE).await;
    assert_eq!((read.header("etag"), &read.ok()["ttl_days"]), (Some("\"2\""), &json!(30)));
    wider["key"] = json!("other");
    let problem = rig.change("put", ONE, Some("\"2\""), wider).await.is_problem(400, "invalid_body");
    assert_eq!(problem["errors"][0]["pointer"], "/key");
    rig.change("delete", ONE, Some("\"1\""), Value::Null).await.is_problem(412, "stale_etag");
    assert_eq!(rig.change("delete", ONE, Some("\"2\""), Value::Null).await.status, 204);
    rig.get(ONE).await.is_problem(404, "not_found");
    rig.change("delete", ONE, Some("*"), Value::Null).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn wrong_descriptions_name_every_place() {
    let rig = Rig::new().await;
    let body = json!({ "key": 7, "name_zh": "x", "type": "color", "origin": "moon", "values": "H", "pii": "yes", "ttl_days": -1 });
    let problem = rig.post("/v1/tag-definitions", body).await.is_problem(400, "invalid_body");
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/key", "/name_en", "/group", "/type", "/origin", "/values", "/pii", "/ttl_days"]);
    let problem = rig.post("/v1/tag-definitions", grade(&[])).await.is_problem(422, "invalid_tag_definition");
    assert_eq!(problem["errors"][0]["pointer"], "/values");
}

#[tokio::test]
async fn the_taxonomy_is_loaded_beside_what_is_there() {
    let rig = Rig::new().await;
    rig.post("/v1/tag-definitions", grade(&["hot", "cold"])).await.ok();
    let loaded = rig.post("/v1/tag-definitions/load-builtin", Value::Null).await.ok();
    assert_eq!(loaded, json!({ "loaded": 113, "tag_definitions": 114 }));
    assert_eq!(rig.post("/v1/tag-definitions/load-builtin", Value::Null).await.ok()["loaded"], 0);
    assert_eq!(rig.get(ONE).await.ok()["values"], json!(["hot", "cold"]), "the tenant's own stays");
    let group = rig.get("/v1/tag-definitions?group=risk&limit=5").await.ok();
    assert_eq!((group["data"].as_array().unwrap().len(), &group["has_more"]), (5, &json!(true)));
    let cursor = group["next_cursor"].as_str().unwrap();
    let rest = rig.get(&format!("/v1/tag-definitions?group=risk&cursor={cursor}")).await.ok();
    assert_eq!(rest["data"].as_array().unwrap().len(), 4);
    assert_eq!(rest["data"][3]["name_zh"], "羊毛党风险");
    rig.get(&format!("/v1/tag-definitions?cursor={cursor}")).await.is_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_tag_set_by_hand_shows_whose_hand_and_must_fit() {
    let rig = Rig::new().await;
    let profile = customer(&rig).await;
    let segment = rig
        .post("/v1/segments", json!({ "name": "hot", "condition": { "tag": "lead_grade", "op": "eq", "value": "H" } }))
        .await;
    let segment = segment.ok()["id"].as_str().unwrap().to_owned();
    rig.post(&format!("/v1/segments/{segment}/publish"), Value::Null).await.ok();
    let tag = format!("{profile}/tags/lead_grade");
    let put = async |body: Value| rig.change("put", &tag, None, body).await;
    let set = put(json!({ "value": "whatever" })).await.ok();
    assert_eq!((&set["tag"], &set["value"]), (&json!("lead_grade"), &json!("whatever")), "it is not described");
    let by = set["cause"]["by"].as_str().unwrap();
    assert!(by.starts_with("key_"), "{set}");
    rig.post("/v1/tag-definitions", grade(&["H", "A"])).await.ok();
    let problem = put(json!({ "value": "Z" })).await.is_problem(422, "unfit_tag_value");
    assert_eq!(problem["errors"][0]["pointer"], "/value");
    put(json!({ "value": "H", "expires_at": "2026-01-03T00:00:00Z" })).await.ok();
    let shown = rig.get(&profile).await.ok();
    assert_eq!(
        (
            &shown["tags"]["lead_grade"]["value"],
            &shown["tags"]["lead_grade"]["expires_at"],
            &shown["segments"][0]["id"]
        ),
        (&json!("H"), &json!("2026-01-03T00:00:00.000Z"), &json!(segment))
    );
    // The last word of several within one millisecond counts.
    put(json!({ "value": "A" })).await.ok();
    assert_eq!(rig.get(&profile).await.ok()["segments"], json!([]));
    let lines = rig.get(&format!("{profile}/timeline")).await.ok();
    let line = lines["data"].as_array().unwrap().iter().find(|line| line["fact"] == "tag_set").unwrap();
    assert_eq!((&line["value"], &line["cause"]["by"]), (&json!("A"), &json!(by)));
    assert_eq!(rig.change("delete", &tag, None, Value::Null).await.status, 204);
    assert_eq!(rig.get(&profile).await.ok()["tags"], json!({}));
    assert_eq!(rig.change("delete", &tag, None, Value::Null).await.status, 204, "gone is gone");
}

#[tokio::test]
async fn values_of_every_type_are_taken_and_end_when_their_description_says() {
    let rig = Rig::new().await;
    let profile = customer(&rig).await;
    rig.post("/v1/tag-definitions/load-builtin", Value::Null).await.ok();
    let put = async |key: &str, body: Value| rig.change("put", &format!("{profile}/tags/{key}"), None, body).await;
    for (key, value, stored) in [
        ("blacklist", Value::Null, ""),
        ("promoter", json!(true), "true"),
        ("nps", json!(9), "9"),
        ("next_service_on", json!("2026-05-01"), "2026-05-01"),
        ("feature_focus", json!(["range", "safety"]), "range,safety"),
    ] {
        assert_eq!(put(key, json!({ "value": value })).await.ok()["value"], stored, "{key}");
    }
    for (key, value) in
        [("nps", json!("nine")), ("next_service_on", json!("tomorrow")), ("feature_focus", json!(["sound"]))]
    {
        put(key, json!({ "value": value })).await.is_problem(422, "unfit_tag_value");
    }
    for body in [
        json!({ "value": {} }),
        json!({ "value": [1] }),
        json!({ "expires_at": "2025-01-01T00:00:00Z" }),
        json!({ "expires_at": "soon" }),
        json!({ "until": 1 }),
    ] {
        put("own", body).await.is_problem(400, "invalid_body");
    }
    let mut short = grade(&["H"]);
    (short["key"], short["ttl_days"]) = (json!("fresh"), json!(2));
    rig.post("/v1/tag-definitions", short).await.ok();
    assert_eq!(put("fresh", json!({ "value": "H" })).await.ok()["expires_at"], "2026-01-03T00:00:00.000Z");
    rig.wait(2 * DAY_MS).await;
    assert!(rig.get(&profile).await.ok()["tags"]["fresh"].is_null());
    rig.change("put", "/v1/profiles/cus_00000000000000000000000000/tags/x", None, json!({}))
        .await
        .is_problem(404, "no_such_customer");
}

#[tokio::test]
async fn a_value_that_names_a_person_is_masked_wherever_it_is_shown() {
    let rig = Rig::new().await;
    let profile = customer(&rig).await;
    rig.post("/v1/tag-definitions/load-builtin", Value::Null).await.ok();
    let set = rig
        .change("put", &format!("{profile}/tags/preferred_advisor"), None, json!({ "value": "advisor-seven" }))
        .await
        .ok();
    let shown = [
        set,
        rig.get(&profile).await.ok(),
        rig.lookup("userId:u-1").await.ok(),
        rig.get(&format!("{profile}/timeline")).await.ok(),
    ];
    for answer in shown {
        assert!(answer.to_string().contains("tag") && !answer.to_string().contains("advisor-seven"), "{answer}");
    }
}
