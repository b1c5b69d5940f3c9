//! Undoing a merge in the store: reads what happened since the two met, has it decided again for two, and writes both
//! rows and the claims in one transaction. What deciding again means is `roadbook_customer::unmerge`.
//!
//! Cost: the whole History of the customer is read once, a millisecond per few hundred turns.

mod since;

use crate::claim::Claim;
use crate::customers::CustomerScene;
use crate::engine::Engine;
use crate::gate::{Customers, elsewhere, live_end};
use crate::hosted::Admission;
use crate::message::Message;
use crate::mutants::mutant;
use crate::ports::Fault;
use crate::record::Trigger;
use crate::working::Working;
use roadbook_customer::unmerge::{Parting, Past, part};
use roadbook_customer::{Begun, Command, Customer, Event, SendReport, World};
use roadbook_kernel::{ActorKey, CustomerId, Durable, MessageId, Moment, Refusal, ReviewId, TenantId};
use since::{messages_of, read_since};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

pub(crate) async fn admit(
    engine: &Engine,
    scene: &mut CustomerScene,
    set: &mut Customers,
    message: &Message<Command>,
    other: CustomerId,
    now: Moment,
) -> Result<Admission, Fault> {
    if let Some(elsewhere) = elsewhere(engine, set).await? {
        return Ok(elsewhere);
    }
    let state = &set.now_on().row.state;
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
    scene.pin(engine, here.tenant, since.base.pins()).await?;
    scene.pin(engine, here.tenant, returns.pins()).await?;
    // Whoever was merged since has brought runs of their own; and what was begun since is begun again.
    for state in since.tombstones.values() {
        scene.pin(engine, here.tenant, state.pins()).await?;
    }
    scene.pin(engine, here.tenant, since.begun()).await?;
    let theirs = messages_of(engine, there).await?;
    let parting = {
        let past = StoredPast { scene, tenant: here.tenant, tombstones: &since.tombstones, theirs: &theirs };
        part(&set.now_on().row.state, since.base, returns, &since.past, &past, now)
    };
    claims(engine, set, here, &parting, now).await?;
    followers(engine, set, &parting, message).await?;
    write(set, there, parting, &since.causes, message);
    // Sent again to the id of the one who was taken out, it is the same command: they must know it, too.
    if let Some(working) = set.row_mut(&there) {
        working.row.inbox.note(message.id.short(), engine.wall.now());
    }
    Ok(Admission::Admitted)
}

fn refuse(code: &'static str, detail: impl Into<String>) -> Admission {
    Admission::Refused(Refusal::new(code, detail))
}

/// Every identifier of the one who comes back leads to them again, and every other one to the one who stays. Written
/// also where the claim names them already: somebody may be shortening it to the one who stays at this very moment.
async fn claims(
    engine: &Engine,
    set: &mut Customers,
    here: ActorKey,
    parting: &Parting,
    now: Moment,
) -> Result<(), Fault> {
    for link in &parting.returns.links {
        let key = link.identifier.key();
        let Some(claim) = set.claim(engine, key).await?.cloned() else { continue };
        if live_end(engine, set, claim.owner).await? != here {
            continue;
        }
        set.set_claim(key, Claim { owner: parting.returns.id, past: claim.past_with(None, now), released: false });
    }
    // Decided again, an identify may have taken a browser or a device from the one who comes back: its claim may lead
    // through their tombstone, which is none any more.
    for link in &parting.stays.links {
        let key = link.identifier.key();
        let Some(claim) = set.claim(engine, key).await?.cloned() else { continue };
        let was_theirs = parting.theirs.contains(&key);
        if (was_theirs || claim.owner != parting.stays.id) && live_end(engine, set, claim.owner).await? == here {
            let past = claim.past_with(was_theirs.then_some(parting.returns.id), now);
            set.set_claim(key, Claim { owner: parting.stays.id, past, released: false });
        }
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
            let led = Event::MergedInto { survivor: parting.returns.id, by: message.id, at: message.time() };
            working.row.state.evolve(&led);
            // They were counted out when they were merged: now they only lead elsewhere.
            working.append(Trigger::Beside { id: message.id }, vec![led]);
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
        if !mutant!(InboxNotShared) {
            working.row.inbox.unite(&inbox);
        }
        working.row.inbox.share();
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
    working.row.inbox.share();
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

/// A report about a message that was asked for while two customers were one: its run may have gone with the other.
pub(crate) async fn reported_to_parted(
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
        let asked = |one: &Working<Customer>| one.row.state.sends.iter().any(|record| record.key == report.key);
        if there != set.current && set.row(&there).is_some_and(asked) {
            return Ok(Some(Admission::NotMine { forward: Some(there), exists: true }));
        }
    }
    Ok(None)
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
