//! Plays the script: once clean, and with a crash at any port call.

use crate::Keeper;
use crate::canon;
use crate::faulty::{Faulty, Spot, Trouble};
use crate::rig::{Rig, T0};
use crate::script::{CUSTOMER_BYTES_MAX, Step, at, script};
use crate::sender::{Provider, pass};
use roadbook_customer::{Command, ConsentWord};
use roadbook_kernel::{CustomerId, DAY_MS, MINUTE_MS, Moment};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Limits, ManualClock, Memory, Outcome, begin_backfill};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is delivered again after a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redelivery {
    /// Only what was not acknowledged.
    Unacknowledged,
    /// Everything so far, acknowledged or not.
    Everything,
}

/// The tenant before one step of the clean run: where a crash in that step begins.
pub struct Stage {
    memory: Memory,
    provider: Provider,
    now: Moment,
    /// Port calls of all steps before.
    calls: u64,
}

/// The clean run.
pub struct Rehearsed {
    stages: Vec<Stage>,
    steps: Vec<Step>,
    /// The tenant in its canonical form, and what people got.
    pub canonical: Value,
    /// Port calls of the whole run.
    pub calls: u64,
}

/// Rounds of settling at the end: longer than a send's lease and a task's poll.
const SETTLING_ROUNDS: usize = 4;

/// Plays the script without a crash, each step in a process of its own: a cold process asks its ports for everything,
/// so there is no call a warm one could make that is not among these.
///
/// # Errors
/// A sentence about what is lost, twice or stuck.
pub async fn rehearse() -> Result<Rehearsed, String> {
    let steps = script();
    let mut stages = Vec::new();
    let mut stage = Stage { memory: Memory::new(), provider: Provider::default(), now: T0, calls: 0 };
    for index in 0..steps.len() + SETTLING_ROUNDS {
        let (rig, provider) = stage.begin(Trouble::None);
        step(&rig, &provider, &steps, index).await.map_err(|fault| format!("step {index}: {fault}"))?;
        let now = rig.engine.clock.now();
        let next = Stage { memory: rig.store.inner().fork(), provider, now, calls: stage.calls + rig.store.calls() };
        stages.push(std::mem::replace(&mut stage, next));
    }
    let (rig, provider) = stage.begin(Trouble::None);
    canon::at_rest(&rig).await?;
    let canonical = canonical(&rig, &provider).await?;
    Ok(Rehearsed { stages, steps, canonical, calls: stage.calls })
}

/// Times a step is played again after a fault.
const PATIENCE: usize = 60;

/// Plays the script over any store, in one process that is told of faults and comes again. Returns the tenant in its
/// canonical form and what people got, to compare with [`Rehearsed::canonical`].
///
/// # Errors
/// A sentence about what is lost, twice or stuck.
pub async fn play<S: Keeper>(rig: &Rig<S>) -> Result<Value, String> {
    let (steps, provider) = (script(), Provider::default());
    for index in 0..steps.len() + SETTLING_ROUNDS {
        let mut told = None;
        for _ in 0..PATIENCE {
            told = step(rig, &provider, &steps, index).await.err();
            if told.is_none() {
                break;
            }
        }
        if let Some(fault) = told {
            return Err(format!("step {index}: {fault}"));
        }
    }
    canon::at_rest(rig).await?;
    canonical(rig, &provider).await
}

/// The bounds the script is played in.
pub fn limits() -> Limits {
    Limits { customer_bytes_max: CUSTOMER_BYTES_MAX, ..Limits::default() }
}

impl Stage {
    /// A process that begins here.
    fn begin(&self, trouble: Trouble) -> (Rig<Faulty<Memory>>, Provider) {
        let clock = || Arc::new(ManualClock::at(self.now));
        let store = Arc::new(Faulty::new(Arc::new(self.memory.fork()), trouble));
        (Rig::build(store, clock(), clock(), limits()), self.provider.clone())
    }

