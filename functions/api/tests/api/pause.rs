//! Pausing, resuming and archiving journeys over the API.

use crate::rig::{Rig, track};
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * 3_600_000;
const MINUTE_MS: i64 = 60_000;

fn follow_up() -> Value {
    json!({ "name": "Follow up", "definition": {
        "entry": { "event": "lead_submitted" }, "reentry": "after_exit", "goal": { "event": "order_placed" },
        "start": "settle",
        "nodes": {
            "settle": { "type": "wait", "duration": "P1D", "next": "tell" },
            "tell": { "type": "send", "channel": "recording", "purpose": "service", "content": { "text": "hello" }, "next": "drive" },
            "drive": { "type": "wait_for", "event": "test_drive_completed", "timeout": "P3D", "on_event": "hot", "on_timeout": "over" },
            "hot": { "type": "set_tag", "tag": "hot", "next": "over" },
            "over": { "type": "exit" }
        }
    }})
}

async fn live(rig: &Rig) -> String {
    let id = rig.post("/v1/journeys", follow_up()).await.ok()["id"].as_str().unwrap().to_owned();
    rig.post(&format!("/v1/journeys/{id}/publish"), Value::Null).await.ok();
    format!("/v1/journeys/{id}")
}

async fn runs(rig: &Rig, user: &str) -> Value {
    rig.lookup(&format!("userId:{user}")).await.ok()["journeys"].clone()
}

async fn sends(rig: &Rig) -> Value {
    rig.relay().await;
    rig.get("/v1/sends/stats").await.ok()["sends"].clone()
}

async fn facts(rig: &Rig, user: &str) -> Vec<String> {
    let rows = rig
        .get(&format!("/v1/profiles/{}/timeline?limit=200", rig.profile_id(&format!("userId:{user}")).await))
        .await
        .ok();
    let mut facts: Vec<String> =
        rows["data"].as_array().unwrap().iter().filter_map(|row| Some(row["fact"].as_str()?.to_owned())).collect();
    facts.reverse();
    facts.retain(|fact| fact.starts_with("journey_"));
    facts
}

#[tokio::test]
async fn a_wait_that_ends_in_a_pause_goes_on_at_resume_once() {
    let rig = Rig::new().await;
    let path = live(&rig).await;
    rig.taken(json!([track("u-1", "lead_submitted", "m-1")])).await;
    rig.wait(DAY_MS / 2).await;
    let paused = rig.post(&format!("{path}/pause"), Value::Null).await.ok();
    assert_eq!((&paused["status"], &paused["paused_at"]), (&json!("paused"), &json!("2026-01-01T12:00:00.000Z")));
    rig.post(&format!("{path}/pause"), Value::Null).await.is_problem(409, "already_paused");

    // Nobody enters, whoever waits goes on waiting, and what is due is held.
    rig.taken(json!([track("u-2", "lead_submitted", "m-2")])).await;
    assert_eq!(runs(&rig, "u-2").await, json!([]));
    rig.wait(DAY_MS).await;
    let held = runs(&rig, "u-1").await[0].clone();
    assert_eq!(
        (&held["node"], &held["state"], &held["held_since"]),
        (&json!("settle"), &json!("waiting"), &json!("2026-01-02T00:00:00.000Z"))
    );
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!(
        (&stats["status"], &stats["active"], &stats["held"], &stats["nodes"]["settle"]["held"]),
        (&json!("paused"), &json!(1), &json!(1), &json!(1))
    );
    assert_eq!(sends(&rig).await, json!({}));
    // Held runs are not in the due index: time passes and nobody wakes.
    let turns = rig.counter("roadbook_turns_total").await;
    rig.wait(30 * DAY_MS).await;
    assert_eq!(rig.counter("roadbook_turns_total").await, turns);

    let resumed = rig.post(&format!("{path}/resume"), Value::Null).await.ok();
    assert_eq!((&resumed["status"], &resumed["paused_at"]), (&json!("live"), &Value::Null));
    rig.post(&format!("{path}/resume"), Value::Null).await.is_problem(409, "not_paused");
    assert_eq!(rig.get(&format!("{path}/stats")).await.ok()["releasing"]["done"], false);
    let resumed_at = rig.get(&path).await.ok()["updated_at"].clone();
    rig.wait(MINUTE_MS).await;
    rig.sweep().await;
    rig.sweep().await;
    let run = runs(&rig, "u-1").await[0].clone();
    assert_eq!((&run["node"], &run["state"], &run["held_since"]), (&json!("drive"), &json!("listening"), &Value::Null));
    assert_eq!((&resumed_at, &run["until"]), (&json!("2026-02-01T12:00:00.000Z"), &json!("2026-02-04T12:00:00.000Z")));
    assert_eq!(sends(&rig).await, json!({ "intended": 1 }));
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!((&stats["held"], &stats["releasing"]["changed"]), (&json!(0), &json!(1)), "{stats}");
    rig.wait(3 * DAY_MS).await;
    assert_eq!(sends(&rig).await, json!({ "intended": 1 }), "once");
    let told = ["entered", "waiting", "held", "released", "moved", "moved", "waiting", "moved", "ended"];
    assert_eq!(facts(&rig, "u-1").await, told.map(|fact| format!("journey_{fact}")));
}

