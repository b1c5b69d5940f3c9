//! Doing a repair whose conditions were just found to hold. What it writes is conditioned on them once more.

use crate::backfill;
use crate::catalogs::revision_name;
use crate::claim::{Claim, read_claim, write_claim};
use crate::doctor::backfills::catalog;
use crate::doctor::repair::{Guard, Mended, RowChange, Step};
use crate::engine::Engine;
use crate::ports::{Commit, CommitError, Due, DueKind, Expect, Fault, Item, ItemKey, Put};
use crate::record::{Record, Trigger};
use crate::router::Deliver;
use crate::sends::{self, Held, JobState, SendJob, tell};
use crate::working::{WorkingSet, load_row};
use roadbook_catalog::Document;
use roadbook_customer::{Command, Customer, Effect, Event, SendReport};
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{ActorKey, CustomerId, Durable, JourneyId, MessageId, SendKey, TenantId};

/// Customers of a sweep between two commits of its place.
const SWEEP_CUSTOMERS: usize = 500;
/// Turns of History read at a time.
const HISTORY_PAGE: usize = 256;

pub(super) async fn carry_out(engine: &Engine, deliver: &dyn Deliver, repair: &Step) -> Result<Mended, Fault> {
    match repair {
        Step::Cursor { place, guard } => {
            let body = bytes::Bytes::copy_from_slice(&place.to_be_bytes());
            commit(engine, put(guard, body)).await
        }
        Step::Revision { tenant, journey, revision, version } => {
            write_revision(engine, *tenant, *journey, *revision, *version).await
        }
        Step::Claim { tenant, key, version, owner, .. } => lead(engine, *tenant, key, *version, *owner).await,
        Step::Row { actor, guard, what } => change_row(engine, *actor, guard, what).await,
        Step::Merge { into, loser, by, .. } => {
            let id = derived(engine, into.tenant, &[b"merge", &into.to_bytes(), &by.as_u128().to_be_bytes()]);
            let command = Command::MergeWith { other: *loser };
            told(tell(engine, deliver, *into, id, command, engine.clock.now()).await?)
        }
        Step::Index { due, .. } => commit(engine, Commit { dues: vec![due.clone()], ..Commit::default() }).await,
        Step::Enqueue { send, actor, .. } => enqueue(engine, *actor, *send).await,
        Step::Requeue { key, guard } => requeue(engine, key, guard).await,
        Step::Finish { key, .. } => finish(engine, deliver, key).await,
        Step::Tell { actor, send, outcome, row } => {
            let version = row.version.unwrap_or(0).to_be_bytes();
            let id = derived(engine, actor.tenant, &[b"report", &send.as_u128().to_be_bytes(), &version]);
            let now = engine.clock.now();
            let report = SendReport { key: *send, outcome: outcome.clone(), at: now };
            told(tell(engine, deliver, *actor, id, Command::ReportSend(report), now).await?)
        }
        Step::Poke { actor, .. } => deliver.poke(*actor).await.map(|()| Mended::Done),
        Step::Sweep { tenant, aim, edition, anew } => {
            if *anew {
                backfill::begin_sweep(engine, *tenant, *aim, *edition).await?;
            }
            while backfill::advance(engine, deliver, *tenant, SWEEP_CUSTOMERS).await? {}
            Ok(Mended::Done)
        }
        Step::Count { tenant, counter, amount, .. } => {
            let adds = vec![(ItemKey::counter(*tenant, counter), *amount)];
            commit(engine, Commit { adds, ..Commit::default() }).await
        }
    }
}

