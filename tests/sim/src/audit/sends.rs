//! Sends: each intended once, at the sink under its key, none without a turn, none against the customer's word, and
//! none before its time.

use super::Audited;
use crate::provider::{Call, Got};
use crate::run::at_once;
use roadbook_customer::{Customer, Effect};
use roadbook_kernel::{DAY_MS, Durable, MINUTE_MS, Moment, SendKey};
use roadbook_runtime::ports::{History, Space, Store};
use roadbook_runtime::record::Record;
use roadbook_runtime::sends::{JobState, read};
use roadbook_tenancy::{ChannelKind, Purpose, Verdict};
use std::collections::{BTreeMap, BTreeSet};

use crate::journeys::{DRIVE, ORDER};
use crate::plan::{Step, Tell, What};
use roadbook_catalog::Command as Define;
use roadbook_runtime::{CATALOG_AGE_MS_MAX, Outcome};

/// Somebody's word about advertising.
struct Word {
    person: usize,
    verdict: Verdict,
    said: Moment,
    /// When its sender was told that it is kept.
    answered: Option<Moment>,
}

impl Audited<'_> {
    pub(super) fn sends(&self) -> Result<(), String> {
        let intended = self.intended()?;
        self.queue(&intended)?;
        let calls = self.run.sink.calls().clone();
        for call in &calls {
            if !intended.contains_key(&call.key) {
                return Err(format!("sink: {} {:?} reached a person, and no turn intends it", call.key, call.text));
            }
        }
        self.consent(&calls)?;
        if self.run.plan.settled {
            self.predicted(&calls, &intended)?;
        }
        Ok(())
    }

    /// What turns intend, by its key.
    fn intended(&self) -> Result<BTreeMap<SendKey, String>, String> {
        let mut intended = BTreeMap::new();
        for (_, key, _) in &self.rows {
            let turns = at_once(self.run.world.memory.turns(key, 0, usize::MAX)).and_then(Result::ok);
            for turn in turns.unwrap_or_default() {
                let record = Record::new(&turn.record).map_err(|fault| fault.to_string())?;
                let front = record.front::<<Customer as Durable>::Effect>().map_err(|fault| fault.to_string())?;
                for effect in front.into_iter().flat_map(|front| front.effects) {
                    let Effect::Send(outbound) = effect else { continue };
                    let text = outbound.content.reveal().to_string();
                    if intended.insert(outbound.key, text).is_some() && self.run.plan.settled {
                        return Err(format!("twice: {} was intended twice", outbound.key));
                    }
                }
            }
        }
        Ok(intended)
    }

    /// Everything that was intended is in the queue, at its end, and what ended as sent was called.
    fn queue(&self, intended: &BTreeMap<SendKey, String>) -> Result<(), String> {
        let mut queued = BTreeMap::new();
        for tenant in &self.run.plan.tenants {
            let items = at_once(self.run.world.memory.scan(Space::Send, *tenant, b"", None, usize::MAX));
            for (_, item) in items.and_then(Result::ok).unwrap_or_default() {
                let job = read(&item).map_err(|fault| fault.to_string())?;
                queued.insert(job.outbound.key, job);
            }
        }
        let calls = self.run.sink.calls();
        let called: BTreeSet<SendKey> = calls.iter().map(|call| call.key).collect();
        for (key, text) in intended {
            let Some(job) = queued.get(key) else {
                return Err(format!("lost: {key} {text} was intended and not queued"));
            };
            let JobState::Done { outcome } = &job.state else {
                return Err(format!("stuck: {key} {text} is {:?}", job.state));
            };
            let sent = matches!(outcome, roadbook_customer::SendOutcome::Sent);
            if sent && !called.contains(key) {
                return Err(format!("lost: {key} {text} is said to be sent, and nobody got it"));
            }
        }
        match queued.keys().find(|key| !intended.contains_key(key)) {
            Some(key) => Err(format!("sink: {key} is in the queue, and no turn intends it")),
            None => Ok(()),
        }
    }

    /// Nobody is advertised to who never said yes, or who said no and nothing since.
    fn consent(&self, calls: &[Call]) -> Result<(), String> {
        if !self.run.plan.settled {
            return Ok(());
        }
        for call in calls.iter().filter(|call| call.purpose == Purpose::Marketing) {
            // A text that names nobody was written before its customer had a name.
            let Some(person) = person_named(&call.text) else { continue };
            let family = self.families().into_iter().find(|family| family.people.contains(&person));
            let Some(family) = family else { continue };
            let words = self.words(&family.people);
            if !words.iter().any(|word| word.verdict == Verdict::Granted) {
                return Err(format!("consent: {:?} was sent, and nobody ever allowed it", call.text));
            }
            // Words count by when they were said. A relative's no binds from the merge on, and that may come after the
            // message; and the provider's call and the answer to a no may cross by as long as one read takes.
            let stands = |no: &&Word| {
                let over = |yes: &Word| yes.verdict == Verdict::Granted && yes.said >= no.said;
                no.person == person && no.verdict == Verdict::Withdrawn && !words.iter().any(over)
            };
            let known = words.iter().filter(stands).filter_map(|no| no.answered).max();
            if let Some(no) = known.filter(|no| call.at > no.plus_ms(MINUTE_MS)) {
                return Err(format!("consent: {:?} was sent at {:?}, withdrawn since {no:?}", call.text, call.at));
            }
        }
        Ok(())
    }

    /// What these people said about advertising, as far as anybody was told.
    fn words(&self, people: &BTreeSet<usize>) -> Vec<Word> {
        let word = |(index, step): (usize, &Step)| {
            let What::Tell(person, Tell::Consent(Purpose::Marketing, verdict)) = step.what else { return None };
            let said = *self.run.told.said.get(&index)?;
            let answered = self.run.told.commands.get(&index).map(|(at, _)| *at);
            people.contains(&person).then_some(Word { person, verdict, said, answered })
        };
        self.run.plan.steps.iter().enumerate().filter_map(word).collect()
    }

    /// What the plan says everybody must have got: one message per order, a reminder after the wait and not before,
    /// and one of the two words that follow.
    fn predicted(&self, calls: &[Call], intended: &BTreeMap<SendKey, String>) -> Result<(), String> {
        let plan = &self.run.plan;
        let texts = |word: &str| -> BTreeMap<usize, u32> {
            let mut found = BTreeMap::new();
            for text in intended.values() {
                if let Some(n) = number_in(text, word) {
                    *found.entry(n).or_insert(0) += 1;
                }
            }
            found
        };
        let (orders, reminders, thanks, misses) = (texts("order"), texts("remind"), texts("thanks"), texts("missed"));
        for family in self.families() {
            let named = |name: &str| -> Vec<usize> {
                family.messages.iter().filter(|message| plan.messages[**message].name == name).copied().collect()
            };
            self.each_once("order", &named("order_placed"), &orders, family.people.len())?;
            let booked = named("drive_booked");
            self.each_once("remind", &booked, &reminders, family.people.len())?;
            for n in &booked {
                let (thanked, missed) = (thanks.get(n).unwrap_or(&0), misses.get(n).unwrap_or(&0));
                if thanked + missed > 1 {
                    return Err(format!("twice: m{n} was thanked for {thanked} times and missed {missed} times"));
                }
                if thanked + missed < *reminders.get(n).unwrap_or(&0) {
                    return Err(format!("lost: the wait after the reminder of m{n} came to no end"));
                }
                if family.people.len() == 1 {
                    self.in_time(*n, &family, *missed)?;
                }
            }
        }
        for call in calls.iter().filter(|call| call.got == Got::Delivered && call.channel == ChannelKind::Recording) {
            if let Some(n) = number_in(&call.text, "remind") {
                // Nothing counts as later than its acceptance by one host, whose clock may be behind; and it is another
                // who fires, whose clock may be ahead.
                let behind = plan.skews.iter().copied().min().unwrap_or(0).min(0);
                let ahead = plan.skews.iter().copied().max().unwrap_or(0).max(0);
                let earliest = plan.messages[n].say.when().plus_ms(plan.wait_ms + behind - ahead);
                if call.at < earliest {
                    return Err(format!("early: the reminder of m{n} came at {:?}, due at {earliest:?}", call.at));
                }
            }
        }
        Ok(())
    }

    /// Of several who turned out to be one, one passage may stand for all; alone, each has its own.
    fn each_once(&self, word: &str, of: &[usize], found: &BTreeMap<usize, u32>, people: usize) -> Result<(), String> {
        let times: u32 = of.iter().filter_map(|n| found.get(n)).sum();
        if let Some(n) = of.iter().find(|n| found.get(n).is_some_and(|times| *times > 1)) {
            return Err(format!("twice: {word} of m{n} was asked for more than once"));
        }
        if of.iter().any(|n| self.catalog_known(*n)) && times == 0 {
            return Err(format!("lost: {word} of {of:?} was never asked for"));
        }
        if times as usize > people {
            return Err(format!("twice: {word} was asked for {times} times for {people} people"));
        }
        Ok(())
    }

    /// Whether every host knew of the first journeys when a message was first tried.
    fn catalog_known(&self, message: usize) -> bool {
        let (plan, told) = (&self.run.plan, &self.run.told);
        let tenant = plan.people[plan.messages[message].person].tenant;
        let publishes = plan.steps.iter().enumerate().filter_map(|(index, step)| match &step.what {
            What::Define(of, Define::PublishJourney { id }) if *of == tenant && [ORDER, DRIVE].contains(id) => {
                Some((index, *id))
            }
            _ => None,
        });
        let mut since = BTreeMap::new();
        for (index, id) in publishes {
            if let Some((at, Outcome::Applied { .. } | Outcome::Duplicate { .. })) = told.commands.get(&index) {
                let first = since.entry(id).or_insert(*at);
                *first = (*first).min(*at);
            }
        }
        let tried = told.first_tried.get(&message);
        since.len() == 2
            && since.values().all(|at| tried.is_some_and(|tried| *tried > at.plus_ms(2 * CATALOG_AGE_MS_MAX)))
    }

    /// Who drove while the journey waited for it, and said so in time, was not called a miss.
    fn in_time(&self, booked: usize, family: &super::model::Family, missed: u32) -> Result<(), String> {
        let plan = &self.run.plan;
        let skew = plan.skews.iter().map(|skew| skew.abs()).max().unwrap_or(0) + MINUTE_MS;
        let waits = plan.messages[booked].say.when().plus_ms(plan.wait_ms);
        let over = waits.plus_ms(3 * DAY_MS);
        let told = &self.run.told;
        let known = told.applied.get(&booked).is_some_and(|at| *at < waits)
            && self.catalog_known(booked)
            && self.known_since(plan.messages[booked].person).is_some_and(|at| at < waits);
        let drove = family.messages.iter().find(|message| {
            let one = &plan.messages[**message];
            let applied = told.applied.get(message);
            one.name == "test_drive"
                && one.say.when() > waits.plus_ms(skew)
                && applied.is_some_and(|at| at.plus_ms(skew) < over)
        });
        match drove {
            Some(drove) if missed > 0 && known => {
                Err(format!("timer: m{drove} came in time, and the timer it cancelled fired"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn number_in(text: &str, word: &str) -> Option<usize> {
    let rest = text.split_once(word)?.1.trim_start();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn person_named(text: &str) -> Option<usize> {
    number_in(text, "hello p").or_else(|| number_in(text, "task p"))
}
