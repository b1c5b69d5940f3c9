//! Rules of single fields.

use super::{RECEIVED, keys, one, properties, refused, set, taken, who};
use roadbook_customer::Call;
use roadbook_kernel::Moment;
use roadbook_wire::{read_batch, read_single, time};
use serde_json::{Value, json};

const OPENID: &str = "oTest_Test_Test_Test_Test_01";
const UUID: &str = "4befca6f-00e3-4a7c-8171-5de4d3bdd662";

fn track(more: Value) -> Value {
    let mut event = json!({"type": "track", "event": "Car Viewed", "userId": "u-1", "messageId": "m-1"});
    let more = more.as_object().expect("an object").clone();
    event.as_object_mut().expect("an object").extend(more);
    event
}

#[test]
fn times_are_corrected_by_the_clock_of_the_sender() {
    let at = |text: &str| time::read(text).unwrap();
    let occurred = |more| taken(track(more)).occurred_at;
    assert_eq!(occurred(json!({})), RECEIVED);
    assert_eq!(occurred(json!({"timestamp": "1970-01-01T00:00:00Z"})), Moment::from_millis(0), "1970 is kept");
    assert_eq!(occurred(json!({"timestamp": "2035-01-01T00:00:00Z"})), at("2035-01-01T00:00:00Z"), "so is 2035");
    let sent_at = time::write(RECEIVED.plus_ms(3_600_000));
    let fast = json!({"timestamp": time::write(RECEIVED.plus_ms(3_590_000)), "sentAt": sent_at});
    assert_eq!(occurred(fast), RECEIVED.minus_ms(10_000), "a clock that is an hour fast");
    assert_eq!(occurred(json!({"timestamp": null, "originalTimestamp": "2025-01-01"})), at("2025-01-01"));
    assert_eq!(occurred(json!({"timestamp": "2025-01-01", "sentAt": "soon"})), at("2025-01-01"));
    assert_eq!(occurred(json!({"timestamp": 1_735_689_600})), at("2025-01-01"));
}

#[test]
fn every_place_an_identifier_stands_in() {
    let context = json!({
        "device": {"id": "device-1"},
        "externalIds": [
            {"id": OPENID, "type": "openid", "scope": "wxTest1", "collection": "users"},
            {"id": OPENID, "type": "openid", "collection": "wxTest2"},
            {"id": "idfa-1", "type": "ios.idfa", "collection": "users", "encoding": "none"},
            {"id": "GA1.2", "type": "ga_client_id", "collection": "users"},
        ],
        "traits": {"phone": "13800000000"},
        "roadbook": {"identifiers": [
            {"kind": "unionid", "value": OPENID},
            {"kind": "external_userid", "scope": "wwTest", "value": "wmTest_1"},
        ]},
    });
    let event = track(json!({"anonymousId": 77, "context": context}));
    let expected = [
        "user_id:u-1",
        "unionid:oTest_Test_Test_Test_Test_01",
        "external_userid@wwTest:wmTest_1",
        "openid@wxTest1:oTest_Test_Test_Test_Test_01",
        "openid@wxTest2:oTest_Test_Test_Test_Test_01",
        "device:device-1",
        "device:idfa-1",
        "anonymous_id:77",
    ];
    let mut found = who(&taken(event));
    // Two of one kind order by their hashes.
    found[3..5].sort();
    found[5..7].sort();
    assert_eq!(found, expected, "context.traits name somebody on an identify only");
}

