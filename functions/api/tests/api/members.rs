//! Who is in a segment or a journey, and who would be in a segment that nobody has saved.

use crate::rig::{Rig, track};
use roadbook_app::Config;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn at_least(count: u32) -> Value {
    json!({ "event": "Opened", "count": { "op": "gte", "value": count } })
}

/// Customer n opens n times.
async fn customers(rig: &Rig, number: usize) {
    for n in 0..number {
        let mut events = vec![json!({ "type": "identify", "userId": format!("u-{n}"), "messageId": format!("i-{n}"),
            "traits": { "name": "Test Person", "phone": format!("1380000{n:04}"), "city": if n % 2 == 0 { "上海" } else { "北京" } } })];
        events.extend((0..n).map(|times| track(&format!("u-{n}"), "Opened", &format!("m-{n}-{times}"))));
        rig.taken(json!(events)).await;
    }
    rig.relay().await;
}

async fn preview(rig: &Rig, condition: Value) -> Value {
    rig.post("/v1/segments/preview", json!({ "condition": condition })).await.ok()
}

#[tokio::test]
async fn a_preview_counts_exactly_what_publishing_will_count() {
    let rig = Rig::new().await;
    customers(&rig, 6).await;
    // One customer under two ids: what happened under the former id counts too.
    rig.taken(json!([{ "type": "alias", "previousId": "u-1", "userId": "u-2", "messageId": "a-1",
        "context": { "roadbook": { "previous_kind": "userId" } } }]))
        .await;
    rig.relay().await;
    for (condition, count) in [
        (at_least(1), 4),
        (at_least(3), 4),
        (at_least(4), 2),
        (json!({ "all": [{ "trait": "city", "op": "eq", "value": "上海" }, at_least(4)] }), 1),
        (json!({ "not": at_least(1) }), 1),
    ] {
        let before = preview(&rig, condition.clone()).await;
        assert_eq!(
            (&before["count"], &before["scanned"], &before["customers"], &before["complete"]),
            (&json!(count), &json!(5), &json!(5), &json!(true)),
            "{condition}"
        );
        let id = rig.post("/v1/segments", json!({ "name": "x", "condition": condition })).await.ok()["id"].clone();
        let path = format!("/v1/segments/{}", id.as_str().unwrap());
        rig.post(&format!("{path}/publish"), Value::Null).await.ok();
        // While the past is being counted the states cannot be believed, and afterwards they can.
        assert_eq!(preview(&rig, condition.clone()).await["count"], count);
        rig.sweep().await;
        assert_eq!(rig.get(&format!("{path}/stats")).await.ok()["members"], count, "{condition}");
        assert_eq!(preview(&rig, condition.clone()).await["count"], count);
    }
}

#[tokio::test]
async fn a_preview_shows_a_masked_sample_and_says_what_is_wrong() {
    let rig = Rig::new().await;
    customers(&rig, 4).await;
    let shown = rig.post("/v1/segments/preview", json!({ "condition": at_least(1), "sample": 2 })).await.ok();
    assert_eq!((&shown["count"], shown["sample"].as_array().unwrap().len()), (&json!(3), 2));
    let text = shown.to_string();
    assert!(!text.contains("Test Person") && !text.contains("13800000"), "{text}");
    let all: Vec<&str> =
        shown["sample"][0]["identifiers"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert!(all.contains(&"phone") && shown["sample"][0]["id"].as_str().unwrap().starts_with("cus_"));
    let bad = json!({ "condition": { "event": "a", "count": { "op": "atleast", "value": 1 } } });
    let problem = rig.post("/v1/segments/preview", bad).await.is_problem(422, "invalid_condition");
    assert_eq!(problem["errors"][0]["pointer"], "/condition/count/op");
    for body in
        [json!({}), json!({ "condition": at_least(1), "sample": 21 }), json!({ "condition": at_least(1), "x": 1 })]
    {
        rig.post("/v1/segments/preview", body).await.is_problem(400, "invalid_body");
    }
    // A segment that is not published has nobody inside: that is told with its place.
    let draft = rig.post("/v1/segments", json!({ "name": "x", "condition": at_least(1) })).await.ok()["id"].clone();
    let shown = preview(&rig, json!({ "any": [{ "tag": "x" }, { "segment": draft }] })).await;
    assert_eq!((&shown["count"], &shown["problems"][0]["pointer"]), (&json!(0), &json!("/condition/any/1/segment")));
    assert_eq!(rig.get("/v1/segments").await.ok()["data"].as_array().unwrap().len(), 1, "a preview saves nothing");
}

#[tokio::test]
async fn a_preview_without_time_says_how_far_it_came() {
    let rig = Rig::with(Config { scan_ms_max: 0, ..Config::default() }).await;
    customers(&rig, 3).await;
    let shown = preview(&rig, json!({ "not": at_least(9) })).await;
    assert_eq!(
        (&shown["count"], &shown["scanned"], &shown["customers"], &shown["complete"]),
        (&json!(1), &json!(1), &json!(3), &json!(false))
    );
}

async fn pages(rig: &Rig, path: &str, limit: usize) -> (Vec<Value>, usize) {
    let (mut all, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    let query = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = rig.get(&format!("{path}{query}limit={limit}{cursor}")).await.ok();
        pages += 1;
        let rows = page["data"].as_array().unwrap().clone();
        assert!(rows.len() <= limit);
        all.extend(rows);
        assert!(pages < 50, "the pages come to an end");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, pages),
        }
    }
}

