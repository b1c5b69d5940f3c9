//! Who is who, decided by people.

use crate::rig::{Rig, track};
use axum::http::StatusCode;
use serde_json::{Value, json};

fn identify(user: &str, phone: &str, message: &str) -> Value {
    json!({ "type": "identify", "userId": user, "messageId": message, "traits": { "phone": phone } })
}

/// A conflict and a review of this tenant, by their ids.
pub async fn planted(rig: &Rig) -> (String, String) {
    rig.taken(json!([identify("c-1", "13800000001", "c-1"), identify("c-2", "13800000001", "c-2")])).await;
    rig.taken(json!([track("r-1", "Opened", "r-1"), track("r-2", "Opened", "r-2")])).await;
    let (one, two) = (rig.profile_id("userId:r-1").await, rig.profile_id("userId:r-2").await);
    rig.post("/v1/identity/merge", json!({ "customers": [one, two] })).await.ok();
    let word = json!({ "purpose": "marketing", "verdict": "withdrawn" });
    rig.post(&format!("/v1/profiles/{one}/consents"), word).await.ok();
    rig.post("/v1/identity/unmerge", json!({ "customer": one, "restore": two })).await.ok();
    let first = async |path: &str| rig.get(path).await.ok()["data"][0]["id"].as_str().unwrap_or_default().to_owned();
    (first("/v1/identity/conflicts").await, first("/v1/identity/reviews").await)
}

