//! Plays the customers: those of the past at once, with their own times; those of today in real time, gathered into
//! batches as an SDK would; and counts.

use super::brands::{Brand, TEMPLATE};
use super::chances;
use super::definitions::Definitions;
use super::people::{Act, Person, What};
use super::random::Random;
use crate::http::{Client, escaped};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A new customer comes in after a pause of this many milliseconds.
const PAUSE_MS: (u64, u64) = (150, 500);
/// Milliseconds between two batches.
pub const TICK_MS: u64 = 100;
/// A client that heard no answer, or had no network, sends again after so long.
const AGAIN_MS: u64 = 3_000;
/// Grants that a restarted platform is told again: more than can be waiting for their message.
const GRANTS_KEPT: usize = 1_000;

/// One car maker on the server.
pub struct Party {
    /// Who.
    pub brand: &'static Brand,
    /// The server, under the tenant's write key.
    pub ingestion: Client,
    /// The server, under the tenant's secret key.
    pub api: Client,
    /// What was defined.
    pub definitions: Definitions,
}

/// What was done so far, by one car maker's customers.
#[derive(Default)]
pub struct Tally {
    /// Different good events in requests that were answered 200.
    pub sent: u64,
    /// Events that were sent once more.
    pub repeated: u64,
    /// Events that were wrong on purpose.
    pub wrong: u64,
    /// Answers that were not 200, by status; 0 stands for no answer.
    pub unwelcome: BTreeMap<u16, u64>,
    /// Customers who looked at a car.
    pub visitors: u64,
    /// Customers who left a lead.
    pub leads: u64,
    /// The openids that allowed a message last.
    pub granted: Vec<String>,
}

/// Everything that will happen to one car maker, by time.
pub struct Traffic {
    run: u64,
    random: Random,
    next_person: (u64, u64),
    due: BTreeMap<(u64, u64), Planned>,
    planned: u64,
    looked: BTreeSet<String>,
    /// What was done.
    pub tally: Tally,
}

/// One act in the plan.
struct Planned {
    user: String,
    what: What,
    again: bool,
}

impl Traffic {
    /// The traffic of a run; the same run is the same traffic.
    pub fn new(brand: &Brand, run: u64, first_number: u64) -> Self {
        Self {
            run,
            random: Random::seeded(brand.digit << 32 | run),
            next_person: (first_number, 0),
            due: BTreeMap::new(),
            planned: 0,
            looked: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    /// Does everything that is due, `now_ms` after the beginning; `unix_ms` is what clocks show.
    ///
    /// # Errors
    /// A server or a platform that is not there any more.
    pub fn advance(&mut self, now_ms: u64, unix_ms: u64, party: &Party, platform: &Client) -> Result<()> {
        self.let_people_in(now_ms, unix_ms, party.brand);
        let (mut events, mut acts) = (Vec::new(), Vec::new());
        while let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= now_ms) {
            let planned = first.remove();
            match &planned.what {
                What::Event(_) => events.push(planned),
                What::Marketing(_) | What::GrantMessage(_) => acts.push(planned),
            }
        }
        // Before the events of the same moment: a message may go out as soon as they are answered.
        let (grants, words): (Vec<_>, Vec<_>) =
            acts.into_iter().partition(|act| matches!(act.what, What::GrantMessage(_)));
        grants.iter().try_for_each(|act| self.act(&act.user, &act.what, None, party, platform))?;
        self.send(events, party)?;
        // After them: they made the customer known.
        words.iter().try_for_each(|act| self.act(&act.user, &act.what, None, party, platform))
    }

    fn let_people_in(&mut self, now_ms: u64, unix_ms: u64, brand: &'static Brand) {
        while self.next_person.1 <= now_ms {
            let (number, came_ms) = self.next_person;
            let person = Person::new(brand, self.run, number);
            let user = person.user_id.clone();
            for Act { at_h, what } in person.script() {
                self.plan(came_ms + at_h * chances::LIVE_HOUR_MS, unix_ms - now_ms, &user, what);
            }
            self.next_person = (number + 1, came_ms + self.random.between(PAUSE_MS.0, PAUSE_MS.1));
        }
    }

    /// Some events come late, with their own time, and some twice, as from a phone that was without network.
    fn plan(&mut self, mut at_ms: u64, began_unix_ms: u64, user: &str, mut what: What) {
        let (late, twice) = (self.random.percent(chances::LATE), self.random.percent(chances::SENT_TWICE));
        if let What::Event(event) = &mut what
            && late
            && event["type"] != "identify"
        {
            event["timestamp"] = json!((began_unix_ms + at_ms).to_string());
            at_ms += AGAIN_MS;
        }
        if twice && matches!(what, What::Event(_)) {
            self.put(at_ms + AGAIN_MS, user, what.clone(), true);
        }
        self.put(at_ms, user, what, false);
    }

    fn put(&mut self, at_ms: u64, user: &str, what: What, again: bool) {
        self.planned += 1;
        self.due.insert((at_ms, self.planned), Planned { user: user.to_owned(), what, again });
    }

    fn send(&mut self, events: Vec<Planned>, party: &Party) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let body = |planned: &Planned| match &planned.what {
            What::Event(event) => event.clone(),
            What::Marketing(_) | What::GrantMessage(_) => Value::Null,
        };
        let batch: Vec<Value> = events.iter().map(body).collect();
        let answer = party.ingestion.post("/v1/batch", &json!({ "batch": batch }))?;
        if answer.status != 200 {
            *self.tally.unwelcome.entry(answer.status).or_default() += 1;
            return Ok(());
        }
        for (planned, event) in events.iter().zip(&batch) {
            if planned.again {
                self.tally.repeated += 1;
                continue;
            }
            self.tally.sent += 1;
            let looks = event["event"] == "model_viewed";
            self.tally.visitors += u64::from(looks && self.looked.insert(planned.user.clone()));
            self.tally.leads += u64::from(event["event"] == "lead_submitted");
        }
        Ok(())
    }

