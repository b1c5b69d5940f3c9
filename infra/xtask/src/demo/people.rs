//! Made-up customers of one car maker, and what each does: looks around, compares, leaves a phone number, drives,
//! orders, comes back for service. Shares are in percent and made up too, chosen so that a minute shows everything.

use super::random::Random;
use serde_json::{Map, Value, json};

const SERIES: &[&str] = &["R1", "R3", "R5"];
const COMPETITORS: &[&str] = &["another maker's X", "another maker's Y"];
const CITIES: &[&str] = &["上海", "杭州", "成都", "广州", "武汉"];
const SELLERS: &[&str] = &["seller-lin", "seller-gao", "seller-wei"];

/// Customers of one run who have a phone number.
const PHONES_PER_RUN: u64 = 500;

/// The template of the subscribe message, and the mini-program it belongs to.
pub const TEMPLATE: &str = "tpl-test-drive";
/// The simulator's mini-program.
pub const APPID: &str = "wx-sim-app";

/// Something that happens at a time after the customer came in, in milliseconds.
pub struct Act {
    /// When.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

/// What a customer does.
pub enum What {
    /// An event, as an SDK sends it.
    Event(Value),
    /// Allows marketing, at the desk of whoever they talk to: a command under the secret key.
    AllowMarketing,
    /// Taps "allow" in the mini-program's dialog, so that the platform lets one message through to this openid.
    GrantMessage(String),
}

/// One made-up customer.
pub struct Person {
    /// Unlike that of anybody else, in this run and every other.
    pub user_id: String,
    anonymous_id: String,
    openid: String,
    number: u64,
    run: u64,
    series: &'static str,
    seller: &'static str,
    sent: u64,
    at_ms: u64,
    acts: Vec<Act>,
}

impl Person {
    /// The customer of a number in a run of the demo: who they are follows from the two.
    pub fn new(run: u64, number: u64) -> Self {
        let mut random = Random::seeded(run << 32 | number);
        Self {
            user_id: format!("demo-{run}-{number}"),
            anonymous_id: format!("visitor-{run}-{number}"),
            openid: format!("oDemoPerson{run:08}x{number:08}"),
            number,
            run,
            series: random.one_of(SERIES),
            seller: random.one_of(SELLERS),
            sent: 0,
            at_ms: 0,
            acts: Vec::new(),
        }
    }

    /// Everything this customer will do, in order.
    pub fn script(mut self) -> Vec<Act> {
        // Another stream than the one that chose who they are, or the two would be in step.
        let mut random = Random::seeded(!(self.run << 32 | self.number));
        self.look_around(&mut random);
        if random.percent(55) {
            self.leave_details(&mut random);
            if random.percent(65) {
                self.drive(&mut random);
            }
        }
        self.acts
    }

    fn look_around(&mut self, random: &mut Random) {
        self.call("page", json!({ "name": "Home", "properties": { "path": "/" } }));
        for _ in 0..random.between(1, 4) {
            self.at_ms += random.between(300, 1_500);
            let series = if random.percent(70) { self.series } else { random.one_of(SERIES) };
            self.track("model_viewed", json!({ "series": series, "seconds": random.between(5, 180) }));
        }
        if random.percent(50) {
            self.at_ms += random.between(300, 1_500);
            let competitors = json!([random.one_of(COMPETITORS)]);
            self.track("model_compared", json!({ "models": [self.series], "competitor_models": competitors }));
        }
    }

    fn leave_details(&mut self, random: &mut Random) {
        self.at_ms += random.between(500, 2_000);
        let mut traits = json!({
            "name": format!("Test Person {}", self.number),
            "city": random.one_of(CITIES),
            "seller": self.seller,
        });
        if let Some(phone) = self.phone() {
            traits["phone"] = json!(phone);
        }
        let openid = json!([{ "kind": "openid", "scope": APPID, "value": self.openid }]);
        let identified = json!({ "userId": self.user_id, "traits": traits });
        self.call("identify", with(identified, "context", json!({ "roadbook": { "identifiers": openid } })));
        if random.percent(60) {
            self.acts.push(Act { at_ms: self.at_ms + 100, what: What::AllowMarketing });
            self.acts.push(Act { at_ms: self.at_ms + 100, what: What::GrantMessage(self.openid.clone()) });
            self.track("subscribe_granted", json!({ "appid": APPID, "template": TEMPLATE, "count": 1 }));
        }
        self.at_ms += random.between(200, 800);
        let window = random.one_of(&["7", "15", "30", "90"]);
        self.track("lead_submitted", json!({ "series": self.series, "buy_window": window, "form_id": "demo-form" }));
    }

