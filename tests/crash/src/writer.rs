//! One client: a thread, a connection, people of its own, and a ledger.
//!
//! It repeats what was not answered, with the same message ids or the same key, until it is; now and then it gives a
//! batch up instead, as a phone does that is switched off, and now and then it sends a batch again that was answered.

use crate::batch::Batch;
use crate::client::{Connection, Reply, Request};
use crate::command::{Clerk, Command, Does, Wish};
use crate::ledger::{Fate, Ledger, Tally};
use crate::people::Person;
use crate::stage::{Mood, Stage};
use roadbook_bench::workload::SplitMix64;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Pause before a closed door is tried again.
const CLOSED: Duration = Duration::from_millis(10);
/// Pause before a command is repeated whose key somebody holds: the process that took it may be dead.
const HELD: Duration = Duration::from_millis(500);
/// Answered batches kept to be sent again.
const KEPT: usize = 64;

/// One client.
pub struct Writer {
    /// Its number.
    pub number: usize,
    /// Its people.
    pub people: Vec<Person>,
    /// What it sent.
    pub ledger: Ledger,
    /// What it did.
    pub tally: Tally,
    /// Names of segments it made and archived.
    pub archived: BTreeSet<String>,
    /// Commands without an answer yet.
    pub pending: Vec<Command>,
    connection: Connection,
    clerk: Clerk,
    random: SplitMix64,
    answered: Vec<Batch>,
    write_key: String,
    events: usize,
    pace: Duration,
}

/// How a request came out, as far as its sender goes.
enum Came {
    /// An answer that settles it.
    Answer(Reply),
    /// To be repeated.
    Again,
    /// Closed the door while it drained: not to be repeated.
    Closed,
}

impl Writer {
    /// A client of a stage.
    pub fn new(number: usize, stage: &Stage, people: u32, events: usize, pace: Duration) -> Self {
        Self {
            number,
            people: (0..people).map(|index| Person::new(number, index)).collect(),
            ledger: Ledger::default(),
            tally: Tally::default(),
            archived: BTreeSet::new(),
            pending: Vec::new(),
            connection: Connection::new(stage.server),
            clerk: Clerk::new(number, stage.keys.admin.clone()),
            random: SplitMix64(stage.seed ^ (number as u64).wrapping_mul(0x9e37_79b9)),
            answered: Vec::new(),
            write_key: stage.keys.write.clone(),
            events,
            pace,
        }
    }