    fn is_as<S: Keeper>(&self, rig: &Rig<S>, memory: &Memory, provider: &Provider) -> bool {
        rig.engine.clock.now() == self.now && provider.calls() == self.provider.calls() && memory.equals(&self.memory)
    }
}

impl Rehearsed {
    /// Plays the script with a crash: the process ends at that port call, a new one on the same store goes on. Where
    /// after a step the store is to the byte what it was in the clean run, the rest would be the same: it is played
    /// only if `to_the_end` says so.
    ///
    /// # Errors
    /// A sentence about what is lost, twice or stuck, or in what the end differs from the clean run's.
    pub async fn crash(&self, spot: Spot, redelivery: Redelivery, to_the_end: bool) -> Result<(), String> {
        let (index, stage, spot) = self.find(spot);
        let (doomed, provider) = stage.begin(Trouble::Crash(spot));
        // The step may end well where only its last word is lost; the process is dead all the same.
        let ended = step(&doomed, &provider, &self.steps, index).await;
        if !doomed.store.is_dead() {
            return Err(format!("step {index} ended before the crash: {ended:?}"));
        }
        let rig = doomed.on(doomed.store.inner().clone());
        drop(doomed);
        let reached = if ended.is_ok() { index + 1 } else { index };
        if redelivery == Redelivery::Everything {
            for step in self.steps.iter().take(reached) {
                redeliver(&rig, step).await?;
            }
        }
        let memory = rig.store.clone();
        self.go_on(&rig, &memory, &provider, reached, to_the_end).await
    }

    /// Plays the script with one port call that fails; the process lives, and whoever was told of a fault comes again.
    ///
    /// # Errors
    /// As [`Rehearsed::crash`].
    pub async fn hiccup(&self, spot: Spot, to_the_end: bool) -> Result<(), String> {
        let (index, stage, spot) = self.find(spot);
        let (rig, provider) = stage.begin(Trouble::Fault(spot));
        let ended = step(&rig, &provider, &self.steps, index).await;
        let reached = if ended.is_ok() { index + 1 } else { index };
        let memory = rig.store.inner().clone();
        self.go_on(&rig, &memory, &provider, reached, to_the_end).await
    }

    /// The step in which a call lies, the stage before it, and which of the step's calls it is.
    fn find(&self, spot: Spot) -> (usize, &Stage, Spot) {
        let index = self.stages.partition_point(|stage| stage.calls < spot.call) - 1;
        let stage = &self.stages[index];
        (index, stage, Spot { call: spot.call - stage.calls, ..spot })
    }

    async fn go_on<S: Keeper>(
        &self,
        rig: &Rig<S>,
        memory: &Memory,
        provider: &Provider,
        reached: usize,
        to_the_end: bool,
    ) -> Result<(), String> {
        for index in reached..self.stages.len() {
            if index > reached && !to_the_end && self.stages[index].is_as(rig, memory, provider) {
                return Ok(());
            }
            let done = step(rig, provider, &self.steps, index).await;
            done.map_err(|fault| format!("step {index} afterwards: {fault}"))?;
        }
        canon::at_rest(rig).await?;
        let canonical = canonical(rig, provider).await?;
        if canonical == self.canonical { Ok(()) } else { Err(canon::difference(&self.canonical, &canonical)) }
    }
}

/// An acknowledged message comes once more: nothing may be applied again.
async fn redeliver(rig: &Rig<Memory>, step: &Step) -> Result<(), String> {
    let outcomes = message(rig, step).await.map_err(|fault| format!("redelivering {step:?}: {fault}"))?;
    match outcomes.iter().find(|outcome| !matches!(outcome, Outcome::Duplicate { .. })) {
        Some(outcome) => Err(format!("an acknowledged message came again and was {outcome:?}: {step:?}")),
        None => Ok(()),
    }
}

