//! The gate of the customer actor: before a message is decided, whose is it? Claims and moves happen here, in the
//! transaction of the turn that needs them; merges in `merge.rs`.

use crate::claim::Claim;
use crate::engine::Engine;
use crate::fold::in_history;
use crate::hosted::Admission;
use crate::live::{CHAIN_MAX, endless};
use crate::merge::{merge, merge_with};
use crate::message::Message;
use crate::mutants::mutant;
use crate::ports::Fault;
use crate::unbind::unbind;
use crate::unmerge::reported_to_parted;
use crate::working::{Working, WorkingSet};
use roadbook_customer::{Call, Command, Customer, Event, Life, Observation};
use roadbook_identity::{Carried, Here, Identifier, IdentifierKey, Plan, Policy, There, plan};
use roadbook_kernel::{ActorKey, ConflictId, CustomerId, Moment, Refusal, TenantId};

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
        && !mutant!(FormerOwnerForgotten)
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
    let Some(via) = message.via else { return elsewhere(engine, set).await };
    let identifiers = observation.map_or(&[][..], |observation| &observation.identifiers);
    let state = &set.now_on().row.state;
    match &state.life {
        Life::Merged { .. } => elsewhere(engine, set).await,
        // A founding message names identifiers nobody had claimed: an earlier message of its batch may have founded
        // this row on another of them.
        Life::Live(_) if message.founding && identifiers.iter().any(|one| state.owns(&one.key())) => {
            decided_elsewhere(engine, set, policy, message, observation).await
        }
        Life::Live(_) if !state.owns(&via) => Ok(Some(Admission::NotMine { forward: None, exists: true })),
        Life::Live(_) => decided_elsewhere(engine, set, policy, message, observation).await,
        Life::Unborn if message.founding => {
            // Somebody may have claimed one of them since they were resolved: then there is nobody to found.
            if let Some(elsewhere) = decided_elsewhere(engine, set, policy, message, observation).await? {
                return Ok(Some(elsewhere));
            }
            let founded = Event::Founded { by: message.id, on: via, at: message.accepted };
            set.now_on_mut().emit(founded);
            Ok(None)
        }
        Life::Unborn => Ok(Some(Admission::NotMine { forward: None, exists: false })),
    }
}

/// What becomes of a message to the current row as such, where that is not a customer; `None` where it is one.
pub(crate) async fn elsewhere(engine: &Engine, set: &mut Customers) -> Result<Option<Admission>, Fault> {
    match set.now_on().row.state.life {
        Life::Live(_) => Ok(None),
        // To the end of the chain at once: a chain may be longer than the hops a message has.
        Life::Merged { into, .. } => {
            let forward = Some(live_end(engine, set, into).await?);
            Ok(Some(Admission::NotMine { forward, exists: true }))
        }
        Life::Unborn => {
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
        let meant = |working: &Working<Customer>| {
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
    let holdings = owner.holdings();
    !strong().any(|one| policy.is_full(one.kind, &one.scope, at, &holdings))
}

/// An identifier that changed its person, or was unbound: a duplicate of an older message may be known where it led
/// before, to the inbox or, from before the window, to History. Costs nothing where no identifier has moved.
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
        if key != set.current
            && (set.knows(engine, &key, message.id).await? || in_history(engine, set, &key, message).await?)
        {
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
    Err(endless(from))
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
            let past = claim.past_with(Some(other), now);
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

fn here<'a>(set: &'a Customers, all: &[Identifier]) -> Here<'a> {
    let state = &set.now_on().row.state;
    let brings_strong = all.iter().any(|identifier| !identifier.kind.is_weak());
    Here { id: state.id, known: brings_strong || state.is_known(), holds: state.holdings() }
}

fn there<'a>(set: &'a Customers, at: &ActorKey, key: &IdentifierKey, claim: Option<&Claim>, now: Moment) -> There<'a> {
    let state = set.row(at).map(|working| &working.row.state);
    let link = state.and_then(|state| state.links.iter().find(|link| link.identifier.key() == *key));
    let moves = claim.map_or(0, |claim| claim.moves(now));
    There {
        owner: state.map_or(CustomerId::from_u128(at.id.0), |state| state.id),
        known: state.is_some_and(Customer::is_known),
        holds: state.map_or_else(Vec::new, Customer::holdings),
        bound_at: link.map_or(Moment::MIN, |link| link.bound_at),
        moves_in_window: u32::try_from(moves).unwrap_or(u32::MAX),
    }
}
