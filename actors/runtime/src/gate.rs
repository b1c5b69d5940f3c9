//! The gate of the customer actor: before a message is decided, whose is it? Claims, moves and merges happen here, in
//! the transaction of the turn that needs them.

use crate::engine::{Engine, Tally};
use crate::hosted::Admission;
use crate::message::Message;
use crate::ports::Fault;
use crate::working::{Claim, WorkingSet};
use roadbook_customer::{Call, Command, Customer, Event, Life, Link, Observation, SendReport};
use roadbook_identity::{
    Carried, Here, Holding, IDENTIFIERS_MAX, Identifier, IdentifierKey, Plan, Policy, RefusedLink, There, WINDOW_MS,
    plan, survivor,
};
use roadbook_kernel::{ActorKey, ConflictId, CustomerId, Moment, Refusal, SegmentId, TenantId};
use std::sync::Arc;

/// Tombstones a chain may have before something must be wrong.
const CHAIN_MAX: u32 = 64;

/// The set of a customer turn.
pub(crate) type Customers = WorkingSet<Customer>;

pub(crate) async fn admit(
    engine: &Engine,
    set: &mut Customers,
    policy: &Policy,
    message: &Message<Command>,
    now: Moment,
) -> Result<Admission, Fault> {
    let observation = match &message.command {
        Command::Observe(observation) => Some(observation.as_ref()),
        Command::MergeWith { other } => return merge_with(engine, set, message, *other).await,
        Command::Unbind { identifier } => return unbind(engine, set, message, identifier, now).await,
        Command::ReportSend(report) => {
            if let Some(elsewhere) = reported_to_parted(engine, set, report).await? {
                return Ok(elsewhere);
            }
            None
        }
        Command::NoteConsent(_)
        | Command::Unmerge { .. }
        | Command::SetTag { .. }
        | Command::Backfill { .. }
        | Command::Attend { .. }
        | Command::Leave { .. } => None,
    };
    if let Some(refused) = whose(engine, set, policy, message, observation).await? {
        return Ok(refused);
    }
    if let Some(via) = message.via
        && known_to_former_owner(engine, set, via, message).await?
    {
        return Ok(Admission::Duplicate);
    }
    if let Some(observation) = observation {
        for identifier in &observation.identifiers {
            link(engine, set, policy, message, observation, identifier, now).await?;
        }
    }
    Ok(Admission::Admitted)
}