async fn step<S: Keeper>(rig: &Rig<S>, provider: &Provider, steps: &[Step], index: usize) -> Result<(), Fault> {
    let Some(step) = steps.get(index) else {
        let round = i64::try_from(index - steps.len()).unwrap_or(0) + 1;
        return settle(rig, provider, round).await;
    };
    match step {
        Step::Observe(_) | Step::Define(..) | Step::Consent(..) | Step::Merge(..) => message(rig, step).await.map(drop),
        Step::Until(until) => rig.try_drain(*until).await.map(drop),
        Step::Relay => rig.try_relay().await,
        Step::Send => pass(&rig.engine, rig.direct.as_ref(), provider).await.map(drop),
        Step::BeginBackfill(segment) => {
            let key = roadbook_kernel::ActorKey::catalog(rig.tenant);
            let row = roadbook_runtime::load_row::<roadbook_catalog::Catalog>(&rig.engine, &key).await?;
            begin_backfill(&rig.engine, rig.tenant, *segment, row.state.edition).await
        }
        Step::Backfill(limit) => {
            roadbook_runtime::advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, *limit).await.map(drop)
        }
    }
}

/// What a step's producer does, and does again until it is acknowledged. Steps that are no messages do nothing.
async fn message<S: Keeper>(rig: &Rig<S>, step: &Step) -> Result<Vec<Outcome>, Fault> {
    match step {
        Step::Observe(says) => rig.try_observe(says).await.into_iter().collect(),
        Step::Define(id, command) => rig.try_define(id, command.clone()).await.map(|outcome| vec![outcome]),
        Step::Consent(id, who, purpose, verdict, at) => {
            let command = Command::NoteConsent(ConsentWord::general(*purpose, *verdict));
            rig.try_tell(who, id, command, *at).await.map(|outcome| vec![outcome])
        }
        Step::Merge(id, who, other, at) => {
            let key = other.identifier(&rig.keys()).key();
            let other = rig.router.owner(rig.tenant, &key).await?.unwrap_or(CustomerId::from_u128(0));
            rig.try_tell(who, id, Command::MergeWith { other }, *at).await.map(|outcome| vec![outcome])
        }
        Step::Until(_) | Step::Relay | Step::Send | Step::BeginBackfill(_) | Step::Backfill(_) => Ok(Vec::new()),
    }
}

/// Time passes until nothing is under way: leases run out, tasks are asked about, sweeps end.
async fn settle<S: Keeper>(rig: &Rig<S>, provider: &Provider, round: i64) -> Result<(), Fault> {
    let until = at(21 * DAY_MS + round * 10 * MINUTE_MS);
    rig.try_drain(until).await?;
    while roadbook_runtime::advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, 100).await? {}
    rig.try_relay().await?;
    pass(&rig.engine, rig.direct.as_ref(), provider).await?;
    rig.try_relay().await
}

/// Customers, counters and letters, and what people got: every send once under its key, called without a doubt once.
async fn canonical<S: Keeper>(rig: &Rig<S>, provider: &Provider) -> Result<Value, String> {
    let mut certain = BTreeMap::new();
    for call in provider.calls().iter().filter(|call| !call.maybe_sent) {
        *certain.entry(call.key).or_insert(0) += 1;
    }
    if let Some((key, times)) = certain.iter().find(|(_, times)| **times > 1) {
        return Err(format!("send {key} was called {times} times without saying that it may be a repetition"));
    }
    let mut delivered: Vec<String> =
        provider.delivered().values().map(|(channel, content)| format!("{channel:?} {content}")).collect();
    delivered.sort();
    Ok(json!({ "tenant": canon::tenant(rig).await, "delivered": delivered }))
}

/// The spot a person asked to replay, from the environment.
///
/// # Errors
/// What is wrong with it.
pub fn asked() -> Result<Option<Spot>, String> {
    match std::env::var("ROADBOOK_CRASH_AT") {
        Ok(text) => text.parse().map(Some),
        Err(_) => Ok(None),
    }
}

/// The command that plays one crash again.
pub fn replay_command(spot: Spot) -> String {
    format!("ROADBOOK_CRASH_AT={spot} cargo test -p roadbook-it --test it scenario -- --nocapture")
}
