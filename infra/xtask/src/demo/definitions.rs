//! The segments and journeys of the demo. Waits that would be minutes or days are seconds, so that a minute shows them.

use super::people::{APPID, TEMPLATE};
use crate::http::Client;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The ids of what was created, by the names used here. Kept in the demo's folder.
pub struct Definitions {
    /// Segment: everybody who looked at a car.
    pub visitors: String,
    /// Segment: looked at cars and left a phone number.
    pub interested: String,
    /// Journey: the seller is told of a lead, and the lead is graded by whether they come for a drive.
    pub follow_up: String,
    /// Journey: an invitation to those who are interested and allow it.
    pub invitation: String,
}

impl Definitions {
    /// Creates and publishes them.
    ///
    /// # Errors
    /// A server that refuses one.
    pub fn create(api: &Client) -> Result<Self> {
        let viewed = |count: u64| json!({ "event": "model_viewed", "count": { "op": "gte", "value": count }, "within_days": 14 });
        let lead = json!({ "event": "lead_submitted", "count": { "op": "gte", "value": 1 }, "within_days": 30 });
        let visitors = publish(api, "segments", "Looked at a car", "condition", viewed(1))?;
        let interested = json!({ "all": [viewed(2), lead] });
        let interested = publish(api, "segments", "Interested", "condition", interested)?;
        let follow_up = publish(api, "journeys", "Lead to test drive", "definition", follow_up())?;
        let invitation = publish(api, "journeys", "Invitation", "definition", invitation(&interested))?;
        Ok(Self { visitors, interested, follow_up, invitation })
    }

    /// As they are kept.
    pub fn to_json(&self) -> Value {
        json!({ "visitors": self.visitors, "interested": self.interested, "follow_up": self.follow_up,
                "invitation": self.invitation })
    }

    /// As they were kept.
    ///
    /// # Errors
    /// A file that lacks one.
    pub fn from_json(kept: &Value) -> Result<Self> {
        let id = |name: &str| kept[name].as_str().map(str::to_owned).with_context(|| format!("`{name}` is missing"));
        Ok(Self {
            visitors: id("visitors")?,
            interested: id("interested")?,
            follow_up: id("follow_up")?,
            invitation: id("invitation")?,
        })
    }
}

fn publish(api: &Client, kind: &str, name: &str, field: &str, body: Value) -> Result<String> {
    let mut draft = json!({ "name": name });
    draft[field] = body;
    let made = api.expect("POST", &format!("/v1/{kind}"), Some(&draft))?;
    let id = made["id"].as_str().context("a new definition has an id")?;
    api.expect("POST", &format!("/v1/{kind}/{id}/publish"), None)?;
    Ok(id.to_owned())
}

fn follow_up() -> Value {
    let tag = |grade: &str, next: &str| json!({ "type": "set_tag", "tag": "lead_grade", "value": grade, "expires_in": "P30D", "next": next });
    json!({
        "entry": { "event": "lead_submitted" },
        "reentry": "after_exit",
        "goal": { "event": "order_placed" },
        "start": "settle",
        "nodes": {
            "settle": { "type": "wait", "duration": "PT3S", "next": "tell_seller" },
            "tell_seller": {
                "type": "send", "channel": "wecom_seller", "purpose": "service",
                "to": { "corp": "ww-sim-corp", "member": { "trait": "seller" } },
                "content": { "text": "新线索：{{ traits.name | default('客户') }}，意向 {{ entry.series }}，请尽快联系" },
                "next": "drive",
            },
            "drive": {
                "type": "wait_for", "event": "test_drive_completed", "timeout": "PT20S",
                "on_event": "hot", "on_timeout": "cool",
            },
            "hot": tag("H", "order"),
            "order": { "type": "wait", "duration": "PT20S", "next": "over" },
            "cool": tag("C", "over"),
            "over": { "type": "exit" },
        },
    })
}

fn invitation(interested: &str) -> Value {
    json!({
        "entry": { "segment": interested, "edge": "enter" },
        "reentry": "once",
        "start": "pause",
        "nodes": {
            "pause": { "type": "wait", "duration": "PT2S", "next": "invite" },
            "invite": {
                "type": "send", "channel": "miniprogram_subscribe", "purpose": "marketing",
                "to": { "appid": APPID },
                "content": { "template": TEMPLATE, "data": { "thing1": "邀请您试驾", "thing2": "{{ traits.city | default('本地门店') }}" } },
                "next": "over",
            },
            "over": { "type": "exit" },
        },
    })
}