    /// Works until the stage says that it is over, then settles what is open.
    pub fn work(mut self, stage: &Stage) -> Self {
        let mut next = Instant::now();
        while !stage.is_over() {
            if stage.mood() == Mood::Drained {
                std::thread::sleep(CLOSED);
                continue;
            }
            self.step(stage);
            next += self.pace;
            // What a dead server held up is not made up for: a stampede would be another test.
            next = next.max(Instant::now() - self.pace);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        self.settle(stage);
        self
    }

    /// Repeats open commands until they are answered, while the server stays up.
    fn settle(&mut self, stage: &Stage) {
        while !self.pending.is_empty() && !stage.is_late() {
            self.repeat_commands(stage);
            std::thread::sleep(CLOSED);
        }
    }

    fn step(&mut self, stage: &Stage) {
        self.repeat_commands(stage);
        match self.random.below(100) {
            0..5 if !self.answered.is_empty() => self.send_again(stage),
            0..20 => self.command(stage),
            _ => self.send(stage),
        }
    }

    fn send(&mut self, stage: &Stage) {
        let (people, ledger, random) = (&self.people, &mut self.ledger, &mut self.random);
        let batch = Batch::draw(self.number, &self.write_key, self.events, people, ledger, random);
        let mut first = true;
        loop {
            match self.ask(stage, &batch.request) {
                Came::Answer(reply) if reply.status == 200 => return self.acked(batch),
                Came::Answer(reply) => {
                    return self.tally.wrong(format!("a batch was answered {}: {}", reply.status, reply.text));
                }
                // One that was sent before, too, may have been taken then.
                Came::Closed if first => return self.ledger.settle(batch.numbers.clone(), Fate::NotAccepted),
                Came::Closed => return,
                // Over, or given up: its events stay in doubt.
                Came::Again if stage.is_over() || self.random.below(50) == 0 => return,
                Came::Again => self.tally.repeated += 1,
            }
            first = false;
        }
    }

    fn acked(&mut self, batch: Batch) {
        self.ledger.settle(batch.numbers.clone(), Fate::Acked);
        for index in &batch.joins {
            if let Some(person) = self.people.get_mut(*index as usize) {
                person.known = true;
            }
        }
        let place = usize::try_from(self.random.below(KEPT as u64)).unwrap_or(0);
        match self.answered.get_mut(place) {
            Some(kept) => *kept = batch,
            None => self.answered.push(batch),
        }
    }

    fn send_again(&mut self, stage: &Stage) {
        let place = usize::try_from(self.random.below(self.answered.len() as u64)).unwrap_or(0);
        let Some(request) = self.answered.get(place).map(|batch| batch.request.clone()) else { return };
        self.tally.sent_twice += 1;
        if let Came::Answer(reply) = self.ask(stage, &request)
            && reply.status != 200
        {
            self.tally.wrong(format!("a batch sent twice was answered {}: {}", reply.status, reply.text));
        }
    }

    fn command(&mut self, stage: &Stage) {
        let Some(wish) = Wish::draw(&self.people, &mut self.random) else { return };
        let command = match wish {
            Wish::Segment => Some(self.clerk.draft()),
            Wish::Tag(index) => self.id_of(stage, index).and_then(|id| {
                let person = self.people.get(index as usize)?;
                Some(self.clerk.tag(index, person, &id, &mut self.random))
            }),
            Wish::Merge(index) => self
                .id_of(stage, index)
                .zip(self.id_of(stage, Person::beside(index)))
                .map(|(a, b)| self.clerk.merge(index, [&a, &b])),
        };
        let Some(command) = command else { return };
        self.busy(&command.does, true);
        self.carry_out(stage, command);
    }

    fn id_of(&mut self, stage: &Stage, index: u32) -> Option<String> {
        let request = self.clerk.lookup(&self.people.get(index as usize)?.user);
        match self.ask(stage, &request) {
            Came::Answer(reply) if reply.status == 200 => Some(reply.json()["id"].as_str()?.to_owned()),
            Came::Answer(reply) => {
                // Their identify was acknowledged.
                self.tally.wrong(format!("a customer who is known was answered {}: {}", reply.status, reply.text));
                None
            }
            Came::Again | Came::Closed => None,
        }
    }

    fn busy(&mut self, does: &Does, busy: bool) {
        let people = match does {
            Does::Set(index, _) | Does::Clear(index) => vec![*index],
            Does::Merge(index) => vec![*index, Person::beside(*index)],
            Does::Draft(_) | Does::Archive(_) => Vec::new(),
        };
        for index in people {
            if let Some(person) = self.people.get_mut(index as usize) {
                person.busy = busy;
            }
        }
    }

    fn repeat_commands(&mut self, stage: &Stage) {
        let now = Instant::now();
        let ripe: Vec<Command> = self.pending.extract_if(.., |command| command.not_before <= now).collect();
        for command in ripe {
            self.tally.repeated += 1;
            self.carry_out(stage, command);
        }
    }

    fn carry_out(&mut self, stage: &Stage, mut command: Command) {
        match self.ask(stage, &command.request) {
            Came::Answer(reply) if matches!(reply.status, 200..300) => self.done(stage, &command.does, &reply),
            Came::Answer(reply) if reply.json()["code"] == "idempotency_key_in_progress" => {
                command.not_before = Instant::now() + HELD;
                self.pending.push(command);
            }
            Came::Answer(reply) => {
                self.busy(&command.does, false);
                self.tally.wrong(format!("{:?} was answered {}: {}", command.does, reply.status, reply.text));
            }
            Came::Again | Came::Closed => self.pending.push(command),
        }
    }

    fn done(&mut self, stage: &Stage, does: &Does, reply: &Reply) {
        self.busy(does, false);
        self.tally.commands += 1;
        let person = |people: &mut Vec<Person>, index: &u32, change: &dyn Fn(&mut Person)| {
            if let Some(person) = people.get_mut(*index as usize) {
                change(person);
            }
        };
        match does {
            Does::Set(index, value) => person(&mut self.people, index, &|one| {
                one.tag = Some(value.clone());
                one.tags.0 += 1;
            }),
            Does::Clear(index) => person(&mut self.people, index, &|one| {
                one.tag = None;
                one.tags.1 += 1;
            }),
            Does::Merge(index) => {
                self.tally.merges += 1;
                for index in [*index, Person::beside(*index)] {
                    person(&mut self.people, &index, &|one| one.merged = true);
                }
            }
            Does::Draft(name) => {
                let json = reply.json();
                let Some(id) = json["id"].as_str() else {
                    return self.tally.wrong(format!("a new segment has no id: {}", reply.text));
                };
                let archive = self.clerk.archive(name.clone(), id);
                self.carry_out(stage, archive);
            }
            Does::Archive(name) => {
                self.archived.insert(name.clone());
            }
        }
    }

    /// Asks once. A server that is too busy, or not there, is asked again after a moment.
    fn ask(&mut self, stage: &Stage, request: &Request) -> Came {
        let life = stage.life();
        match self.connection.ask(request) {
            // Told before anything was taken, which the audit looks into.
            Ok(reply) if reply.json()["code"] == "draining" => {
                self.tally.turned_away += 1;
                self.not_before_the_signal(stage, "turned away");
                std::thread::sleep(CLOSED);
                Came::Closed
            }
            Ok(reply) if reply.status == 429 || reply.status == 503 => {
                self.tally.busy += 1;
                std::thread::sleep(CLOSED);
                Came::Again
            }
            Ok(reply) => {
                self.tally.still_answered += u64::from(stage.drains(life));
                Came::Answer(reply)
            }
            Err(_) if stage.drains(life) => {
                self.tally.closed_doors += 1;
                self.not_before_the_signal(stage, "not answered");
                Came::Closed
            }
            Err(_) => {
                std::thread::sleep(CLOSED);
                Came::Again
            }
        }
    }

    /// What was sent before a process was told to stop must be answered by it, and not with "draining".
    fn not_before_the_signal(&mut self, stage: &Stage, what: &str) {
        if self.connection.sent_at.is_some_and(|sent| stage.drains_since(sent)) {
            self.tally.wrong(format!("a request that was sent before SIGTERM was {what}"));
        }
    }
}
