//! Definitions that several tests read.

use roadbook_audience::{Subject, Tracker, TrackerId};
use roadbook_kernel::SegmentId;
use serde_json::{Value, json};
use std::borrow::Cow;

/// A segment's id.
pub(crate) fn segment() -> SegmentId {
    SegmentId::from_u128(7)
}

/// Every node type, trigger form and channel once.
pub(crate) fn everything() -> Value {
    json!({
        "entry": {"event": "lead_submitted", "where": [{"property": "series", "op": "eq", "value": "R1"}]},
        "reentry": {"cooldown_hours": 24},
        "goal": {"event": "order_placed"},
        "exit": [{"event": "lead_closed"}, {"segment": segment().to_string(), "edge": "leave"}],
        "start": "settle",
        "nodes": {
            "settle": {"type": "wait", "duration": "PT30M", "next": "drive"},
            "drive": {"type": "wait_for", "event": "test_drive_completed", "where": [{"property": "km", "op": "gt", "value": 1}],
                      "timeout": "P3D", "on_event": "warm", "on_timeout": "ask"},
            "ask": {"type": "branch", "cases": [
                {"if": {"trait": "city", "op": "eq", "value": "上海"}, "next": "tell_seller"},
                {"if": {"event": "page", "count": {"op": "gte", "value": 3}, "within_days": 7}, "next": "task"}
            ], "otherwise": "remember"},
            "tell_seller": {"type": "send", "channel": "wecom_seller", "purpose": "service",
                "to": {"corp": "ww1", "member": {"trait": "seller_userid"}},
                "content": {"text": "请联系 {{ traits.name }}"}, "next": "note"},
            "task": {"type": "send", "channel": "wecom_group_task", "purpose": "marketing",
                "to": {"corp": "ww1", "member": "seller1"}, "content": {"text": "你好 {{ traits.name }}"}, "next": "mini"},
            "mini": {"type": "send", "channel": "miniprogram_subscribe", "purpose": "service", "to": {"appid": "wx1"},
                "content": {"template": "TPL", "data": {"thing1": "{{ traits.city }}"}}, "next": "note"},
            "note": {"type": "send", "channel": "recording", "purpose": "service", "content": {"text": "noted"}, "next": "over"},
            "warm": {"type": "set_tag", "tag": "hot", "value": "H", "expires_in": "P30D", "next": "cool"},
            "cool": {"type": "clear_tag", "tag": "cold", "next": "won"},
            "remember": {"type": "set_trait", "trait": "asked", "value": true, "next": "settle"},
            "over": {"type": "exit"},
            "won": {"type": "goal"}
        }
    })
}

/// The same definition, changed at one place; an empty pointer replaces nothing and `null` removes.
pub(crate) fn with(pointer: &str, value: Value) -> Value {
    let mut definition = everything();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer with a parent");
    let parent = definition.pointer_mut(parent).expect("an existing parent");
    match (parent, value) {
        (Value::Object(map), Value::Null) => drop(map.remove(key)),
        (Value::Object(map), value) => drop(map.insert(key.to_owned(), value)),
        (Value::Array(list), value) => list[key.parse::<usize>().expect("an index")] = value,
        _ => panic!("{pointer} has no parent that holds fields"),
    }
    definition
}

/// A customer of whom a single trait is known.
pub(crate) struct Customer(pub(crate) Option<(&'static str, Value)>);

impl Subject for Customer {
    fn trait_value(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.0.as_ref().filter(|(known, _)| *known == key).map(|(_, value)| Cow::Borrowed(value))
    }

    fn tag(&self, _: &str) -> Option<&str> {
        None
    }

    fn in_segment(&self, _: SegmentId) -> bool {
        false
    }

    fn tracker(&self, _: TrackerId) -> Option<&Tracker> {
        None
    }
}
