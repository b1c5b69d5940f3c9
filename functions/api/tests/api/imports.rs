//! Files of events: taken whole, applied in pieces, each line once.

use crate::ingestion::gzip;
use crate::rig::{Answer, Rig, START, track};
use axum::body::{Body, Bytes};
use roadbook_app::Config;
use roadbook_runtime::ports::{Commit, Expect, Fault, Put, Space, Store};
use serde_json::{Value, json};
use std::convert::Infallible;

const NDJSON: &str = "/v1/imports?format=ndjson";

pub async fn import(rig: &Rig, path: &str, body: impl Into<Body>) -> Answer {
    rig.send("post", path, &[("authorization", &format!("Bearer {}", rig.mine.secret))], body).await
}

/// A file with an event for each of so many people.
pub fn file(people: usize) -> String {
    (0..people).map(|one| format!("{}\n", track(&format!("u-{one}"), "Bought", &format!("m-{one}")))).collect()
}

pub async fn step(rig: &Rig, limit: usize) -> bool {
    roadbook_jobs::advance(&rig.app.router, rig.mine.id, limit).await.unwrap()
}

pub async fn to_the_end(rig: &Rig) {
    while step(rig, 64).await {}
}

pub async fn job(rig: &Rig, answer: &Answer) -> Value {
    rig.get(answer.header("location").expect("it says where the job is")).await.ok()
}

/// What of files is in the store.
pub async fn stored(rig: &Rig) -> usize {
    let mut count = 0;
    for prefix in ["jobdata/", "upload/", "jobopen/"] {
        count += rig.store.scan(Space::Document, rig.mine.id, prefix.as_bytes(), None, 1_000).await.unwrap().len();
    }
    count
}

#[tokio::test]
async fn a_file_is_applied_line_by_line_and_its_rejects_are_letters_with_their_line() {
    let rig = Rig::new().await;
    let broken = "{\"type\":\"track\",\"userId\":\"u-9\"}\n\nno json\n";
    let timed = json!({ "type": "track", "userId": "u-1", "event": "Old", "timestamp": "2020-05-01T00:00:00Z" });
    let answer = import(&rig, NDJSON, format!("{}{broken}{timed}", file(3))).await;
    assert_eq!(answer.status, 202);
    let begun = answer.json();
    assert_eq!((&begun["kind"], &begun["status"]), (&json!("import"), &json!("running")));
    assert_eq!((&begun["total"], &begun["done"]), (&json!(6), &json!(0)));
    assert!(begun["id"].as_str().unwrap().starts_with("job_") && begun["finished_at"].is_null());
    rig.lookup("userId:u-1").await.is_problem(404, "not_found");
    rig.clock.advance_to(START.plus_ms(5_000));
    to_the_end(&rig).await;
    let done = job(&rig, &answer).await;
    let counts = ["done", "applied", "duplicates", "rejected"].map(|name| done[name].as_u64().unwrap());
    assert_eq!((counts, &done["status"]), ([6, 4, 0, 2], &json!("done")));
    assert_eq!(
        (&done["created_at"], &done["finished_at"]),
        (&json!("2026-01-01T00:00:00.000Z"), &json!("2026-01-01T00:00:05.000Z"))
    );
    let letters = rig.letters().await;
    let mut lines: Vec<_> =
        letters.iter().map(|letter| (letter["line"].as_u64(), letter["reason"]["code"].as_str().unwrap())).collect();
    lines.sort_unstable();
    assert_eq!(lines, [(Some(4), "event_name_missing"), (Some(6), "event_not_an_object")]);
    assert!(letters.iter().all(|letter| letter["source"] == done["id"]));
    let person = rig.lookup("userId:u-1").await.ok();
    assert_eq!((&person["events"], &person["first_seen_at"]), (&json!(2), &json!("2020-05-01T00:00:00.000Z")));
    assert_eq!(stored(&rig).await, 0, "nothing of the file is left");
    assert_eq!(rig.get("/v1/jobs").await.ok()["data"], json!([done]));
}