    /// The first customers of the first runs have a number from 1380000xxxx, which forms print as an example. There are
    /// no more of those, and two customers with one number would be one customer, so the others have none.
    fn phone(&self) -> Option<String> {
        let place = (self.run - 1) * PHONES_PER_RUN + self.number;
        (self.number < PHONES_PER_RUN && place < 10_000).then(|| format!("1380000{place:04}"))
    }

    fn drive(&mut self, random: &mut Random) {
        self.at_ms += random.between(3_000, 12_000);
        self.track("test_drive_completed", json!({ "model": self.series, "rating": random.between(3, 5) }));
        if !random.percent(50) {
            return;
        }
        self.at_ms += random.between(1_000, 6_000);
        let order = format!("order-{}", self.user_id);
        self.track("order_placed", json!({ "order_id": order, "model": self.series, "price": 199_900 }));
        if random.percent(60) {
            self.at_ms += random.between(2_000, 8_000);
            let km = random.between(4_000, 11_000);
            self.track("service_completed", json!({ "type": "first", "km": km, "amount": 680, "order_id": order }));
        }
    }

    fn track(&mut self, event: &str, properties: Value) {
        self.call("track", json!({ "event": event, "properties": properties }));
    }

    /// Every event carries the visitor's own id, and the user id once it is known, as SDKs do.
    fn call(&mut self, kind: &str, event: Value) {
        let known = event.get("userId").is_some() || self.acts.iter().any(is_identify);
        self.sent += 1;
        let mut event = with(event, "type", json!(kind));
        event = with(event, "anonymousId", json!(self.anonymous_id));
        event = with(event, "messageId", json!(format!("{}-{}", self.user_id, self.sent)));
        if known {
            event = with(event, "userId", json!(self.user_id));
        }
        self.acts.push(Act { at_ms: self.at_ms, what: What::Event(event) });
    }
}

fn is_identify(act: &Act) -> bool {
    matches!(&act.what, What::Event(event) if event["type"] == "identify")
}

fn with(event: Value, name: &str, value: Value) -> Value {
    let mut fields = match event {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert(name.to_owned(), value);
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(number: u64) -> Vec<Value> {
        let acts = Person::new(1, number).script();
        acts.into_iter()
            .filter_map(|act| match act.what {
                What::Event(event) => Some(event),
                What::AllowMarketing | What::GrantMessage(_) => None,
            })
            .collect()
    }

    #[test]
    fn the_same_seed_is_the_same_life_and_no_message_id_comes_twice() {
        assert_eq!(events(7), events(7));
        let mut ids: Vec<String> = (0..200).flat_map(events).map(|event| event["messageId"].to_string()).collect();
        let sent = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), sent);
    }

    #[test]
    fn everything_the_demo_shows_happens_among_the_first_hundred() {
        let names: Vec<Value> = (0..100).flat_map(events).map(|event| event["event"].clone()).collect();
        for name in [
            "model_viewed",
            "model_compared",
            "subscribe_granted",
            "lead_submitted",
            "test_drive_completed",
            "order_placed",
            "service_completed",
        ] {
            assert!(names.contains(&json!(name)), "{name}");
        }
    }

    #[test]
    fn nobody_is_known_before_they_say_so() {
        for number in 0..100 {
            let events = events(number);
            let first = events.iter().position(|event| event["type"] == "identify").unwrap_or(events.len());
            assert!(events[..first].iter().all(|event| event.get("userId").is_none()));
            assert!(events[first..].iter().all(|event| event.get("userId").is_some()));
        }
    }
}
