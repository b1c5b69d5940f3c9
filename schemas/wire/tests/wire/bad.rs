//! Bad bodies and bad events: each has its code and its place, and a bad event leaves its neighbours alone.

use super::{RECEIVED, batch, keys};
use roadbook_customer::Call;
use roadbook_wire::{BATCH_EVENTS_MAX, BODY_BYTES_MAX, EVENT_BYTES_MAX, Rejected, read_batch, read_single};
use serde_json::{Value, json};

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn bodies_that_are_not_taken() {
    let two_million_zeros = format!("[{}0]", "0,".repeat(2_000_000));
    let many = format!("[{}0]", "0,".repeat(BATCH_EVENTS_MAX));
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    for (body, code, status, says) in [
        (b"".as_slice(), "malformed_json", 400, "line 1 column 0"),
        (b"{", "malformed_json", 400, "line 1 column 1"),
        (b"{\"batch\":[{\"a\":]}", "malformed_json", 400, "line 1 column 16"),
        (b"{\"batch\":[]}x", "malformed_json", 400, "line 1 column 13"),
        (b"not json", "malformed_json", 400, "line 1 column"),
        (b"\x1f\x8b\x08\x00", "malformed_utf8", 400, "byte 1"),
        (b"[\"\xff\"]", "malformed_utf8", 400, "byte 2"),
        (b"{}", "malformed_batch", 400, "`batch`"),
        (b"{\"batch\":null}", "malformed_batch", 400, "`batch`"),
        (b"{\"batch\":{}}", "malformed_batch", 400, "`batch`"),
        (b"{\"batch\":\"13800000000\"}", "malformed_batch", 400, "`batch`"),
        (b"\"text\"", "malformed_batch", 400, "`batch`"),
        (b"17", "malformed_batch", 400, "`batch`"),
        (b"null", "malformed_batch", 400, "`batch`"),
        (many.as_bytes(), "too_many_events", 413, "2501 events"),
        (two_million_zeros.as_bytes(), "too_many_events", 413, "2000001 events"),
        (&large, "body_too_large", 413, "4194305 bytes"),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let error = read_batch(body).expect_err(&shown);
        assert_eq!((error.code(), error.status()), (code, status), "{shown}: {error}");
        assert!(error.to_string().contains(says), "{shown}: {error}");
        assert!(!error.to_string().contains("138"), "no value in {error}");
    }
    for body in ["[]", "17", "null", "\"x\"", "[{\"userId\":\"u-1\"}]"] {
        assert_eq!(read_single(Call::Track, body.as_bytes()).expect_err(body).code(), "malformed_batch", "{body}");
    }
    assert_eq!(read_single(Call::Track, b"{\"a\":").expect_err("cut").code(), "malformed_json");
}

#[test]
fn an_empty_batch_is_a_batch() {
    assert!(batch(b"{\"batch\":[]}").is_empty());
    assert!(batch(b"\xef\xbb\xbf [] ").is_empty());
}

#[test]
fn events_that_are_not_taken() {
    let long = "x".repeat(201);
    let properties: serde_json::Map<String, Value> = (0..501).map(|n| (format!("p{n}"), n.into())).collect();
    let traits = properties.clone();
    let ids: Vec<Value> = (0..33).map(|n| json!({"id": format!("d-{n}"), "type": "idfa"})).collect();
    for (event, code, pointer) in [
        (json!([]), "event_not_an_object", ""),
        (json!(["track", "m", "u-1"]), "event_not_an_object", ""),
        (json!(17), "event_not_an_object", ""),
        (json!("x"), "event_not_an_object", ""),
        (json!(null), "event_not_an_object", ""),
        (json!({}), "type_missing", "/type"),
        (json!({"type": "purchase"}), "unknown_type", "/type"),
        (json!({"type": 1}), "unknown_type", "/type"),
        (json!({"type": {}}), "wrong_type", "/type"),
        (json!({"type": "track", "userId": "u-1"}), "event_name_missing", "/event"),
        (json!({"type": "track", "userId": "u-1", "event": " "}), "event_name_missing", "/event"),
        (json!({"type": "track", "userId": "u-1", "event": long}), "name_too_long", "/event"),
        (json!({"type": "track", "userId": "u-1", "event": true}), "wrong_type", "/event"),
        (json!({"type": "page", "userId": {"id": 1}}), "wrong_type", "/userId"),
        (json!({"type": "page", "userId": 1.5}), "wrong_type", "/userId"),
        (json!({"type": "page", "userId": 1e20}), "wrong_type", "/userId"),
        (json!({"type": "page", "userId": false}), "wrong_type", "/userId"),
        (json!({"type": "page", "userId": "u-1", "messageId": long}), "message_id_too_long", "/messageId"),
        (json!({"type": "page", "userId": "u-1", "timestamp": "yesterday"}), "malformed_timestamp", "/timestamp"),
        (json!({"type": "page", "userId": "u-1", "timestamp": 0}), "malformed_timestamp", "/timestamp"),
        (
            json!({"type": "page", "userId": "u-1", "originalTimestamp": "1/1/25"}),
            "malformed_timestamp",
            "/originalTimestamp",
        ),
        (json!({"type": "page", "userId": "u-1", "properties": "x"}), "wrong_type", "/properties"),
        (json!({"type": "page", "userId": "u-1", "properties": [1]}), "wrong_type", "/properties"),
        (json!({"type": "page", "userId": "u-1", "traits": 1}), "wrong_type", "/traits"),
        (json!({"type": "page", "userId": "u-1", "context": "x"}), "wrong_type", "/context"),
        (json!({"type": "page", "userId": "u-1", "context": {"device": "x"}}), "wrong_type", "/context/device"),
        (
            json!({"type": "page", "userId": "u-1", "context": {"device": {"id": []}}}),
            "wrong_type",
            "/context/device/id",
        ),
        (
            json!({"type": "page", "userId": "u-1", "context": {"externalIds": {}}}),
            "wrong_type",
            "/context/externalIds",
        ),
        (
            json!({"type": "page", "userId": "u-1", "context": {"externalIds": [{}, {"id": true}]}}),
            "wrong_type",
            "/context/externalIds/1/id",
        ),
        (
            json!({"type": "page", "userId": "u-1", "context": {"externalIds": ids}}),
            "too_many_identifiers",
            "/context/externalIds",
        ),
        (
            json!({"type": "page", "userId": "u-1", "context": {"roadbook": {"identifiers": [3]}}}),
            "wrong_type",
            "/context/roadbook/identifiers/0",
        ),
        (json!({"type": "page", "userId": "u-1", "properties": properties}), "too_many_properties", "/properties"),
        (json!({"type": "identify", "userId": "u-1", "traits": traits}), "too_many_properties", "/traits"),
        (json!({"type": "page"}), "no_usable_identifier", ""),
    ] {
        let good = json!({"type": "page", "userId": "u-1"});
        let body = json!({"batch": [good.clone(), event.clone(), good]});
        let mut outcomes = batch(body.to_string().as_bytes());
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
        let (rejected, came) = outcomes.remove(1).expect_err("a bad event");
        let Rejected { code: found, pointer: at, index, .. } = rejected;
        assert_eq!((found.as_ref(), at), (code, format!("/batch/1{pointer}")), "{event}");
        assert_eq!((index, came), (1, event));
    }
}