#[tokio::test]
async fn a_repeated_import_applies_nothing_twice() {
    let rig = Rig::new().await;
    let first = import(&rig, NDJSON, file(20)).await;
    let again = import(&rig, NDJSON, file(20)).await;
    assert_eq!((again.status.as_u16(), &first.json()["id"]), (202, &again.json()["id"]));
    to_the_end(&rig).await;
    let late = import(&rig, NDJSON, gzip(file(20).as_bytes())).await;
    assert_eq!((late.status.as_u16(), &late.json()), (200, &job(&rig, &first).await));
    assert_eq!(stored(&rig).await, 0);
    // The job is forgotten, the people are not.
    let jobs = rig.store.scan(Space::Document, rig.mine.id, b"job/", None, 10).await.unwrap();
    let puts = jobs.into_iter().map(|(key, _)| Put { key, expect: Expect::Anything, item: None }).collect();
    rig.store.commit(Commit { puts, ..Commit::default() }).await.unwrap();
    let answer = import(&rig, NDJSON, file(20)).await;
    assert_eq!(answer.status, 202);
    to_the_end(&rig).await;
    let done = job(&rig, &answer).await;
    assert_eq!((&done["applied"], &done["duplicates"]), (&json!(0), &json!(20)));
    assert_eq!(rig.lookup("userId:u-7").await.ok()["events"], 1);
    assert_eq!(rig.counter("roadbook_events_total").await, 20);
}

/// The process dies after a piece was applied and before its place was stored: the piece is done again.
#[tokio::test]
async fn a_piece_that_is_done_again_applies_nothing_twice() {
    let rig = Rig::new().await;
    let text = format!("{}not json\n", file(30));
    let answer = import(&rig, NDJSON, text).await;
    assert!(step(&rig, 10).await);
    let before = rig.store.scan(Space::Document, rig.mine.id, b"job", None, 100).await.unwrap();
    while step(&rig, 10).await {}
    assert_eq!(job(&rig, &answer).await["applied"], 30);
    // As the disk was before the last pieces.
    let put = |(key, item)| Put { key, expect: Expect::Anything, item: Some(item) };
    rig.store.commit(Commit { puts: before.into_iter().map(put).collect(), ..Commit::default() }).await.unwrap();
    to_the_end(&rig).await;
    let done = job(&rig, &answer).await;
    let counts = ["done", "applied", "duplicates", "rejected"].map(|name| done[name].as_u64().unwrap());
    assert_eq!(counts, [31, 10, 20, 1]);
    assert_eq!((rig.counter("roadbook_events_total").await, rig.letters().await.len()), (30, 1));
}

#[tokio::test]
async fn a_fault_stops_a_job_where_it_is() {
    let rig = Rig::new().await;
    let answer = import(&rig, NDJSON, file(10)).await;
    rig.store.commits_fail(Some(Fault::Store("gone".into())));
    roadbook_jobs::advance(&rig.app.router, rig.mine.id, 5).await.unwrap_err();
    rig.store.commits_fail(None);
    assert_eq!(job(&rig, &answer).await["done"], 0);
    to_the_end(&rig).await;
    assert_eq!(job(&rig, &answer).await["applied"], 10);
}

#[tokio::test]
async fn a_job_that_cannot_go_on_does_not_hold_up_the_others() {
    let rig = Rig::new().await;
    let mut answers = Vec::new();
    for people in [3, 4, 5] {
        answers.push(import(&rig, NDJSON, file(people)).await);
    }
    let chunks = rig.store.scan(Space::Document, rig.mine.id, b"jobdata/", None, 1).await.unwrap();
    let lost = chunks.into_iter().map(|(key, _)| Put { key, expect: Expect::Anything, item: None }).collect();
    rig.store.commit(Commit { puts: lost, ..Commit::default() }).await.unwrap();
    roadbook_jobs::advance(&rig.app.router, rig.mine.id, 64).await.unwrap_err();
    let mut done = Vec::new();
    for answer in &answers {
        done.push(job(&rig, answer).await["status"] == "done");
    }
    assert_eq!(done.iter().filter(|done| **done).count(), 2, "{done:?}");
}

