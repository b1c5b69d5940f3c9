//! Holds what the server shows against what its clients know.

use crate::command::TAG;
use crate::definitions::{CONFIGURED_MIN, Definitions, ask};
use crate::host::Host;
use crate::ledger::Fate;
use crate::people::{Person, Role};
use crate::read::{Customer, Reader};
use crate::stage::Stage;
use crate::writer::Writer;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Timers, messages and the counters that the relay carries come to rest within this.
const REST_MAX: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);
/// Violations of one kind that are told.
const TOLD_MAX: usize = 20;

/// What the audit found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Acknowledged events that are not there.
    pub lost: u64,
    /// Events that are there more than once.
    pub twice: u64,
    /// Journeys that were entered.
    pub journeys: u64,
    /// Messages that reached the simulated WeCom.
    pub delivered: u64,
    /// Everything that is wrong, in words.
    pub wrong: Vec<String>,
    members: u64,
    entered: [u64; 2],
    told: BTreeSet<String>,
}

impl Audit {
    /// Looks at everything.
    ///
    /// # Errors
    /// A server that does not answer.
    pub fn of(host: &Host, stage: &Stage, writers: &[Writer], definitions: &Definitions) -> Result<Self> {
        let parts: Vec<Result<Self>> = std::thread::scope(|scope| {
            let threads: Vec<_> = writers.iter().map(|writer| scope.spawn(|| Self::of_one(stage, writer))).collect();
            let lost = || Err(anyhow::anyhow!("an auditor panicked"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| lost())).collect()
        });
        let mut all = Self::default();
        for part in parts {
            all.add(part?);
        }
        all.journeys = all.entered.iter().sum();
        all.counters(host, definitions)?;
        all.segments(host, writers)?;
        Ok(all)
    }

