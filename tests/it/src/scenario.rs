//! Plays the script: once clean, and with a crash at any port call.

use crate::Backend;
use crate::canon;
use crate::faulty::{Faulty, Spot, Trouble};
use crate::rig::Rig;
use crate::script::{CUSTOMER_BYTES_MAX, Step, at, script};
use crate::sender::{Provider, pass};
use roadbook_customer::Command;
use roadbook_kernel::{CustomerId, DAY_MS, MINUTE_MS};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Limits, Memory, Outcome, begin_backfill};
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

/// How one run ended.
pub struct Ended {
    /// The tenant in its canonical form, and what people got.
    pub canonical: Value,
    /// Port calls until the end, or until the crash.
    pub calls: u64,
    /// Whether the crash was reached.
    pub crashed: bool,
}

/// Rounds of settling at the end: longer than a send's lease and a task's poll.
const SETTLING_ROUNDS: i64 = 4;

/// Plays the script. A crash ends the process; a new one on the same store goes on.
///
/// # Errors
/// A sentence about what is lost, twice or stuck.
pub async fn play(trouble: Trouble, redelivery: Redelivery) -> Result<Ended, String> {
    let memory = Arc::new(Memory::new());
    let faulty = Arc::new(Faulty::new(memory.clone(), trouble));
    let provider = Provider::default();
    let limits = Limits { customer_bytes_max: CUSTOMER_BYTES_MAX, ..Limits::default() };
    let doomed = Rig::bounded(faulty.clone(), limits);
    let steps = script();
    let total = steps.len() + SETTLING_ROUNDS as usize;

    let mut reached = total;
    for index in 0..total {
        if let Err(fault) = step(&doomed, &provider, &steps, index).await {
            if !faulty.is_dead() {
                return Err(format!("step {index} failed without a crash: {fault}"));
            }
            reached = index;
            break;
        }
    }
    let calls = faulty.calls();
    let rig = doomed.on(memory);
    drop(doomed);
    if reached < total {
        go_on(&rig, &provider, &steps, reached, redelivery).await?;
    }
    canon::at_rest(&rig).await?;
    let canonical = canonical(&rig, &provider).await?;
    Ok(Ended { canonical, calls, crashed: faulty.is_dead() })
}

async fn go_on(
    rig: &Rig<Memory>, provider: &Provider, steps: &[Step], reached: usize, redelivery: Redelivery,
) -> Result<(), String> {
    if redelivery == Redelivery::Everything {
        for index in 0..reached.min(steps.len()) {
            redeliver(rig, &steps[index]).await?;
        }
    }
    for index in reached..steps.len() + SETTLING_ROUNDS as usize {
        step(rig, provider, steps, index).await.map_err(|fault| format!("step {index} after the crash: {fault}"))?;
    }
    Ok(())
}

/// An acknowledged message comes once more: nothing may be applied again.
async fn redeliver(rig: &Rig<Memory>, step: &Step) -> Result<(), String> {
    let outcomes = message(rig, step).await.map_err(|fault| format!("redelivering {step:?}: {fault}"))?;
    match outcomes.iter().find(|outcome| !matches!(outcome, Outcome::Duplicate { .. })) {
        Some(outcome) => Err(format!("an acknowledged message came again and was {outcome:?}: {step:?}")),
        None => Ok(()),
    }
}

async fn step<S: Backend>(rig: &Rig<S>, provider: &Provider, steps: &[Step], index: usize) -> Result<(), Fault> {
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
async fn message<S: Backend>(rig: &Rig<S>, step: &Step) -> Result<Vec<Outcome>, Fault> {
    match step {
        Step::Observe(says) => rig.try_observe(says).await.into_iter().collect(),
        Step::Define(id, command) => rig.try_define(id, command.clone()).await.map(|outcome| vec![outcome]),
        Step::Consent(id, who, purpose, verdict, at) => {
            let command = Command::NoteConsent { purpose: *purpose, verdict: *verdict };
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
async fn settle<S: Backend>(rig: &Rig<S>, provider: &Provider, round: i64) -> Result<(), Fault> {
    let until = at(21 * DAY_MS + round * 10 * MINUTE_MS);
    rig.try_drain(until).await?;
    while roadbook_runtime::advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, 100).await? {}
    rig.try_relay().await?;
    pass(&rig.engine, rig.direct.as_ref(), provider).await?;
    rig.try_relay().await
}

/// Customers, counters and letters, and what people got: every send once under its key, called without a doubt once.
async fn canonical(rig: &Rig<Memory>, provider: &Provider) -> Result<Value, String> {
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
