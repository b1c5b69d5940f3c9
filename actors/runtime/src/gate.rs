//! The gate of the customer actor: before a message is decided, whose is it? Claims, moves and merges happen here, in
//! the transaction of the turn that needs them.

use crate::engine::{Engine, Tally};
use crate::hosted::Admission;
use crate::message::Message;
use crate::ports::Fault;
use crate::working::{Claim, WorkingSet};
use roadbook_customer::{Call, Command, Customer, Event, Life};
use roadbook_identity::{
    Evidence, Here, IDENTIFIERS_MAX, Identifier, IdentifierKey, Plan, RefusedLink, There, WINDOW_MS, plan, survivor,
};
use roadbook_kernel::{ActorKey, CustomerId, Moment, Refusal, SegmentId};
use std::sync::Arc;

/// Tombstones a chain may have before something must be wrong.
const CHAIN_MAX: u32 = 64;

/// The set of a customer turn.
pub(crate) type Customers = WorkingSet<Customer>;

pub(crate) async fn admit(
    engine: &Engine,
    set: &mut Customers,
    message: &Message<Command>,
    now: Moment,
) -> Result<Admission, Fault> {
    let (identifiers, evidence): (&[Identifier], _) = match &message.command {
        Command::Observe(observation) => (&observation.identifiers, evidence(observation.call)),
        Command::MergeWith { other } => return merge_with(engine, set, message, *other).await,
        Command::NoteConsent { .. }
        | Command::ReportSend(_)
        | Command::SetTag { .. }
        | Command::Backfill { .. }
        | Command::Attend { .. }
        | Command::Leave { .. } => (&[], Evidence::Mention),
    };
    if let Some(refused) = whose(engine, set, message, identifiers).await? {
        return Ok(refused);
    }
    if let Some(via) = message.via
        && known_to_former_owner(engine, set, via, message).await?
    {
        return Ok(Admission::Duplicate);
    }
    for identifier in identifiers {
        link(engine, set, message, identifiers, identifier, evidence, now).await?;
    }
    Ok(Admission::Admitted)
}

const fn evidence(call: Call) -> Evidence {
    match call {
        Call::Identify => Evidence::Identify,
        Call::Alias => Evidence::Alias,
        Call::Track | Call::Page | Call::Screen | Call::Group => Evidence::Mention,
    }
}

/// Whether the current row is the one this message belongs to. Founds it where it does not exist yet.
async fn whose(
    engine: &Engine,
    set: &mut Customers,
    message: &Message<Command>,
    identifiers: &[Identifier],
) -> Result<Option<Admission>, Fault> {
    let state = &set.now_on().row.state;
    match (&state.life, message.via) {
        // To the end of the chain at once: a chain may be longer than the hops a message has.
        (Life::Merged { into, .. }, _) => {
            let into = *into;
            let forward = Some(live_end(engine, set, into).await?);
            Ok(Some(Admission::NotMine { forward, exists: true }))
        }
        // A founding message names identifiers nobody had claimed: an earlier message of its batch may have founded
        // this row on another of them.
        (Life::Live(_), Some(_)) if message.founding && identifiers.iter().any(|one| state.owns(&one.key())) => {
            decided_elsewhere(engine, set, identifiers).await
        }
        (Life::Live(_), Some(via)) if !state.owns(&via) => Ok(Some(Admission::NotMine { forward: None, exists: true })),
        (Life::Live(_), Some(_)) => decided_elsewhere(engine, set, identifiers).await,
        (Life::Live(_), None) => Ok(None),
        (Life::Unborn, Some(via)) if message.founding => {
            // Somebody may have claimed one of them since they were resolved: then there is nobody to found.
            if let Some(elsewhere) = decided_elsewhere(engine, set, identifiers).await? {
                return Ok(Some(elsewhere));
            }
            let founded = Event::Founded { by: message.id, on: via, at: message.accepted };
            set.now_on_mut().emit(founded);
            Ok(None)
        }
        (Life::Unborn, Some(_)) => Ok(Some(Admission::NotMine { forward: None, exists: false })),
        (Life::Unborn, None) => {
            let refusal = Refusal::new("no_such_customer", "there is no customer under this id");
            Ok(Some(Admission::Refused(refusal)))
        }
    }
}

