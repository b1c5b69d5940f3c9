//! Bodies that cannot be taken: a clear answer, never a 5xx, never a partial effect.

use crate::ingestion::gzip;
use crate::rig::{Rig, track};
use axum::body::{Body, Bytes};
use roadbook_app::Config;
use serde_json::json;
use std::convert::Infallible;

fn good() -> Vec<u8> {
    json!({ "batch": [track("u-1", "Opened", "m-1")] }).to_string().into_bytes()
}

#[tokio::test]
async fn malformed_bodies_are_named() {
    let rig = Rig::new().await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for (body, code) in [
        (&b""[..], "malformed_json"),
        (b"hello", "malformed_json"),
        (br#"{"batch":[{}"#, "malformed_json"),
        (br#"{"batch":[{},]}"#, "malformed_json"),
        (br#"{"batch":[]} x"#, "malformed_json"),
        (b"{\"batch\":[\"\xff\"]}", "malformed_utf8"),
        (br#"{"batch":"x"}"#, "malformed_batch"),
        (br#"{"batch":null}"#, "malformed_batch"),
        (b"{}", "malformed_batch"),
        (b"42", "malformed_batch"),
        (&b"[".repeat(10_000), "malformed_json"),
        (deep.as_bytes(), "malformed_batch"),
    ] {
        let answer = rig.ingest("/v1/batch", body.to_vec(), &[]).await;
        let problem = answer.is_problem(400, code);
        assert_eq!(problem["instance"], "/v1/batch");
        assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32));
    }
    rig.ingest("/v1/track", "[]", &[]).await.is_problem(400, "malformed_batch");
    rig.ingest("/v1/track", "{", &[]).await.is_problem(400, "malformed_json");
    assert_eq!(rig.counter("roadbook_events_total").await, 0);
}

#[tokio::test]
async fn what_is_nested_too_deep_is_refused_or_kept_as_a_letter() {
    let rig = Rig::new().await;
    for (index, value) in [
        format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000)),
        format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)),
        r#"{"n":1e999}"#.to_owned(),
        r#"{"n":"\ud800"}"#.to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let event = track("u-1", "Opened", &format!("odd-{index}")).to_string();
        let event = event.strip_suffix('}').unwrap();
        let body = format!(r#"{{"batch":[{event},"properties":{value}}}]}}"#);
        let answer = rig.ingest("/v1/batch", body, &[]).await;
        if answer.status == 200 {
            let letters = rig.letters().await;
            let found = letters.iter().find(|letter| letter["message_id"] == format!("odd-{index}"));
            assert!(found.is_some(), "{index}: {letters:?}");
        } else {
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
    }
    rig.lookup("userId:u-1").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn large_bodies_and_bombs_are_refused_at_the_limit() {
    let rig = Rig::with(Config { body_bytes_max: 100_000, inflated_bytes_max: 300_000, ..Config::default() }).await;
    let filler = vec![b' '; 100_001];
    rig.ingest("/v1/batch", filler.clone(), &[]).await.is_problem(413, "body_too_large");
    rig.ingest("/v1/batch", filler, &[("content-length", "100001")]).await.is_problem(413, "body_too_large");
    // Without an announced length, in many pieces.
    let pieces = (0..20).map(|_| Ok::<_, Infallible>(Bytes::from(vec![b' '; 10_000])));
    let stream = Body::from_stream(futures_util::stream::iter(pieces));
    rig.ingest("/v1/batch", stream, &[]).await.is_problem(413, "body_too_large");
    let bomb = gzip(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 300_000, "{}", bomb.len());
    let rig = Rig::new().await;
    rig.ingest("/v1/batch", bomb, &[("content-encoding", "gzip")]).await.is_problem(413, "body_too_large");
    let twice = gzip(&gzip(&good()));
    rig.ingest("/v1/batch", twice, &[("content-encoding", "gzip")]).await.is_problem(400, "malformed_utf8");
    assert_eq!(rig.counter("roadbook_events_total").await, 0);
}

#[tokio::test]
async fn gzip_that_is_none_is_named() {
    let rig = Rig::new().await;
    let headers = [("content-encoding", "gzip")];
    rig.ingest("/v1/batch", "not gzip", &headers).await.is_problem(400, "malformed_gzip");
    let mut cut = gzip(&good());
    cut.truncate(cut.len() - 12);
    rig.ingest("/v1/batch", cut, &headers).await.is_problem(400, "malformed_gzip");
    let answer = rig.ingest("/v1/batch", good(), &[("content-encoding", "br")]).await;
    answer.is_problem(415, "unknown_content_encoding");
    let two = [gzip(&good()[..10]), gzip(&good()[10..])].concat();
    assert!(rig.ingest("/v1/batch", two, &headers).await.status.is_success(), "two members are one body");
}

#[tokio::test]
async fn a_body_in_pieces_is_one_body() {
    let rig = Rig::new().await;
    let pieces: Vec<_> = good().chunks(7).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    let stream = Body::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(rig.ingest("/v1/batch", stream, &[]).await.ok(), json!({ "success": true }));
    assert_eq!(rig.counter("roadbook_events_total").await, 1);
}

#[tokio::test]
async fn too_many_events_are_refused_whole() {
    let rig = Rig::with(Config { batch_events_max: 2, ..Config::default() }).await;
    let events: Vec<_> = (0..3).map(|index| track("u-1", "Opened", &format!("m-{index}"))).collect();
    rig.batch(json!(events)).await.is_problem(413, "too_many_events");
    assert_eq!(rig.counter("roadbook_events_total").await, 0);
}
