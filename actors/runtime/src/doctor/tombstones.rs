//! Tombstones: an id that was merged away leads to a survivor who knows of it, and keeps its last state, because an
//! unmerge needs both.

use crate::doctor::Repair;
use crate::doctor::lineage::{End, end_of};
use crate::doctor::repair::{RowChange, Step};
use crate::doctor::report::Finding;
use crate::doctor::{Exam, Seen};
use crate::ports::{Fault, ItemKey};
use crate::record::Record;
use crate::row::Row;
use roadbook_customer::{Customer, Event, Life};
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment};

const NAME: &str = "tombstones";

/// Looks along the chain of a tombstone, and from a survivor at those it has taken in.
pub(crate) async fn row(exam: &mut Exam<'_>, seen: &Seen) -> Result<(), Fault> {
    match seen.row.state.life {
        Life::Merged { into, at, .. } => tombstone(exam, seen, into, at).await,
        Life::Live(_) => {
            for (loser, absorbed) in &seen.row.state.absorbed {
                survivor(exam, seen, *loser, absorbed.by).await?;
            }
            Ok(())
        }
        Life::Unborn => Ok(()),
    }
}

async fn tombstone(exam: &mut Exam<'_>, seen: &Seen, into: CustomerId, at: Moment) -> Result<(), Fault> {
    exam.report.looked(NAME, 1);
    let id = seen.row.state.id;
    let state = &seen.row.state;
    if state.links.is_empty() && state.activity.is_empty() && state.traits.is_empty() {
        let means = "an unmerge has nothing to give back; restore this row from a backup before you need one";
        let detail = format!("{id} was merged and its last state is gone");
        add(exam, seen, "tombstone_empty", detail, means, None);
    }
    match end_of(exam.engine, seen.actor.tenant, into).await? {
        End::Live(row) if row.state.absorbed.contains_key(&id) => {}
        End::Live(row) => {
            let (survivor, tenant) = (row.state.id, seen.actor.tenant);
            let (by, version) = merged_by(exam, seen).await?;
            let what = RowChange::Absorb { loser: id, version, by, at };
            let actor = ActorKey::customer(tenant, survivor);
            let repair = Step::row(&Seen { actor, row: *row }, what);
            let means = "duplicates of its old events are not recognised, and an unmerge does not find it";
            let detail = format!("{survivor} does not know that {id} was merged into them");
            add(exam, seen, "tombstone_unknown", detail, means, Some(repair));
        }
        end => {
            let means = "whoever this was cannot be found any more; restore the row it leads to from a backup";
            let detail = format!("{id} leads to {}", end.told());
            add(exam, seen, "tombstone_astray", detail, means, None);
        }
    }
    Ok(())
}

/// A survivor's word that it has taken somebody in must be true.
async fn survivor(exam: &mut Exam<'_>, seen: &Seen, loser: CustomerId, by: MessageId) -> Result<(), Fault> {
    let mine = seen.row.state.id;
    let actor = ActorKey::customer(seen.actor.tenant, loser);
    let Some(item) = exam.engine.store.load(&ItemKey::actor(&actor)).await? else {
        let means = "an unmerge of this id is not possible any more; restore its row from a backup";
        let detail = format!("{mine} has taken in {loser}, who does not exist");
        add(exam, seen, "absorbed_missing", detail, means, None);
        return Ok(());
    };
    // What cannot be read is found by its own row.
    let Ok(row) = Row::<Customer>::read(&actor, &item) else { return Ok(()) };
    if row.state.is_live() {
        let means = "one person is kept twice, with part of their history under each id";
        let detail = format!("{mine} has taken in {loser}, who still stands by themselves");
        let repair = Step::Merge { survivor: seen.guard(), into: seen.actor, loser, by };
        add(exam, seen, "merge_half_done", detail, means, Some(repair));
    }
    Ok(())
}

/// The message that merged a tombstone away and the version that was taken over: one of its last turns says so.
async fn merged_by(exam: &Exam<'_>, seen: &Seen) -> Result<(MessageId, u64), Fault> {
    let turns = exam.engine.history.turns_before(&seen.actor, u64::MAX, 8).await?;
    let merged = turns.iter().find_map(|turn| {
        let body = Record::new(&turn.record).and_then(|record| record.body::<Event>()).ok()?;
        body.entries.iter().flat_map(|entry| &entry.facts).find_map(|fact| {
            let Event::MergedInto { by, .. } = fact else { return None };
            Some((*by, turn.version.saturating_sub(1)))
        })
    });
    Ok(merged.unwrap_or((MessageId::from_u128(seen.actor.id.0), seen.row.version.saturating_sub(1))))
}

fn add(
    exam: &mut Exam<'_>,
    seen: &Seen,
    code: &'static str,
    detail: String,
    means: &'static str,
    repair: Option<Step>,
) {
    let (tenant, subject) = (Some(seen.actor.tenant), seen.name());
    exam.report.add(Finding { check: NAME, code, tenant, subject, detail, means, repair: repair.map(Repair) });
}
