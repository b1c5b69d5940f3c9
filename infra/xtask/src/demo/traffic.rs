//! Plays the customers in real time: gathers what is due into batches, as an SDK would, and counts.

use super::people::{Act, Person, TEMPLATE, What};
use super::random::Random;
use crate::http::{Client, escaped};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A new customer comes in after a pause of this many milliseconds.
const PAUSE_MS: (u64, u64) = (150, 500);
/// Milliseconds between two batches.
pub const TICK_MS: u64 = 100;

/// The three parties the traffic talks to.
pub struct Parties {
    /// The server, under the write key.
    pub ingestion: Client,
    /// The server, under the secret key.
    pub api: Client,
    /// The simulated platform.
    pub platform: Client,
}

/// What was done so far.
#[derive(Default)]
pub struct Tally {
    /// Events in requests that were answered 200.
    pub sent: u64,
    /// Answers that were not 200, by status; 0 stands for no answer.
    pub unwelcome: BTreeMap<u16, u64>,
    /// Customers who looked at a car.
    pub visitors: u64,
    /// Customers who left a phone number.
    pub leads: u64,
    /// The first of them.
    pub first_lead: Option<String>,
    /// The openids that allowed a message last.
    pub granted: Vec<String>,
}

/// Grants that a restarted platform is told again: more than can be waiting for their message.
const GRANTS_KEPT: usize = 200;

/// Everything that will happen, by time.
pub struct Traffic {
    run: u64,
    random: Random,
    next_person: (u64, u64),
    due: BTreeMap<(u64, u64), (String, What)>,
    planned: u64,
    /// What was done.
    pub tally: Tally,
}

impl Traffic {
    /// The traffic of a run; the same run is the same traffic.
    pub fn new(run: u64) -> Self {
        let random = Random::seeded(run);
        Self { run, random, next_person: (0, 0), due: BTreeMap::new(), planned: 0, tally: Tally::default() }
    }

    /// Does everything that is due.
    ///
    /// # Errors
    /// A server or a platform that is not there any more.
    pub fn advance(&mut self, now_ms: u64, parties: &Parties) -> Result<()> {
        self.let_people_in(now_ms);
        let mut events = Vec::new();
        let mut acts = Vec::new();
        while let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= now_ms) {
            match first.remove() {
                (user, What::Event(event)) => events.push((user, event)),
                act => acts.push(act),
            }
        }
        if !events.is_empty() {
            self.send(events, parties)?;
        }
        // After the events of the same moment: they made the customer known.
        acts.into_iter().try_for_each(|(user, act)| self.act(&user, &act, parties))
    }

    fn let_people_in(&mut self, now_ms: u64) {
        while self.next_person.1 <= now_ms {
            let (number, at_ms) = self.next_person;
            let person = Person::new(self.run, number);
            let user = person.user_id.clone();
            for Act { at_ms: after, what } in person.script() {
                self.planned += 1;
                self.due.insert((at_ms + after, self.planned), (user.clone(), what));
            }
            self.next_person = (number + 1, at_ms + self.random.between(PAUSE_MS.0, PAUSE_MS.1));
        }
    }

    fn send(&mut self, events: Vec<(String, Value)>, parties: &Parties) -> Result<()> {
        let batch: Vec<&Value> = events.iter().map(|(_, event)| event).collect();
        let answer = parties.ingestion.post("/v1/batch", &json!({ "batch": batch }))?;
        if answer.status != 200 {
            *self.tally.unwelcome.entry(answer.status).or_default() += 1;
            return Ok(());
        }
        self.tally.sent += events.len() as u64;
        for (user, event) in &events {
            // Everybody looks at a car first thing; `-2` is that event's message id.
            self.tally.visitors += u64::from(event["messageId"] == format!("{user}-2"));
            if event["event"] == "lead_submitted" {
                self.tally.leads += 1;
                self.tally.first_lead.get_or_insert_with(|| user.clone());
            }
        }
        Ok(())
    }

    fn act(&mut self, user: &str, act: &What, parties: &Parties) -> Result<()> {
        match act {
            What::Event(_) => bail!("events are sent in batches"),
            What::AllowMarketing => {
                let id = profile(&parties.api, user)?;
                let granted = json!({ "purpose": "marketing", "verdict": "granted" });
                let answer = parties.api.post(&format!("/v1/profiles/{id}/consents"), &granted)?;
                if answer.status != 200 {
                    *self.tally.unwelcome.entry(answer.status).or_default() += 1;
                }
            }
            What::GrantMessage(openid) => {
                grant(&parties.platform, openid)?;
                if self.tally.granted.len() == GRANTS_KEPT {
                    self.tally.granted.remove(0);
                }
                self.tally.granted.push(openid.clone());
            }
        }
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
