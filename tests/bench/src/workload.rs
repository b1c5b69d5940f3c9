//! What is sent: Segment-shaped identifies, tracks and batches, the customers drawn by a seeded generator.

use std::time::{Duration, SystemTime};

use crate::template::{MESSAGE_ID, RANDOM, TIMESTAMP, Template, USER_ID};

/// Traits of the identify that founds a customer. With a 16-digit random part in each value they make about 2 KB of
/// stored JSON state, the size the targets are stated for; none of them is personal data.
const TRAITS: [&str; 22] = [
    "preferred_model",
    "preferred_trim",
    "preferred_colour",
    "budget_band",
    "purchase_horizon",
    "current_brand",
    "current_model_year",
    "home_charging",
    "province_code",
    "city_code",
    "dealer_code",
    "lead_source",
    "campaign_code",
    "finance_interest",
    "trade_in_interest",
    "family_stage",
    "last_config_code",
    "app_version",
    "member_tier",
    "service_package",
    "insurance_month",
    "newsletter_topic",
];

/// Events of one `/v1/batch` request, as the targets state it and about what real producers flush.
pub const BATCH_EVENTS: usize = 100;

/// Who the events of a request belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// Customer 0, 1, 2 ... one per request: founds everybody once.
    InOrder,
    /// Every event draws its own customer uniformly.
    PerEvent,
    /// All events of a request belong to one customer, drawn uniformly.
    PerRequest,
    /// Every event is of the next customer: founds everybody once, a batch at a time.
    EachNext,
}

/// An endless source of requests. Two workloads with one seed draw the same customers in the same order.
#[derive(Debug)]
pub struct Workload {
    template: Template,
    draw: Draw,
    customers: u64,
    random: SplitMix64,
    next_request: u64,
    next_message: u64,
    clock: MillisText,
}

impl Workload {
    /// `first_message` numbers the messages from there on: two workloads for one server must not overlap, or the
    /// second would be answered as duplicates and measure nothing.
    pub fn new(template: Template, draw: Draw, customers: u64, seed: u64, first_message: u64) -> Self {
        Self {
            template,
            draw,
            customers,
            random: SplitMix64(seed),
            next_request: 0,
            next_message: first_message,
            clock: MillisText::default(),
        }
    }

    /// A buffer for one connection; [`Self::fill`] makes it the next request.
    pub fn buffer(&self) -> Vec<u8> {
        self.template.bytes().to_vec()
    }

    /// Events in every request.
    pub fn events_per_request(&self) -> usize {
        self.template.events()
    }

    /// Overwrites `request` (made by [`Self::buffer`]) with the next request.
    pub fn fill(&mut self, request: &mut [u8]) {
        let mut customer = match self.draw {
            Draw::InOrder => self.next_request % self.customers,
            Draw::PerEvent | Draw::PerRequest => self.random.below(self.customers),
            Draw::EachNext => self.next_request * self.template.events() as u64 % self.customers,
        };
        self.next_request += 1;
        for event in 0..self.template.events() {
            match self.draw {
                Draw::PerEvent if event > 0 => customer = self.random.below(self.customers),
                Draw::EachNext if event > 0 => customer = (customer + 1) % self.customers,
                Draw::InOrder | Draw::PerEvent | Draw::PerRequest | Draw::EachNext => {}
            }
            self.template.put_user_id(request, event, customer);
            self.template.put_message_id(request, event, self.next_message);
            self.next_message += 1;
        }
        for place in 0..self.template.randoms() {
            self.template.put_random(request, place, self.random.next());
        }
        self.template.put_timestamps(request, self.clock.now());
    }
}

