//! Whatever comes, nothing panics, every event has an outcome, and no error repeats what came in.

use super::{RECEIVED, keys};
use proptest::prelude::*;
use roadbook_customer::Call;
use roadbook_wire::{Mapping, Outcome, millionths, read_batch, read_single, time};
use serde_json::{Map, Value, json};

const CALLS: [Call; 6] = [Call::Identify, Call::Track, Call::Page, Call::Screen, Call::Group, Call::Alias];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["u-1", "track", "identify", "alias", "phone", "openid", "2025-01-01", "0"])
            .prop_map(Value::from),
    ]
}

/// A value whose objects mostly have names that mean something here.
fn value() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        4 => prop::sample::select(vec![
            "type", "messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name", "timestamp",
            "originalTimestamp", "sentAt", "properties", "traits", "context", "device", "id", "externalIds", "scope",
            "roadbook", "identifiers", "kind", "value", "set", "set_once", "append", "increment", "phone", "email",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    scalar().prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn outcomes(body: &[u8]) -> Vec<Outcome> {
    let mut all = Vec::new();
    if let Ok(raw) = read_batch(body) {
        let count = raw.len();
        let read = raw.into_inbound(&keys(), "key-1", RECEIVED);
        assert_eq!(read.len(), count);
        all.extend(read);
    }
    for call in CALLS {
        if let Ok(raw) = read_single(call, body) {
            all.extend(raw.into_inbound(&keys(), "key-1", RECEIVED));
        }
    }
    all
}

proptest! {
    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..200)) {
        outcomes(&body);
    }

    #[test]
    fn any_text_that_nearly_is_json(body in r#"[\[\]{}",:0-9a-z\\ \nuD8-]{0,120}"#) {
        outcomes(body.as_bytes());
        outcomes(format!("[{body}]").as_bytes());
        outcomes(format!(r#"{{"batch":[{{"type":"page","userId":"u-1"}},{body}]}}"#).as_bytes());
    }

    #[test]
    fn any_json(event in value(), neighbour in value()) {
        outcomes(json!({"batch": [event.clone(), neighbour]}).to_string().as_bytes());
        outcomes(event.to_string().as_bytes());
    }

    #[test]
    fn a_truncated_body(event in value(), part in 0.0f64..1.0) {
        let body = json!({"batch": [event]}).to_string();
        let cut = (body.len() as f64 * part) as usize;
        outcomes(&body.as_bytes()[..cut]);
    }

    /// Every text that came in carries a mark; no error and no `Debug` may show it.
    #[test]
    fn no_error_shows_a_value(field in prop::sample::select(vec![
        "type", "messageId", "userId", "anonymousId", "previousId", "event", "timestamp", "context", "properties", "traits",
    ]), wrap in 0usize..4, kind in prop::sample::select(vec!["track", "identify", "alias", "group"])) {
        let marked = "zq7\u{1}zq7";
        let bad = match wrap {
            0 => json!(marked),
            1 => json!([marked]),
            2 => json!({"id": marked, "phone": marked, "email": {"a": marked}}),
            _ => json!(marked.repeat(100)),
        };
        let mut event = json!({"type": kind});
        event[field] = bad;
        for outcome in outcomes(json!([event]).to_string().as_bytes()) {
            let shown = match outcome {
                Ok(inbound) => format!("{:?}", inbound.dropped),
                Err((rejected, _)) => format!("{rejected} {rejected:?}"),
            };
            prop_assert!(!shown.contains("zq7"), "{}", shown);
        }
    }

    #[test]
    fn any_time(text in prop_oneof![any::<String>(), "[0-9TZ:.+ -]{0,30}"]) {
        if let Ok(at) = time::read(&text) {
            prop_assert_eq!(time::read(&time::write(at)), Ok(at));
        }
    }

    #[test]
    fn any_amount(text in prop_oneof![any::<String>(), "[-+]?[0-9]{0,20}[.]?[0-9]{0,8}(e-?[0-9]{1,3})?"]) {
        let _ = millionths(&text);
    }

    #[test]
    fn amounts_read_back(amount in any::<i64>()) {
        let text = format!("{}{}.{:06}", if amount < 0 { "-" } else { "" }, amount.unsigned_abs() / 1_000_000, amount.unsigned_abs() % 1_000_000);
        prop_assert_eq!(millionths(&text), Ok(amount));
    }

    #[test]
    fn any_mapping(text in any::<String>()) {
        let _ = Mapping::parse(&text);
    }
}