#[tokio::test]
async fn members_of_a_segment_come_in_pages_even_without_time() {
    for scan_ms_max in [2_000, 0] {
        let rig = Rig::with(Config { scan_ms_max, ..Config::default() }).await;
        customers(&rig, 5).await;
        let id = rig.post("/v1/segments", json!({ "name": "x", "condition": at_least(2) })).await.ok()["id"].clone();
        let path = format!("/v1/segments/{}", id.as_str().unwrap());
        rig.post(&format!("{path}/publish"), Value::Null).await.ok();
        rig.sweep().await;
        let (rows, _) = pages(&rig, &format!("{path}/members"), 2).await;
        let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!((rows.len(), ids.len()), (3, 3));
        assert!(rows[0]["since"].is_string() && rows[0]["name"] != "Test Person");
        let page = rig.get(&format!("{path}/members?limit=1")).await.ok();
        if let Some(cursor) = page["next_cursor"].as_str() {
            rig.get(&format!("/v1/segments?cursor={cursor}")).await.is_problem(400, "invalid_cursor");
        }
    }
}

#[tokio::test]
async fn an_archived_segment_has_no_members() {
    let rig = Rig::new().await;
    customers(&rig, 3).await;
    let inner = rig.post("/v1/segments", json!({ "name": "inner", "condition": at_least(1) })).await.ok()["id"].clone();
    let outer = json!({ "name": "outer", "condition": { "not": { "segment": inner } } });
    let outer = rig.post("/v1/segments", outer).await.ok()["id"].clone();
    let path = |id: &Value| format!("/v1/segments/{}", id.as_str().unwrap());
    for id in [&inner, &outer] {
        rig.post(&format!("{}/publish", path(id)), Value::Null).await.ok();
    }
    rig.sweep().await;
    let problem =
        rig.change("delete", &path(&inner), Some("\"1\""), Value::Null).await.is_problem(409, "segment_in_use");
    assert_eq!(problem["errors"][0]["pointer"], format!("/segments/{}/condition/not/segment", outer.as_str().unwrap()));
    assert_eq!(rig.change("delete", &path(&outer), Some("\"1\""), Value::Null).await.status, 204);
    assert_eq!(rig.change("delete", &path(&inner), Some("\"1\""), Value::Null).await.status, 204);
    rig.sweep().await;
    assert_eq!(rig.lookup("userId:u-1").await.ok()["segments"], json!([]));
    assert_eq!(rig.get(&format!("{}/members", path(&inner))).await.ok()["data"], json!([]));
    assert_eq!(rig.get(&format!("{}/stats", path(&inner))).await.ok()["members"], 0);
    assert_eq!(rig.get(&path(&inner)).await.ok()["status"], "archived");
}

#[tokio::test]
async fn members_of_a_journey_say_where_they_stand() {
    for scan_ms_max in [2_000, 0] {
        let rig = Rig::with(Config { scan_ms_max, ..Config::default() }).await;
        let journey = json!({ "name": "x", "definition": {
            "entry": { "event": "Entered" }, "reentry": "once", "start": "first",
            "nodes": {
                "first": { "type": "wait", "duration": "PT1H", "next": "second" },
                "second": { "type": "wait_for", "event": "e", "timeout": "P1D", "on_event": "z", "on_timeout": "z" },
                "z": { "type": "exit" }
            }
        }});
        let id = rig.post("/v1/journeys", journey).await.ok()["id"].as_str().unwrap().to_owned();
        rig.post(&format!("/v1/journeys/{id}/publish"), Value::Null).await.ok();
        let enter = |n: usize| track(&format!("u-{n}"), "Entered", &format!("m-{n}"));
        rig.taken(json!([enter(1), enter(2)])).await;
        rig.wait(2 * 3_600_000).await;
        rig.taken(json!([enter(3), track("u-4", "Opened", "m-4")])).await;
        // Two who were in it are one now, with a run each.
        rig.taken(json!([{ "type": "alias", "previousId": "u-1", "userId": "u-3", "messageId": "a-1",
            "context": { "roadbook": { "previous_kind": "userId" } } }]))
            .await;
        let path = format!("/v1/journeys/{id}/members");
        let (rows, _) = pages(&rig, &path, 1).await;
        let seen: BTreeSet<&str> = rows.iter().map(|row| row["run"].as_str().unwrap()).collect();
        assert_eq!((rows.len(), seen.len()), (3, 3), "{rows:?}");
        let (second, _) = pages(&rig, &format!("{path}?node=second"), 50).await;
        assert_eq!(second.len(), 2);
        let row = &second[0];
        assert_eq!(
            (&row["node"], &row["state"], &row["until"], &row["entered_at"]),
            (
                &json!("second"),
                &json!("listening"),
                &json!("2026-01-02T01:00:00.000Z"),
                &json!("2026-01-01T00:00:00.000Z")
            )
        );
        assert!(row["customer"].as_str().unwrap().starts_with("cus_"));
        assert_eq!(pages(&rig, &format!("{path}?node=none"), 50).await.0, [Value::Null; 0]);
    }
}
