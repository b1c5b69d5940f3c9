//! What a change of the catalog means for customers who are not there to see it: a sweep over all of them, in steps,
//! resumable, begun in the commit of the change.
//!
//! | change | what each customer is told |
//! | --- | --- |
//! | a segment is published | what lies in History for its trackers; they judge it |
//! | a segment is archived | they leave it |
//! | a journey is published | what lies in History for trackers that only its branches need |
//! | a journey is resumed or archived | their held runs go on; or all of its runs end |
//!
//! From the moment of publishing, live events are counted by the customers themselves. The sweep adds what lies
//! before; what both saw is one occurrence, because occurrences carry their message's id.

use crate::engine::Engine;
use crate::mutants::mutant;
use crate::past::past;
use crate::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space};
use crate::router::Deliver;
use crate::row::Row;
use crate::sends::tell_as_of;
use roadbook_audience::{Occurrence, SegmentRule, TrackerId, TrackerSpec};
use roadbook_catalog::Published;
use roadbook_customer::{Command, Customer};
use roadbook_journey::Standing;
use roadbook_kernel::{ActorKey, JourneyId, MessageId, Moment, SegmentId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a sweep is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// The past and the members of a segment.
    Segment(SegmentId),
    /// The past of what only a journey's branches count.
    Counts(JourneyId),
    /// The runs of a journey.
    Runs(JourneyId),
}

impl Aim {
    /// The name of its document: one sweep per aim, a newer one takes the place of an older.
    fn document(self) -> String {
        match self {
            Aim::Segment(segment) => format!("backfill/{segment}"),
            Aim::Counts(journey) => format!("backfill/{journey}"),
            Aim::Runs(journey) => format!("backfill/{journey}/runs"),
        }
    }

    /// Part of the ids of its messages.
    fn bytes(self) -> ([u8; 16], &'static [u8]) {
        match self {
            Aim::Segment(segment) => (segment.as_u128().to_be_bytes(), b"backfill"),
            Aim::Counts(journey) => (journey.as_u128().to_be_bytes(), b"backfill counts"),
            Aim::Runs(journey) => (journey.as_u128().to_be_bytes(), b"attend runs"),
        }
    }
}

impl std::fmt::Display for Aim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Aim::Segment(segment) => write!(f, "{segment}"),
            Aim::Counts(journey) => write!(f, "what {journey} counts"),
            Aim::Runs(journey) => write!(f, "the runs of {journey}"),
        }
    }
}

/// Where a sweep stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepState {
    /// What it is about.
    #[serde(flatten)]
    pub aim: Aim,
    /// Which edition of the catalog it was begun for: a newer one begins anew.
    pub edition: u64,
    /// When it was begun: the instant of the change.
    pub started_at: Moment,
    /// The last customer looked at; `None` at the beginning.
    pub after: Option<roadbook_kernel::CustomerId>,
    /// Customers looked at.
    pub scanned: u64,
    /// Customers who were told something.
    pub changed: u64,
    /// Whether every customer was looked at.
    pub done: bool,
}

impl SweepState {
    /// A sweep that has looked at nobody yet.
    fn begun(aim: Aim, edition: u64, started_at: Moment) -> Self {
        Self { aim, edition, started_at, after: None, scanned: 0, changed: 0, done: false }
    }
}

/// The sweep of a change, for the commit that makes it: no crash can come between.
pub(crate) fn begun(tenant: TenantId, aim: Aim, edition: u64, at: Moment) -> Result<Put, Fault> {
    put(tenant, &SweepState::begun(aim, edition, at), Expect::Anything)
}

/// Begins the sweep for a published segment anew. Publishing has begun it already.
///
/// # Errors
/// A fault of the store.
pub async fn begin(engine: &Engine, tenant: TenantId, segment: SegmentId, edition: u64) -> Result<(), Fault> {
    begin_sweep(engine, tenant, Aim::Segment(segment), edition).await
}

/// Begins any sweep anew.
///
/// # Errors
/// A fault of the store.
pub async fn begin_sweep(engine: &Engine, tenant: TenantId, aim: Aim, edition: u64) -> Result<(), Fault> {
    let state = SweepState::begun(aim, edition, engine.clock.now());
    write(engine, tenant, &state, Expect::Anything).await
}

/// Where the sweep for a segment stands; `None` where none was begun.
///
/// # Errors
/// A fault of the store.
pub async fn progress(engine: &Engine, tenant: TenantId, segment: SegmentId) -> Result<Option<SweepState>, Fault> {
    sweep_of(engine, tenant, Aim::Segment(segment)).await
}

/// Where a sweep stands; `None` where none was begun.
///
/// # Errors
/// A fault of the store.
pub async fn sweep_of(engine: &Engine, tenant: TenantId, aim: Aim) -> Result<Option<SweepState>, Fault> {
    let item = engine.store.load(&ItemKey::document(tenant, &aim.document())).await?;
    item.map(|item| read(&item)).transpose()
}