    fn act(&mut self, user: &str, act: &What, as_of: Option<u64>, party: &Party, platform: &Client) -> Result<()> {
        match act {
            What::Event(_) => bail!("events are sent in batches"),
            What::Marketing(granted) => {
                let id = profile(&party.api, user)?;
                let verdict = if *granted { "granted" } else { "withdrawn" };
                let mut word = json!({ "purpose": "marketing", "verdict": verdict });
                if let Some(at) = as_of {
                    word["as_of"] = json!(at.to_string());
                }
                let answer = party.api.post(&format!("/v1/profiles/{id}/consents"), &word)?;
                if answer.status != 200 {
                    *self.tally.unwelcome.entry(answer.status).or_default() += 1;
                }
                Ok(())
            }
            What::GrantMessage(openid) => {
                grant(platform, openid)?;
                if self.tally.granted.len() == GRANTS_KEPT {
                    self.tally.granted.remove(0);
                }
                self.tally.granted.push(openid.clone());
                Ok(())
            }
        }
    }

    /// Everybody of the past: what they did before they left a lead, what they said about marketing, and the rest. Each
    /// part arrives in the order of its own times, so waits that were over long ago are over.
    ///
    /// # Errors
    /// A server or a platform that is not there.
    pub fn play_past(&mut self, unix_ms: u64, party: &Party, platform: &Client) -> Result<()> {
        const HOUR_MS: u64 = 3_600_000;
        let (mut before, mut words, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..chances::PAST_PEOPLE {
            let began_ms = unix_ms - self.days_ago(number) * 24 * HOUR_MS;
            let person = Person::new(party.brand, self.run, number);
            let user = person.user_id.clone();
            let mut has_lead = false;
            for Act { at_h, what } in person.script() {
                let at_ms = began_ms + at_h * HOUR_MS;
                if at_ms >= unix_ms {
                    break;
                }
                let What::Event(mut event) = what else {
                    words.push((user.clone(), what, at_ms));
                    continue;
                };
                event["timestamp"] = json!(at_ms.to_string());
                has_lead |= event["event"] == "lead_submitted";
                let part = if has_lead { &mut after } else { &mut before };
                if self.random.percent(chances::SENT_TWICE) {
                    part.push(Planned { user: user.clone(), what: What::Event(event.clone()), again: true });
                    let place = part.len() - 1;
                    part.insert(place, Planned { user: user.clone(), what: What::Event(event), again: false });
                } else {
                    part.push(Planned { user: user.clone(), what: What::Event(event), again: false });
                }
            }
        }
        self.send_chunks(before, party)?;
        words.iter().try_for_each(|(user, what, at)| self.act(user, what, Some(*at), party, platform))?;
        self.send_chunks(after, party)?;
        self.send_wrong(party)
    }

    /// Half of them came in within two months; told lives began when their story says.
    fn days_ago(&mut self, number: u64) -> u64 {
        let any = self.random.between(1, chances::PAST_DAYS);
        let lately = self.random.between(1, 60);
        let chance = if self.random.percent(50) { lately } else { any };
        super::stories::Story::of(self.run, number).began_days_ago().unwrap_or(chance)
    }

    fn send_chunks(&mut self, mut events: Vec<Planned>, party: &Party) -> Result<()> {
        const CHUNK: usize = 400;
        while !events.is_empty() {
            let rest = events.split_off(CHUNK.min(events.len()));
            self.send(std::mem::replace(&mut events, rest), party)?;
        }
        Ok(())
    }

    /// Two events as a wrong form sends them: they are answered, kept with their reason, and can be corrected.
    fn send_wrong(&mut self, party: &Party) -> Result<()> {
        let user = super::people::user_id(party.brand, self.run, 0);
        let batch = json!([
            { "type": "track", "userId": user, "messageId": format!("{user}-wrong-1"), "properties": { "series": "P1" } },
            { "type": "track", "userId": user, "messageId": format!("{user}-wrong-2"), "event": "quote_issued",
              "timestamp": "昨天下午" },
        ]);
        let answer = party.ingestion.post("/v1/batch", &json!({ "batch": batch }))?;
        if answer.status != 200 {
            *self.tally.unwelcome.entry(answer.status).or_default() += 1;
        }
        self.tally.wrong += 2;
        Ok(())
    }
}

/// The customer behind an openid allows one message, as the platform sees it.
///
/// # Errors
/// A platform that is not there.
pub fn grant(platform: &Client, openid: &str) -> Result<()> {
    let grant = json!({ "openid": openid, "template_id": TEMPLATE, "count": 1 });
    platform.expect("POST", "/_control/grants", Some(&grant)).map(drop)
}

/// The id of a known customer.
///
/// # Errors
/// A customer nobody knows.
pub fn profile(api: &Client, user: &str) -> Result<String> {
    let found = api.expect("GET", &format!("/v1/profiles/lookup?key={}", escaped(&format!("userId:{user}"))), None)?;
    found["id"].as_str().map(str::to_owned).context("a profile has an id")
}
