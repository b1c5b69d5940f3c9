//! Undoing a merge in the store: reads what happened since the two met, has it decided again for two, and writes both
//! rows and the claims in one transaction. What deciding again means is `roadbook_customer::unmerge`.
//!
//! Cost: the whole History of the customer is read once, a millisecond per few hundred turns.

use crate::customers::CustomerScene;
use crate::engine::Engine;
use crate::gate::{Customers, live_end};
use crate::hosted::Admission;
use crate::message::Message;
use crate::ports::Fault;
use crate::record::{Entry, Record, Trigger};
use crate::working::Claim;
use roadbook_customer::unmerge::{Happened, Parting, Past, part};
use roadbook_customer::{Begun, Command, Customer, Event, Life, World};
use roadbook_identity::WINDOW_MS;
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment, Refusal, ReviewId, TenantId};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Causes since a merge that one unmerge decides again. More is days of one customer's life at a machine's pace:
/// somebody should look at it first.
const PAST_MAX: usize = 20_000;
/// Turns read at once.
const TURNS_READ: usize = 256;

/// What the time together was like, as read from the store.
struct Since {
    /// The customer who stays, as they were when the two met.
    base: Customer,
    past: Vec<Happened>,
    /// The cause of each entry of `past`.
    causes: Vec<Trigger>,
    tombstones: BTreeMap<CustomerId, Arc<Customer>>,
}

pub(crate) async fn admit(
    engine: &Engine,
    scene: &mut CustomerScene,
    set: &mut Customers,
    message: &Message<Command>,
    other: CustomerId,
    now: Moment,
) -> Result<Admission, Fault> {
    let state = &set.now_on().row.state;
    match state.life {
        Life::Unborn => return Ok(refuse("no_such_customer", "there is no customer under this id")),
        Life::Merged { into, .. } => {
            let forward = Some(live_end(engine, set, into).await?);
            return Ok(Admission::NotMine { forward, exists: true });
        }
        Life::Live(_) => {}
    }
    if !state.absorbed.contains_key(&other) {
        return Ok(refuse("not_merged", "that id was not merged into this customer"));
    }
    let (here, id) = (set.current, state.id);
    let there = ActorKey::customer(here.tenant, other);
    let Some(into) = set.load(engine, there).await?.row.state.merged_into() else {
        return Ok(refuse("not_merged", "that id is a customer of its own already"));
    };
    if into != id {
        let detail = format!("it was merged into {into} first; take {into} out, then it");
        return Ok(refuse("merged_into_another", detail));
    }
    let since = match read_since(engine, set, here, other).await? {
        Ok(since) => since,
        Err(refusal) => return Ok(Admission::Refused(refusal)),
    };
    let Some(returns) = set.row(&there).map(|working| working.row.state.clone()) else {
        return Ok(refuse("not_merged", "that id was not merged into this customer"));
    };
    scene.pin(engine, here.tenant, &since.base).await?;
    scene.pin(engine, here.tenant, &returns).await?;
    let theirs = messages_of(engine, there).await?;
    let parting = {
        let past = StoredPast { scene, tenant: here.tenant, tombstones: &since.tombstones, theirs: &theirs };
        part(&set.now_on().row.state, since.base, returns, &since.past, &past, now)
    };
    claims(engine, set, here, &parting, now).await?;
    followers(engine, set, &parting, message).await?;
    write(set, there, parting, &since.causes, message);
    Ok(Admission::Admitted)
}

fn refuse(code: &'static str, detail: impl Into<String>) -> Admission {
    Admission::Refused(Refusal::new(code, detail))
}

/// Folds the customer's History up to the moment the two met, and collects what came after.
async fn read_since(
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
    fn push(&mut self, now: Moment, mut entry: Entry<Event>, out: &(HashSet<CustomerId>, HashSet<MessageId>)) {
        let (message, at) = match &entry.cause {
            Trigger::Message { id, accepted, occurred, .. } => (Some(*id), (*occurred).min(*accepted)),
            Trigger::Due { at } => (None, *at),
            Trigger::Beside { id } => (Some(*id), now),
        };
        if message.is_some_and(|id| out.1.contains(&id)) {
            return;
        }
        entry.facts.retain(|fact| match fact {
            Event::Absorbed { loser, .. } => !out.0.contains(loser),
            Event::Parted { .. } => false,
            _ => true,
        });
        self.past.push(Happened { message, at, reached: now, facts: entry.facts });
        self.causes.push(entry.cause);
    }
}