#[tokio::test]
async fn goals_end_held_runs_and_awaited_events_move_them() {
    let rig = Rig::new().await;
    let path = live(&rig).await;
    rig.taken(json!([track("u-1", "lead_submitted", "m-1"), track("u-2", "lead_submitted", "m-2")])).await;
    rig.wait(DAY_MS).await;
    rig.taken(json!([track("u-3", "lead_submitted", "m-3")])).await;
    rig.post(&format!("{path}/pause"), Value::Null).await.ok();
    // One drives in time, one too late, one orders; each was listening or waiting when the pause began.
    rig.wait(MINUTE_MS).await;
    rig.taken(json!([track("u-1", "test_drive_completed", "m-4")])).await;
    rig.wait(4 * DAY_MS).await;
    rig.taken(json!([track("u-2", "test_drive_completed", "m-5"), track("u-3", "order_placed", "m-6")])).await;
    let (first, second) = (runs(&rig, "u-1").await[0].clone(), runs(&rig, "u-2").await[0].clone());
    assert_eq!((&first["node"], &first["state"]), (&json!("hot"), &json!("ready")));
    assert_eq!((&second["node"], &second["state"]), (&json!("drive"), &json!("listening")));
    assert_eq!(runs(&rig, "u-3").await, json!([]), "the goal ended it");
    rig.relay().await;
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!((&stats["goal"], &stats["held"], &stats["active"]), (&json!(1), &json!(2), &json!(2)), "{stats}");
    assert_eq!(rig.lookup("userId:u-1").await.ok()["tags"], json!({}));
    rig.post(&format!("{path}/resume"), Value::Null).await.ok();
    rig.sweep().await;
    assert!(rig.lookup("userId:u-1").await.ok()["tags"]["hot"].is_object());
    assert_eq!(rig.lookup("userId:u-2").await.ok()["tags"], json!({}), "its time had run out");
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!((&stats["completed"], &stats["held"], &stats["active"]), (&json!(2), &json!(0), &json!(0)), "{stats}");
}

#[tokio::test]
async fn a_customer_who_comes_back_before_the_sweep_goes_on_at_once() {
    let rig = Rig::new().await;
    let path = live(&rig).await;
    rig.taken(json!([track("u-1", "lead_submitted", "m-1")])).await;
    rig.post(&format!("{path}/pause"), Value::Null).await.ok();
    rig.wait(2 * DAY_MS).await;
    rig.post(&format!("{path}/resume"), Value::Null).await.ok();
    rig.taken(json!([track("u-1", "Opened", "m-2")])).await;
    assert_eq!(runs(&rig, "u-1").await[0]["node"], "drive");
    rig.sweep().await;
    assert_eq!(sends(&rig).await, json!({ "intended": 1 }));
}