#[test]
fn an_unusable_identifier_is_dropped_and_the_others_stay() {
    let event = json!({
        "type": "identify", "userId": "u-1", "anonymousId": "undefined",
        "traits": {"phone": "400-000-0001", "email": {"at": "x"}},
        "context": {"externalIds": [{"id": OPENID, "type": "openid"}],
                    "roadbook": {"identifiers": [{"kind": "plate", "value": "T-1"}]}},
    });
    let inbound = taken(event);
    assert_eq!(who(&inbound), ["user_id:u-1"]);
    let mut notes: Vec<_> = inbound.dropped.iter().map(|note| (note.pointer.as_str(), note.code)).collect();
    notes.sort_unstable();
    assert_eq!(
        notes,
        [
            ("/anonymousId", "identifier_blocked"),
            ("/context/externalIds/0/id", "identifier_scope_missing"),
            ("/context/roadbook/identifiers/0/kind", "identifier_kind_unknown"),
            ("/traits/email", "identifier_malformed"),
            ("/traits/phone", "identifier_blocked"),
        ]
    );
    assert_eq!(set(&inbound)["phone"], "400-000-0001", "it is a trait all the same");
}

#[test]
fn an_event_about_nobody_says_what_was_wrong_with_each() {
    let rejected = refused(json!({"type": "track", "event": "x", "userId": "null", "anonymousId": "0"}));
    assert_eq!((rejected.code.as_ref(), rejected.pointer.as_str()), ("no_usable_identifier", "/batch/0"));
    assert!(rejected.detail.contains("user_id at /userId: it is blocked"), "{}", rejected.detail);
    assert!(rejected.detail.contains("anonymous_id at /anonymousId: it is blocked"), "{}", rejected.detail);
    let rejected = refused(json!({"type": "track", "event": "x", "userId": "cus_1"}));
    assert_eq!(rejected.pointer, "/batch/0/userId");
    let rejected = refused(json!({"type": "track", "event": "x"}));
    assert!(rejected.detail.contains("send `userId` or `anonymousId`"), "{}", rejected.detail);
}

#[test]
fn what_the_previous_id_of_an_alias_is() {
    let alias = |more: Value| {
        let mut event = json!({"type": "alias", "userId": "u-1"});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        one(event)
    };
    let kinds = |more| -> Vec<&'static str> {
        alias(more).expect("taken").observation.identifiers.iter().map(|identifier| identifier.kind.name()).collect()
    };
    assert_eq!(kinds(json!({"previousId": "u-0"})), ["user_id", "user_id"]);
    assert_eq!(kinds(json!({"previousId": UUID})), ["user_id", "anonymous_id"]);
    assert_eq!(kinds(json!({"previousId": "visit-7", "anonymousId": "visit-7"})), ["user_id", "anonymous_id"]);
    let marked = |kind| json!({"previousId": UUID, "context": {"roadbook": {"previous_kind": kind}}});
    assert_eq!(kinds(marked("user_id")), ["user_id", "user_id"]);
    assert_eq!(kinds(json!({"previousId": 17})), ["user_id", "user_id"]);
    for (more, code) in [
        (json!({}), "alias_incomplete"),
        (json!({"previousId": "null"}), "alias_incomplete"),
        (json!({"previousId": "u-0", "userId": null}), "alias_incomplete"),
        (json!({"previousId": "u-0", "userId": "guest"}), "alias_incomplete"),
        (marked("plate"), "unknown_identifier_kind"),
    ] {
        assert_eq!(alias(more.clone()).unwrap_err().0.code, code, "{more}");
    }
}

#[test]
fn trait_operations() {
    let operations = json!({
        "set": {"city": "Testville"}, "set_once": {"source": "fair"}, "append": {"seen": "T-1"},
        "increment": {"visits": 1, "spent": 0.1, "points": -2.5},
    });
    let inbound = taken(track(json!({"context": {"roadbook": {"traits": operations}}})));
    let traits = &inbound.observation.traits;
    assert_eq!(set(&inbound), json!({"city": "Testville"}));
    assert_eq!(traits.set_once.as_ref().unwrap().reveal()["source"], "fair");
    assert_eq!(traits.append.as_ref().unwrap().reveal()["seen"], "T-1");
    let increment: Vec<_> = traits.increment.iter().map(|(key, amount)| (key.as_str(), *amount)).collect();
    assert_eq!(increment, [("points", -2_500_000), ("spent", 100_000), ("visits", 1_000_000)]);
}