/// The sweeps of a tenant, the finished ones too: one for each aim there ever was. One that cannot be read is passed, with
/// a word in the log, so that it stops no other: `roadbook doctor` names it, and can begin it anew.
///
/// # Errors
/// A fault of the store.
pub async fn sweeps(engine: &Engine, tenant: TenantId) -> Result<Vec<SweepState>, Fault> {
    let items = engine.store.scan(Space::Document, tenant, b"backfill/", None, 10_000).await?;
    let readable = |(key, item): &(ItemKey, Item)| {
        let name = String::from_utf8_lossy(key.local());
        read(item).inspect_err(|fault| tracing::error!(document = %name, %fault, "a sweep cannot be read")).ok()
    };
    Ok(items.iter().filter_map(readable).collect())
}

/// Looks at the next `limit` customers of every sweep of a tenant that is not done. True while there is more to do.
///
/// # Errors
/// A fault; the customers since the last stored place are looked at again.
pub async fn advance(engine: &Engine, deliver: &dyn Deliver, tenant: TenantId, limit: usize) -> Result<bool, Fault> {
    let mut more = false;
    for state in sweeps(engine, tenant).await? {
        if !state.done {
            more |= Sweep { engine, deliver, tenant, state }.step(limit).await?;
        }
    }
    Ok(more)
}

/// What a sweep does with each customer, as the catalog stands now.
enum Work<'c> {
    Judge(&'c SegmentRule, Vec<TrackerSpec>),
    Leave(SegmentId),
    Count(Vec<TrackerSpec>),
    Attend(JourneyId, Standing),
    Nothing,
}

impl<'c> Work<'c> {
    fn of(aim: Aim, catalog: &'c Published) -> Self {
        match aim {
            Aim::Segment(segment) => match catalog.rules.index_of(segment) {
                Some(index) => {
                    let rule = catalog.rules.segment(index);
                    Work::Judge(rule, kept(rule.compiled.trackers(), catalog))
                }
                None => Work::Leave(segment),
            },
            Aim::Counts(journey) => match catalog.journey(journey) {
                Some(live) => Work::count(kept(&live.revision.trackers(), catalog), catalog),
                None => Work::Nothing,
            },
            Aim::Runs(journey) => match catalog.standing(journey) {
                // It stands still again: the next resume comes with a sweep of its own.
                Standing::Paused => Work::Nothing,
                standing @ (Standing::Open | Standing::Closed) => Work::Attend(journey, standing),
            },
        }
    }

    /// Trackers that a segment needs too have a sweep already: that of the segment.
    fn count(mut trackers: Vec<TrackerSpec>, catalog: &Published) -> Self {
        let of_segments: BTreeMap<TrackerId, u32> = (0..catalog.rules.len())
            .flat_map(|index| catalog.rules.segment(index).compiled.trackers())
            .map(|tracker| (tracker.id, tracker.keep))
            .fold(BTreeMap::new(), |mut most, (id, keep)| {
                let known = most.entry(id).or_default();
                *known = keep.max(*known);
                most
            });
        trackers.retain(|tracker| of_segments.get(&tracker.id).is_none_or(|keep| *keep < tracker.keep));
        if trackers.is_empty() { Work::Nothing } else { Work::Count(trackers) }
    }
}

/// The trackers, each with the most that anything published needs of it.
fn kept(trackers: &[TrackerSpec], catalog: &Published) -> Vec<TrackerSpec> {
    let most = |tracker: &TrackerSpec| TrackerSpec { keep: catalog.rules.keep(tracker.id), ..tracker.clone() };
    trackers.iter().map(most).collect()
}

struct Sweep<'e> {
    engine: &'e Engine,
    deliver: &'e dyn Deliver,
    tenant: TenantId,
    state: SweepState,
}