#[tokio::test]
async fn a_paused_journey_is_edited_and_published_and_stays_paused() {
    let rig = Rig::new().await;
    let path = live(&rig).await;
    rig.post(&format!("{path}/pause"), Value::Null).await.ok();
    let edited = rig.change("put", &path, Some("\"1\""), follow_up()).await;
    assert_eq!((edited.header("etag"), &edited.ok()["status"]), (Some("\"2\""), &json!("paused")));
    let published = rig.post(&format!("{path}/publish"), Value::Null).await.ok();
    assert_eq!((&published["status"], &published["published_revision"]), (&json!("paused"), &json!(2)));
    rig.taken(json!([track("u-1", "lead_submitted", "m-1")])).await;
    assert_eq!(runs(&rig, "u-1").await, json!([]));
    let draft = rig.post("/v1/journeys", follow_up()).await.ok()["id"].as_str().unwrap().to_owned();
    rig.post(&format!("/v1/journeys/{draft}/pause"), Value::Null).await.is_problem(409, "not_published");
}

#[tokio::test]
async fn an_archived_journey_ends_its_runs_and_keeps_its_id() {
    let rig = Rig::new().await;
    let path = live(&rig).await;
    rig.taken(json!([track("u-1", "lead_submitted", "m-1"), track("u-2", "lead_submitted", "m-2")])).await;
    rig.post(&format!("{path}/pause"), Value::Null).await.ok();
    rig.wait(DAY_MS).await;
    rig.change("delete", &path, None, Value::Null).await.is_problem(428, "if_match_required");
    rig.change("delete", &path, Some("\"7\""), Value::Null).await.is_problem(412, "stale_etag");
    assert_eq!(rig.change("delete", &path, Some("\"1\""), Value::Null).await.status, 204);
    rig.sweep().await;
    assert_eq!((runs(&rig, "u-1").await, runs(&rig, "u-2").await), (json!([]), json!([])));
    let stats = rig.get(&format!("{path}/stats")).await.ok();
    assert_eq!((&stats["archived"], &stats["held"], &stats["active"]), (&json!(2), &json!(0), &json!(0)), "{stats}");
    rig.taken(json!([track("u-3", "lead_submitted", "m-3")])).await;
    assert_eq!(runs(&rig, "u-3").await, json!([]));
    let shown = rig.get(&path).await.ok();
    assert_eq!((&shown["status"], &shown["definition"]), (&json!("archived"), &Value::Null));
    assert!(rig.get(&format!("{path}/diagram")).await.text().starts_with("flowchart"));
    assert_eq!(rig.get("/v1/journeys").await.ok()["data"], json!([]));
    assert_eq!(rig.get("/v1/journeys?status=archived").await.ok()["data"].as_array().unwrap().len(), 1);
    rig.get("/v1/journeys?status=gone").await.is_problem(400, "unknown_choice");
    for change in ["publish", "pause", "resume"] {
        rig.post(&format!("{path}/{change}"), Value::Null).await.is_problem(409, "archived");
    }
    rig.change("put", &path, Some("*"), follow_up()).await.is_problem(409, "archived");
}

#[tokio::test]
async fn a_branch_counts_what_happened_before_the_journey_was_published() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Opened", "m-1"), track("u-1", "Opened", "m-2"), track("u-2", "Opened", "m-3")]))
        .await;
    let journey = json!({ "name": "Count", "definition": {
        "entry": { "event": "lead_submitted" }, "reentry": "once", "start": "ask",
        "nodes": {
            "ask": { "type": "branch", "cases": [{ "if": { "event": "Opened", "count": { "op": "gte", "value": 2 } }, "next": "hot" }], "otherwise": "over" },
            "hot": { "type": "set_tag", "tag": "hot", "next": "over" },
            "over": { "type": "exit" }
        }
    }});
    let id = rig.post("/v1/journeys", journey).await.ok()["id"].as_str().unwrap().to_owned();
    rig.post(&format!("/v1/journeys/{id}/publish"), Value::Null).await.ok();
    assert_eq!(rig.get(&format!("/v1/journeys/{id}/stats")).await.ok()["counting"]["done"], false);
    rig.sweep().await;
    let counting = rig.get(&format!("/v1/journeys/{id}/stats")).await.ok()["counting"].clone();
    assert_eq!((&counting["done"], &counting["scanned"], &counting["changed"]), (&json!(true), &json!(2), &json!(2)));
    rig.taken(json!([track("u-1", "lead_submitted", "m-4"), track("u-2", "lead_submitted", "m-5")])).await;
    assert!(rig.lookup("userId:u-1").await.ok()["tags"]["hot"].is_object());
    assert_eq!(rig.lookup("userId:u-2").await.ok()["tags"], json!({}));
}
