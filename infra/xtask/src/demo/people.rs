//! Made-up customers of a car maker, and what each does: looks around on a phone, compares, configures, says who they
//! are, leaves a lead, talks to a seller in WeCom, drives, orders, takes delivery, comes for service, renews, trades
//! in. How often and how fast is in `chances.rs`; what begins with a lead is in `people/store.rs`.

mod store;

use super::brands::{Brand, Store, TEMPLATE};
use super::chances::{self, Hours};
use super::random::Random;
use super::stories::Story;
use serde_json::{Map, Value, json};

const COMPETITORS: &[&str] = &["别家车型甲 (made up)", "别家车型乙 (made up)"];
/// Customers of one run who have a phone number.
const PHONES_PER_RUN: u64 = 500;

/// Something that happens at a time after the customer came in.
pub struct Act {
    /// Hours of their life.
    pub at_h: u64,
    /// What.
    pub what: What,
}

/// What a customer does.
#[derive(Clone)]
pub enum What {
    /// An event, as an SDK sends it.
    Event(Value),
    /// Grants or withdraws marketing, at the desk of whoever they talk to: a command under the secret key.
    Marketing(bool),
    /// Taps "allow" in the mini-program's dialog, so that the platform lets one message through to this openid.
    GrantMessage(String),
}

/// One made-up customer.
pub struct Person {
    /// Unlike that of anybody else, in this run and every other.
    pub user_id: String,
    brand: &'static Brand,
    store: &'static Store,
    seller: &'static str,
    series: &'static str,
    run: u64,
    number: u64,
    story: Story,
    /// The device they hold, and whether they have said who they are on it.
    device: String,
    known: bool,
    sent: u64,
    now_h: u64,
    acts: Vec<Act>,
}

impl Person {
    /// The customer of a number in a run of the demo: who they are follows from the three.
    pub fn new(brand: &'static Brand, run: u64, number: u64) -> Self {
        let mut random = Random::seeded(brand.digit << 56 | run << 32 | number);
        let store = &brand.stores[random.between(0, brand.stores.len() as u64 - 1) as usize];
        let story = Story::of(run, number);
        let (store, series) =
            if story.is_told() { (&brand.stores[0], brand.series[0]) } else { (store, random.one_of(brand.series)) };
        Self {
            user_id: user_id(brand, run, number),
            brand,
            store,
            seller: random.one_of(store.sellers),
            series,
            run,
            number,
            story,
            device: format!("{}-phone-{run}-{number}", brand.code),
            known: false,
            sent: 0,
            now_h: 0,
            acts: Vec::new(),
        }
    }

    /// Everything this customer will do, in order.
    pub fn script(mut self) -> Vec<Act> {
        // Another stream than the one that chose who they are, or the two would be in step.
        let mut random = Random::seeded(!(self.brand.digit << 56 | self.run << 32 | self.number));
        if self.shares_device() {
            // The phone of somebody in the family, who used it before: the first thing they do is to log in on it.
            self.device = format!("{}-phone-{}-{}", self.brand.code, self.run, self.number - 1);
        }
        if self.has_family() {
            self.register(&mut random);
        }
        self.look_around(&mut random);
        let registers = self.has_family() || self.story.decides(random.percent(chances::REGISTERS), Story::is_told);
        if registers {
            if !self.known {
                self.later(&mut random, chances::TO_REGISTER);
                self.register(&mut random);
            }
            self.track("model_viewed", json!({ "series": self.series, "seconds": random.between(20, 240) }));
            self.at_home(&mut random);
            if self.story.decides(random.percent(chances::LEAVES_LEAD), Story::leaves_lead) {
                self.lead(&mut random);
            }
        }
        self.acts
    }

    /// Every tenth registers on the phone of the one before: a family.
    fn shares_device(&self) -> bool {
        self.number % 10 == 9
    }

    /// Both of the family log in before they look around: what was looked at is then theirs beyond doubt.
    fn has_family(&self) -> bool {
        self.number % 10 >= 8
    }

