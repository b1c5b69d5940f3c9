//! Made-up customers over forty days: a third visitors, the others known, with a handful of traits and events each.

use roadbook_it::Keeper;
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, device, email, external, user};
use roadbook_kernel::HOUR_MS;
use serde_json::json;

/// Chance, from a number.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap_or(0)]
    }
}

const SERIES: &[&str] = &["R1", "R3", "R5", "S7", "Trail", "Nova"];
const CITIES: &[&str] = &["Shanghai", "Chengdu", "Shenzhen", "Wuhan", "Xi'an", "Harbin", "上海", "成都"];
const EVENTS: &[&str] = &[
    "page_viewed",
    "model_viewed",
    "configurator_opened",
    "test_drive_booked",
    "lead_submitted",
    "video_watched",
    "store_visited",
    "service_booked",
    "order_placed",
];
const SOURCES: &[&str] = &["mini_program", "website", "app", "store", "call_centre"];

/// Plays this many customers; another seed makes up others.
pub async fn make_up<S: Keeper>(rig: &Rig<S>, seed: u64, customers: u64) -> Vec<Vec<Who>> {
    define(rig).await;
    let mut everybody = Vec::new();
    let mut draw = Draw(seed);
    for n in 0..customers {
        let code = n + 10_000 * (seed % 7);
        let who: Vec<Who> = match n % 3 {
            0 => vec![device(&format!("d-{code:x}-{:x}", draw.below(1 << 30)))],
            1 => vec![user(&format!("u-{code}")), device(&format!("d-{:x}", draw.below(1 << 30)))],
            _ => vec![user(&format!("u-{code}")), external(&format!("wm{:x}", draw.below(1 << 30)))],
        };
        let mut at = T0.plus_ms(i64::try_from(draw.below(24 * 40)).unwrap_or(0) * HOUR_MS);
        if n % 3 > 0 {
            let mut said = who.clone();
            if draw.below(2) == 0 {
                said.push(email(&format!("person{code}")));
            }
            let known = Say::identify(format!("i{n}"), &said)
                .at(at)
                .set("name", format!("Test Person {code}"))
                .set("city", draw.of(CITIES))
                .set("gender", draw.of(&["f", "m"]))
                .set("seller_userid", format!("seller-{}", draw.below(40)))
                .set("store", format!("store-{:03}", draw.below(200)))
                .set("source", draw.of(SOURCES))
                .set("budget", draw.below(40) * 10_000)
                .append("interests", draw.of(SERIES));
            rig.observe(&[known]).await;
        }
        for event in 0..=draw.below(18) {
            at = at.plus_ms(i64::try_from(draw.below(60)).unwrap_or(0) * HOUR_MS);
            let seen = Say::track(format!("t{n}/{event}"), draw.of(EVENTS), &who[..1])
                .at(at)
                .with("series", draw.of(SERIES))
                .with("source", draw.of(SOURCES));
            rig.observe(&[seen]).await;
        }
        everybody.push(who);
    }
    everybody
}

async fn define<S: Keeper>(rig: &Rig<S>) {
    let mut segments = Vec::new();
    for (name, event, days) in
        [("engaged", "page_viewed", 14), ("looking", "model_viewed", 7), ("booked", "test_drive_booked", 30)]
    {
        let condition = json!({"event": event, "count": {"op": "gte", "value": 2}, "within_days": days});
        segments.push(rig.segment(name, condition).await);
    }
    for segment in &segments {
        let journey = json!({
            "entry": {"segment": segment.to_string(), "edge": "enter"}, "reentry": "once", "start": "tag",
            "nodes": {
                "tag": {"type": "set_tag", "tag": "interest", "value": "high", "expires_in": "P30D", "next": "pause"},
                "pause": {"type": "wait", "duration": "P1D", "next": "invite"},
                "invite": {"type": "send", "channel": "recording", "purpose": "service",
                           "content": {"text": "Come for a drive"}, "next": "over"},
                "over": {"type": "exit"}
            }
        });
        rig.journey(&segment.to_string(), journey).await;
    }
}
