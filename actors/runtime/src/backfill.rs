//! A segment saved today counts last month's events: a sweep over every customer's History, in steps, resumable.
//!
//! From the moment of publishing, live events are counted by the customers themselves. The sweep adds what lies
//! before; what both saw is one occurrence, because occurrences carry their message's id.

use crate::engine::Engine;
use crate::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space};
use crate::record::Record;
use crate::router::Deliver;
use crate::row::Row;
use crate::sends::tell;
use roadbook_audience::{Occurrence, SegmentRule, TrackerId};
use roadbook_catalog::Published;
use roadbook_customer::{Command, Customer, Event};
use roadbook_kernel::{ActorKey, MessageId, Moment, SegmentId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Where the sweep for one segment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepState {
    /// Which segment.
    pub segment: SegmentId,
    /// Which published edition it was begun for: a newer one begins anew.
    pub edition: u64,
    /// When it was begun.
    pub started_at: Moment,
    /// The last customer looked at; `None` at the beginning.
    pub after: Option<roadbook_kernel::CustomerId>,
    /// Customers looked at.
    pub scanned: u64,
    /// Customers for whom something was found.
    pub changed: u64,
    /// Whether every customer was looked at.
    pub done: bool,
}

fn name(segment: SegmentId) -> String {
    format!("backfill/{segment}")
}

impl SweepState {
    /// A sweep that has looked at nobody yet.
    fn begun(segment: SegmentId, edition: u64, started_at: Moment) -> Self {
        Self { segment, edition, started_at, after: None, scanned: 0, changed: 0, done: false }
    }
}

/// The sweep of a segment that is being published, for the commit that publishes it: no crash can come between.
pub(crate) fn begun(tenant: TenantId, segment: SegmentId, edition: u64, at: Moment) -> Result<Put, Fault> {
    put(tenant, &SweepState::begun(segment, edition, at), Expect::Anything)
}

/// Begins the sweep for a published segment anew. Publishing has begun it already.
///
/// # Errors
/// A fault of the store.
pub async fn begin(engine: &Engine, tenant: TenantId, segment: SegmentId, edition: u64) -> Result<(), Fault> {
    let state = SweepState::begun(segment, edition, engine.clock.now());
    write(engine, tenant, &state, Expect::Anything).await
}

/// Where the sweep for a segment stands; `None` where none was begun.
///
/// # Errors
/// A fault of the store.
pub async fn progress(engine: &Engine, tenant: TenantId, segment: SegmentId) -> Result<Option<SweepState>, Fault> {
    let item = engine.store.load(&ItemKey::document(tenant, &name(segment))).await?;
    item.map(|item| read(&item)).transpose()
}

/// Looks at the next `limit` customers of every sweep of a tenant that is not done. True while there is more to do.
///
/// # Errors
/// A fault; the customers since the last stored place are looked at again.
pub async fn advance(engine: &Engine, deliver: &dyn Deliver, tenant: TenantId, limit: usize) -> Result<bool, Fault> {
    let sweeps = engine.store.scan(Space::Document, tenant, b"backfill/", None, 10_000).await?;
    let mut more = false;
    for (_, item) in sweeps {
        let state = read(&item)?;
        if !state.done {
            more |= step(engine, deliver, tenant, state, limit).await?;
        }
    }
    Ok(more)
}

async fn step(
    engine: &Engine,
    deliver: &dyn Deliver,
    tenant: TenantId,
    mut state: SweepState,
    limit: usize,
) -> Result<bool, Fault> {
    let catalog = engine.catalogs.at_least(engine.store.as_ref(), tenant, state.edition).await?;
    let Some(index) = catalog.rules.index_of(state.segment) else {
        state.done = true;
        advanced(engine, tenant, &state).await?;
        return Ok(false);
    };
    let prefix = [roadbook_kernel::ActorKind::Customer.byte()];
    let after = state.after.map(|id| ActorKey::customer(tenant, id).to_bytes()[16..].to_vec());
    let rows = engine.store.scan(Space::Actor, tenant, &prefix, after.as_deref(), limit).await?;
    for (key, item) in &rows {
        let Some(actor) = ActorKey::from_bytes(key.bytes()) else { continue };
        let row = Row::<Customer>::read(&actor, item)?;
        let rule = catalog.rules.segment(index);
        state.changed += u64::from(look_at(engine, deliver, &catalog, rule, &actor, &row, &state).await?);
        state.scanned += 1;
        state.after = actor.as_customer();
    }
    state.done = rows.len() < limit;
    advanced(engine, tenant, &state).await?;
    Ok(!state.done)
}

/// Reads one row's own History. A tombstone's findings go to the survivor.
async fn look_at(
    engine: &Engine,
    deliver: &dyn Deliver,
    catalog: &Published,
    rule: &SegmentRule,
    actor: &ActorKey,
    row: &Row<Customer>,
    state: &SweepState,
) -> Result<bool, Fault> {
    let gone = if row.state.parted.is_empty() { HashSet::new() } else { taken_out(engine, actor).await? };
    let found = occurrences(engine, catalog, rule, actor, &gone).await?;
    let news = found.iter().any(|(id, all)| {
        let known = row.state.trackers.get(id).map_or(&[][..], |tracker| tracker.occurrences());
        all.iter().any(|one| !known.contains(one))
    });
    let judged = row.state.is_live() && {
        let truth = rule.compiled.evaluate(&row.state, engine.clock.now());
        let known = row.state.memberships.get(&state.segment);
        truth.holds != known.is_some_and(|membership| membership.inside)
            || truth.next_change_at != known.and_then(|membership| membership.recheck_at)
    };
    if !news && !judged {
        return Ok(false);
    }
    let command = Command::Backfill { segment: state.segment, found };
    let id = engine.keys.of(actor.tenant).derived(&[
        b"backfill",
        &state.segment.as_u128().to_be_bytes(),
        &state.edition.to_be_bytes(),
        &actor.to_bytes(),
    ]);
    let now = engine.clock.now();
    tell(engine, deliver, *actor, MessageId::from_u128(id.0), command, now).await?;
    Ok(true)
}

/// The occurrences in one actor's History that the segment's trackers keep, the newest of each.
async fn occurrences(
    engine: &Engine,
    catalog: &Published,
    rule: &SegmentRule,
    actor: &ActorKey,
    gone: &HashSet<MessageId>,
) -> Result<BTreeMap<TrackerId, Vec<Occurrence>>, Fault> {
    let mut found = BTreeMap::<TrackerId, roadbook_audience::Tracker>::new();
    let trackers = rule.compiled.trackers();
    let mut after = 0;
    while !trackers.is_empty() {
        let turns = engine.history.turns(actor, after, 256).await?;
        let Some(last) = turns.last() else { break };
        after = last.version;
        for turn in &turns {
            let body = Record::new(&turn.record)?.body::<Event>()?;
            for fact in body.entries.iter().flat_map(|entry| &entry.facts) {
                let Event::Observed { observation, by, at, .. } = fact else { continue };
                if gone.contains(by) {
                    continue;
                }
                let properties = observation.properties.reveal();
                for tracker in trackers.iter().filter(|one| one.matches(&observation.name, properties)) {
                    let keep = catalog.rules.keep(tracker.id);
                    found.entry(tracker.id).or_default().note(Occurrence { at: *at, id: by.short() }, keep);
                }
            }
        }
    }
    Ok(found.into_iter().map(|(id, tracker)| (id, tracker.occurrences().to_vec())).collect())
}

/// Messages in an actor's History that went with a customer who was taken out of it again: they are in that one's.
async fn taken_out(engine: &Engine, actor: &ActorKey) -> Result<HashSet<MessageId>, Fault> {
    let (mut gone, mut after) = (HashSet::new(), 0);
    loop {
        let turns = engine.history.turns(actor, after, 256).await?;
        let Some(last) = turns.last() else { return Ok(gone) };
        after = last.version;
        for turn in &turns {
            for fact in Record::new(&turn.record)?.body::<Event>()?.entries.into_iter().flat_map(|entry| entry.facts) {
                if let Event::Parted { gone: messages, .. } = fact {
                    gone.extend(messages);
                }
            }
        }
    }
}

fn read(item: &Item) -> Result<SweepState, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("the place of a sweep", &error))
}

/// Stores the place of a sweep, unless a newer edition has begun it anew meanwhile.
async fn advanced(engine: &Engine, tenant: TenantId, state: &SweepState) -> Result<(), Fault> {
    write(engine, tenant, state, Expect::Version(state.edition)).await
}

/// The item's version is the edition of the sweep: that is what a step must not overwrite, and two hosts that advance
/// the same edition may take turns.
fn put(tenant: TenantId, state: &SweepState, expect: Expect) -> Result<Put, Fault> {
    let body = serde_json::to_vec(state).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let key = ItemKey::document(tenant, &name(state.segment));
    Ok(Put { key, expect, item: Some(Item { version: state.edition, body: body.into() }) })
}

async fn write(engine: &Engine, tenant: TenantId, state: &SweepState, expect: Expect) -> Result<(), Fault> {
    let put = put(tenant, state, expect)?;
    match engine.store.commit(Commit { puts: vec![put], ..Commit::default() }).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}