/// Whether the current row is the one this message belongs to. Founds it where it does not exist yet.
async fn whose(
    engine: &Engine,
    set: &mut Customers,
    policy: &Policy,
    message: &Message<Command>,
    observation: Option<&Observation>,
) -> Result<Option<Admission>, Fault> {
    let identifiers = observation.map_or(&[][..], |observation| &observation.identifiers);
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
            decided_elsewhere(engine, set, policy, message, observation).await
        }
        (Life::Live(_), Some(via)) if !state.owns(&via) => Ok(Some(Admission::NotMine { forward: None, exists: true })),
        (Life::Live(_), Some(_)) => decided_elsewhere(engine, set, policy, message, observation).await,
        (Life::Live(_), None) => Ok(None),
        (Life::Unborn, Some(via)) if message.founding => {
            // Somebody may have claimed one of them since they were resolved: then there is nobody to found.
            if let Some(elsewhere) = decided_elsewhere(engine, set, policy, message, observation).await? {
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
/// An owner who cannot be meant does not decide: see [`may_be_meant`].
async fn decided_elsewhere(
    engine: &Engine,
    set: &mut Customers,
    policy: &Policy,
    message: &Message<Command>,
    observation: Option<&Observation>,
) -> Result<Option<Admission>, Fault> {
    let Some(observation) = observation else { return Ok(None) };
    let mut unclaimed: Vec<&Identifier> = Vec::new();
    for identifier in &observation.identifiers {
        let key = identifier.key();
        let state = &set.now_on().row.state;
        if state.owns(&key) {
            let exists = Some(Admission::NotMine { forward: None, exists: true });
            let meant = may_be_meant(policy, state, identifier, &unclaimed, observation, message.time());
            return Ok(if meant { None } else { exists });
        }
        let Some(owner) = set.claim(engine, key).await?.map(|claim| claim.owner) else {
            unclaimed.push(identifier);
            continue;
        };
        let there = live_end(engine, set, owner).await?;
        let meant = |working: &crate::working::Working<Customer>| {
            may_be_meant(policy, &working.row.state, identifier, &unclaimed, observation, message.time())
        };
        if set.row(&there).is_some_and(meant) {
            let mine = there == set.current;
            return Ok((!mine).then_some(Admission::NotMine { forward: None, exists: false }));
        }
    }
    Ok(None)
}

/// Whether the owner of an identifier can be whom an event is about that also names stronger identifiers nobody has.
///
/// A weak identifier says nothing about somebody known where the event names a person nobody knows yet: a first login
/// on somebody else's device is somebody new. And whoever has as many of a kind as one person can have is not the one
/// who brings another: a second account that logs in with a family's phone number is somebody new, too. An alias says
/// outright that they are one.
pub(crate) fn may_be_meant(
    policy: &Policy,
    owner: &Customer,
    by: &Identifier,
    unclaimed: &[&Identifier],
    observation: &Observation,
    at: Moment,
) -> bool {
    let strong = || unclaimed.iter().filter(|one| !one.kind.is_weak());
    if by.kind.is_weak() && strong().next().is_some() && owner.is_known() {
        return false;
    }
    if observation.call == Call::Alias || unclaimed.is_empty() {
        return true;
    }
    let holds = holds(owner);
    !strong().any(|one| policy.is_full(one.kind, &one.scope, at, &holds))
}

/// An identifier that changed its person, or was unbound: a duplicate of an older message may be known where it led
/// before.
async fn known_to_former_owner(
    engine: &Engine,
    set: &mut Customers,
    via: IdentifierKey,
    message: &Message<Command>,
) -> Result<bool, Fault> {
    let state = &set.now_on().row.state;
    let moved = |link: &roadbook_customer::Link| link.moved && link.identifier.key() == via;
    // Who is being founded has no links yet.
    if !state.links.is_empty() && !state.links.iter().any(moved) {
        return Ok(false);
    }
    set.claim(engine, via).await?;
    for (owner, _) in set.past_of(&via) {
        let key = live_end(engine, set, owner).await?;
        if key != set.current && set.knows(engine, &key, message.id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Follows tombstones to the live customer. Every row on the way is loaded into the set.
pub(crate) async fn live_end(engine: &Engine, set: &mut Customers, from: CustomerId) -> Result<ActorKey, Fault> {
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
    policy: &Policy,
    message: &Message<Command>,
    observation: &Observation,
    identifier: &Identifier,
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
    let (by, at, grade) = (message.id, message.time(), observation.grade(identifier.kind));
    let planned = {
        let here = here(set, &observation.identifiers);
        let there = there_key.as_ref().map(|there_key| there(set, there_key, &key, claim.as_ref(), now));
        let carried =
            Carried { kind: identifier.kind, scope: &identifier.scope, evidence: observation.speaks(), grade, at };
        plan(policy, &carried, &here, there.as_ref())
    };
    let here = set.now_on().row.state.id;
    let other = there_key.and_then(|key| key.as_customer());
    let linked = |moved| {
        let parent = parent_of(identifier, &observation.identifiers);
        Event::Linked { identifier: identifier.clone(), by, at, moved, grade, parent }
    };
    match planned {
        Plan::Keep | Plan::Ignore => {}
        Plan::Claim => {
            let past = set.past_of(&key);
            let moved = !past.is_empty();
            set.set_claim(key, Claim { owner: here, past, released: false });
            set.now_on_mut().emit(linked(moved));
        }
        Plan::Move => {
            let (Some(there_key), Some(other), Some(claim)) = (there_key, other, claim) else { return Ok(()) };
            let horizon = now.minus_ms(WINDOW_MS);
            let mut past: Vec<_> = claim.past.into_iter().filter(|(_, until)| *until >= horizon).collect();
            past.push((other, now));
            set.set_claim(key, Claim { owner: here, past, released: false });
            let unlinked = Event::Unlinked { identifier: key, to: here, by, at };
            if let Some(other) = set.row_mut(&there_key) {
                other.emit(unlinked);
            }
            set.now_on_mut().emit(linked(true));
        }
        Plan::Merge => {
            if let Some(there_key) = there_key {
                merge(engine, set, there_key, message);
            }
        }
        Plan::Refuse(reason) => {
            let other = other.unwrap_or(here);
            let conflict = Some(conflict_id(engine, set.current.tenant, here, other, &key));
            let reason = reason.code().to_owned();
            set.now_on_mut().emit(Event::LinkRefused { conflict, identifier: key, other, reason, by, at });
        }
    }
    Ok(())
}

/// The same two customers and the same identifier are the same suggestion, whoever of them the event was about.
fn conflict_id(engine: &Engine, tenant: TenantId, a: CustomerId, b: CustomerId, key: &IdentifierKey) -> ConflictId {
    let (one, two) = (a.min(b).as_u128().to_be_bytes(), a.max(b).as_u128().to_be_bytes());
    ConflictId::from_u128(engine.keys.of(tenant).derived(&[b"conflict", &one, &two, &key.to_bytes()]).0)
}

fn parent_of(identifier: &Identifier, all: &[Identifier]) -> Option<IdentifierKey> {
    let kind = identifier.kind.parent()?;
    all.iter().find(|one| one.kind == kind).map(Identifier::key)
}

pub(crate) fn holds(state: &Customer) -> Vec<Holding<'_>> {
    let links = state.links.iter();
    links.map(|link| Holding { kind: link.identifier.kind, scope: &link.identifier.scope, at: link.at }).collect()
}

fn here<'a>(set: &'a Customers, all: &[Identifier]) -> Here<'a> {
    let state = &set.now_on().row.state;
    let brings_strong = all.iter().any(|identifier| !identifier.kind.is_weak());
    Here { id: state.id, known: brings_strong || state.is_known(), holds: holds(state) }
}

fn there<'a>(set: &'a Customers, at: &ActorKey, key: &IdentifierKey, claim: Option<&Claim>, now: Moment) -> There<'a> {
    let state = set.row(at).map(|working| &working.row.state);
    let link = state.and_then(|state| state.links.iter().find(|link| link.identifier.key() == *key));
    let horizon = now.minus_ms(WINDOW_MS);
    let moves = claim.map_or(0, |claim| claim.past.iter().filter(|(_, until)| *until >= horizon).count());
    There {
        owner: state.map_or(CustomerId::from_u128(at.id.0), |state| state.id),
        known: state.is_some_and(Customer::is_known),
        holds: state.map_or_else(Vec::new, holds),
        bound_at: link.map_or(Moment::MIN, |link| link.bound_at),
        moves_in_window: u32::try_from(moves).unwrap_or(u32::MAX),
    }
}