#[tokio::test]
async fn bodies_that_cannot_be_taken_leave_nothing_behind() {
    let rig = Rig::with(Config { import_bytes_max: 2_000_000, ..Config::default() }).await;
    let answer = |body: Vec<u8>| import(&rig, NDJSON, body);
    answer(Vec::new()).await.is_problem(400, "empty_file");
    answer(b" \n\r\n\n".to_vec()).await.is_problem(400, "empty_file");
    answer(vec![b'x'; 300_000]).await.is_problem(413, "line_too_long");
    answer(file(30_000).into_bytes()).await.is_problem(413, "body_too_large");
    answer(gzip(&vec![b'\n'; 50_000_000])).await.is_problem(413, "body_too_large");
    let mut cut = gzip(file(1_000).as_bytes());
    cut.truncate(cut.len() - 12);
    answer(cut).await.is_problem(400, "malformed_gzip");
    let bearer = format!("Bearer {}", rig.mine.secret);
    let headers = [("authorization", bearer.as_str()), ("content-encoding", "br")];
    rig.send("post", NDJSON, &headers, file(1)).await.is_problem(415, "unknown_content_encoding");
    let headers = [("authorization", bearer.as_str()), ("content-encoding", "gzip")];
    rig.send("post", NDJSON, &headers, file(1)).await.is_problem(400, "malformed_gzip");
    let broken = futures_util::stream::iter([Ok(Bytes::from(file(9_000))), Err(std::io::Error::other("cut off"))]);
    import(&rig, NDJSON, Body::from_stream(broken)).await.is_problem(400, "body_interrupted");
    rig.store.commits_fail(Some(Fault::DiskFull { free_bytes: 1, needed_bytes: 2 }));
    answer(file(1).into_bytes()).await.is_problem(503, "disk_full");
    rig.store.commits_fail(None);
    assert_eq!(stored(&rig).await, 0);
}

/// What each line can be, from the wrong type to what no reader goes into.
#[tokio::test]
async fn lines_of_every_kind_are_taken_or_kept() {
    let rig = Rig::new().await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let lines: [&[u8]; 9] = [
        b"7",
        b"[]",
        b"\"text\"",
        b"{\"type\":\"track\",\"event\":\"e\",\"userId\":\"\xff\"}",
        br#"{"type":"track","event":"e","userId":"u-1","properties":{"n":1e999}}"#,
        br#"{"type":"track","event":"e","userId":{"a":1}}"#,
        br#"{"type":"track","event":"e","userId":"\ud800"}"#,
        br#"{"type":"track","event":"e","userId":"u-1"} {"type":"track"}"#,
        deep.as_bytes(),
    ];
    let large = json!({ "type": "track", "event": "e", "userId": "u-1", "properties": { "x": "y".repeat(40_000) } });
    let mut body = lines.join(&b'\n');
    body.extend_from_slice(format!("\n{large}\n").as_bytes());
    let answer = import(&rig, NDJSON, body).await;
    to_the_end(&rig).await;
    let done = job(&rig, &answer).await;
    assert_eq!((&done["done"], &done["rejected"]), (&json!(10), &json!(10)), "{done}");
    let mut found: Vec<u64> = rig.letters().await.iter().map(|letter| letter["line"].as_u64().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_in_pieces_is_one_file_and_long_files_are_many_chunks() {
    let rig = Rig::new().await;
    let text = file(9_000);
    assert!(text.len() > 600_000);
    let pieces: Vec<_> =
        text.as_bytes().chunks(70_001).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    let answer = import(&rig, NDJSON, Body::from_stream(futures_util::stream::iter(pieces))).await;
    assert_eq!(answer.ok()["total"], 9_000);
    assert!(stored(&rig).await > 3);
    let packed = import(&rig, NDJSON, gzip(text.as_bytes())).await;
    assert_eq!(packed.ok()["id"], answer.json()["id"], "packed or not, it is the same file");
    while step(&rig, 500).await {}
    assert_eq!((&job(&rig, &answer).await["applied"], stored(&rig).await), (&json!(9_000), 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_arriving_is_given_up_and_an_abandoned_one_is_removed() {
    let rig = Rig::new().await;
    let begun = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from(file(9_000)))]);
    let stuck = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
    import(&rig, NDJSON, Body::from_stream(stuck)).await.is_problem(408, "body_too_slow");
    assert_eq!(stored(&rig).await, 0);
    // The client hangs up: nobody is there to clean up.
    let begun = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from(file(9_000)))]);
    let stuck = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
    let left = tokio::time::timeout(std::time::Duration::from_secs(1), import(&rig, NDJSON, Body::from_stream(stuck)));
    assert!(left.await.is_err());
    assert!(stored(&rig).await > 0);
    rig.clock.advance_to(START.plus_ms(3_600_000));
    assert!(!step(&rig, 10).await);
    assert_eq!(stored(&rig).await, 0);
}

