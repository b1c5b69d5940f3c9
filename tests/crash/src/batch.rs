//! One batch of events: what it says, and what its answer settles.

use crate::client::Request;
use crate::ledger::{Kind, Ledger};
use crate::people::{Person, Role};
use roadbook_bench::workload::SplitMix64;
use serde_json::{Value, json};

/// The event a segment counts.
pub const CONFIGURED: &str = "Vehicle Configured";
/// The events that enter a journey: the message is recorded, or told to a seller.
pub const BOOKED: [&str; 2] = ["Test Drive Booked", "Test Drive Booked With Seller"];

/// A batch that was made once and is sent as often as needed.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The request: a repetition is the same bytes.
    pub request: Request,
    /// The numbers of its events.
    pub numbers: std::ops::Range<u64>,
    /// People whose browser and account it joins.
    pub joins: Vec<u32>,
}

impl Batch {
    /// Draws `events` events over `people`.
    pub fn draw(
        writer: usize,
        authorization: &str,
        events: usize,
        people: &[Person],
        ledger: &mut Ledger,
        random: &mut SplitMix64,
    ) -> Self {
        let from = ledger.sent().len() as u64;
        let (mut rows, mut joins) = (Vec::with_capacity(events), Vec::new());
        for _ in 0..events {
            let index = u32::try_from(random.below(people.len() as u64)).unwrap_or(0);
            let Some(person) = people.get(index as usize) else { continue };
            let (kind, mut row) = say(person, random, joins.contains(&index));
            if row["type"] == "identify" {
                joins.push(index);
            }
            let number = ledger.enter(index, kind);
            let name = format!("{writer}-{number}");
            row["messageId"] = json!(format!("crash-{name}"));
            row["properties"] = json!({ "n": name, "model": "R1" });
            rows.push(row);
        }
        let body = json!({ "batch": rows }).to_string();
        let request = Request {
            method: "POST",
            path: "/v1/batch".into(),
            authorization: authorization.to_owned(),
            headers: Vec::new(),
            body,
        };
        Self { request, numbers: from..ledger.sent().len() as u64, joins }
    }
}

/// What a person does next.
fn say(person: &Person, random: &mut SplitMix64, joined: bool) -> (Kind, Value) {
    let browser = json!({ "type": "track", "anonymousId": person.anonymous, "event": CONFIGURED });
    let account = json!({ "type": "track", "userId": person.user, "event": CONFIGURED });
    let chance = random.below(16);
    if !person.known {
        return match chance {
            // Before they are joined both found customers, and the join merges them.
            0..4 if !joined => (
                Kind::Other,
                json!({ "type": "identify", "userId": person.user, "anonymousId": person.anonymous,
                        "traits": { "seller": "test-seller", "city": "Shanghai" } }),
            ),
            4..7 => (Kind::Configured, account),
            _ => (Kind::Configured, browser),
        };
    }
    let booked =
        |which: usize| (Kind::Booked, json!({ "type": "track", "userId": person.user, "event": BOOKED[which] }));
    match (person.role, chance) {
        (Role::Recorded, 0) => booked(0),
        (Role::Told, 0) => booked(1),
        (_, 1..5) => (Kind::Configured, browser),
        (_, 5..8) => (Kind::Other, json!({ "type": "track", "userId": person.user, "event": "Brochure Read" })),
        _ => (Kind::Configured, account),
    }
}
