//! The play: load, kills, drains, restarts; then the audit.

use crate::audit::Audit;
use crate::definitions::Definitions;
use crate::host::{Host, Program};
use crate::ledger::Tally;
use crate::stage::{Mood, Stage};
use crate::writer::Writer;
use anyhow::{Context, Result};
use roadbook_bench::workload::SplitMix64;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Clients.
const WRITERS: usize = 8;
/// Events of one batch.
const EVENTS: usize = 50;
/// People at least, and so many more for every kill: timelines stay short enough to be read whole.
const PEOPLE_MIN: u64 = 1_600;
const PEOPLE_PER_KILL: u64 = 40;
/// A kill in so many hits a process that has only just begun to work.
const EARLY_EVERY: u64 = 6;
/// The server's own limit is 20 s.
const DRAIN_MAX: Duration = Duration::from_secs(45);

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub program: Program,
    /// `kill -9` so many times.
    pub kills: u64,
    /// One stop in so many is a SIGTERM; with 1 every one is, and `kills` counts them.
    pub drain_every: u64,
    /// The seed of every draw.
    pub seed: u64,
    /// Events a second, all clients together, while the server is up.
    pub rate: u64,
    /// The longest time between a start and its kill, milliseconds.
    pub life_ms_max: u64,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Kills.
    pub kills: u64,
    /// Acknowledged events.
    pub acked: u64,
    /// Of them, those that are not there.
    pub lost: u64,
    /// Events that are there more than once.
    pub twice: u64,
    /// SIGTERMs under load.
    pub drains: u64,
    /// Seconds of load, restarts included.
    pub load_s: f64,
    /// Acknowledged events per second of load.
    pub acked_per_s: f64,
    /// From the start of a process after a kill to its first answer, milliseconds: median and longest.
    pub ready_ms: [f64; 2],
    /// From SIGTERM to the end of the process, milliseconds: longest.
    pub drain_ms_max: f64,
    /// Journeys entered: each completed, each with one message.
    pub journeys: u64,
    /// Messages that reached the simulated WeCom.
    pub delivered: u64,
    /// What the clients did.
    pub clients: Tally,
    /// Everything that is wrong, in words.
    pub wrong: Vec<String>,
}

impl Outcome {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.wrong.is_empty()
    }
}

/// Plays; `deliveries` asks the simulator what reached it, `say` is told what is going on.
///
/// # Errors
/// A server that does not start, or ends when nobody asked it to.
pub fn play(plan: &Plan, deliveries: &dyn Fn() -> Result<serde_json::Value>, say: &dyn Fn(&str)) -> Result<Outcome> {
    let mut host = Host::found(plan.program.clone())?;
    let definitions = Definitions::publish(&host, true)?;
    let stage = Stage::new(host.server, host.keys.clone(), plan.seed);
    let people = (PEOPLE_MIN + plan.kills * PEOPLE_PER_KILL).div_ceil(WRITERS as u64);
    let people = u32::try_from(people).context("too many kills")?;
    let pace = Duration::from_micros(1_000_000 * (WRITERS * EVENTS) as u64 / plan.rate.max(1));
    let mut stops = Stops::default();
    let (played, writers) = std::thread::scope(|scope| {
        let stage = &stage;
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| scope.spawn(move || Writer::new(number, stage, people, EVENTS, pace).work(stage)))
            .collect();
        let played = stops.play(plan, &mut host, stage, say);
        stage.turn(if played.is_ok() { Mood::Over } else { Mood::GivenUp });
        let writers: Vec<_> = writers.into_iter().filter_map(|writer| writer.join().ok()).collect();
        (played, writers)
    });
    played?;
    anyhow::ensure!(writers.len() == WRITERS, "a client panicked");
    say("auditing");
    Audit::wait_for_rest(&host, &definitions)?;
    let mut audit = Audit::of(&host, &stage, &writers, &definitions)?;
    audit.platform(&deliveries()?);
    host.stop()?;
    if let Some(words) = host.examine()? {
        audit.wrong.push(format!("roadbook doctor: {words}"));
    }
    Ok(stops.outcome(&writers, audit))
}

/// What the stops came to.
#[derive(Default)]
struct Stops {
    kills: u64,
    drains: u64,
    load: Duration,
    ready: Vec<Duration>,
    drained: Duration,
    wrong: Vec<String>,
}

impl Stops {
    fn play(&mut self, plan: &Plan, host: &mut Host, stage: &Stage, say: &dyn Fn(&str)) -> Result<()> {
        let mut random = SplitMix64(plan.seed);
        let begun = Instant::now();
        let only_drains = plan.drain_every <= 1;
        while plan.kills > if only_drains { self.drains } else { self.kills } {
            let early = random.below(EARLY_EVERY) == 0;
            let life_ms = random.below(if early { 150 } else { plan.life_ms_max });
            std::thread::sleep(Duration::from_millis(life_ms));
            if only_drains || (self.kills + self.drains) % plan.drain_every == plan.drain_every - 1 {
                self.drain(host, stage)?;
            } else {
                host.kill()?;
                self.kills += 1;
            }
            self.ready.push(host.start().with_context(|| format!("start after {} kills", self.kills))?);
            stage.started();
            if self.kills.is_multiple_of(10) {
                say(&format!("{} kills, {} drains", self.kills, self.drains));
            }
        }
        self.drain(host, stage)?;
        self.load = begun.elapsed();
        self.ready.push(host.start()?);
        Ok(())
    }

    fn drain(&mut self, host: &mut Host, stage: &Stage) -> Result<()> {
        self.drains += 1;
        stage.turn(Mood::Draining);
        let asked = Instant::now();
        host.terminate()?;
        match host.ended_within(DRAIN_MAX)? {
            Some(status) if status.success() => {}
            Some(status) => self.wrong.push(format!("SIGTERM ended the server with {status}; {}", host.log_tail())),
            None => {
                self.wrong.push(format!("the server still ran {DRAIN_MAX:?} after SIGTERM"));
                host.kill()?;
            }
        }
        self.drained = self.drained.max(asked.elapsed());
        stage.turn(Mood::Drained);
        Ok(())
    }

    fn outcome(mut self, writers: &[Writer], audit: Audit) -> Outcome {
        let mut clients = Tally::default();
        writers.iter().for_each(|writer| clients.add(&writer.tally));
        let acked = writers.iter().map(|writer| writer.ledger.acked()).sum();
        let mut wrong = std::mem::take(&mut self.wrong);
        wrong.extend(audit.wrong);
        wrong.extend(clients.wrong.iter().map(|(what, times)| format!("{times} times: {what}")));
        self.ready.sort_unstable();
        let ms = |time: Option<&Duration>| time.map_or(0.0, |time| (time.as_secs_f64() * 1e4).round() / 10.0);
        Outcome {
            kills: self.kills,
            acked,
            lost: audit.lost,
            twice: audit.twice,
            drains: self.drains,
            load_s: self.load.as_secs_f64(),
            acked_per_s: acked as f64 / self.load.as_secs_f64(),
            ready_ms: [ms(self.ready.get(self.ready.len() / 2)), ms(self.ready.last())],
            drain_ms_max: ms(Some(&self.drained)),
            journeys: audit.journeys,
            delivered: audit.delivered,
            clients,
            wrong,
        }
    }
}