/// Applies a fact of the past. A merge lies in History without the other's state: the tombstone has it.
async fn apply(engine: &Engine, set: &mut Customers, base: &mut Customer, fact: &Event) -> Result<(), Fault> {
    use roadbook_kernel::Durable;
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
async fn messages_of(engine: &Engine, actor: ActorKey) -> Result<HashSet<u64>, Fault> {
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

/// Every identifier of the one who comes back leads to them again. Written also where the claim names them already:
/// somebody may be shortening it to the one who stays at this very moment.
async fn claims(
    engine: &Engine,
    set: &mut Customers,
    here: ActorKey,
    parting: &Parting,
    now: Moment,
) -> Result<(), Fault> {
    let horizon = now.minus_ms(WINDOW_MS);
    for link in &parting.returns.links {
        let key = link.identifier.key();
        let Some(claim) = set.claim(engine, key).await?.cloned() else { continue };
        if live_end(engine, set, claim.owner).await? != here {
            continue;
        }
        let past = claim.past.into_iter().filter(|(_, until)| *until >= horizon).collect();
        set.set_claim(key, Claim { owner: parting.returns.id, past, released: false });
    }
    Ok(())
}

/// Ids that were merged since by something the one who comes back did lead to them now.
async fn followers(
    engine: &Engine,
    set: &mut Customers,
    parting: &Parting,
    message: &Message<Command>,
) -> Result<(), Fault> {
    for id in &parting.followed {
        let key = ActorKey::customer(set.current.tenant, *id);
        set.load(engine, key).await?;
        if let Some(working) = set.row_mut(&key) {
            working.emit(Event::MergedInto { survivor: parting.returns.id, by: message.id, at: message.time() });
        }
    }
    Ok(())
}

fn write(set: &mut Customers, there: ActorKey, parting: Parting, causes: &[Trigger], message: &Message<Command>) {
    let (stays, returns) = (Arc::new(parting.stays), Arc::new(parting.returns));
    let (by, at) = (message.id, message.time());
    let here = &set.now_on().row;
    let (inbox, last_turn, edition) = (here.inbox.clone(), here.last_turn, here.edition);
    let mut theirs = None;
    if let Some(working) = set.row_mut(&there) {
        for one in parting.returned {
            let cause = one.of.and_then(|index| causes.get(index)).cloned().unwrap_or(Trigger::Due { at: one.at });
            working.append(cause, one.facts);
        }
        theirs = Some(working.row.inbox.clone());
        working.row.inbox.unite(&inbox);
        working.row.last_turn = working.row.last_turn.max(last_turn);
        working.row.edition = working.row.edition.max(edition);
        working.emit(Event::Parted {
            other: stays.id,
            restored: true,
            state: returns.clone(),
            gone: Vec::new(),
            review: Vec::new(),
            corrections: Vec::new(),
            by,
            at,
        });
    }
    let working = set.now_on_mut();
    if let Some(theirs) = theirs {
        working.row.inbox.unite(&theirs);
    }
    working.emit(Event::Parted {
        other: returns.id,
        restored: false,
        state: stays,
        gone: parting.gone,
        review: parting.review,
        corrections: parting.corrections,
        by,
        at,
    });
}

/// The past as the store has it.
struct StoredPast<'a> {
    scene: &'a CustomerScene,
    tenant: TenantId,
    tombstones: &'a BTreeMap<CustomerId, Arc<Customer>>,
    theirs: &'a HashSet<u64>,
}

impl Past for StoredPast<'_> {
    fn world<'a>(
        &'a self,
        customer: CustomerId,
        message: Option<MessageId>,
        at: Moment,
        reached: Moment,
        begun: &'a Begun,
    ) -> World<'a> {
        let key = ActorKey::customer(self.tenant, customer);
        let message = message.unwrap_or_else(|| self.scene.due(&key, at));
        World { begun: Some(begun), ..self.scene.world(&key, message, at, reached) }
    }

    fn tombstone(&self, id: CustomerId) -> Option<Arc<Customer>> {
        self.tombstones.get(&id).cloned()
    }

    fn was_theirs(&self, message: u64) -> bool {
        self.theirs.contains(&message)
    }

    fn review(&self, message: MessageId) -> ReviewId {
        ReviewId::from_u128(self.scene.derived(&[b"review", &message.as_u128().to_be_bytes()]).0)
    }
}