#[tokio::test]
async fn a_conflict_is_listed_previewed_merged_and_undone() {
    let rig = Rig::new().await;
    rig.taken(json!([identify("u-1", "13800000001", "1"), identify("u-2", "13800000001", "2")])).await;
    let first = rig.profile_id("userId:u-1").await;
    let open = rig.get("/v1/identity/conflicts").await.ok();
    let conflict = &open["data"][0];
    assert_eq!(
        (&conflict["reason"], &conflict["status"], &conflict["kind"]),
        (&json!("over_limit"), &json!("open"), &json!("phone"))
    );
    let pair = json!({ "customers": conflict["customers"] });

    let preview = rig.post("/v1/identity/merge/preview", pair.clone()).await.ok();
    assert_eq!(preview["events"], 2);
    assert_eq!(preview["against"], json!({ "too_many_identifiers": false, "over_limit": "user_id" }));
    let mut kinds: Vec<_> = preview["identifiers"].as_array().unwrap().iter().map(|one| one["kind"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [Some("phone"), Some("user_id"), Some("user_id")]);
    assert!(!preview.to_string().contains("13800000001"), "{preview}");
    assert_ne!(rig.profile_id("userId:u-1").await, rig.profile_id("userId:u-2").await, "a preview changes nothing");

    rig.post("/v1/identity/merge", pair.clone()).await.ok();
    assert_eq!(rig.get("/v1/identity/conflicts").await.ok()["data"], json!([]));
    assert_eq!(rig.get("/v1/identity/conflicts?status=merged").await.ok()["data"][0]["status"], "merged");
    assert_eq!(rig.post("/v1/identity/merge/preview", pair).await.ok()["already_one"], true);

    rig.taken(json!([track("u-2", "Visited", "3"), track("u-1", "Visited", "4"), track("u-2", "Visited", "5")])).await;
    let undone = json!({ "customer": preview["stays"], "restore": preview["goes"] });
    let parted = rig.post("/v1/identity/unmerge", undone.clone()).await.ok();
    // Both were founded in one millisecond: either may be the elder.
    let events = |id: &Value| if *id == json!(first) { 2 } else { 3 };
    let shown = |id: &Value| json!({ "id": id, "events": events(id) });
    let expected = json!({ "stayed": shown(&preview["stays"]), "restored": shown(&preview["goes"]) });
    assert_eq!(parted, expected);
    let again = rig.post("/v1/identity/unmerge", undone).await;
    assert_eq!((again.status, &again.json()["code"]), (StatusCode::CONFLICT, &json!("not_merged")));

    // Each timeline has what is theirs.
    let names = async |id: &Value| {
        let path = format!("/v1/profiles/{}/timeline?limit=200", id.as_str().unwrap_or_default());
        let lines = rig.get(&path).await.ok()["data"].as_array().cloned().unwrap_or_default();
        let events = lines.iter().filter(|line| line["type"] == "event").count();
        (events, lines.iter().any(|line| line["fact"] == "unmerged"))
    };
    for id in [&preview["stays"], &preview["goes"]] {
        assert_eq!(names(id).await, (events(id), true));
    }
}

#[tokio::test]
async fn a_conflict_that_is_dismissed_stays_dismissed() {
    let rig = Rig::new().await;
    let (conflict, review) = planted(&rig).await;
    let path = format!("/v1/identity/conflicts/{conflict}/dismiss");
    let dismissed = rig.post(&path, json!({ "note": "a couple" })).await.ok();
    assert_eq!((&dismissed["status"], &dismissed["dismissed"]["note"]), (&json!("dismissed"), &json!("a couple")));
    assert_eq!(rig.post(&path, json!({ "note": "changed" })).await.ok()["dismissed"]["note"], "a couple");
    rig.taken(json!([identify("c-2", "13800000001", "c-3")])).await;
    assert_eq!(rig.get("/v1/identity/conflicts").await.ok()["data"], json!([]), "met again, decided already");
    assert_eq!(rig.post(&path, json!({ "note": "x".repeat(501) })).await.status, StatusCode::BAD_REQUEST);

    let path = format!("/v1/identity/reviews/{review}/resolve");
    let open = rig.get("/v1/identity/reviews").await.ok();
    assert_eq!((&open["data"][0]["what"], &open["data"][0]["status"]), (&json!("consent"), &json!("open")));
    assert_eq!(rig.post(&path, json!({})).await.ok()["status"], "resolved");
    assert_eq!(rig.get("/v1/identity/reviews").await.ok()["data"][0]["status"], "resolved");
}

#[tokio::test]
async fn an_unbound_identifier_leads_nowhere() {
    let rig = Rig::new().await;
    rig.taken(json!([identify("u-1", "13800000001", "1")])).await;
    let id = rig.profile_id("userId:u-1").await;
    let path = format!("/v1/profiles/{id}/identifiers/unbind");
    let phone = json!({ "kind": "phone", "value": "138 0000 0001" });
    assert_eq!(rig.post(&path, phone.clone()).await.ok(), json!({ "id": id, "identifiers_left": 1 }));
    assert_eq!(rig.get("/v1/profiles/lookup?key=phone:13800000001").await.status, StatusCode::NOT_FOUND);
    let again = rig.post(&path, phone.clone()).await;
    assert_eq!((again.status, &again.json()["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("no_such_identifier")));
    let nobody = "/v1/profiles/cus_00000000000000000000000000/identifiers/unbind";
    rig.post(nobody, phone).await.is_problem(404, "no_such_customer");
    for (body, pointer) in [
        (json!({ "kind": "car", "value": "x" }), "/kind"),
        (json!({ "kind": "phone" }), "/value"),
        (json!({ "kind": "phone", "value": "12345" }), "/value"),
        (json!({ "kind": "phone", "value": 7 }), "/value"),
    ] {
        let refused = rig.post(&path, body.clone()).await;
        assert_eq!(
            (refused.status, &refused.json()["errors"][0]["pointer"]),
            (StatusCode::BAD_REQUEST, &json!(pointer)),
            "{body}"
        );
        assert!(!refused.json().to_string().contains("12345"));
    }
}

#[tokio::test]
async fn a_policy_says_how_many_of_a_kind_one_person_may_have() {
    let rig = Rig::new().await;
    let built_in = rig.get("/v1/identity/policy").await.ok();
    assert_eq!((&built_in["revision"], &built_in["limits"]["user_id"]["max"]), (&json!(0), &json!(1)));
    let path = "/v1/identity/policy";
    for (body, pointer, code) in [
        (json!({}), "/limits", "missing_field"),
        (json!({ "limits": [] }), "/limits", "wrong_type"),
        (json!({ "limits": { "car": { "max": 1 } } }), "/limits/car", "unknown_identifier_kind"),
        (json!({ "limits": { "phone": { "max": 0 } } }), "/limits/phone", "invalid_limit"),
        (json!({ "limits": { "phone": { "max": 1, "per": "day" } } }), "/limits/phone", "invalid_limit"),
    ] {
        let refused = rig.change("put", path, Some("*"), body.clone()).await;
        let places = refused.json();
        let place = &places["errors"][0];
        assert_eq!(
            (refused.status, &place["pointer"], &place["code"]),
            (StatusCode::BAD_REQUEST, &json!(pointer), &json!(code)),
            "{body}"
        );
    }
    let wider = json!({ "limits": { "user_id": { "max": 2 }, "device": { "max": 3, "within_days": 7 } } });
    assert_eq!(rig.change("put", path, None, wider.clone()).await.status, StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(rig.change("put", path, Some("\"7\""), wider.clone()).await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(rig.change("put", path, Some("\"0\""), wider).await.ok()["revision"], 1);
    // From now on a second account that brings a known phone is the same person.
    rig.taken(json!([identify("u-1", "13800000001", "1"), identify("u-2", "13800000001", "2")])).await;
    assert_eq!(rig.profile_id("userId:u-1").await, rig.profile_id("userId:u-2").await);
}
