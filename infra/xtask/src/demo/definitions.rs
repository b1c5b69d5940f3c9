//! The segments and journeys of a car maker. Waits are those of real life: people of the past arrive with their own
//! times, so that everything that should have happened since has happened.

use super::brands::{Brand, TEMPLATE};
use crate::http::Client;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// What is defined, by the names used here.
const SEGMENTS: [(&str, &str); 4] = [
    ("visitors", "看过车 Looked at a car"),
    ("high_intent", "高意向 High intent"),
    ("silent_owners", "沉默车主 Silent owners"),
    ("renewal", "续保窗口 Insurance running out"),
];
/// The journeys.
const JOURNEYS: [(&str, &str); 2] =
    [("follow_up", "线索跟进 Lead follow-up"), ("ownership", "保养与续保 Service and renewal")];

/// The tags that the journeys set: the file of the taxonomy and the key, and after how many days a value ends where the
/// journey does not say.
const TAGS: [(&str, &str, u64); 3] = [
    (include_str!("../../../../schemas/tags/intent.json"), "lead_grade", 30),
    (include_str!("../../../../schemas/tags/aftersales.json"), "service_overdue", 365),
    (include_str!("../../../../schemas/tags/renewal.json"), "insured_here", 400),
];

/// The ids of what was created, by the names used here. Kept in the demo's folder.
pub struct Definitions(Map<String, Value>);

impl Definitions {
    /// Creates and publishes them.
    ///
    /// # Errors
    /// A server that refuses one.
    pub fn create(api: &Client, brand: &Brand) -> Result<Self> {
        for (group, key, days) in TAGS {
            let draft = tag(group, key, days)?;
            api.expect("POST", "/v1/tag-definitions", Some(&draft)).with_context(|| format!("define {key}"))?;
        }
        let mut made = Map::new();
        for (key, name) in SEGMENTS {
            let id = publish(api, "segments", name, "condition", segment(key))?;
            made.insert(key.to_owned(), id.into());
        }
        for (key, name) in JOURNEYS {
            let definition = if key == "follow_up" { follow_up(brand) } else { ownership(brand) };
            let id = publish(api, "journeys", name, "definition", definition)?;
            made.insert(key.to_owned(), id.into());
        }
        Ok(Self(made))
    }