/// Takes an identifier from its customer, with those that hang on it. Their claims stay, released: what was sent by
/// them before may come again, and must be found.
async fn unbind(
    engine: &Engine,
    set: &mut Customers,
    message: &Message<Command>,
    identifier: &IdentifierKey,
    now: Moment,
) -> Result<Admission, Fault> {
    let state = &set.now_on().row.state;
    if let Some(into) = state.merged_into() {
        let forward = Some(live_end(engine, set, into).await?);
        return Ok(Admission::NotMine { forward, exists: true });
    }
    if !state.owns(identifier) {
        let detail = "this customer has no such identifier; read the profile again";
        return Ok(Admission::Refused(Refusal::new("no_such_identifier", detail)));
    }
    let goes = |link: &&Link| link.identifier.key() == *identifier || link.parent == Some(*identifier);
    let gone: Vec<IdentifierKey> = state.links.iter().filter(goes).map(|link| link.identifier.key()).collect();
    if gone.len() == state.links.len() {
        let detail = "nothing would lead to this customer any more; bind another identifier first";
        return Ok(Admission::Refused(Refusal::new("last_identifier", detail)));
    }
    let horizon = now.minus_ms(WINDOW_MS);
    for key in &gone {
        let Some(claim) = set.claim(engine, *key).await?.cloned() else { continue };
        let mut past: Vec<_> = claim.past.into_iter().filter(|(_, until)| *until >= horizon).collect();
        past.push((set.now_on().row.state.id, now));
        set.set_claim(*key, Claim { owner: claim.owner, past, released: true });
    }
    set.now_on_mut().emit(Event::Unbound { identifiers: gone, by: message.id, at: message.time() });
    Ok(Admission::Admitted)
}

/// A report about a message that was asked for while two customers were one: its run may have gone with the other.
async fn reported_to_parted(
    engine: &Engine,
    set: &mut Customers,
    report: &SendReport,
) -> Result<Option<Admission>, Fault> {
    let state = &set.now_on().row.state;
    if state.parted.is_empty() || state.sends.iter().any(|record| record.key == report.key) {
        return Ok(None);
    }
    let parted: Vec<CustomerId> = state.parted.keys().copied().collect();
    for other in parted {
        let there = live_end(engine, set, other).await?;
        let asked =
            |one: &crate::working::Working<Customer>| one.row.state.sends.iter().any(|record| record.key == report.key);
        if there != set.current && set.row(&there).is_some_and(asked) {
            return Ok(Some(Admission::NotMine { forward: Some(there), exists: true }));
        }
    }
    Ok(None)
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
