//! What the simulated tenants have published: two segments, four journeys, every node type and every channel.

use roadbook_catalog::Command;
use roadbook_kernel::{JourneyId, SegmentId};
use serde_json::{Value, json};

/// Two page views within a week.
pub const ENGAGED: SegmentId = SegmentId::from_u128(0x0005_e600_0001);
/// A score of three.
pub const HOT: SegmentId = SegmentId::from_u128(0x0005_e600_0002);
/// A score of two; published late, so that it must be counted back.
pub const KEEN: SegmentId = SegmentId::from_u128(0x0005_e600_0003);
/// One message per order.
pub const ORDER: JourneyId = JourneyId::from_u128(0x0010_4200_0001);
/// A long wait, a message, a wait for an event, one of two messages.
pub const DRIVE: JourneyId = JourneyId::from_u128(0x0010_4200_0002);
/// Marketing to the engaged; tags, traits, a branch, a goal.
pub const WELCOME: JourneyId = JourneyId::from_u128(0x0010_4200_0003);
/// A lead: a seller, a task, a subscribe message.
pub const LEAD: JourneyId = JourneyId::from_u128(0x0010_4200_0004);
/// The template of the subscribe message.
pub const TEMPLATE: &str = "TPL";

fn order() -> Value {
    json!({
        "entry": {"event": "order_placed"}, "reentry": "once", "start": "tell",
        "nodes": {
            "tell": {"type": "send", "channel": "recording", "purpose": "service",
                     "content": {"text": "order {{ entry.n }}"}, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

/// The journey of a test drive; `edition` tells revisions apart without changing what they say.
pub fn drive(wait: &str, edition: u32) -> Value {
    let say = |word: &str, next: &str| {
        json!({"type": "send", "channel": "recording", "purpose": "service",
               "content": {"text": format!("{word} {{{{ entry.n }}}}")}, "next": next})
    };
    json!({
        "entry": {"event": "drive_booked"}, "reentry": "once", "start": "rest",
        "nodes": {
            "rest": {"type": "wait", "duration": wait, "next": "remind"},
            "remind": say("remind", "drive"),
            "drive": {"type": "wait_for", "event": "test_drive", "timeout": "P3D",
                      "on_event": "thank", "on_timeout": "miss"},
            "thank": say("thanks", "mark"),
            "miss": say("missed", "mark"),
            "mark": {"type": "set_tag", "tag": "drive", "value": format!("edition {edition}"), "expires_in": "P5D", "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

fn welcome() -> Value {
    json!({
        "entry": {"segment": ENGAGED.to_string(), "edge": "enter"}, "reentry": {"cooldown_hours": 24},
        "goal": {"event": "order_placed"}, "start": "hello",
        "nodes": {
            "hello": {"type": "send", "channel": "recording", "purpose": "marketing",
                      "content": {"text": "hello {{ traits.who }}"}, "next": "tag"},
            "tag": {"type": "set_tag", "tag": "greeted", "value": "yes", "expires_in": "P2D", "next": "rest"},
            "rest": {"type": "wait", "duration": "P1D", "next": "ask"},
            "ask": {"type": "branch", "cases": [
                {"if": {"trait": "score", "op": "gte", "value": 4}, "next": "note"},
                {"if": {"event": "page_viewed", "count": {"op": "gte", "value": 3}, "within_days": 7}, "next": "clear"}
            ], "otherwise": "over"},
            "note": {"type": "set_trait", "trait": "keen", "value": true, "next": "won"},
            "clear": {"type": "clear_tag", "tag": "greeted", "next": "over"},
            "won": {"type": "goal"},
            "over": {"type": "exit"}
        }
    })
}

fn lead() -> Value {
    json!({
        "entry": {"event": "lead_submitted"}, "reentry": "after_exit",
        "exit": [{"segment": HOT.to_string(), "edge": "leave"}], "start": "settle",
        "nodes": {
            "settle": {"type": "wait", "duration": "PT30M", "next": "seller"},
            "seller": {"type": "send", "channel": "wecom_seller", "purpose": "service",
                       "to": {"corp": "ww1", "member": {"trait": "seller"}},
                       "content": {"text": "lead {{ entry.n }}"}, "next": "task"},
            "task": {"type": "send", "channel": "wecom_group_task", "purpose": "marketing",
                     "to": {"corp": "ww1", "member": "seller-1"}, "content": {"text": "task {{ traits.who }} {{ entry.n }}"},
                     "next": "mini"},
            "mini": {"type": "send", "channel": "miniprogram_subscribe", "purpose": "service", "to": {"appid": "ww1"},
                     "content": {"template": TEMPLATE, "data": {"thing1": "mini {{ entry.n }}"}}, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

/// What a tenant publishes on its first day, in this order.
pub fn first_day(wait: &str) -> Vec<Command> {
    let engaged = json!({"event": "page_viewed", "count": {"op": "gte", "value": 2}, "within_days": 7});
    let hot = json!({"trait": "score", "op": "gte", "value": 3});
    let keen = json!({"trait": "score", "op": "gte", "value": 2});
    let segment = |id, name: &str, condition| {
        [Command::CreateSegment { id, name: name.into(), condition }, Command::PublishSegment { id }]
    };
    let journey = |id, name: &str, definition| {
        [Command::CreateJourney { id, name: name.into(), definition }, Command::PublishJourney { id }]
    };
    [
        segment(ENGAGED, "engaged", engaged),
        segment(HOT, "hot", hot),
        journey(ORDER, "order", order()),
        journey(DRIVE, "drive", drive(wait, 1)),
        journey(WELCOME, "welcome", welcome()),
        journey(LEAD, "lead", lead()),
        segment(KEEN, "keen", keen),
    ]
    .into_iter()
    .flatten()
    .collect()
}
