//! Backfills: every published segment was counted back to what happened before it was published, or is being; and so
//! was every customer told of a journey that counts the past, goes on or has ended.

use crate::backfill::{self, Aim, SweepState};
use crate::doctor::Exam;
use crate::doctor::Repair;
use crate::doctor::index::shown;
use crate::doctor::repair::Step;
use crate::doctor::report::Finding;
use crate::engine::Engine;
use crate::ports::{Fault, ItemKey};
use crate::row::Row;
use roadbook_catalog::Catalog;
use roadbook_kernel::{ActorKey, HOUR_MS, TenantId};

const NAME: &str = "backfills";
/// A million customers take minutes; a sweep that has been under way for longer has met something that stops it.
const SLOW_MS: i64 = HOUR_MS;

/// Looks at the sweep of every published segment, and at those of other changes that were begun.
pub(crate) async fn examine(exam: &mut Exam<'_>, tenant: TenantId) -> Result<(), Fault> {
    let Some(catalog) = catalog(exam.engine, tenant).await? else { return Ok(()) };
    for (segment, entry) in &catalog.segments {
        look_at(exam, tenant, Aim::Segment(*segment), catalog.edition, entry.published.is_some()).await?;
    }
    for journey in catalog.journeys.keys() {
        for aim in [Aim::Counts(*journey), Aim::Runs(*journey)] {
            look_at(exam, tenant, aim, catalog.edition, false).await?;
        }
    }
    Ok(())
}

async fn look_at(exam: &mut Exam<'_>, tenant: TenantId, aim: Aim, edition: u64, is_due: bool) -> Result<(), Fault> {
    match backfill::sweep_of(exam.engine, tenant, aim).await {
        Ok(Some(state)) => {
            exam.report.looked(NAME, 1);
            if !state.done {
                under_way(exam, tenant, &state);
            }
        }
        Ok(None) if is_due => {
            exam.report.looked(NAME, 1);
            let detail = format!("{aim} is published, and nobody counts what happened before");
            add(exam, tenant, aim, edition, "backfill_missing", detail);
        }
        Ok(None) => {}
        Err(Fault::Corrupt(_)) => {
            let detail = format!("how far the sweep for {aim} has come cannot be read");
            add(exam, tenant, aim, edition, "backfill_unreadable", detail);
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}

fn under_way(exam: &mut Exam<'_>, tenant: TenantId, state: &SweepState) {
    let SweepState { aim, scanned, started_at, edition, .. } = state;
    if *started_at < exam.scope.served_until.minus_ms(SLOW_MS) {
        let since = shown(exam, Some(*started_at));
        let detail = format!("the sweep for {aim} began {since} and has come as far as {scanned} customers");
        add(exam, tenant, *aim, *edition, "backfill_unfinished", detail);
    } else {
        let text = format!(
            "the sweep for {aim} is under way, {scanned} customers so far; it goes on where the store is served"
        );
        exam.report.note(NAME, text);
    }
}

fn add(exam: &mut Exam<'_>, tenant: TenantId, aim: Aim, edition: u64, code: &'static str, detail: String) {
    let (subject, means) = match aim {
        Aim::Segment(segment) => (
            segment.to_string(),
            "customers who should be in this segment by what they did before are not, or the other way round",
        ),
        Aim::Counts(journey) => (journey.to_string(), "branches of this journey do not count what happened before"),
        Aim::Runs(journey) => (journey.to_string(), "customers stand still in a journey that goes on, or has ended"),
    };
    exam.report.add(Finding {
        check: NAME,
        code,
        tenant: Some(tenant),
        subject,
        detail,
        means,
        repair: Some(Repair(Step::Sweep { tenant, aim, edition, anew: code != "backfill_unfinished" })),
    });
}

/// The state of a tenant's catalog; `None` where there is none, or none that can be read.
pub(crate) async fn catalog(engine: &Engine, tenant: TenantId) -> Result<Option<Catalog>, Fault> {
    let key = ActorKey::catalog(tenant);
    let item = engine.store.load(&ItemKey::actor(&key)).await?;
    Ok(item.and_then(|item| Row::<Catalog>::read(&key, &item).ok()).map(|row| row.state))
}
