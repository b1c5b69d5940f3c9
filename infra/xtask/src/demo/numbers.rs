//! Reads what the server and the platform counted, and holds it against what was done.

use super::memory::{Done, Kept, Memory};
use super::traffic::{Party, Tally};
use crate::http::Client;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write;

/// What the server and the platform say.
pub struct Numbers {
    applied: u64,
    duplicates: u64,
    turned_away: u64,
    dead_letters: u64,
    brands: Vec<BrandNumbers>,
    /// Messages that reached somebody since the platform was started.
    pub delivered: u64,
}

/// What the server says of one tenant.
struct BrandNumbers {
    members: u64,
    follow_up: Value,
    ownership: Value,
    sends: Value,
}

impl Numbers {
    /// Asks both.
    ///
    /// # Errors
    /// No answer.
    pub fn read(parties: &[Party], platform: &Client) -> Result<Self> {
        let first = parties.first().context("there is a car maker")?;
        let metrics = first.api.get("/metrics")?.text;
        let deliveries = platform.expect("GET", "/_control/deliveries", None)?;
        Ok(Self {
            applied: counter(&metrics, "roadbook_events_total")?,
            duplicates: counter(&metrics, "roadbook_duplicates_total")?,
            turned_away: counter(&metrics, "roadbook_events_rejected_total")?,
            dead_letters: counter(&metrics, "roadbook_dead_letters_total")?,
            brands: parties.iter().map(BrandNumbers::read).collect::<Result<_>>()?,
            delivered: deliveries.as_array().context("deliveries are a list")?.len() as u64,
        })
    }

    /// One line for somebody who watches.
    pub fn line(&self, seconds: u64, tallies: &[&Tally]) -> String {
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(|tally| of(tally)).sum::<u64>();
        let active: u64 =
            self.brands.iter().map(|one| count(&one.follow_up, "active") + count(&one.ownership, "active")).sum();
        format!(
            "{seconds:>5} s  {:>6} events  {:>5} customers  {:>4} leads  {active:>4} under way  {:>4} messages delivered",
            sum(|tally| tally.sent),
            sum(|tally| tally.visitors),
            sum(|tally| tally.leads),
            self.delivered
        )
    }

    /// Everything that should hold and does not. Counters that the relay carries trail by moments: ask again before
    /// believing it.
    pub fn disagreements(&self, tallies: &[&Tally], memory: &Memory) -> Vec<String> {
        let mut found = Vec::new();
        let mut equal = |what: &str, left: u64, right: u64| {
            if left != right {
                found.push(format!("{what}: {left} and {right}"));
            }
        };
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(|tally| of(tally)).sum::<u64>();
        equal("different events sent and events applied", sum(|tally| tally.sent), self.applied);
        equal("events sent twice and duplicates recognised", sum(|tally| tally.repeated), self.duplicates);
        equal("wrong events and events turned away", sum(|tally| tally.wrong), self.turned_away);
        equal("wrong events and dead letters", sum(|tally| tally.wrong), self.dead_letters);
        for (status, times) in tallies.iter().flat_map(|tally| &tally.unwelcome) {
            equal(&format!("answers with status {status}"), *times, 0);
        }
        for ((brand, kept), tally) in self.brands.iter().zip(&memory.kept).zip(tallies) {
            brand.disagreements(kept, tally, memory.clean, &mut equal);
        }
        if memory.clean {
            let sent = self.brands.iter().map(|brand| count(&brand.sends, "sent")).sum();
            let sum = memory.delivered + self.delivered;
            equal("messages, delivered and counted as sent, over all runs", sum, sent);
        }
        if self.delivered == 0 {
            found.push("no message was delivered".to_owned());
        }
        found
    }

    /// The end of the story.
    pub fn summary(&self, parties: &[Party], tallies: &[&Tally], memory: &Memory, disagreements: &[String]) -> String {
        let mut text = String::new();
        let mut line = |name: &str, rest: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:<11} {rest}");
        };
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(|tally| of(tally)).sum::<u64>();
        let (sent, repeated) = (sum(|tally| tally.sent), sum(|tally| tally.repeated));
        line(
            "events",
            format!(
                "{sent} sent, {} applied; {repeated} sent twice, {} of them recognised",
                self.applied, self.duplicates
            ),
        );
        line("wrong", format!("{} sent, {} turned away and kept", sum(|tally| tally.wrong), self.turned_away));
        for ((party, brand), tally) in parties.iter().zip(&self.brands).zip(tallies) {
            line(
                party.brand.code,
                format!("{} customers in this run, {} in this folder", tally.visitors, brand.members),
            );
            brand.tell(&mut line);
        }
        line("messages", format!("{} delivered in this run", self.delivered));
        if !memory.clean {
            line("note", "the run before this one was cut off, so sums over all runs are not compared".to_owned());
        }
        for disagreement in disagreements {
            line("WRONG", disagreement.clone());
        }
        if disagreements.is_empty() {
            line("consistent", "what was played, applied, counted and delivered agrees".to_owned());
        }
        text
    }
}

impl BrandNumbers {
    fn read(party: &Party) -> Result<Self> {
        let stats = |kind: &str, key: &str| {
            party.api.expect("GET", &format!("/v1/{kind}/{}/stats", party.definitions.id(key)), None)
        };
        Ok(Self {
            members: stats("segments", "visitors")?["members"].as_u64().context("a segment has members")?,
            follow_up: stats("journeys", "follow_up")?,
            ownership: stats("journeys", "ownership")?,
            sends: party.api.expect("GET", "/v1/sends/stats", None)?["sends"].take(),
        })
    }

    fn disagreements(&self, kept: &Kept, tally: &Tally, clean: bool, equal: &mut dyn FnMut(&str, u64, u64)) {
        equal("sends that failed, and none should", count(&self.sends, "failed"), 0);
        equal("sends of unknown end, and none should be", count(&self.sends, "unknown"), 0);
        if clean {
            let Done { visitors, leads } = kept.before;
            let code = &kept.code;
            let sum = visitors + tally.visitors;
            equal(
                &format!("{code}: customers who looked at a car, played and counted, over all runs"),
                sum,
                self.members,
            );
            let (sum, entered) = (leads + tally.leads, count(&self.follow_up, "entered"));
            equal(&format!("{code}: leads, played and entered into the journey, over all runs"), sum, entered);
        }
    }

    fn tell(&self, line: &mut dyn FnMut(&str, String)) {
        for (name, stats) in [("follow-up", &self.follow_up), ("ownership", &self.ownership)] {
            let [entered, active, completed, goal] =
                ["entered", "active", "completed", "goal"].map(|end| count(stats, end));
            line(
                "",
                format!("{name}: {entered} entered, {active} under way, {completed} done, {goal} reached the goal"),
            );
        }
        let ends = self.sends.as_object().into_iter().flatten();
        let held_back: Vec<String> =
            ends.filter_map(|(end, times)| Some(format!("{times} {}", end.strip_prefix("suppressed/")?))).collect();
        line("", format!("messages held back: {}", none_or(&held_back)));
    }
}

fn none_or(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

fn count(stats: &Value, name: &str) -> u64 {
    stats[name].as_u64().unwrap_or(0)
}

fn counter(metrics: &str, name: &str) -> Result<u64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.with_context(|| format!("/metrics has no counter {name}"))
}