#[tokio::test]
async fn too_many_open_jobs_are_refused() {
    let rig = Rig::new().await;
    for index in 0..8 {
        import(&rig, NDJSON, file(index + 1)).await.ok();
    }
    let answer = import(&rig, NDJSON, file(20)).await;
    answer.is_problem(429, "too_many_jobs");
    assert!(answer.header("retry-after").is_some());
    let first = rig.get("/v1/jobs?limit=3").await.ok();
    assert_eq!((first["data"].as_array().unwrap().len(), &first["has_more"]), (3, &json!(true)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = rig.get(&format!("/v1/jobs?cursor={cursor}")).await.ok();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (5, &json!(false)));
    rig.get("/v1/jobs/job_00000000000000000000000000").await.is_problem(404, "not_found");
    to_the_end(&rig).await;
    import(&rig, NDJSON, file(20)).await.ok();
}

#[tokio::test]
async fn many_letters_are_replayed_as_a_job() {
    let rig = Rig::new().await;
    rig.taken(json!([
        { "type": "track", "userId": "u-1", "messageId": "m-1" },
        { "type": "track", "userId": "u-2", "messageId": "m-2" },
        { "userId": "u-3", "event": "e", "messageId": "m-3" },
    ]))
    .await;
    let mut ids = Vec::new();
    for letter in rig.letters().await {
        let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
        let name = letter["message_id"].as_str().unwrap();
        if name != "m-2" {
            rig.secret(&rig.mine, "put", &path, track(&name.replace('m', "u"), "Opened", name)).await.ok();
        }
        ids.push(letter["id"].clone());
    }
    let answer = rig.post("/v1/dead-letters/replay", json!({ "code": "event_name_missing" })).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["kind"]), (202, &json!("replay")));
    while step(&rig, 1).await {}
    let done = job(&rig, &answer).await;
    assert_eq!((&done["done"], &done["applied"], &done["rejected"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(rig.lookup("userId:u-1").await.ok()["events"], 1);
    rig.lookup("userId:u-3").await.is_problem(404, "not_found");
    ids.push(ids[0].clone());
    let answer = rig.post("/v1/dead-letters/replay", json!({ "ids": ids })).await;
    to_the_end(&rig).await;
    let done = job(&rig, &answer).await;
    let counts = ["total", "done", "applied", "duplicates", "rejected"].map(|name| done[name].as_u64().unwrap());
    assert_eq!(counts, [3, 3, 1, 1, 1]);
    for wrong in [
        json!({ "ids": [] }),
        json!({ "ids": ["x"] }),
        json!({ "ids": 7 }),
        json!({ "code": 1 }),
        json!({ "all": true }),
    ] {
        rig.post("/v1/dead-letters/replay", wrong).await.is_problem(400, "invalid_body");
    }
}

#[tokio::test]
async fn the_sweep_of_a_segment_is_shown_among_the_jobs() {
    let rig = Rig::new().await;
    let segment = json!({ "name": "x", "condition": { "event": "Bought", "count": { "op": "gte", "value": 1 } } });
    let id = rig.post("/v1/segments", segment).await.ok()["id"].clone();
    rig.post(&format!("/v1/segments/{}/publish", id.as_str().unwrap()), Value::Null).await.ok();
    let listed = rig.get("/v1/jobs").await.ok()["data"][0].clone();
    assert_eq!((&listed["kind"], &listed["segment"], &listed["status"]), (&json!("backfill"), &id, &json!("running")));
    assert_eq!(rig.get(&format!("/v1/jobs/{}", listed["id"].as_str().unwrap())).await.ok(), listed);
}
