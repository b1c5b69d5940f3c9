//! What is stored and cannot be read stands in nobody else's way.

use crate::imports::{file, import, job, step, to_the_end};
use crate::rig::{Rig, track};
use roadbook_kernel::DeadLetterId;
use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put, Store};
use serde_json::{Value, json};

async fn garble(rig: &Rig, key: ItemKey) {
    let item = Some(Item { version: 9, body: "planted".into() });
    let put = Put { key, expect: Expect::Anything, item };
    rig.store.commit(Commit { puts: vec![put], ..Commit::default() }).await.unwrap();
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_does_not_hold_up_the_others() {
    let rig = Rig::new().await;
    let events: Vec<Value> = (1..=3)
        .map(|n| json!({ "type": "track", "userId": format!("u-{n}"), "messageId": format!("m-{n}") }))
        .collect();
    rig.taken(Value::Array(events)).await;
    let letters = rig.letters().await;
    for letter in &letters {
        let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
        let name = letter["message_id"].as_str().unwrap();
        rig.secret(&rig.mine, "put", &path, track(&name.replace('m', "u"), "Opened", name)).await.ok();
    }
    let middle: DeadLetterId = letters[1]["id"].as_str().unwrap().parse().unwrap();
    garble(&rig, ItemKey::letter(rig.mine.id, middle)).await;
    let by_code = rig.post("/v1/dead-letters/replay", json!({ "code": "event_name_missing" })).await;
    for _ in 0..10 {
        step(&rig, 1).await;
    }
    let done = job(&rig, &by_code).await;
    assert_eq!((&done["status"], &done["applied"], &done["rejected"]), (&json!("done"), &json!(2), &json!(1)));
    let by_id = rig.post("/v1/dead-letters/replay", json!({ "ids": [letters[1]["id"]] })).await;
    to_the_end(&rig).await;
    assert_eq!(job(&rig, &by_id).await["rejected"], 1);
}

#[tokio::test]
async fn a_job_that_cannot_be_read_does_not_hide_the_others() {
    let rig = Rig::new().await;
    let answer = import(&rig, "/v1/imports?format=ndjson", file(3)).await;
    garble(&rig, ItemKey::document(rig.mine.id, "job/garbled")).await;
    assert_eq!(rig.get("/v1/jobs").await.ok()["data"].as_array().unwrap().len(), 1);
    to_the_end(&rig).await;
    assert_eq!(job(&rig, &answer).await["applied"], 3);
    import(&rig, "/v1/imports?format=ndjson", file(4)).await.ok();
}

#[tokio::test]
async fn a_sweep_that_cannot_be_read_does_not_stop_the_others() {
    let rig = Rig::new().await;
    rig.taken(json!([track("u-1", "Bought", "m-1")])).await;
    let segment = json!({ "name": "x", "condition": { "event": "Bought", "count": { "op": "gte", "value": 1 } } });
    let id = rig.post("/v1/segments", segment).await.ok()["id"].as_str().unwrap().to_owned();
    garble(&rig, ItemKey::document(rig.mine.id, "backfill/garbled")).await;
    rig.post(&format!("/v1/segments/{id}/publish"), Value::Null).await.ok();
    rig.sweep().await;
    let members = rig.get(&format!("/v1/segments/{id}/members")).await.ok();
    assert_eq!(members["data"].as_array().map(Vec::len), Some(1), "{members}");
}
