//! Where a customer stands, as the API tells it.

use crate::rig::{Rig, START, track};
use roadbook_kernel::DAY_MS;
use serde_json::{Value, json};

const VIN: &str = "LTESTVIN000000001";

/// Tracks an event of `u-1` that day, with these properties.
async fn did(rig: &Rig, day: i64, event: &str, properties: Value) {
    rig.clock.advance_to(START.plus_ms(day * DAY_MS));
    let mut said = track("u-1", event, &format!("{event}-{day}"));
    said["properties"] = properties;
    rig.taken(json!([said])).await;
}

#[tokio::test]
async fn a_customer_without_signs_has_no_stage_and_one_with_a_car_has_two() {
    let rig = Rig::new().await;
    did(&rig, 0, "page_viewed", json!({ "path": "/" })).await;
    let id = rig.profile_id("userId:u-1").await;
    let nothing = rig.get(&format!("/v1/profiles/{id}/stages")).await.ok();
    assert_eq!(nothing, json!({ "id": id, "person": null, "cars": [] }));
    let profile = rig.get(&format!("/v1/profiles/{id}")).await.ok();
    assert_eq!((&profile["stage"], &profile["cars"], &profile["stores"]), (&Value::Null, &json!([]), &json!([])));

    did(&rig, 1, "lead_submitted", json!({ "store_id": "4S001", "phone": "13800000001" })).await;
    did(&rig, 2, "lead_submitted", json!({ "store_id": "4S001" })).await;
    let stages = rig.get(&format!("/v1/profiles/{id}/stages")).await.ok();
    let person = &stages["person"];
    assert_eq!(person["stage"], json!({ "code": "comparison", "zh": "产品对比", "en": "comparing products" }));
    assert_eq!((&person["aipl"]["code"], &person["purchase"]["zh"]), (&json!("purchase"), &json!("留资沟通中")));
    assert_eq!((&person["phase"]["zh"], &person["step"]["code"]), (&json!("买"), &json!("lead")));
    assert_eq!(person["since"], "2026-01-02T00:00:00.000Z", "the second lead moved nothing");
    assert_eq!(person["confirmed_at"], "2026-01-03T00:00:00.000Z");
    assert_eq!(person["because"]["signal"], "lead");
    assert!(person["because"]["event"].as_str().is_some_and(|id| id.starts_with("msg_")));

    did(&rig, 30, "delivery_completed", json!({ "vin": VIN, "dealer_id": "4S002" })).await;
    did(&rig, 40, "insurance_expiring", json!({ "vin": VIN })).await;
    let stages = rig.get(&format!("/v1/profiles/{id}/stages")).await.ok();
    let car = &stages["cars"][0];
    assert_eq!((&car["role"], &car["until"]), (&json!("owner"), &Value::Null));
    assert_eq!((&car["position"]["stage"]["code"], &car["position"]["phase"]["zh"]), (&json!("renewal"), &json!("服")));
    assert_eq!(stages["person"]["stage"]["code"], "renewal");
    assert_eq!(stages["person"]["since"], "2026-02-10T00:00:00.000Z");

    let profile = rig.get(&format!("/v1/profiles/{id}")).await.ok();
    assert_eq!((&profile["stage"], &profile["aipl"]), (&json!("renewal"), &json!("purchase")));
    assert_eq!(profile["cars"][0]["stage"], "renewal");
    let stores: Vec<&Value> = profile["stores"].as_array().unwrap().iter().map(|store| &store["id"]).collect();
    assert_eq!(stores, ["4S002", "4S001"], "the last seen first");
    let rows = rig.get(&format!("/v1/profiles/{id}/timeline")).await.ok();
    let of = |fact: &str| rows["data"].as_array().unwrap().iter().filter(|row| row["fact"] == fact).count();
    assert_eq!((of("car_related"), of("stage_moved")), (1, 5));
    for answer in [profile, stages, rows] {
        let text = answer.to_string();
        assert!(!text.contains(VIN) && !text.contains("13800000001"), "{text}");
    }
}

#[tokio::test]
async fn a_stage_moves_by_itself_when_a_car_is_old() {
    let rig = Rig::new().await;
    did(&rig, 0, "delivery_completed", json!({ "vin": VIN })).await;
    let id = rig.profile_id("userId:u-1").await;
    rig.wait(1_097 * DAY_MS).await;
    let person = rig.get(&format!("/v1/profiles/{id}/stages")).await.ok()["person"].clone();
    assert_eq!((&person["stage"]["code"], &person["because"]["signal"]), (&json!("renewal"), &json!("aged")));
    assert_eq!((&person["because"]["by_itself"], &person["because"]["event"]), (&json!(true), &Value::Null));
    assert_eq!(person["since"], "2029-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn a_merged_customer_stands_where_both_together_stand() {
    let rig = Rig::new().await;
    did(&rig, 0, "test_drive_completed", json!({})).await;
    rig.taken(json!([track("u-2", "model_viewed", "m-2")])).await;
    let (one, other) = (rig.profile_id("userId:u-1").await, rig.profile_id("userId:u-2").await);
    rig.post("/v1/identity/merge", json!({ "customers": [one, other] })).await.ok();
    for id in [one, other] {
        let person = rig.get(&format!("/v1/profiles/{id}/stages")).await.ok()["person"].clone();
        assert_eq!(person["stage"]["code"], "decision");
    }
}

/// The limit says so, as the others do: the event is a dead letter, and nothing of it is applied.
#[tokio::test]
async fn a_car_too_many_is_refused_whole() {
    let rig = Rig::new().await;
    let bound = |number: usize| {
        json!({
            "type": "track", "userId": "u-1", "event": "vehicle_bound", "messageId": format!("m-{number}"),
            "properties": { "vin": format!("LTESTVIN{number:09}") },
        })
    };
    rig.taken(json!((1..=21).map(bound).collect::<Vec<_>>())).await;
    let letters = rig.letters().await;
    let reason = &letters[0]["reason"];
    assert_eq!((letters.len(), &reason["code"]), (1, &json!("too_many_cars")));
    assert_eq!(reason["places"][0]["pointer"], "/properties/vin");
    assert!(!reason.to_string().contains("LTESTVIN"), "{reason}");
    let person = rig.lookup("userId:u-1").await.ok();
    assert_eq!((person["cars"].as_array().map(Vec::len), &person["events"]), (Some(20), &json!(20)));
    // A car that is known goes on being heard of.
    let mut known = bound(3);
    (known["event"], known["messageId"]) = (json!("service_completed"), json!("m-22"));
    rig.taken(json!([known])).await;
    assert_eq!(rig.letters().await.len(), 1);
}
