//! Reads what the server and the platform counted, and holds it against what was done.

use super::definitions::Definitions;
use super::memory::{Done, Memory};
use super::traffic::{Parties, Tally};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write;

/// What the server and the platform say.
pub struct Numbers {
    applied: u64,
    duplicates: u64,
    turned_away: u64,
    dead_letters: u64,
    members: u64,
    follow_up: Value,
    invitation: Value,
    sends: Value,
    /// Messages that reached somebody since the platform was started.
    pub delivered: u64,
}

impl Numbers {
    /// Asks both.
    ///
    /// # Errors
    /// No answer.
    pub fn read(parties: &Parties, definitions: &Definitions) -> Result<Self> {
        let metrics = parties.api.get("/metrics")?.text;
        let stats = |kind: &str, id: &str| parties.api.expect("GET", &format!("/v1/{kind}/{id}/stats"), None);
        let deliveries = parties.platform.expect("GET", "/_control/deliveries", None)?;
        Ok(Self {
            applied: counter(&metrics, "roadbook_events_total")?,
            duplicates: counter(&metrics, "roadbook_duplicates_total")?,
            turned_away: counter(&metrics, "roadbook_events_rejected_total")?,
            dead_letters: counter(&metrics, "roadbook_dead_letters_total")?,
            members: stats("segments", &definitions.visitors)?["members"].as_u64().context("a segment has members")?,
            follow_up: stats("journeys", &definitions.follow_up)?,
            invitation: stats("journeys", &definitions.invitation)?,
            sends: parties.api.expect("GET", "/v1/sends/stats", None)?["sends"].take(),
            delivered: deliveries.as_array().context("deliveries are a list")?.len() as u64,
        })
    }

    /// What this run has done that a later run will be held against.
    pub fn done(&self, tally: &Tally) -> Done {
        Done { visitors: tally.visitors, leads: tally.leads, delivered: self.delivered }
    }

    /// One line for somebody who watches.
    pub fn line(&self, seconds: u64, tally: &Tally) -> String {
        format!(
            "{seconds:>5} s  {:>6} events  {:>5} customers  {:>4} leads  {:>4} under way  {:>4} messages delivered",
            tally.sent,
            tally.visitors,
            tally.leads,
            count(&self.follow_up, "active") + count(&self.invitation, "active"),
            self.delivered
        )
    }

    /// Everything that should hold and does not. Counters that the relay carries trail by moments: ask again before
    /// believing it.
    pub fn disagreements(&self, tally: &Tally, memory: &Memory) -> Vec<String> {
        let mut found = Vec::new();
        let mut equal = |what: &str, left: u64, right: u64| {
            if left != right {
                found.push(format!("{what}: {left} and {right}"));
            }
        };
        equal("events sent and events applied", tally.sent, self.applied);
        equal("duplicates, and none were sent", self.duplicates, 0);
        equal("events turned away, and none were wrong", self.turned_away, 0);
        equal("dead letters, and none were due", self.dead_letters, 0);
        equal("sends that failed, and none should", count(&self.sends, "failed"), 0);
        equal("sends of unknown end, and none should be", count(&self.sends, "unknown"), 0);
        for (status, times) in &tally.unwelcome {
            equal(&format!("answers with status {status}"), *times, 0);
        }
        let before = memory.before;
        if memory.clean {
            let sum = before.visitors + tally.visitors;
            equal("customers who looked at a car, played and counted, over all runs", sum, self.members);
            let sum = before.leads + tally.leads;
            equal("leads, played and entered into the journey, over all runs", sum, count(&self.follow_up, "entered"));
            let sum = before.delivered + self.delivered;
            equal("messages, delivered and counted as sent, over all runs", sum, count(&self.sends, "sent"));
        }
        if self.delivered == 0 {
            found.push("no message was delivered".to_owned());
        }
        found
    }

    /// The end of the story.
    pub fn summary(&self, tally: &Tally, memory: &Memory, disagreements: &[String]) -> String {
        let mut text = String::new();
        let mut line = |name: &str, rest: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:<11} {rest}");
        };
        line("events", format!("{} sent, {} applied, {} turned away", tally.sent, self.applied, self.turned_away));
        line("customers", format!("{} in this run, {} in this folder", tally.visitors, self.members));
        for (name, stats) in [("follow-up", &self.follow_up), ("invitation", &self.invitation)] {
            let [entered, active, completed, goal] =
                ["entered", "active", "completed", "goal"].map(|end| count(stats, end));
            line(name, format!("{entered} entered, {active} under way, {completed} done, {goal} reached the goal"));
        }
        let held_back: Vec<String> = self
            .sends
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(end, times)| Some(format!("{times} {}", end.strip_prefix("suppressed/")?)))
            .collect();
        line("messages", format!("{} delivered in this run; held back: {}", self.delivered, none_or(&held_back)));
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
