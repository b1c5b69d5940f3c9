//! Backfills: every published segment was counted back to what happened before it was published, or is being.

use crate::backfill::{self, SweepState};
use crate::doctor::Exam;
use crate::doctor::Repair;
use crate::doctor::index::shown;
use crate::doctor::repair::Step;
use crate::doctor::report::Finding;
use crate::engine::Engine;
use crate::ports::{Fault, ItemKey};
use crate::row::Row;
use roadbook_catalog::Catalog;
use roadbook_kernel::{ActorKey, HOUR_MS, SegmentId, TenantId};

const NAME: &str = "backfills";
/// A million customers take minutes; a sweep that has been under way for longer has met something that stops it.
const SLOW_MS: i64 = HOUR_MS;

/// Looks at the sweep of every published segment.
pub(crate) async fn examine(exam: &mut Exam<'_>, tenant: TenantId) -> Result<(), Fault> {
    let Some(catalog) = catalog(exam.engine, tenant).await? else { return Ok(()) };
    for (segment, _) in catalog.segments.iter().filter(|(_, entry)| entry.published.is_some()) {
        exam.report.looked(NAME, 1);
        match backfill::progress(exam.engine, tenant, *segment).await {
            Ok(Some(state)) if state.done => {}
            Ok(Some(state)) => under_way(exam, tenant, *segment, &state),
            Ok(None) => {
                let detail = format!("{segment} is published, and nobody counts what happened before");
                add(exam, tenant, *segment, catalog.edition, "backfill_missing", detail);
            }
            Err(Fault::Corrupt(_)) => {
                let detail = format!("how far {segment} was counted back cannot be read");
                add(exam, tenant, *segment, catalog.edition, "backfill_unreadable", detail);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn under_way(exam: &mut Exam<'_>, tenant: TenantId, segment: SegmentId, state: &SweepState) {
    let SweepState { scanned, started_at, edition, .. } = state;
    if *started_at < exam.scope.served_until.minus_ms(SLOW_MS) {
        let detail = {
            let since = shown(exam, Some(*started_at));
            format!("counting {segment} back began {since} and has come as far as {scanned} customers")
        };
        add(exam, tenant, segment, *edition, "backfill_unfinished", detail);
    } else {
        let text = format!("{segment} is being counted back, {scanned} customers so far; serving the folder goes on");
        exam.report.note(NAME, text);
    }
}

fn add(exam: &mut Exam<'_>, tenant: TenantId, segment: SegmentId, edition: u64, code: &'static str, detail: String) {
    exam.report.add(Finding {
        check: NAME,
        code,
        tenant: Some(tenant),
        subject: segment.to_string(),
        detail,
        means: "customers who should be in this segment by what they did before are not",
        repair: Some(Repair(Step::Sweep { tenant, segment, edition, anew: code != "backfill_unfinished" })),
    });
}

/// The state of a tenant's catalog; `None` where there is none, or none that can be read.
pub(crate) async fn catalog(engine: &Engine, tenant: TenantId) -> Result<Option<Catalog>, Fault> {
    let key = ActorKey::catalog(tenant);
    let item = engine.store.load(&ItemKey::actor(&key)).await?;
    Ok(item.and_then(|item| Row::<Catalog>::read(&key, &item).ok()).map(|row| row.state))
}