#[test]
fn trait_operations_that_make_no_sense() {
    for (operations, code, pointer) in [
        (json!({"increment": {"a/b": "1"}}), "malformed_increment", "increment/a~1b"),
        (json!({"increment": {"spent": 0.000_000_1}}), "malformed_increment", "increment/spent"),
        (json!({"increment": {"spent": null}}), "malformed_increment", "increment/spent"),
        (json!({"set": {"a": 1}, "append": {"a": 1}}), "trait_under_two_operations", "append/a"),
        (json!({"set_once": {"a": 1}, "increment": {"a": 1}}), "trait_under_two_operations", "increment/a"),
        (json!({"set": {"": 1}}), "name_too_long", "set/"),
        (json!({"set": 1}), "wrong_type", "set"),
    ] {
        let rejected = refused(track(json!({"context": {"roadbook": {"traits": operations}}})));
        assert_eq!(
            (rejected.code.as_ref(), rejected.pointer),
            (code, format!("/batch/0/context/roadbook/traits/{pointer}"))
        );
    }
}

#[test]
fn null_traits_remove_and_empty_lists_are_empty_objects() {
    let inbound = taken(json!({"type": "identify", "userId": "u-1", "traits": {"city": null, "email": null}}));
    assert_eq!(set(&inbound), json!({"city": null, "email": null}));
    assert!(inbound.dropped.is_empty());
    let php = taken(json!({"type": "identify", "userId": "u-1", "traits": [], "context": [], "properties": []}));
    assert!(php.observation.traits.is_empty());
    assert_eq!(properties(&php), json!({}));
}

#[test]
fn events_without_a_name_of_their_own_are_each_a_message() {
    let body =
        br#"{"batch":[{"type":"track","event":"x","userId":"u-1"},{"type":"track","event":"x","userId":"u-1"}]}"#;
    let ids = |received| -> Vec<_> {
        let outcomes = read_batch(body).unwrap().into_inbound(&keys(), "key-1", received);
        outcomes.into_iter().map(|outcome| outcome.unwrap()).map(|one| (one.message, one.producer_id)).collect()
    };
    let first = ids(RECEIVED);
    assert_ne!(first[0].0, first[1].0);
    assert_eq!(first[0].1, None);
    assert_eq!(first, ids(RECEIVED), "the same acceptance gives the same ids");
    assert_ne!(first[0].0, ids(RECEIVED.plus_ms(1))[0].0);
}

#[test]
fn ids_of_messages_belong_to_their_source() {
    let id = |source| {
        let raw = read_batch(br#"[{"type":"track","event":"x","userId":"u-1","messageId":"m-1"}]"#).unwrap();
        raw.into_inbound(&keys(), source, RECEIVED).remove(0).unwrap().message
    };
    assert_ne!(id("key-1"), id("key-2"));
}

#[test]
fn a_single_call_is_what_its_path_says() {
    let body = br#"{"type":"track","userId":"u-1","traits":{"city":"Testville"}}"#;
    let raw = read_single(Call::Identify, body).unwrap();
    let inbound = raw.into_inbound(&keys(), "key-1", RECEIVED).remove(0).unwrap();
    assert_eq!((inbound.observation.call, inbound.observation.name.as_str()), (Call::Identify, "identify"));
    let raw = read_single(Call::Track, br#"{"userId":true,"event":"x","writeKey":"wk_test"}"#).unwrap();
    assert_eq!(raw.write_key(), Some("wk_test"), "the key is found beside a wrong field");
    let (rejected, came) = raw.into_inbound(&keys(), "key-1", RECEIVED).remove(0).unwrap_err();
    assert_eq!((rejected.code.as_ref(), rejected.pointer.as_str()), ("wrong_type", "/userId"));
    assert_eq!(came["userId"], true);
}