    fn look_around(&mut self, random: &mut Random) {
        if random.percent(chances::CAME_BY_AD) {
            let platform = random.one_of(&["腾讯广告", "懂车帝", "小红书"]);
            self.track(
                "ad_clicked",
                json!({ "platform": platform, "ad_id": "demo-ad", "creative_id": "demo-creative" }),
            );
        }
        self.call("screen", json!({ "name": "首页", "properties": { "channel": "mini-program" } }));
        for _ in 0..random.between(1, 3) {
            self.later(random, chances::LOOKS);
            let series = if random.percent(70) { self.series } else { random.one_of(self.brand.series) };
            self.track("model_viewed", json!({ "series": series, "seconds": random.between(5, 180) }));
        }
        if random.percent(chances::COMPARES) {
            self.later(random, chances::LOOKS);
            let competitors = json!([random.one_of(COMPETITORS)]);
            self.track("model_compared", json!({ "models": [self.series], "competitor_models": competitors }));
        }
        if random.percent(chances::CONFIGURES) {
            self.later(random, chances::LOOKS);
            let price = 180_000 + random.between(0, 60) * 1_000;
            let color = random.one_of(&["雪山白", "星夜黑", "海湾蓝"]);
            self.track("configurator_completed", json!({ "trim": "旗舰版", "color": color, "price": price }));
        }
    }

    fn register(&mut self, random: &mut Random) {
        let mut traits = json!({
            "name": format!("测试用户 Test Person {}", self.number),
            "city": self.store.city,
            "seller": self.seller,
        });
        if let Some(phone) = self.phone() {
            traits["phone"] = json!(phone);
        }
        self.known = true;
        let openid = self.openid();
        let ids = json!([{ "kind": "openid", "scope": self.brand.appid, "value": openid }]);
        self.call("identify", json!({ "traits": traits, "context": { "roadbook": { "identifiers": ids } } }));
        let allows = self.story.decides(random.percent(chances::ALLOWS_MARKETING), Story::allows_marketing);
        if allows {
            self.acts.push(Act { at_h: self.now_h, what: What::Marketing(true) });
            self.acts.push(Act { at_h: self.now_h, what: What::GrantMessage(openid) });
            let grant = json!({ "appid": self.brand.appid, "template": TEMPLATE, "count": 1 });
            self.track("subscribe_granted", grant);
        }
        if allows && self.story.decides(random.percent(chances::WITHDRAWS), Story::withdraws) {
            self.now_h += 1;
            self.acts.push(Act { at_h: self.now_h, what: What::Marketing(false) });
        }
    }

    /// The browser at home: unknown first, then logged in. Both devices are one person from then on.
    fn at_home(&mut self, random: &mut Random) {
        if !random.percent(chances::SECOND_DEVICE) {
            return;
        }
        self.later(random, chances::LOOKS);
        let phone =
            std::mem::replace(&mut self.device, format!("{}-browser-{}-{}", self.brand.code, self.run, self.number));
        self.known = false;
        self.call("page", json!({ "name": "车型", "properties": { "path": "/models" } }));
        self.known = true;
        self.call("identify", json!({ "traits": {} }));
        self.track("model_viewed", json!({ "series": self.series, "seconds": random.between(30, 400) }));
        self.device = phone;
    }

    fn later(&mut self, random: &mut Random, (from, to): Hours) {
        let hours = random.between(from, to);
        self.now_h += if self.story.is_told() { from } else { hours };
    }

    fn at_store(&mut self, event: &str, properties: Value) {
        let at = json!({ "store_id": self.store.code, "staff_id": self.seller });
        let both = Map::from_iter(fields(at).into_iter().chain(fields(properties)));
        self.call("track", json!({ "event": event, "properties": both }));
    }

    fn track(&mut self, event: &str, properties: Value) {
        self.call("track", json!({ "event": event, "properties": properties }));
    }