    /// The id of one of them.
    pub fn id(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// As they are kept.
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// As they were kept.
    ///
    /// # Errors
    /// A file that lacks one.
    pub fn from_json(kept: &Value) -> Result<Self> {
        let names = SEGMENTS.iter().chain(&JOURNEYS).map(|(key, _)| *key);
        let found = names.map(|key| {
            let id = kept[key].as_str().with_context(|| format!("`{key}` is missing"))?;
            Ok((key.to_owned(), id.into()))
        });
        found.collect::<Result<Map<_, _>>>().map(Self)
    }
}

/// The definition of a tag, as the taxonomy has it.
fn tag(group: &str, key: &str, days: u64) -> Result<Value> {
    let file: Value = serde_json::from_str(group).context("a file of the taxonomy")?;
    let known = file["tags"].as_array().into_iter().flatten().find(|tag| tag["key"] == key);
    let mut draft = known.with_context(|| format!("the taxonomy has no tag `{key}`"))?.clone();
    draft["group"] = file["group"].clone();
    draft["ttl_days"] = days.into();
    Ok(draft)
}

fn publish(api: &Client, kind: &str, name: &str, field: &str, body: Value) -> Result<String> {
    let mut draft = json!({ "name": name });
    draft[field] = body;
    let made = api.expect("POST", &format!("/v1/{kind}"), Some(&draft))?;
    let id = made["id"].as_str().context("a new definition has an id")?;
    api.expect("POST", &format!("/v1/{kind}/{id}/publish"), None)?;
    Ok(id.to_owned())
}

/// At least so many of an event within so many days.
fn did(event: &str, times: u64, days: u64) -> Value {
    json!({ "event": event, "count": { "op": "gte", "value": times }, "within_days": days })
}

fn segment(key: &str) -> Value {
    match key {
        "visitors" => json!({ "event": "model_viewed", "count": { "op": "gte", "value": 1 } }),
        "high_intent" => json!({ "all": [
            did("lead_submitted", 1, 30),
            { "any": [did("test_drive_completed", 1, 30), did("model_viewed", 3, 14)] },
        ] }),
        "silent_owners" => json!({ "all": [
            did("delivery_completed", 1, 3_650),
            { "not": did("service_completed", 1, 400) },
            { "not": did("delivery_completed", 1, 400) },
        ] }),
        _ => json!({ "all": [did("insurance_expiring", 1, 60), { "not": did("insurance_renewed", 1, 90) }] }),
    }
}

/// The seller is told of a lead; then three days for a test drive. Who comes is graded H and invited to the next event,
/// if they allow it; who does not is graded C.
fn follow_up(brand: &Brand) -> Value {
    let tag = |grade: &str, next: &str| json!({ "type": "set_tag", "tag": "lead_grade", "value": grade, "expires_in": "P30D", "next": next });
    json!({
        "entry": { "event": "lead_submitted" },
        "reentry": "after_exit",
        "goal": { "event": "order_placed" },
        "start": "settle",
        "nodes": {
            "settle": { "type": "wait", "duration": "PT3S", "next": "tell_seller" },
            "tell_seller": to_seller(brand, "新线索：{{ traits.name | default('客户') }}，意向 {{ entry.series }}，请尽快联系", "drive"),
            "drive": {
                "type": "wait_for", "event": "test_drive_completed", "timeout": "P5D",
                "on_event": "hot", "on_timeout": "cool",
            },
            "hot": tag("H", "invite"),
            "invite": {
                "type": "send", "channel": "miniprogram_subscribe", "purpose": "marketing",
                "to": { "appid": brand.appid },
                "content": { "template": TEMPLATE, "data": { "thing1": "邀请您参加车主体验日", "thing2": "{{ traits.city | default('本地门店') }}" } },
                "next": "order",
            },
            "order": { "type": "wait", "duration": "P30D", "next": "over" },
            "cool": tag("C", "over"),
            "over": { "type": "exit" },
        },
    })
}

/// From the delivery on: a reminder of the first service, and of the insurance before it runs out.
fn ownership(brand: &Brand) -> Value {
    json!({
        "entry": { "event": "delivery_completed" },
        "reentry": "after_exit",
        "start": "half_year",
        "nodes": {
            "half_year": { "type": "wait", "duration": "P170D", "next": "remind" },
            "remind": to_seller(brand, "{{ traits.name | default('车主') }} 首保到期，请提醒预约", "service"),
            "service": {
                "type": "wait_for", "event": "service_completed", "timeout": "P60D",
                "on_event": "on_time", "on_timeout": "overdue",
            },
            "on_time": { "type": "clear_tag", "tag": "service_overdue", "next": "year" },
            "overdue": { "type": "set_tag", "tag": "service_overdue", "value": "true", "next": "year" },
            "year": { "type": "wait", "duration": "P90D", "next": "renewal" },
            "renewal": to_seller(brand, "{{ traits.name | default('车主') }} 保险将到期，请联系续保", "renewed"),
            "renewed": {
                "type": "wait_for", "event": "insurance_renewed", "timeout": "P90D",
                "on_event": "loyal", "on_timeout": "lost",
            },
            "loyal": { "type": "set_tag", "tag": "insured_here", "value": "true", "next": "over" },
            "lost": { "type": "set_tag", "tag": "insured_here", "value": "false", "next": "over" },
            "over": { "type": "exit" },
        },
    })
}

fn to_seller(brand: &Brand, text: &str, next: &str) -> Value {
    json!({
        "type": "send", "channel": "wecom_seller", "purpose": "service",
        "to": { "corp": brand.corp, "member": { "trait": "seller" } },
        "content": { "text": text },
        "next": next,
    })
}

#[cfg(test)]
mod tests {
    use super::super::brands::BRANDS;
    use super::*;

    /// A value that a definition does not allow would stop a journey of the demo.
    #[test]
    fn every_tag_that_a_journey_sets_is_defined_and_fits() {
        let defined: Vec<Value> = TAGS.iter().map(|(group, key, days)| tag(group, key, *days).unwrap()).collect();
        let mut set = 0;
        for brand in &BRANDS {
            for journey in [follow_up(brand), ownership(brand)] {
                for node in journey["nodes"].as_object().unwrap().values().filter(|node| node["tag"].is_string()) {
                    let known = defined.iter().find(|tag| tag["key"] == node["tag"]);
                    let known = known.unwrap_or_else(|| panic!("{} is not defined", node["tag"]));
                    let value = node["value"].as_str();
                    let fits = match known["type"].as_str() {
                        Some("bool") => value.is_none_or(|value| matches!(value, "true" | "false")),
                        Some("enum") => known["values"].as_array().unwrap().iter().any(|one| one.as_str() == value),
                        other => panic!("{other:?}: say here what fits"),
                    };
                    assert!(fits, "{node}");
                    set += 1;
                }
            }
        }
        assert_eq!(set, 12);
    }
}