/// The rule of routing once more, inside the turn: the strongest identifier that has an owner decides whose the event
/// is. Between resolving and deciding another turn may have claimed a stronger one than it was routed by; linked here,
/// it would look like a second person.
///
/// A weak identifier decides for nobody who is known where the event names a person nobody knows yet: a first login
/// on somebody else's device is somebody new.
async fn decided_elsewhere(
    engine: &Engine,
    set: &mut Customers,
    identifiers: &[Identifier],
) -> Result<Option<Admission>, Fault> {
    let keys = roadbook_identity::route(identifiers);
    let brings_strong = keys.first().is_some_and(|key| !key.kind.is_weak());
    for key in keys {
        let names_nobody_new = |state: &Customer| !(key.kind.is_weak() && brings_strong && state.is_known());
        let state = &set.now_on().row.state;
        if state.owns(&key) {
            let exists = Some(Admission::NotMine { forward: None, exists: true });
            return Ok(if names_nobody_new(state) { None } else { exists });
        }
        let Some(owner) = set.claim(engine, key).await?.map(|claim| claim.owner) else { continue };
        let there = live_end(engine, set, owner).await?;
        if set.row(&there).is_some_and(|working| names_nobody_new(&working.row.state)) {
            let mine = there == set.current;
            return Ok((!mine).then_some(Admission::NotMine { forward: None, exists: false }));
        }
    }
    Ok(None)
}