    /// Waits until journeys and messages have come to their ends; what has not by then, the audit tells.
    ///
    /// # Errors
    /// A server that does not answer.
    pub fn wait_for_rest(host: &Host, definitions: &Definitions) -> Result<()> {
        let deadline = Instant::now() + REST_MAX;
        loop {
            let mut open = 0;
            for journey in &definitions.journeys {
                let stats = ask(host, "GET", format!("/v1/journeys/{journey}/stats"), String::new())?;
                open += stats["active"].as_u64().unwrap_or(0);
            }
            let sends = ask(host, "GET", "/v1/sends/stats".into(), String::new())?["sends"].take();
            let count = |name: &str| sends[name].as_u64().unwrap_or(0);
            if (open == 0 && count("intended") == count("sent")) || Instant::now() > deadline {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }

    fn of_one(stage: &Stage, writer: &Writer) -> Result<Self> {
        let mut audit = Self::default();
        let mut reader = Reader::new(stage);
        let mut seen = BTreeMap::<String, u64>::new();
        let mut customers = BTreeMap::<String, Customer>::new();
        for person in &writer.people {
            let ids = reader.ids(person)?;
            let name = &person.user;
            if person.known && (ids[0].is_none() || ids[0] != ids[1]) {
                audit.say(format!("{name}: account and browser were joined, and lead to {ids:?}"));
            }
            for id in ids.into_iter().flatten() {
                if let std::collections::btree_map::Entry::Vacant(place) = customers.entry(id.clone()) {
                    place.insert(reader.customer(&id)?);
                }
            }
            let id = reader.id_of("userId", name)?;
            audit.person(person, id.as_deref().and_then(|id| customers.get(id)));
        }
        audit.merges(writer, &mut reader)?;
        for (id, customer) in &customers {
            for (number, times) in &customer.events {
                *seen.entry(number.clone()).or_default() += times;
            }
            audit.customer(id, customer);
        }
        audit.events(writer, seen);
        Ok(audit)
    }

    fn say(&mut self, what: String) {
        if self.wrong.len() < TOLD_MAX {
            self.wrong.push(what);
        }
    }

    fn person(&mut self, person: &Person, customer: Option<&Customer>) {
        // Two who were merged share one tag, and how often each of them had it set.
        if person.merged || person.busy {
            return;
        }
        let none = Customer::default();
        let customer = customer.unwrap_or(&none);
        if (customer.tags, &customer.tag) != (person.tags, &person.tag) {
            let (found, known) = ((customer.tags, &customer.tag), (person.tags, &person.tag));
            self.say(format!("{}: {TAG} (set, cleared), now: shown {found:?}, told {known:?}", person.user));
        }
    }

    fn merges(&mut self, writer: &Writer, reader: &mut Reader<'_>) -> Result<()> {
        for (index, person) in (0u32..).zip(&writer.people) {
            let beside = Person::beside(index);
            if person.role != Role::Pair || beside < index {
                continue;
            }
            let Some(other) = writer.people.get(beside as usize) else { continue };
            let ids = (reader.id_of("userId", &person.user)?, reader.id_of("userId", &other.user)?);
            let same = ids.0.is_some() && ids.0 == ids.1;
            if !person.busy && same != person.merged {
                self.say(format!("{} and {}: merged {}, shown as {ids:?}", person.user, other.user, person.merged));
            }
        }
        Ok(())
    }

    fn customer(&mut self, id: &str, customer: &Customer) {
        self.members += u64::from(customer.configured >= CONFIGURED_MIN);
        let entered = customer.booked.map(|times| u64::from(times > 0));
        for (sum, one) in self.entered.iter_mut().zip(entered) {
            *sum += one;
        }
        let wanted: u64 = entered.iter().sum();
        if customer.asked != wanted {
            self.say(format!("{id}: {} messages asked for, {wanted} journeys entered", customer.asked));
        }
        if customer.booked[1] > 0 {
            self.told.extend(customer.events.keys().cloned());
        }
    }

    fn events(&mut self, writer: &Writer, mut seen: BTreeMap<String, u64>) {
        for (number, sent) in writer.ledger.sent().iter().enumerate() {
            let name = format!("{}-{number}", writer.number);
            let times = seen.remove(&name).unwrap_or(0);
            match (sent.fate, times) {
                (_, 2..) => {
                    self.twice += 1;
                    self.say(format!("event {name} is there {times} times: {sent:?}"));
                }
                (Fate::Acked, 0) => {
                    self.lost += 1;
                    self.say(format!("event {name} was acknowledged and is not there: {sent:?}"));
                }
                (Fate::NotAccepted, 1) => {
                    self.say(format!("event {name} was taken by a draining process, and never answered"));
                }
                (Fate::Acked, _) | (Fate::Doubtful | Fate::NotAccepted, _) => {}
            }
        }
        for (name, times) in seen {
            self.say(format!("{times} times an event that nobody sent: {name}"));
        }
    }

    fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.twice += other.twice;
        self.members += other.members;
        for (sum, one) in self.entered.iter_mut().zip(other.entered) {
            *sum += one;
        }
        self.told.extend(other.told);
        other.wrong.into_iter().for_each(|what| self.say(what));
    }

    /// The counters, once they are at rest: what the relay carries trails by moments.
    fn counters(&mut self, host: &Host, definitions: &Definitions) -> Result<()> {
        let deadline = Instant::now() + REST_MAX;
        loop {
            let differences = self.differences(host, definitions)?;
            if differences.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                differences.into_iter().for_each(|what| self.say(what));
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }

    fn differences(&self, host: &Host, definitions: &Definitions) -> Result<Vec<String>> {
        let get = |path: String| ask(host, "GET", path, String::new());
        let mut found = Vec::new();
        let mut equal = |what: &str, shown: &Value, follows: u64| {
            if shown.as_u64().unwrap_or(0) != follows {
                found.push(format!("{what}: shown {shown}, {follows} follow from the timelines"));
            }
        };
        let segment = get(format!("/v1/segments/{}/stats", definitions.segment))?;
        equal("members of the segment", &segment["members"], self.members);
        for (journey, entered) in definitions.journeys.iter().zip(self.entered) {
            let stats = get(format!("/v1/journeys/{journey}/stats"))?;
            equal("entered", &stats["entered"], entered);
            equal("completed", &stats["completed"], entered);
            equal("active", &stats["active"], 0);
        }
        let sends = get("/v1/sends/stats".into())?;
        equal("sends intended", &sends["sends"]["intended"], self.entered.iter().sum());
        equal("sends sent", &sends["sends"]["sent"], self.entered.iter().sum());
        let letters = get("/v1/dead-letters?limit=1".into())?;
        equal("dead letters", &letters["data"].as_array().map_or(0, Vec::len).into(), 0);
        Ok(found)
    }

    fn segments(&mut self, host: &Host, writers: &[Writer]) -> Result<()> {
        let made: BTreeSet<&String> = writers.iter().flat_map(|writer| &writer.archived).collect();
        let pending = writers.iter().flat_map(|writer| &writer.pending);
        let open: BTreeSet<String> = pending.map(|one| format!("{:?}", one.does)).collect();
        let mut shown = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = ask(host, "GET", format!("/v1/segments?status=archived&limit=200{cursor}"), String::new())?;
            let rows = page["data"].as_array().context("segments are a list")?;
            shown.extend(rows.iter().filter_map(|row| row["name"].as_str()).map(str::to_owned));
            match page["next_cursor"].as_str() {
                Some(next) if page["has_more"] == true => cursor = format!("&cursor={next}"),
                Some(_) | None => break,
            }
        }
        if !open.is_empty() {
            self.say(format!("commands that were never answered: {open:?}"));
        }
        if shown.iter().collect::<BTreeSet<_>>() != made || shown.len() != made.len() {
            self.say(format!("{} segments were made and archived, {} are shown", made.len(), shown.len()));
        }
        let drafts = ask(host, "GET", "/v1/segments?status=draft".into(), String::new())?;
        let left = drafts["data"].as_array().map_or(0, Vec::len);
        if left > 0 && open.is_empty() {
            self.say(format!("{left} drafts were left, and each was archived"));
        }
        Ok(())
    }

    /// Every message told to a seller reached the platform once, and none more. `deliveries` as the simulator has them.
    pub fn platform(&mut self, deliveries: &Value) {
        let mut times = BTreeMap::<String, u64>::new();
        for delivery in deliveries.as_array().into_iter().flatten() {
            let text = delivery["content"].to_string();
            let number =
                text.split_once("booked ").and_then(|(_, rest)| rest.split_once(';')).map(|(number, _)| number);
            *times.entry(number.unwrap_or(&text).to_owned()).or_default() += 1;
        }
        self.delivered = times.values().sum();
        for (number, times) in &times {
            if *times > 1 || !self.told.contains(number) {
                self.say(format!("the message for {number} reached the platform {times} times"));
            }
        }
        if self.delivered != self.entered[1] {
            let wanted = self.entered[1];
            self.say(format!("{} messages reached the platform, {wanted} journeys ended in one", self.delivered));
        }
    }
}