    /// Every event carries the device's own id, and the user id once it is known, as SDKs do.
    fn call(&mut self, kind: &str, event: Value) {
        self.sent += 1;
        let mut event = fields(event);
        event.insert("type".into(), json!(kind));
        event.insert("anonymousId".into(), json!(self.device));
        event.insert("messageId".into(), json!(format!("{}-{}", self.user_id, self.sent)));
        if self.known {
            event.insert("userId".into(), json!(self.user_id));
        }
        self.acts.push(Act { at_h: self.now_h, what: What::Event(Value::Object(event)) });
    }

    /// The first customers of the first runs have a number from 1380000xxxx, which forms print as an example. There are
    /// no more of those, so the others have none. One of the stories has a second account with the phone of another.
    fn phone(&self) -> Option<String> {
        let number = if self.story == Story::SecondAccount { self.number - 1 } else { self.number };
        let place = (self.run - 1) * PHONES_PER_RUN + number;
        (number < PHONES_PER_RUN && place < 10_000).then(|| format!("1380000{place:04}"))
    }

    fn openid(&self) -> String {
        format!("oDemo{}{:08}x{:08}", self.brand.code, self.run, self.number)
    }

    fn vin(&self) -> String {
        format!("LTESTVIN{}{:03}{:05}", self.brand.digit, self.run % 1_000, self.number % 100_000)
    }
}

/// The user id of a number.
pub fn user_id(brand: &Brand, run: u64, number: u64) -> String {
    format!("{}-{run}-{number}", brand.code)
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::brands::BRANDS;

    fn events(number: u64) -> Vec<Value> {
        let acts = Person::new(&BRANDS[0], 1, number).script();
        acts.into_iter()
            .filter_map(|act| match act.what {
                What::Event(event) => Some(event),
                What::Marketing(_) | What::GrantMessage(_) => None,
            })
            .collect()
    }

    #[test]
    fn the_same_seed_is_the_same_life_and_no_message_id_comes_twice() {
        assert_eq!(events(27), events(27));
        let mut ids: Vec<String> = (0..200).flat_map(events).map(|event| event["messageId"].to_string()).collect();
        let sent = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), sent);
    }

    #[test]
    fn everything_the_demo_shows_happens_in_the_past() {
        let names: Vec<Value> =
            (0..chances::PAST_PEOPLE).flat_map(events).map(|event| event["event"].clone()).collect();
        for name in [
            "ad_clicked",
            "model_viewed",
            "model_compared",
            "configurator_completed",
            "subscribe_granted",
            "lead_submitted",
            "wecom_contact_added",
            "store_visit",
            "test_drive_completed",
            "quote_issued",
            "lead_defeated",
            "order_placed",
            "delivery_completed",
            "service_completed",
            "insurance_expiring",
            "insurance_renewed",
            "tradein_valuated",
        ] {
            assert!(names.contains(&json!(name)), "{name}");
        }
    }

    #[test]
    fn time_goes_forward_and_nobody_is_known_before_they_say_so() {
        for number in 0..300 {
            let acts = Person::new(&BRANDS[1], 2, number).script();
            assert!(acts.is_sorted_by_key(|act| act.at_h), "{number}");
            let events = events(number);
            let first = events.iter().position(|event| event["type"] == "identify").unwrap_or(events.len());
            assert!(events[..first].iter().all(|event| event.get("userId").is_none()));
            let looked = events.iter().any(|event| event["event"] == "model_viewed");
            assert!(looked, "everybody looks at a car under a name that is theirs: {number}");
        }
    }

    #[test]
    fn numbers_of_cars_and_phones_are_made_up_visibly() {
        let person = Person::new(&BRANDS[1], 3, 12);
        assert_eq!((person.vin().len(), person.vin().starts_with("LTESTVIN2")), (17, true));
        assert_eq!(person.phone().as_deref(), Some("13800001012"));
        let second =
            (0..20).map(|number| Person::new(&BRANDS[0], 1, number)).find(|one| one.story == Story::SecondAccount);
        assert!(second.is_some_and(|one| one.phone() == Person::new(&BRANDS[0], 1, one.number - 1).phone()));
    }
}
