//! One seed: played, audited, and where it fails told as a story.

use crate::audit::{audit, counted};
#[cfg(feature = "mutants")]
use crate::plan::Plan;
use crate::plan::plan;
use crate::run::Run;
use crate::world::{Line, Step, Trouble};
#[cfg(feature = "mutants")]
use roadbook_kernel::MessageId;
#[cfg(feature = "mutants")]
use roadbook_runtime::engine::KeyRing;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a seed came to.
#[derive(Default)]
pub struct Played {
    /// Turns committed.
    pub turns: u64,
    /// Messages acknowledged.
    pub messages: u64,
    /// Hosts that died.
    pub deaths: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Where each trouble struck.
    pub reached: BTreeSet<(Trouble, Step)>,
    /// Messages that were lost.
    pub lost: u64,
    /// Messages that were applied more than once, or reached a person twice.
    pub twice: u64,
    /// The promise that was broken, if one was.
    pub broken: Option<String>,
    /// The story, where it was asked for.
    pub lines: Vec<Line>,
}

/// Plays a seed without the steps named.
pub fn play(seed: u64, dropped: &BTreeSet<usize>, told: bool) -> Played {
    let plan = Arc::new(plan(seed));
    #[cfg(feature = "mutants")]
    {
        roadbook_runtime::mutants::CURSOR.set(i64::MIN);
        roadbook_runtime::mutants::POISONED.set(poisoned(&plan));
    }
    let mut run = Run::new(seed, plan, Arc::new(dropped.clone()), told);
    let broken = run.play().and_then(|()| audit(&run)).err();
    let broken = broken.or_else(|| run.world.inner().broken.take());
    let (lost, twice) = broken.as_deref().map_or((0, 0), |broken| amounts(&run, broken));
    let polls = run.polls;
    let messages = run.told.applied.len() as u64;
    let turns = roadbook_runtime::ports::Journal::last(&run.world.memory);
    let inner = &mut *run.world.inner();
    Played {
        turns,
        messages,
        deaths: inner.deaths,
        polls,
        reached: std::mem::take(&mut inner.reached),
        lost,
        twice,
        broken,
        lines: inner.lines.take().unwrap_or_default(),
    }
}

/// The ids of the messages whose decision panics.
#[cfg(feature = "mutants")]
fn poisoned(plan: &Plan) -> BTreeSet<MessageId> {
    let ring = KeyRing::new([7; 32]);
    let all = plan.messages.iter().enumerate().filter(|(_, message)| message.poisoned);
    all.map(|(n, _)| ring.of(plan.tenants[plan.tenant_of(n)]).message("test", &format!("m{n}"))).collect()
}

/// How many messages are lost and doubled in a broken run. What was seen of a send, a sum or a command counts as one.
fn amounts(run: &Run, broken: &str) -> (u64, u64) {
    let (lost, twice) = counted(run);
    let at_least = |word: &str, counted: u64| counted.max(u64::from(broken.starts_with(word)));
    (at_least("lost", lost), at_least("twice", twice))
}
