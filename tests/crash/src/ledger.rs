//! What a client knows of what it sent: written down before the next request leaves.

use serde::Serialize;
use std::collections::BTreeMap;

/// What is known of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Answered with 200: it must be there, once.
    Acked,
    /// Sent, never answered and given up: there once, or not at all.
    Doubtful,
    /// Sent to a process that was asked to drain, and not answered, or turned away. Not accepted then, or the answer of
    /// something that was accepted is lost: it must not be there.
    NotAccepted,
}

/// What kind of event it was, where a counter follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Counted by the segment.
    Configured,
    /// Enters the journey of its customer.
    Booked,
    /// Neither.
    Other,
}

/// One event that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Whose, by the index of the person.
    pub person: u32,
    /// Its kind.
    pub kind: Kind,
    /// What is known.
    pub fate: Fate,
}

/// All events of one writer, by their number.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: Vec<Sent>,
}

impl Ledger {
    /// The number the next event gets. It is in doubt until it is answered.
    pub fn enter(&mut self, person: u32, kind: Kind) -> u64 {
        self.sent.push(Sent { person, kind, fate: Fate::Doubtful });
        self.sent.len() as u64 - 1
    }

    /// What became of some.
    pub fn settle(&mut self, numbers: impl Iterator<Item = u64>, fate: Fate) {
        for number in numbers {
            if let Some(sent) = usize::try_from(number).ok().and_then(|number| self.sent.get_mut(number)) {
                sent.fate = fate;
            }
        }
    }

    /// All of them in the order of their numbers.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// How many were acknowledged.
    pub fn acked(&self) -> u64 {
        self.sent.iter().filter(|sent| sent.fate == Fate::Acked).count() as u64
    }
}

/// What clients did, summed up.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Tally {
    /// Requests that were repeated with the same message ids or the same Idempotency-Key, after no answer.
    pub repeated: u64,
    /// Batches sent a second time although they had been acknowledged.
    pub sent_twice: u64,
    /// Requests that were answered although the process had been told to stop.
    pub still_answered: u64,
    /// Requests that a stopping process closed its door to, unanswered: they came after it had been told.
    pub closed_doors: u64,
    /// Requests that a stopping process answered with "draining": they came after it had been told.
    pub turned_away: u64,
    /// Requests that were answered 429 or 503 besides.
    pub busy: u64,
    /// Commands that were carried out: tags set and cleared, customers merged, segments made and archived.
    pub commands: u64,
    /// Of them, merges.
    pub merges: u64,
    /// Answers nobody should get, by what they were, with how often.
    pub wrong: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts an answer that nobody should get.
    pub fn wrong(&mut self, what: String) {
        *self.wrong.entry(what).or_default() += 1;
    }

    /// Adds another writer's.
    pub fn add(&mut self, other: &Self) {
        self.repeated += other.repeated;
        self.sent_twice += other.sent_twice;
        self.still_answered += other.still_answered;
        self.closed_doors += other.closed_doors;
        self.turned_away += other.turned_away;
        self.busy += other.busy;
        self.commands += other.commands;
        self.merges += other.merges;
        for (what, times) in &other.wrong {
            *self.wrong.entry(what.clone()).or_default() += times;
        }
    }
}
