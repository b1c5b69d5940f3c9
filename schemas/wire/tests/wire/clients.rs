//! Bodies as real SDKs put them on the wire, captured from the versions in their names.

use super::{RECEIVED, batch, keys, properties, set, who};
use roadbook_customer::Call;
use roadbook_kernel::Moment;
use roadbook_wire::{Inbound, read_batch, read_single, time};
use serde_json::json;

macro_rules! body {
    ($name:literal) => {
        include_bytes!(concat!("bodies/", $name, ".json")).as_slice()
    };
}

fn all(body: &[u8]) -> Vec<Inbound> {
    batch(body).into_iter().map(|outcome| outcome.expect("every event of a real client is taken")).collect()
}

fn single(call: Call, body: &[u8]) -> Inbound {
    let raw = read_single(call, body).expect("a real client's body");
    assert_eq!(raw.write_key(), Some("wk_test"));
    raw.into_inbound(&keys(), "key-1", RECEIVED).remove(0).expect("taken")
}

fn names(inbound: &[Inbound]) -> Vec<&str> {
    inbound.iter().map(|inbound| inbound.observation.name.as_str()).collect()
}

#[test]
fn segment_analytics_python() {
    let body = body!("segment-analytics-python-2.4.0");
    assert_eq!(read_batch(body).unwrap().write_key(), Some("wk_test"));
    let events = all(body);
    assert_eq!(names(&events), ["Car Viewed", "identify", "page", "screen", "group", "alias"]);
    assert_eq!(who(&events[0]), ["user_id:u-1"], "anonymousId: null is absent");
    assert_eq!(properties(&events[0]), json!({"model": "T-1", "price": 199900.5}));
    // Said 2025-01-31T08:00:00Z; the batch reached us 27,740.136 ms after its sentAt.
    let skew = RECEIVED.since_ms(time::read("2026-11-21T20:41:32.259864+00:00").unwrap());
    assert_eq!(events[0].occurred_at, time::read("2025-01-31T08:00:00Z").unwrap().plus_ms(skew));
    assert_eq!(
        who(&events[1]),
        ["user_id:u-1", "phone:+8613800000000", "email:someone@example.com", "anonymous_id:anon-1"]
    );
    assert_eq!(set(&events[1]), json!({"email": "someone@example.com", "phone": 13800000000i64, "city": "Testville"}));
    assert_eq!(
        properties(&events[2]),
        json!({"url": "https://example.test/", "name": "Overview", "category": "Models"})
    );
    assert_eq!(properties(&events[3]), json!({"name": "My Car", "category": "Garage"}));
    assert_eq!(properties(&events[4]), json!({"groupId": "dealer-1", "name": "Test Dealer"}));
    assert!(events[4].observation.traits.is_empty(), "the group's traits are not the person's");
    assert_eq!(events[5].observation.identifiers.len(), 2);
    assert!(events.iter().all(|event| event.producer_id.is_some() && event.dropped.is_empty()));
}

#[test]
fn the_same_body_sent_again_is_the_same_messages() {
    let body = body!("segment-analytics-python-2.4.0");
    let ids = |received| -> Vec<_> {
        let raw = read_batch(body).unwrap().into_inbound(&keys(), "key-1", received);
        raw.into_iter().map(|outcome| outcome.unwrap().message).collect()
    };
    assert_eq!(ids(RECEIVED), ids(RECEIVED.plus_ms(60_000)));
}

#[test]
fn rudder_sdk_python_puts_traits_into_the_context() {
    let events = all(body!("rudder-sdk-python-2.1.9"));
    assert_eq!(names(&events), ["Car Viewed", "identify"]);
    assert_eq!(who(&events[1]), ["user_id:u-1", "email:someone@example.com"]);
    assert_eq!(set(&events[1]), json!({"email": "someone@example.com"}));
    assert_eq!(read_batch(body!("rudder-sdk-python-2.1.9")).unwrap().write_key(), None);
}

#[test]
fn segment_analytics_node() {
    let events = all(body!("segment-analytics-node-3.1.0"));
    assert_eq!(names(&events), ["identify", "Car Viewed", "page", "alias"]);
    assert_eq!(who(&events[0]), ["user_id:u-1", "email:someone@example.com", "anonymous_id:anon-1"]);
    assert_eq!(who(&events[2]), ["anonymous_id:anon-1"]);
    assert_eq!(events[3].observation.call, Call::Alias);
    let mut both = who(&events[3]);
    both.sort();
    assert_eq!(both, ["user_id:u-0", "user_id:u-1"]);
}

#[test]
fn legacy_analytics_node() {
    let events = all(body!("analytics-node-6.2.0"));
    assert_eq!(who(&events[0]), ["user_id:17", "phone:+8613800000000"]);
}

#[test]
fn rudder_sdk_node_has_no_timestamp_and_a_sent_at_per_event() {
    let identify = all(body!("rudder-sdk-node-3.0.13-identify")).remove(0);
    assert_eq!(who(&identify), ["user_id:u-1", "email:someone@example.com"]);
    assert_eq!(set(&identify), json!({"email": "someone@example.com", "name": "Test Person"}));
    let track = all(body!("rudder-sdk-node-3.0.13-track")).remove(0);
    // originalTimestamp 35.482, sentAt 35.983: the event happened 501 ms before it reached us.
    assert_eq!(track.occurred_at, RECEIVED.minus_ms(501));
}

#[test]
fn dittofeed_sdk_node_has_no_times_at_all() {
    let body = body!("dittofeed-sdk-node-0.1.2");
    let events = all(body);
    assert_eq!(names(&events), ["identify", "Car Viewed"]);
    assert!(events.iter().all(|event| event.occurred_at == RECEIVED));
    let envelope: serde_json::Value = serde_json::from_slice(body).unwrap();
    let bare = all(envelope["batch"].to_string().as_bytes());
    assert_eq!(bare[1].message, events[1].message, "a bare list is the same batch");
}

#[test]
fn analytics_next_in_a_browser() {
    let page = single(Call::Page, body!("analytics-next-1.84.3-page"));
    assert_eq!(who(&page), ["anonymous_id:4befca6f-00e3-4a7c-8171-5de4d3bdd662"]);
    assert_eq!(properties(&page)["name"], "Overview");
    let identify = single(Call::Identify, body!("analytics-next-1.84.3-identify"));
    assert_eq!(identify.observation.identifiers.len(), 3);
    let track = single(Call::Track, body!("analytics-next-1.84.3-track"));
    assert_eq!(who(&track), ["user_id:u-1", "anonymous_id:4befca6f-00e3-4a7c-8171-5de4d3bdd662"]);
    assert_eq!(track.observation.name, "Car Viewed");
    assert_eq!(track.occurred_at, Moment::from_millis(RECEIVED.millis() - 3), "3 ms between happening and sending");
}

/// After an identify this SDK's `alias` names the known user twice; that says nothing and harms nothing.
#[test]
fn analytics_next_aliases_somebody_with_themself() {
    let alias = single(Call::Alias, body!("analytics-next-1.84.3-alias"));
    assert_eq!(who(&alias), ["user_id:u-1", "anonymous_id:4befca6f-00e3-4a7c-8171-5de4d3bdd662"]);
}