/// One `/v1/identify` with the traits of a customer.
pub fn identify(host: &str, authorization: &str) -> Template {
    let traits: Vec<String> = TRAITS.iter().map(|name| format!(r#""{name}":"{name} {RANDOM}""#)).collect();
    let body = format!(
        r#"{{"type":"identify","messageId":"{MESSAGE_ID}","userId":"{USER_ID}","anonymousId":null,"timestamp":"{TIMESTAMP}","sentAt":"{TIMESTAMP}",{CONTEXT},"traits":{{{}}}}}"#,
        traits.join(",")
    );
    Template::post(host, "/v1/identify", authorization, &body)
}

/// A JSON object of about 2 KB with the same traits, as a stored state might look; for the floors.
pub fn state_text() -> String {
    let one = |name: &&str| format!(r#""{name}":{{"value":"{name} {RANDOM}","as_of":1767225600000}}"#);
    let traits: Vec<String> = TRAITS.iter().map(one).collect();
    format!(r#"{{"version":0,"traits":{{{}}}}}"#, traits.join(","))
}

/// One event to `path`: `/v1/track`, or the floor server's endpoint for the same bytes.
pub fn track(host: &str, path: &str, authorization: &str) -> Template {
    Template::post(host, path, authorization, &event(&format!(r#","sentAt":"{TIMESTAMP}""#)))
}

/// One `/v1/batch` of [`BATCH_EVENTS`] events.
pub fn batch(host: &str, authorization: &str) -> Template {
    let events = vec![event(""); BATCH_EVENTS].join(",");
    Template::post(
        host,
        "/v1/batch",
        authorization,
        &format!(r#"{{"batch":[{events}],"sentAt":"{TIMESTAMP}","context":{{}}}}"#),
    )
}

/// One `/v1/batch` of identifies: an account, a browser of its own, and what a lead form tells.
pub fn leads(host: &str, authorization: &str) -> Template {
    // The browser's id is the customer's with other words around it: a second identifier for each.
    let one = format!(
        r#"{{"type":"identify","messageId":"{MESSAGE_ID}","userId":"{USER_ID}","timestamp":"{TIMESTAMP}","context":{{"roadbook":{{"identifiers":[{{"kind":"anonymous_id","value":"{RANDOM}"}}]}}}},"traits":{{"city":"Shanghai","intent_series":"R1","buy_window":"30d","store":"4S001"}}}}"#
    );
    let events = vec![one; BATCH_EVENTS].join(",");
    Template::post(host, "/v1/batch", authorization, &format!(r#"{{"batch":[{events}],"sentAt":"{TIMESTAMP}"}}"#))
}

const CONTEXT: &str =
    r#""context":{"library":{"name":"analytics-python","version":"2.4.0"},"locale":"zh-CN"},"integrations":{}"#;

/// A page view of a car configurator, about 480 bytes, shaped as the Python client sends it.
fn event(extra: &str) -> String {
    format!(
        r#"{{"type":"track","messageId":"{MESSAGE_ID}","userId":"{USER_ID}","anonymousId":null,"timestamp":"{TIMESTAMP}"{extra},{CONTEXT},"event":"Vehicle Configured","properties":{{"model":"Aurora","trim":"Long Range","colour":"Glacier","price_cny":239800,"step":4,"session":"{RANDOM}","dealer_code":"SH-0417"}}}}"#
    )
}

/// Splitmix64: a full-period 64-bit generator of three multiplications; speed and a seed are all that is asked of it.
#[derive(Debug, Clone)]
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "a generator without an end is not an iterator's `next`")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..bound` up to a bias of `bound` / 2^64, which no run here could notice.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

/// The wall clock as text, rendered at most once per millisecond.
#[derive(Debug)]
struct MillisText {
    millis: i64,
    text: [u8; TIMESTAMP.len()],
}

impl Default for MillisText {
    fn default() -> Self {
        Self { millis: 0, text: *b"1970-01-01T00:00:00.000Z" }
    }
}

impl MillisText {
    fn now(&mut self) -> &[u8; TIMESTAMP.len()] {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.at(since_epoch.as_millis() as i64)
    }

    fn at(&mut self, millis: i64) -> &[u8; TIMESTAMP.len()] {
        if millis != self.millis
            && let Ok(instant) = jiff::Timestamp::from_millisecond(millis)
            && let Ok(text) = format!("{instant:.3}").into_bytes().try_into()
        {
            (self.millis, self.text) = (millis, text);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(request: &[u8]) -> serde_json::Value {
        let start = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        serde_json::from_slice(&request[start..]).unwrap()
    }

    fn users(workload: &mut Workload, requests: usize) -> Vec<Vec<String>> {
        let mut request = workload.buffer();
        let one = |event: &serde_json::Value| event["userId"].as_str().unwrap().to_owned();
        (0..requests)
            .map(|_| {
                workload.fill(&mut request);
                let body = body(&request);
                body["batch"].as_array().map_or_else(|| vec![one(&body)], |events| events.iter().map(one).collect())
            })
            .collect()
    }

    #[test]
    fn one_seed_one_sequence_of_customers() {
        let draw = |seed| users(&mut Workload::new(batch("h", ""), Draw::PerEvent, 50_000, seed, 0), 3);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_three_draws_differ_in_who_shares_a_request() {
        let ordered = users(&mut Workload::new(identify("h", ""), Draw::InOrder, 2, 1, 0), 3);
        assert_eq!(ordered, [["customer-000000000"], ["customer-000000001"], ["customer-000000000"]]);
        let distinct = |mut users: Vec<String>| {
            users.sort();
            users.dedup();
            users.len()
        };
        let mut one = users(&mut Workload::new(batch("h", ""), Draw::PerRequest, 50_000, 1, 0), 2);
        assert_eq!((distinct(one.remove(0)), distinct(one.remove(0))), (1, 1));
        let mut many = users(&mut Workload::new(batch("h", ""), Draw::PerEvent, 50_000, 1, 0), 1);
        assert!(distinct(many.remove(0)) > 95);
    }

    #[test]
    fn every_message_id_is_new_and_no_mark_is_left() {
        for template in [identify("h", "a"), track("h", "/v1/track", "a"), batch("h", "a")] {
            let mut workload = Workload::new(template, Draw::PerEvent, 10, 1, 40);
            let mut request = workload.buffer();
            workload.fill(&mut request);
            let text = String::from_utf8(request).unwrap();
            assert!(text.contains("bench-0000000000000040"));
            for mark in [MESSAGE_ID, USER_ID, TIMESTAMP, RANDOM] {
                assert!(!text.contains(mark), "{mark} left in {text}");
            }
        }
    }

    #[test]
    fn millis_text_is_always_24_bytes() {
        let mut clock = MillisText::default();
        assert_eq!(clock.at(0), b"1970-01-01T00:00:00.000Z");
        assert_eq!(clock.at(1_767_225_599_050), b"2025-12-31T23:59:59.050Z");
        assert_eq!(clock.at(1_767_225_600_000), b"2026-01-01T00:00:00.000Z");
    }

    #[test]
    fn below_stays_below_and_reaches_all() {
        let mut random = SplitMix64(9);
        let mut seen = [false; 7];
        (0..1_000).for_each(|_| seen[random.below(7) as usize] = true);
        assert_eq!(seen, [true; 7]);
    }
}