/// A weak identifier that changed its person: a duplicate of an older message may be known where it led before.
async fn known_to_former_owner(
    engine: &Engine,
    set: &mut Customers,
    via: IdentifierKey,
    message: &Message<Command>,
) -> Result<bool, Fault> {
    let moved = |link: &roadbook_customer::Link| link.moved && link.identifier.key() == via;
    if !via.kind.is_weak() || !set.now_on().row.state.links.iter().any(moved) {
        return Ok(false);
    }
    let past = set.claim(engine, via).await?.map(|claim| claim.past.clone()).unwrap_or_default();
    for (owner, _) in past {
        let key = live_end(engine, set, owner).await?;
        if set.knows(engine, &key, message.id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Follows tombstones to the live customer. Every row on the way is loaded into the set.
async fn live_end(engine: &Engine, set: &mut Customers, from: CustomerId) -> Result<ActorKey, Fault> {
    let mut key = ActorKey::customer(set.current.tenant, from);
    for _ in 0..CHAIN_MAX {
        match set.load(engine, key).await?.row.state.merged_into() {
            Some(next) => key = ActorKey::customer(key.tenant, next),
            None => return Ok(key),
        }
    }
    Err(Fault::Corrupt(format!("the tombstones behind {from} do not end")))
}

/// Brings one identifier of the message and the current customer together, as the rules allow.
async fn link(
    engine: &Engine,
    set: &mut Customers,
    message: &Message<Command>,
    all: &[Identifier],
    identifier: &Identifier,
    evidence: Evidence,
    now: Moment,
) -> Result<(), Fault> {
    let key = identifier.key();
    if set.now_on().row.state.owns(&key) {
        return Ok(());
    }
    let claim = set.claim(engine, key).await?.cloned();
    let there_key = match &claim {
        Some(claim) => Some(live_end(engine, set, claim.owner).await?),
        None => None,
    };
    let here = here(set, all);
    let there = there_key.map(|there_key| there(set, &there_key, &key, claim.as_ref(), now));
    let (by, at) = (message.id, message.time());
    match plan(identifier.kind, evidence, at, &here, there.as_ref()) {
        Plan::Keep | Plan::Ignore => {}
        Plan::Claim => {
            set.set_claim(key, Claim { owner: here.id, past: Vec::new() });
            set.now_on_mut().emit(Event::Linked { identifier: identifier.clone(), by, at, moved: false });
        }
        Plan::Move => {
            let (Some(there_key), Some(there), Some(claim)) = (there_key, there, claim) else { return Ok(()) };
            let horizon = now.minus_ms(WINDOW_MS);
            let mut past: Vec<_> = claim.past.into_iter().filter(|(_, until)| *until >= horizon).collect();
            past.push((there.owner, now));
            set.set_claim(key, Claim { owner: here.id, past });
            let unlinked = Event::Unlinked { identifier: key, to: here.id, by, at };
            if let Some(other) = set.row_mut(&there_key) {
                other.emit(unlinked);
            }
            set.now_on_mut().emit(Event::Linked { identifier: identifier.clone(), by, at, moved: true });
        }
        Plan::Merge => {
            if let Some(there_key) = there_key {
                merge(engine, set, there_key, message);
            }
        }
        Plan::Refuse(reason) => {
            let other = there.map_or(here.id, |there| there.owner);
            let reason = reason.code().to_owned();
            set.now_on_mut().emit(Event::LinkRefused { identifier: key, other, reason, by, at });
        }
    }
    Ok(())
}

fn here(set: &Customers, all: &[Identifier]) -> Here {
    let state = &set.now_on().row.state;
    let brings_strong = all.iter().any(|identifier| !identifier.kind.is_weak());
    Here { id: state.id, known: brings_strong || state.is_known(), identifiers: state.links.len() }
}

fn there(set: &Customers, at: &ActorKey, key: &IdentifierKey, claim: Option<&Claim>, now: Moment) -> There {
    let state = set.row(at).map(|working| &working.row.state);
    let link = state.and_then(|state| state.links.iter().find(|link| link.identifier.key() == *key));
    let horizon = now.minus_ms(WINDOW_MS);
    let moves = claim.map_or(0, |claim| claim.past.iter().filter(|(_, until)| *until >= horizon).count());
    There {
        owner: state.map_or(CustomerId::from_u128(at.id.0), |state| state.id),
        known: state.is_some_and(Customer::is_known),
        identifiers: state.map_or(0, |state| state.links.len()),
        bound_at: link.map_or(Moment::MIN, |link| link.bound_at),
        moves_in_window: u32::try_from(moves).unwrap_or(u32::MAX),
    }
}

/// Makes one customer of the current one and another. The survivor becomes the current row; the other becomes a
/// tombstone that keeps its last state. Claims stay where they are: their chains now end at the survivor.
fn merge(engine: &Engine, set: &mut Customers, other: ActorKey, message: &Message<Command>) {
    let (mine, theirs) = (set.current, other);
    let (Some(a), Some(b)) = (mine.as_customer(), theirs.as_customer()) else { return };
    let (winner, loser) = if survivor(a, b) == a { (mine, theirs) } else { (theirs, mine) };
    let Some(lost) = set.row(&loser) else { return };
    let (by, at) = (message.id, message.time());
    let (version, inbox, last_turn, edition) =
        (lost.row.version, lost.row.inbox.clone(), lost.row.last_turn, lost.row.edition);
    let state = Arc::new(lost.row.state.clone());
    let (loser_id, winner_id) = (state.id, CustomerId::from_u128(winner.id.0));
    if let Some(working) = set.row_mut(&loser) {
        working.emit(Event::MergedInto { survivor: winner_id, by, at });
    }
    if let Some(working) = set.row_mut(&winner) {
        let shared = shared_segments(&state, &working.row.state);
        working.emit(Event::Absorbed { loser: loser_id, version, state: Some(state), shared, by, at });
        working.row.inbox.unite(&inbox);
        working.row.last_turn = working.row.last_turn.max(last_turn);
        working.row.edition = working.row.edition.max(edition);
    }
    set.current = winner;
    set.merged = true;
    Tally::add(&engine.tally.merges, 1);
}

fn shared_segments(a: &Customer, b: &Customer) -> Vec<SegmentId> {
    let inside = |customer: &Customer, id: &SegmentId| customer.memberships.get(id).is_some_and(|one| one.inside);
    a.memberships.keys().filter(|id| inside(a, id) && inside(b, id)).copied().collect()
}

/// An operator says that two customers are one.
async fn merge_with(
    engine: &Engine,
    set: &mut Customers,
    message: &Message<Command>,
    other: CustomerId,
) -> Result<Admission, Fault> {
    let state = &set.now_on().row.state;
    match state.life {
        Life::Unborn => {
            return Ok(Admission::Refused(Refusal::new("no_such_customer", "there is no customer under this id")));
        }
        Life::Merged { into, .. } => {
            let forward = Some(live_end(engine, set, into).await?);
            return Ok(Admission::NotMine { forward, exists: true });
        }
        Life::Live(_) => {}
    }
    let there = live_end(engine, set, other).await?;
    if there == set.current {
        return Ok(Admission::Admitted);
    }
    let Some(theirs) = set.row(&there).filter(|working| working.row.state.is_live()) else {
        return Ok(Admission::Refused(Refusal::new("no_such_customer", format!("there is no customer {other}"))));
    };
    let together = theirs.row.state.links.len() + set.now_on().row.state.links.len();
    if together > IDENTIFIERS_MAX {
        let detail = format!("together they have {together} identifiers; a customer can have {IDENTIFIERS_MAX}");
        return Ok(Admission::Refused(Refusal::new(RefusedLink::TooMany.code(), detail)));
    }
    merge(engine, set, there, message);
    Ok(Admission::Admitted)
}