impl Sweep<'_> {
    async fn step(mut self, limit: usize) -> Result<bool, Fault> {
        let (engine, tenant) = (self.engine, self.tenant);
        let catalog = engine.catalogs.at_least(engine, tenant, self.state.edition).await?;
        let work = Work::of(self.state.aim, &catalog);
        if matches!(work, Work::Nothing) {
            self.state.done = true;
            advanced(engine, tenant, &self.state).await?;
            return Ok(false);
        }
        let prefix = [roadbook_kernel::ActorKind::Customer.byte()];
        let after = self.state.after.map(|id| ActorKey::customer(tenant, id).to_bytes()[16..].to_vec());
        let rows = engine.store.scan(Space::Actor, tenant, &prefix, after.as_deref(), limit).await?;
        for (key, item) in &rows {
            let Some(actor) = ActorKey::from_bytes(key.bytes()) else { continue };
            self.state.scanned += 1;
            self.state.after = actor.as_customer();
            let Some(row) = Row::<Customer>::legible(&actor, item) else { continue };
            if let Some(command) = self.command(&work, &actor, &row).await? {
                self.tell(actor, command).await?;
                self.state.changed += 1;
            }
        }
        self.state.done = rows.len() < limit || mutant!(NoPagination);
        advanced(engine, tenant, &self.state).await?;
        Ok(!self.state.done)
    }

    /// What a customer is to be told; `None` where it would change nothing. What is due to a tombstone is told to the
    /// survivor, who has its past and its runs.
    async fn command(&self, work: &Work<'_>, actor: &ActorKey, row: &Row<Customer>) -> Result<Option<Command>, Fault> {
        let state = &row.state;
        Ok(match work {
            Work::Judge(rule, trackers) => {
                let found = self.occurrences(trackers, actor).await?;
                let news = is_news(&found, state) || self.is_judged_otherwise(rule, state);
                news.then_some(Command::Backfill { segment: Some(rule.id), found })
            }
            Work::Leave(segment) => {
                let known = state.memberships.get(segment).filter(|_| state.is_live());
                let stays = known.is_some_and(|known| known.inside || known.recheck_at.is_some());
                stays.then_some(Command::Leave { segment: *segment })
            }
            Work::Count(trackers) => {
                let found = self.occurrences(trackers, actor).await?;
                is_news(&found, state).then_some(Command::Backfill { segment: None, found })
            }
            Work::Attend(journey, standing) => {
                let mut runs = state.runs.values().filter(|run| run.journey == *journey);
                let waits = runs.any(|run| *standing == Standing::Closed || run.held.is_some());
                waits.then_some(Command::Attend { journey: *journey })
            }
            Work::Nothing => None,
        })
    }

    async fn occurrences(
        &self,
        trackers: &[TrackerSpec],
        actor: &ActorKey,
    ) -> Result<BTreeMap<TrackerId, Vec<Occurrence>>, Fault> {
        let found = past(self.engine, trackers, actor).await?;
        Ok(found.into_iter().map(|(id, tracker)| (id, tracker.occurrences().to_vec())).collect())
    }

    fn is_judged_otherwise(&self, rule: &SegmentRule, state: &Customer) -> bool {
        let truth = rule.compiled.evaluate(state, self.engine.clock.now());
        let known = state.memberships.get(&rule.id);
        state.is_live()
            && (truth.holds != known.is_some_and(|membership| membership.inside)
                || truth.next_change_at != known.and_then(|membership| membership.recheck_at))
    }

    /// The message id is the same however often a step is repeated. Runs go on as of the change, whenever the sweep
    /// comes by; what is found in the past is judged now.
    async fn tell(&self, actor: ActorKey, command: Command) -> Result<(), Fault> {
        let (of, what) = self.state.aim.bytes();
        let edition = self.state.edition.to_be_bytes();
        let id = self.engine.keys.of(self.tenant).derived(&[what, &of, &edition, &actor.to_bytes()]);
        let now = self.engine.clock.now();
        let occurred = match self.state.aim {
            Aim::Segment(_) | Aim::Counts(_) => now,
            Aim::Runs(_) => self.state.started_at.min(now),
        };
        tell_as_of(self.engine, self.deliver, actor, MessageId::from_u128(id.0), command, now, occurred).await?;
        Ok(())
    }
}

fn is_news(found: &BTreeMap<TrackerId, Vec<Occurrence>>, state: &Customer) -> bool {
    found.iter().any(|(id, all)| {
        let known = state.trackers.get(id).map_or(&[][..], |tracker| tracker.occurrences());
        all.iter().any(|one| !known.contains(one))
    })
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
    let key = ItemKey::document(tenant, &state.aim.document());
    Ok(Put { key, expect, item: Some(Item { version: state.edition, body: body.into() }) })
}

async fn write(engine: &Engine, tenant: TenantId, state: &SweepState, expect: Expect) -> Result<(), Fault> {
    let put = put(tenant, state, expect)?;
    match engine.store.commit(Commit { puts: vec![put], ..Commit::default() }).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_sweep_is_read_as_it_was_stored_before_there_were_journeys() {
        let stored = r#"{"segment":"seg_00000000000000000000000007","edition":3,"started_at":5,"after":null,"scanned":2,"changed":1,"done":false}"#;
        let state: SweepState = serde_json::from_str(stored).unwrap();
        assert_eq!(state.aim, Aim::Segment(SegmentId::from_u128(7)));
        assert_eq!(serde_json::to_string(&state).unwrap(), stored);
        for aim in [Aim::Counts(JourneyId::from_u128(7)), Aim::Runs(JourneyId::from_u128(7))] {
            let begun = SweepState::begun(aim, 3, Moment::from_millis(5));
            assert_eq!(serde_json::from_str::<SweepState>(&serde_json::to_string(&begun).unwrap()).unwrap(), begun);
        }
    }
}