#[test]
fn a_field_that_stands_twice_is_named_as_such() {
    let (rejected, _) = batch(br#"[{"type":"page","userId":"u-1","userId":"u-2"}]"#).remove(0).unwrap_err();
    assert_eq!((rejected.code.as_ref(), rejected.pointer.as_str()), ("malformed_event", "/0"));
    assert!(rejected.detail.contains("twice"));
}

#[test]
fn ten_thousand_levels_sink_one_event_and_name_the_byte() {
    let body = format!(
        r#"[{{"type":"page","userId":"u-1"}},{{"type":"page","userId":"u-1","properties":{{"a":{}}}}}]"#,
        deep(10_000)
    );
    let mut outcomes = batch(body.as_bytes());
    assert!(outcomes[0].is_ok());
    let (rejected, came) = outcomes.remove(1).unwrap_err();
    assert_eq!((rejected.code.as_ref(), rejected.pointer.as_str()), ("malformed_event", "/1"));
    // The 127th bracket after the event, its properties and `a` is one too many.
    let limit = body.find("[[").unwrap() + 127;
    let byte: usize = rejected.detail.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!(byte.abs_diff(limit) < 4, "{}, expected about {limit}", rejected.detail);
    assert!(came.is_string(), "it is kept as text");
    let single = format!(r#"{{"userId":"u-1","event":"x","properties":{{"a":{}}}}}"#, deep(10_000));
    let error = read_single(Call::Track, single.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("recursion limit exceeded at line 1 column"), "{error}");
    let only_deep = deep(10_000);
    assert_eq!(batch(only_deep.as_bytes()).remove(0).unwrap_err().0.code, "event_not_an_object");
    let skipped = format!(r#"[{{"type":"page","userId":"u-1","integrations":{}}}]"#, deep(10_000));
    assert!(batch(skipped.as_bytes()).remove(0).is_ok(), "what nobody reads may be as deep as it likes");
}

#[test]
fn an_event_over_the_limit_is_cut_for_the_dead_letters() {
    let text = "测".repeat(EVENT_BYTES_MAX / 3);
    let event = json!({"type": "page", "userId": "u-1", "properties": {"a": text}});
    let (rejected, came) = batch(json!([event.clone()]).to_string().as_bytes()).remove(0).unwrap_err();
    assert_eq!(rejected.code, "event_too_large");
    assert!(came.as_str().unwrap().len() <= EVENT_BYTES_MAX);
    let raw = event.to_string();
    let raw = read_single(Call::Page, raw.as_bytes()).unwrap();
    let (rejected, _) = raw.into_inbound(&keys(), "key-1", RECEIVED).remove(0).unwrap_err();
    assert_eq!((rejected.code.as_ref(), rejected.pointer.as_str()), ("event_too_large", ""));
}

#[test]
fn a_broken_surrogate_sinks_only_its_event() {
    let mut outcomes = batch(br#"[{"type":"page","userId":"u-1","name":"\ud83d"},{"type":"page","userId":"u-1"}]"#);
    assert!(outcomes.remove(1).is_ok());
    let (rejected, _) = outcomes.remove(0).unwrap_err();
    assert_eq!(rejected.code, "malformed_event");
    assert!(rejected.detail.contains("at byte"), "{}", rejected.detail);
}
