//! Events as real clients send them.

use crate::rig::{Rig, basic, track};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bodies that were captured from the SDKs (`schemas/wire/tests/wire/bodies`) with the headers they came with.
#[tokio::test]
async fn every_captured_client_is_taken() {
    let bodies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/wire/tests/wire/bodies");
    let mut seen = 0;
    for entry in std::fs::read_dir(bodies).unwrap() {
        let (path, rig) = (entry.unwrap().path(), Rig::new().await);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let body = std::fs::read(&path).unwrap();
        let (door, headers): (&str, &[(&str, &str)]) = if name.starts_with("analytics-next") {
            let short = match name.rsplit('-').next().unwrap() {
                "identify" => "/v1/i",
                "page" => "/v1/p",
                "alias" => "/v1/a",
                _ => "/v1/t",
            };
            (short, &[("content-type", "text/plain"), ("origin", "https://shop.example")])
        } else if name.starts_with("rudder-sdk-node") {
            ("/v1/batch", &[("content-type", "application/x-www-form-urlencoded"), ("content-encoding", "gzip")])
        } else {
            ("/v1/batch", &[("content-type", "application/json")])
        };
        let packed = headers.iter().any(|(name, _)| *name == "content-encoding");
        let body = if packed { gzip(&body) } else { body };
        let answer = rig.ingest(door, body, headers).await;
        assert_eq!(answer.ok(), json!({ "success": true }), "{name}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let origin = headers.iter().any(|(name, _)| *name == "origin");
        assert_eq!(answer.header("access-control-allow-origin"), origin.then_some("*"), "{name}");
        assert!(rig.letters().await.is_empty(), "{name}: {:?}", rig.letters().await);
        assert!(rig.counter("roadbook_events_total").await > 0, "{name}");
        seen += 1;
    }
    assert!(seen >= 10, "the captured bodies are in {bodies}, found {seen}");
}

#[tokio::test]
async fn every_path_takes_events_with_and_without_a_slash() {
    let rig = Rig::new().await;
    for (index, path) in ["/v1/batch", "/v1/b/", "/v1/import", "/v1/batch/"].into_iter().enumerate() {
        let body = json!({ "batch": [track("u-1", "Opened", &format!("m-{index}"))] }).to_string();
        assert_eq!(rig.ingest(path, body, &[]).await.ok(), json!({ "success": true }), "{path}");
    }
    assert_eq!(rig.counter("roadbook_events_total").await, 4);
    let single = [("identify", "i"), ("track", "t"), ("page", "p"), ("screen", "s"), ("group", "g"), ("alias", "a")];
    for (long, short) in single {
        for path in [format!("/v1/{long}"), format!("/v1/{short}"), format!("/v1/{long}/"), format!("/v1/{short}/")] {
            let body = json!({ "userId": "u-1", "previousId": "u-0", "event": "Opened", "groupId": "g" }).to_string();
            assert_eq!(rig.ingest(&path, body, &[]).await.ok(), json!({ "success": true }), "{path}");
        }
    }
    assert_eq!(rig.letters().await, Vec::<Value>::new());
    assert_eq!(rig.counter("roadbook_events_total").await, 28);
    rig.send("post", "/batch", &[], "{}").await.is_problem(404, "unknown_path");
}

#[tokio::test]
async fn a_body_is_read_whatever_it_says_it_is() {
    let rig = Rig::new().await;
    let body = json!({ "batch": [track("u-1", "Opened", "m-1")] }).to_string();
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded", "image/png"] {
        assert!(rig.ingest("/v1/batch", body.clone(), &[("content-type", kind)]).await.status.is_success(), "{kind}");
    }
    let packed = gzip(body.as_bytes());
    for headers in [&[("content-encoding", "gzip")][..], &[("content-encoding", "GZIP")], &[]] {
        assert!(rig.ingest("/v1/batch", packed.clone(), headers).await.status.is_success(), "{headers:?}");
    }
    assert_eq!(rig.counter("roadbook_events_total").await, 1, "the same message seven times is one");
    assert_eq!(rig.counter("roadbook_duplicates_total").await, 6);
}

#[tokio::test]
async fn one_bad_event_does_not_sink_its_batch_and_is_kept_with_its_reason() {
    let rig = Rig::new().await;
    let events = json!([
        track("u-1", "Opened", "m-1"),
        { "type": "track", "event": "Opened", "messageId": "m-2" },
        { "type": "purchase", "userId": "u-1", "messageId": "m-3" },
        "no event",
        track("u-2", "Opened", "m-4"),
    ]);
    for _ in 0..2 {
        rig.taken(events.clone()).await;
    }
    let letters = rig.letters().await;
    let told: Vec<(&str, &str, &str)> = letters
        .iter()
        .map(|letter| {
            let reason = &letter["reason"];
            let pointer = reason["places"][0]["pointer"].as_str().unwrap();
            (letter["message_id"].as_str().unwrap_or("-"), reason["code"].as_str().unwrap(), pointer)
        })
        .collect();
    for expected in [
        ("m-2", "no_usable_identifier", "/batch/1"),
        ("m-3", "unknown_type", "/batch/2/type"),
        ("-", "event_not_an_object", "/batch/3"),
    ] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    assert_eq!(told.iter().filter(|one| one.0 != "-").count(), 2, "a batch sent twice has one letter per named event");
    assert_eq!(rig.counter("roadbook_events_total").await, 2);
    assert!(rig.lookup("userId:u-2").await.status.is_success());
}

#[tokio::test]
async fn strict_mode_takes_nothing_of_a_request_with_a_bad_event() {
    let rig = Rig::new().await;
    let body = json!({ "batch": [track("u-1", "Opened", "m-1"), { "type": "track", "userId": "u-1" }] }).to_string();
    let answer = rig.ingest("/v1/batch", body, &[("x-strict-mode", "1")]).await;
    let problem = answer.is_problem(400, "events_rejected");
    assert_eq!(problem["errors"][0]["pointer"], "/batch/1/event", "{problem}");
    assert_eq!(problem["errors"][0]["code"], "event_name_missing");
    rig.lookup("userId:u-1").await.is_problem(404, "not_found");
    assert!(rig.letters().await.is_empty());
    let good = json!({ "batch": [track("u-1", "Opened", "m-1")] }).to_string();
    assert!(rig.ingest("/v1/batch", good, &[("x-strict-mode", "1")]).await.status.is_success());
}

#[tokio::test]
async fn a_batch_that_introduces_a_person_makes_one_customer() {
    let rig = Rig::new().await;
    rig.taken(json!([
        { "type": "page", "anonymousId": "a-1", "messageId": "m-1" },
        { "type": "identify", "anonymousId": "a-1", "userId": "u-1", "traits": { "city": "Testville" }, "messageId": "m-2" },
        track("u-1", "Opened", "m-3"),
    ]))
    .await;
    assert_eq!(rig.profile_id("anonymousId:a-1").await, rig.profile_id("userId:u-1").await);
    assert_eq!(rig.lookup("userId:u-1").await.ok()["events"], 3);
}

#[tokio::test]
async fn an_empty_batch_is_a_success() {
    let rig = Rig::new().await;
    rig.taken(json!([])).await;
    let answer = rig.send("post", "/v1/batch", &[("authorization", &basic(&rig.mine.secret))], r#"{"batch":[]}"#).await;
    assert_eq!(answer.ok(), json!({ "success": true }), "a secret key may send too");
}
