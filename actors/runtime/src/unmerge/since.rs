//! What has happened to a customer since two were made one, as the store has it.

use crate::engine::Engine;
use crate::gate::Customers;
use crate::ports::Fault;
use crate::record::{Entry, Record, Trigger};
use roadbook_customer::unmerge::Happened;
use roadbook_customer::{Customer, Event};
use roadbook_journey::RunEvent;
use roadbook_kernel::{ActorKey, CustomerId, Durable, JourneyId, MessageId, Moment, Refusal};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Causes since a merge that one unmerge decides again. More is days of one customer's life at a machine's pace:
/// somebody should look at it first.
const PAST_MAX: usize = 20_000;
/// Turns read at once.
const TURNS_READ: usize = 256;

/// What the time together was like, as read from the store.
pub(super) struct Since {
    /// The customer who stays, as they were when the two met.
    pub(super) base: Customer,
    pub(super) past: Vec<Happened>,
    /// The cause of each entry of `past`.
    pub(super) causes: Vec<Trigger>,
    pub(super) tombstones: BTreeMap<CustomerId, Arc<Customer>>,
}

/// Folds the customer's History up to the moment the two met, and collects what came after.
pub(super) async fn read_since(
    engine: &Engine,
    set: &mut Customers,
    here: ActorKey,
    other: CustomerId,
) -> Result<Result<Since, Refusal>, Fault> {
    let mut entries = Vec::new();
    let (mut after, mut met) = (0, None);
    loop {
        let turns = engine.history.turns(&here, after, TURNS_READ).await?;
        let Some(last) = turns.last() else { break };
        after = last.version;
        for turn in &turns {
            let body = Record::new(&turn.record)?.body::<Event>()?;
            for entry in body.entries {
                let place = entry.facts.iter().rposition(|fact| is_merge_of(fact, other));
                if let Some(place) = place {
                    met = Some((entries.len(), place));
                }
                entries.push((body.now, entry));
            }
        }
    }
    let Some((met, place)) = met else {
        return Ok(Err(Refusal::new("not_merged", "that id was not merged into this customer")));
    };
    if entries.len() - met > PAST_MAX {
        let detail = format!("more than {PAST_MAX} things happened since; ask for help");
        return Ok(Err(Refusal::new("too_much_since", detail)));
    }
    let later: Vec<(Moment, Entry<Event>)> = entries.split_off(met);
    let mut tombstones = BTreeMap::new();
    let mut base = Customer::blank(CustomerId::from_u128(here.id.0));
    let cut = later.first().map(|(_, entry)| &entry.facts[..place]).unwrap_or_default();
    for fact in entries.iter().flat_map(|(_, entry)| &entry.facts).chain(cut) {
        apply(engine, set, &mut base, fact).await?;
    }
    let mut since = Since { base, past: Vec::new(), causes: Vec::new(), tombstones: BTreeMap::new() };
    let taken_out = taken_out(&later);
    for (index, (now, mut entry)) in later.into_iter().enumerate() {
        if index == 0 {
            entry.facts.drain(..=place);
        }
        for fact in &entry.facts {
            if let Event::Absorbed { loser, .. } = fact {
                let row = set.load(engine, ActorKey::customer(here.tenant, *loser)).await?;
                tombstones.insert(*loser, Arc::new(row.row.state.clone()));
            }
            if let Event::Parted { other, restored: false, .. } = fact
                && !since.past.iter().any(|one| one.facts.iter().any(|fact| is_merge_of(fact, *other)))
            {
                let detail = format!("{other}, which was merged before it, has been taken out since");
                return Ok(Err(Refusal::new("unmerge_out_of_order", detail)));
            }
        }
        since.push(now, entry, &taken_out);
    }
    since.tombstones = tombstones;
    Ok(Ok(since))
}

fn is_merge_of(fact: &Event, other: CustomerId) -> bool {
    matches!(fact, Event::Absorbed { loser, .. } if *loser == other)
}

/// Customers that were merged and taken out again within the time together, and the messages that went with them.
fn taken_out(later: &[(Moment, Entry<Event>)]) -> (HashSet<CustomerId>, HashSet<MessageId>) {
    let (mut customers, mut messages) = (HashSet::new(), HashSet::new());
    for fact in later.iter().flat_map(|(_, entry)| &entry.facts) {
        if let Event::Parted { other, restored: false, gone, .. } = fact {
            customers.insert(*other);
            messages.extend(gone);
        }
    }
    (customers, messages)
}

impl Since {
    /// The journey revisions that runs were begun under.
    pub(super) fn begun(&self) -> impl Iterator<Item = (JourneyId, u32)> + '_ {
        self.past.iter().flat_map(|one| &one.facts).filter_map(|fact| {
            let Event::Journey { step: RunEvent::Entered { run }, .. } = fact else { return None };
            Some((run.journey, run.revision))
        })
    }

    fn push(&mut self, now: Moment, mut entry: Entry<Event>, out: &(HashSet<CustomerId>, HashSet<MessageId>)) {
        let (message, at) = match &entry.cause {
            Trigger::Message { id, accepted, occurred, .. } => (Some(*id), (*occurred).min(*accepted)),
            Trigger::Due { at } => (None, *at),
            Trigger::Beside { id } => (Some(*id), now),
        };
        if message.is_some_and(|id| out.1.contains(&id)) {
            return;
        }
        let undone = |fact: &Event| {
            matches!(fact, Event::Parted { .. })
                || matches!(fact, Event::Absorbed { loser, .. } if out.0.contains(loser))
        };
        entry.facts.retain(|fact| !undone(fact));
        self.past.push(Happened { message, at, reached: now, facts: entry.facts });
        self.causes.push(entry.cause);
    }
}

/// Applies a fact of the past. A merge lies in History without the other's state: the tombstone has it.
async fn apply(engine: &Engine, set: &mut Customers, base: &mut Customer, fact: &Event) -> Result<(), Fault> {
    let Event::Absorbed { loser, version, shared, by, at, .. } = fact else {
        base.evolve(fact);
        return Ok(());
    };
    let row = set.load(engine, ActorKey::customer(set.current.tenant, *loser)).await?;
    let state = Some(Arc::new(row.row.state.clone()));
    let shared = shared.clone();
    base.evolve(&Event::Absorbed { loser: *loser, version: *version, state, shared, by: *by, at: *at });
    Ok(())
}

/// The short ids of every message an actor has decided.
pub(super) async fn messages_of(engine: &Engine, actor: ActorKey) -> Result<HashSet<u64>, Fault> {
    let (mut known, mut after) = (HashSet::new(), 0);
    loop {
        let turns = engine.history.turns(&actor, after, TURNS_READ).await?;
        let Some(last) = turns.last() else { return Ok(known) };
        after = last.version;
        for turn in &turns {
            known.extend(Record::new(&turn.record)?.messages().map(MessageId::short));
        }
    }
}