async fn commit(engine: &Engine, commit: Commit) -> Result<Mended, Fault> {
    match engine.store.commit(commit).await {
        Ok(()) => Ok(Mended::Done),
        Err(CommitError::Conflict { .. }) => Ok(Mended::Stale),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

/// A write of the item behind a condition, on that condition.
fn put(guard: &Guard, body: bytes::Bytes) -> Commit {
    let expect = guard.version.map_or(Expect::Absent, Expect::Version);
    let item = Some(Item { version: guard.version.unwrap_or(0) + 1, body });
    Commit { puts: vec![Put { key: guard.key.clone(), expect, item }], ..Commit::default() }
}

fn derived(engine: &Engine, tenant: TenantId, parts: &[&[u8]]) -> MessageId {
    let parts: Vec<&[u8]> = std::iter::once(&b"doctor"[..]).chain(parts.iter().copied()).collect();
    MessageId::from_u128(engine.keys.of(tenant).derived(&parts).0)
}

fn told(outcome: crate::Outcome) -> Result<Mended, Fault> {
    Ok(match outcome {
        crate::Outcome::Applied { .. } | crate::Outcome::Duplicate { .. } => Mended::Done,
        crate::Outcome::Refused(refusal) => Mended::Impossible(refusal.to_string()),
        crate::Outcome::Defect | crate::Outcome::NotMine { .. } => {
            Mended::Impossible("the customer could not decide it; see the log".to_owned())
        }
    })
}

async fn write_revision(
    engine: &Engine,
    tenant: TenantId,
    journey: JourneyId,
    revision: u32,
    version: Option<u64>,
) -> Result<Mended, Fault> {
    let published =
        catalog(engine, tenant).await?.and_then(|catalog| catalog.journeys.get(&journey)?.published.clone());
    let Some((_, definition)) = published.filter(|(number, _)| *number == revision) else {
        return Ok(Mended::Impossible(format!("the catalog has another revision of {journey} by now")));
    };
    let body = serde_json::to_vec(&Document { journey, revision, definition });
    let body = body.map_err(|error| Fault::Corrupt(error.to_string()))?;
    let name = revision_name(journey, revision);
    let guard = Guard { key: ItemKey::document(tenant, &name), item: name, version };
    commit(engine, put(&guard, body.into())).await
}

/// Former owners stay known: a late duplicate may lie in their inbox.
async fn lead(
    engine: &Engine,
    tenant: TenantId,
    key: &IdentifierKey,
    version: Option<u64>,
    owner: Option<CustomerId>,
) -> Result<Mended, Fault> {
    let place = ItemKey::claim(tenant, key);
    let Some(owner) = owner else {
        let expect = version.map_or(Expect::Absent, Expect::Version);
        let puts = vec![Put { key: place, expect, item: None }];
        return commit(engine, Commit { puts, ..Commit::default() }).await;
    };
    let known = engine.store.load(&place).await?.and_then(|item| read_claim(&item).ok());
    let claim = known.map_or(Claim { owner, past: Vec::new(), released: false }, |known| Claim {
        owner,
        released: false,
        ..known
    });
    let guard = Guard { item: String::new(), key: place, version };
    commit(engine, put(&guard, write_claim(&claim)?)).await
}

/// Writes a row as a turn of its own, at the instant of its last one: nothing happens in it.
async fn change_row(engine: &Engine, actor: ActorKey, guard: &Guard, what: &RowChange) -> Result<Mended, Fault> {
    let row = load_row::<Customer>(engine, &actor).await?;
    if Some(row.version) != guard.version {
        return Ok(Mended::Stale);
    }
    let (edition, at, version) = (row.edition, row.last_turn, row.version.to_be_bytes());
    let id = derived(engine, actor.tenant, &[b"row", &actor.to_bytes(), &version]);
    let mut set = WorkingSet::<Customer>::new(actor, row);
    let working = set.now_on_mut();
    match what {
        RowChange::Recompute => {}
        RowChange::Unpark => working.row.parked = false,
        RowChange::Unlink { identifier, to } => {
            working.emit(Event::Unlinked { identifier: *identifier, to: *to, by: id, at });
        }
        RowChange::Absorb { loser, version, by, at } => working.emit(Event::Absorbed {
            loser: *loser,
            version: *version,
            state: None,
            shared: Vec::new(),
            by: *by,
            at: *at,
        }),
    }
    set.close(Trigger::Beside { id });
    let (changes, _) = set.into_commit(engine, edition, at).await?;
    commit(engine, changes).await
}

/// Finds what was to be sent in the customer's History, or in that of those merged into them.
async fn enqueue(engine: &Engine, actor: ActorKey, send: SendKey) -> Result<Mended, Fault> {
    let row = load_row::<Customer>(engine, &actor).await?;
    let absorbed = row.state.absorbed.keys().map(|id| ActorKey::customer(actor.tenant, *id));
    for from in std::iter::once(actor).chain(absorbed) {
        let Some(job) = intended(engine, from, send).await? else { continue };
        let key = ItemKey::send(actor.tenant, send);
        let due = Due { kind: DueKind::Send, key: key.clone(), was: None, now: job.waits_until() };
        let puts = vec![Put { key, expect: Expect::Absent, item: Some(job.item(1)?) }];
        return commit(engine, Commit { puts, dues: vec![due], ..Commit::default() }).await;
    }
    Ok(Mended::Impossible(format!("History does not have what {send} was to send")))
}

async fn intended(engine: &Engine, actor: ActorKey, send: SendKey) -> Result<Option<SendJob>, Fault> {
    let mut before = u64::MAX;
    loop {
        let turns = engine.history.turns_before(&actor, before, HISTORY_PAGE).await?;
        let Some(last) = turns.last() else { return Ok(None) };
        before = last.version;
        for turn in &turns {
            let front = Record::new(&turn.record)?.front::<<Customer as Durable>::Effect>()?;
            for effect in front.into_iter().flat_map(|front| front.effects) {
                let outbound = match effect {
                    Effect::Send(outbound) => outbound,
                    Effect::Announce(_) => continue,
                };
                if outbound.key == send {
                    return Ok(Some(SendJob::new(outbound, actor, turn.version, engine.clock.now())));
                }
            }
        }
    }
}

async fn held(engine: &Engine, key: &ItemKey) -> Result<Option<Held>, Fault> {
    let Some(item) = engine.store.load(key).await? else { return Ok(None) };
    Ok(Some(Held { key: key.clone(), version: item.version, job: sends::read(&item)? }))
}

async fn requeue(engine: &Engine, key: &ItemKey, guard: &Guard) -> Result<Mended, Fault> {
    let Some(Held { version, job, .. }) = held(engine, key).await? else { return Ok(Mended::Stale) };
    let was = job.waits_until();
    let again = SendJob { doubtful: true, state: JobState::Queued { not_before: engine.clock.now() }, ..job };
    let mut changes = put(guard, again.item(version + 1)?.body);
    changes.dues.push(Due { kind: DueKind::Send, key: key.clone(), was, now: again.waits_until() });
    commit(engine, changes).await
}

async fn finish(engine: &Engine, deliver: &dyn Deliver, key: &ItemKey) -> Result<Mended, Fault> {
    let Some(mut held) = held(engine, key).await? else { return Ok(Mended::Stale) };
    let JobState::Answered { outcome, .. } = held.job.state.clone() else { return Ok(Mended::Stale) };
    held.report(engine, deliver, &outcome).await?;
    let done = held.advance(engine, JobState::Done { outcome }).await?;
    Ok(if done { Mended::Done } else { Mended::Stale })
}
