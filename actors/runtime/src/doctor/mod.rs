//! The examination of a store: what the rows, the claims, the due index, the commit log, the send queue and the
//! counters say of each other must agree. Through the ports alone, so it examines every store.
//!
//! | check | file | question |
//! | --- | --- | --- |
//! | claims | `claims.rs` | does every identifier lead to the one live customer who has it? |
//! | tombstones | `tombstones.rs` | does every merged id end at a survivor who knows of it? |
//! | timers | `timers.rs` | does the due index say what the rows say? |
//! | runs | `runs.rs` | does every journey under way go on? |
//! | outbox | `outbox.rs` | did everything that was intended reach its queue? |
//! | sends | `sends.rs` | does every send in the queue come to an end? |
//! | deliveries | `deliveries.rs` | does every announcement to a webhook endpoint come to an end? |
//! | counters | `counters.rs` | do the counters say what a recount says? |
//! | backfills | `backfills.rs` | was every published segment counted back? |
//! | unreadable | `unreadable.rs` | can everything be read? |
//!
//! It walks over the rows once and keeps numbers, never rows, so its memory does not grow with the store. Where numbers
//! prove that nothing is wrong (as many claims as links that lead home), it does not look further.
//!
//! Nobody may write meanwhile: a turn between two reads would look like damage.

mod backfills;
mod claims;
mod counters;
mod deliveries;
mod index;
mod lineage;
mod mend;
mod outbox;
mod repair;
mod report;
mod runs;
mod sends;
mod timers;
mod tombstones;
mod unreadable;

pub use repair::{Guard, Mended, Repair, mend};
pub use report::{Checked, FINDINGS_KEPT_MAX, Finding, Report};

use crate::engine::Engine;
use crate::ports::{Fault, Item, ItemKey, Space};
use crate::row::Row;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, ActorKind, MINUTE_MS, Moment, TenantId};

/// Rows read at a time.
const PAGE: usize = 256;
/// What stays due for longer than this while somebody serves the store is stuck: the longest a sweep sleeps, twice.
const STUCK_MS: i64 = 2 * MINUTE_MS;

/// What is examined, and as of when.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Whose rows.
    pub tenants: Vec<TenantId>,
    /// Until when somebody served the store: what fell due later waits for them and is not stuck.
    pub served_until: Moment,
}

/// An examination under way.
pub(crate) struct Exam<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) scope: &'a Scope,
    pub(crate) report: Report,
}

/// One row, with its place.
pub(crate) struct Seen {
    pub(crate) actor: ActorKey,
    pub(crate) row: Row<Customer>,
}

/// Examines a store. Nobody may write to it meanwhile.
///
/// # Errors
/// A fault of the store: it could not be examined, which says nothing about its soundness.
pub async fn examine(engine: &Engine, scope: &Scope) -> Result<Report, Fault> {
    let mut exam = Exam { engine, scope, report: Report::default() };
    for check in [
        "claims",
        "tombstones",
        "timers",
        "runs",
        "outbox",
        "sends",
        "deliveries",
        "counters",
        "backfills",
        "unreadable",
    ] {
        exam.report.check(check);
    }
    let outbox = outbox::Outbox::read(&mut exam).await?;
    let (mut timers, mut sends, mut deliveries) = (timers::Timers::default(), 0, 0);
    for tenant in &scope.tenants {
        look_at(&mut exam, *tenant, &outbox, &mut timers).await?;
        sends += sends::examine(&mut exam, *tenant).await?;
        deliveries += deliveries::examine(&mut exam, *tenant).await?;
    }
    timers.finish(&mut exam).await?;
    sends::finish(&mut exam, sends).await?;
    deliveries::finish(&mut exam, deliveries).await?;
    Ok(exam.report)
}

/// One walk over a tenant's rows, and what follows from it.
async fn look_at(
    exam: &mut Exam<'_>,
    tenant: TenantId,
    outbox: &outbox::Outbox,
    timers: &mut timers::Timers,
) -> Result<(), Fault> {
    let mut claims = claims::Claims::new(tenant);
    let mut counters = counters::Recount::new(tenant);
    let mut runs = runs::Runs::new(tenant);
    let prefix = [ActorKind::Customer.byte()];
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = exam.engine.store.scan(Space::Actor, tenant, &prefix, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.local().to_vec());
        for (key, item) in &page {
            let Some(seen) = read(exam, key, item) else {
                counters.give_up();
                continue;
            };
            claims.row(exam, &seen).await?;
            tombstones::row(exam, &seen).await?;
            timers.row(exam, &seen).await?;
            runs.row(exam, &seen).await?;
            outbox.row(exam, &seen).await?;
            counters.row(&seen);
        }
    }
    claims.finish(exam).await?;
    counters.finish(exam, outbox).await?;
    backfills::examine(exam, tenant).await?;
    unreadable::examine(exam, tenant).await
}

fn read(exam: &mut Exam<'_>, key: &ItemKey, item: &Item) -> Option<Seen> {
    exam.report.looked("unreadable", 1);
    let actor = ActorKey::from_bytes(key.bytes());
    let row = actor.as_ref().and_then(|actor| Row::<Customer>::read(actor, item).ok());
    match actor.zip(row) {
        Some((actor, row)) => Some(Seen { actor, row }),
        None => {
            unreadable::found(exam, key, actor.map(|actor| format!("{actor:?}")), item.version);
            None
        }
    }
}

impl Seen {
    /// Its id as people write it.
    pub(crate) fn name(&self) -> String {
        self.row.state.id.to_string()
    }

    /// The row as a condition of a repair.
    pub(crate) fn guard(&self) -> Guard {
        Guard {
            item: format!("row {}", self.name()),
            key: ItemKey::actor(&self.actor),
            version: Some(self.row.version),
        }
    }
}
