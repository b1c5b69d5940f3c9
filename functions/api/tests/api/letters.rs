//! Dead letters: listed, shown, sent again.

use crate::rig::{Rig, START, track};
use serde_json::{Value, json};

#[tokio::test]
async fn letters_are_listed_newest_first_in_pages() {
    let rig = Rig::new().await;
    for index in 0..5 {
        rig.clock.advance_to(START.plus_ms(index));
        rig.taken(json!([{ "type": "track", "event": "x", "messageId": format!("m-{index}") }])).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = rig.get(&format!("/v1/dead-letters?status=open&limit=2{cursor}")).await.ok();
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["message_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["m-4", "m-3", "m-2", "m-1", "m-0"]);
    assert_eq!(rig.get("/v1/dead-letters?status=replayed").await.ok()["data"], json!([]));
    rig.get("/v1/dead-letters?status=lost").await.is_problem(400, "unknown_choice");
    rig.get(&format!("/v1/dead-letters?status=replayed{cursor}")).await.is_problem(400, "invalid_cursor");
    rig.get("/v1/dead-letters/dl_00000000000000000000000000").await.is_problem(404, "not_found");
    rig.get("/v1/dead-letters/x").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn a_letter_shows_its_event_without_personal_values_or_keys() {
    let rig = Rig::new().await;
    let body = json!({
        "writeKey": rig.mine.write, "event": "", "messageId": "m-1", "userId": "u-1",
        "properties": { "phone": "13800000000", "model": "T-1" }
    });
    assert!(rig.ingest("/v1/track", body.to_string(), &[]).await.status.is_success());
    let letters = rig.letters().await;
    let shown = rig.get(&format!("/v1/dead-letters/{}", letters[0]["id"].as_str().unwrap())).await.ok();
    assert_eq!(shown, letters[0]);
    assert_eq!(shown["event"]["properties"]["model"], "T-1");
    assert_eq!(shown["event"]["type"], "track");
    assert_eq!((&shown["status"], &shown["kind"], &shown["replays"]), (&json!("open"), &json!("wire"), &json!(0)));
    assert!(!shown.to_string().contains("13800000000") && !shown.to_string().contains("rb_wk_"), "{shown}");
}

#[tokio::test]
async fn an_event_that_is_still_wrong_stays_a_letter() {
    let rig = Rig::new().await;
    rig.taken(json!([{ "type": "track", "userId": "u-1", "messageId": "m-1" }, "text"])).await;
    for letter in rig.letters().await {
        let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
        let code = letter["reason"]["code"].as_str().unwrap();
        rig.post(&format!("{path}/replay"), Value::Null).await.is_problem(422, code);
        assert_eq!(rig.get(&path).await.ok(), letter);
    }
}

/// Grows a customer beyond what one may be.
async fn overfill(rig: &Rig) {
    rig.taken(json!([track("u-1", "Opened", "m-0")])).await;
    for index in 0..4 {
        let traits: serde_json::Map<String, Value> =
            (0..100).map(|key| (format!("t{index}-{key}"), json!("x".repeat(150)))).collect();
        let event =
            json!({ "type": "identify", "userId": "u-1", "traits": traits, "messageId": format!("grow-{index}") });
        rig.taken(json!([event])).await;
    }
}

/// An event that the customer refused: accepted, read, and too much for them at the time.
#[tokio::test]
async fn a_refused_event_is_replayed_as_a_new_message_once_it_can_be_applied() {
    let rig = Rig::new().await;
    overfill(&rig).await;
    let refused: Vec<Value> =
        rig.letters().await.into_iter().filter(|letter| letter["reason"]["code"] == "customer_full").collect();
    assert!(!refused.is_empty(), "the customer is full: {:?}", rig.letters().await);
    let letter = &refused[0];
    assert_eq!((&letter["kind"], &letter["event"]["event_type"]), (&json!("command"), &json!("identify")));
    let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
    let first = rig.post(&format!("{path}/replay"), Value::Null).await.ok();
    assert_eq!((&first["status"], &first["replays"]), (&json!("replayed"), &json!(1)));
    assert_eq!(first["replay"]["outcome"], "refused", "still full: {first}");
    let second = rig.post(&format!("{path}/replay"), Value::Null).await.ok();
    assert_eq!(second["replays"], 2);
    assert_ne!(second["replay"]["message"], first["replay"]["message"], "a second replay is a new number");
    // Each refused replay has left a letter; only that of the newest waits.
    let children: Vec<Value> = rig.letters().await.into_iter().filter(|one| one["origin"] == letter["id"]).collect();
    let mut standing: Vec<_> = children.iter().map(|one| (one["message"].clone(), one["status"].clone())).collect();
    standing.sort_by_key(|(message, _)| *message == second["replay"]["message"]);
    let expected =
        [(first["replay"]["message"].clone(), json!("replayed")), (second["replay"]["message"].clone(), json!("open"))];
    assert_eq!(standing, expected);
}

/// A customer whose refused event has been replayed in vain: the letter, and the one that the replay has left.
async fn twice_refused(rig: &Rig) -> [String; 2] {
    overfill(rig).await;
    let letters = rig.letters().await;
    let origin = letters.iter().find(|letter| letter["reason"]["code"] == "customer_full").unwrap()["id"].clone();
    let path = format!("/v1/dead-letters/{}", origin.as_str().unwrap());
    assert_eq!(rig.post(&format!("{path}/replay"), Value::Null).await.ok()["replay"]["outcome"], "refused");
    let left = rig.letters().await.into_iter().find(|letter| letter["origin"] == origin).unwrap()["id"].clone();
    [path, format!("/v1/dead-letters/{}", left.as_str().unwrap())]
}

async fn opened(rig: &Rig) -> usize {
    let id = rig.profile_id("userId:u-9").await;
    let rows = rig.get(&format!("/v1/profiles/{id}/timeline?limit=200")).await.ok();
    rows["data"].as_array().unwrap().iter().filter(|row| row["name"] == "Corrected").count()
}

#[tokio::test]
async fn a_letter_and_that_of_its_refused_replay_are_one_event() {
    for first in [0, 1] {
        let rig = Rig::new().await;
        let paths = twice_refused(&rig).await;
        for (index, path) in paths.iter().enumerate() {
            let event = track("u-9", "Corrected", &format!("c-{index}"));
            rig.secret(&rig.mine, "put", path, event).await.ok();
        }
        let applied = rig.post(&format!("{}/replay", paths[first]), Value::Null).await.ok();
        assert_eq!((&applied["replay"]["outcome"], &applied["applied"]), (&json!("applied"), &json!(true)));
        for path in &paths {
            let settled = rig.get(path).await.ok();
            assert_eq!((&settled["status"], &settled["applied"]), (&json!("replayed"), &json!(true)), "{settled}");
        }
        let other = rig.post(&format!("{}/replay", paths[1 - first]), Value::Null).await.ok();
        assert_eq!((&other["replay"]["outcome"], opened(&rig).await), (&json!("duplicate"), 1));
        assert_eq!(other["replay"]["message"], applied["replay"]["message"], "it names what settled both");
        let event = track("u-9", "Corrected", "c-9");
        rig.secret(&rig.mine, "put", &paths[1 - first], event).await.is_problem(409, "already_applied");
    }
}

/// The process dies after a replay was refused and before that was counted: the next one is not taken for it.
#[tokio::test]
async fn a_replay_that_was_not_counted_is_not_taken_for_an_applied_one() {
    use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put, Store};
    let rig = Rig::new().await;
    let paths = twice_refused(&rig).await;
    let key = ItemKey::letter(rig.mine.id, paths[0].rsplit('/').next().unwrap().parse().unwrap());
    let item = rig.store.load(&key).await.unwrap().unwrap();
    let mut letter = roadbook_runtime::Letter::read(&item).unwrap();
    (letter.replays, letter.status) = (0, roadbook_runtime::LetterStatus::Open);
    let put = Put {
        key,
        expect: Expect::Anything,
        item: Some(Item { version: item.version + 1, body: letter.bytes().unwrap() }),
    };
    rig.store.commit(Commit { puts: vec![put], ..Commit::default() }).await.unwrap();
    let answer = rig.post(&format!("{}/replay", paths[0]), Value::Null).await.ok();
    assert_eq!((&answer["replay"]["outcome"], &answer["replays"]), (&json!("refused"), &json!(2)));
    assert_eq!(answer["applied"], false);
}

/// Neither the letter of an event, nor that of a text that is no event, nor a correction holds the key it came by.
#[tokio::test]
async fn no_write_key_is_stored_with_a_letter() {
    use roadbook_runtime::ports::{Space, Store};
    let rig = Rig::new().await;
    let planted = &rig.mine.write;
    rig.taken(json!([
        { "type": "track", "userId": "u-1", "messageId": "m-1", "writeKey": planted, "context": { "writeKey": planted } },
    ]))
    .await;
    let text = format!("{{\"type\":\"track\",\"event\":\"e\",\"userId\":\"\\ud800\",\"writeKey\":\"{planted}\"}}");
    rig.ingest("/v1/batch", format!("{{\"batch\":[{text}]}}"), &[]).await.ok();
    rig.ingest("/v1/track", json!({ "writeKey": planted, "userId": "u-1" }).to_string(), &[]).await;
    let import = format!("{{\"type\":\"track\",\"userId\":\"u-1\",\"writeKey\":\"{planted}\"}}\n{text}\n");
    let bearer = format!("Bearer {}", rig.mine.secret);
    rig.send("post", "/v1/imports?format=ndjson", &[("authorization", &bearer)], import).await.ok();
    while roadbook_jobs::advance(&rig.app.router, rig.mine.id, 64).await.unwrap() {}
    let letters = rig.letters().await;
    assert_eq!(letters.len(), 5, "{letters:?}");
    for letter in &letters {
        let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
        let mut event = track("u-9", "Corrected", "c-1");
        event["writeKey"] = json!(planted);
        rig.secret(&rig.mine, "put", &path, event).await.ok();
    }
    for (_, item) in rig.store.scan(Space::Letter, rig.mine.id, b"", None, 100).await.unwrap() {
        assert!(!String::from_utf8_lossy(&item.body).contains(planted.as_str()), "a stored letter holds a write key");
    }
}

/// A letter whose event is whole goes through the front door again: here it was kept because of a rule that has
/// changed since, which the test imitates by mending what is stored.
#[tokio::test]
async fn a_wire_letter_goes_through_the_front_door_and_keeps_its_time() {
    use roadbook_kernel::{DeadLetterId, Personal};
    use roadbook_runtime::Letter;
    use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put, Store};
    let rig = Rig::new().await;
    rig.taken(json!([{ "type": "track", "userId": "u-1", "messageId": "m-1" }])).await;
    let id: DeadLetterId = rig.letters().await[0]["id"].as_str().unwrap().parse().unwrap();
    let key = ItemKey::letter(rig.mine.id, id);
    let item = rig.store.load(&key).await.unwrap().unwrap();
    let mut letter = Letter::read(&item).unwrap();
    letter.body = Personal::new(track("u-1", "Opened", "m-1"));
    let item = Some(Item { version: item.version + 1, body: letter.bytes().unwrap() });
    let put = Put { key, expect: Expect::Anything, item };
    rig.store.commit(Commit { puts: vec![put], ..Commit::default() }).await.unwrap();
    rig.clock.advance_to(START.plus_ms(60_000));
    let path = format!("/v1/dead-letters/{id}/replay");
    let answer = rig.post(&path, Value::Null).await.ok();
    let profile = rig.profile_id("userId:u-1").await;
    assert_eq!((&answer["replay"]["outcome"], &answer["replay"]["profile"]), (&json!("applied"), &json!(profile)));
    let rows = rig.get(&format!("/v1/profiles/{profile}/timeline")).await.ok()["data"].clone();
    let event = rows.as_array().unwrap().iter().find(|row| row["name"] == "Opened").unwrap().clone();
    assert_eq!(event["occurred_at"], "2026-01-01T00:00:00.000Z", "when it first came, not when it was replayed");
    assert_eq!(event["message_id"], answer["replay"]["message"]);
    assert_eq!(rig.lookup("userId:u-1").await.ok()["events"], 1);
    // The answer was lost, or somebody clicked twice: it stays applied once.
    let again = rig.post(&path, Value::Null).await.ok();
    assert_eq!((&again["replay"]["outcome"], &again["replays"]), (&json!("duplicate"), &json!(1)));
    assert_eq!(rig.lookup("userId:u-1").await.ok()["events"], 1);
}

/// One batch can hold more than a customer may: what is over the limit is refused within the batch, not after it.
#[tokio::test]
async fn one_large_batch_does_not_grow_a_customer_past_the_limit() {
    let rig = Rig::new().await;
    let events: Vec<Value> = (0..120)
        .map(|index| {
            let traits = json!({ (format!("trait-{index}")): "x".repeat(1_000) });
            json!({ "type": "identify", "userId": "u-1", "traits": traits, "messageId": format!("grow-{index}") })
        })
        .collect();
    rig.taken(Value::Array(events)).await;
    let refused = rig.letters().await.iter().filter(|letter| letter["reason"]["code"] == "customer_full").count();
    let kept = rig.lookup("userId:u-1").await.ok()["traits"].as_object().unwrap().len();
    assert!(refused > 0, "120 KB of traits are more than one customer holds");
    assert!(kept * 1_000 < 96 * 1024, "{kept} traits of 1 KB were kept");
}
