//! Timers: the earliest instant in a row's state, the row's envelope and the due index say the same.
//!
//! Each row asks for its one entry. As many entries as rows that found theirs prove that no entry is left over.

use crate::doctor::Repair;
use crate::doctor::index::{self, shown};
use crate::doctor::repair::{RowChange, Step};
use crate::doctor::report::Finding;
use crate::doctor::{Exam, Seen};
use crate::ports::{Due, DueKind, Fault, ItemKey};

const NAME: &str = "timers";

/// What the walk has counted.
#[derive(Default)]
pub(crate) struct Timers {
    home: u64,
}

impl Timers {
    /// Compares a row with its state and with the index.
    pub(crate) async fn row(&mut self, exam: &mut Exam<'_>, seen: &Seen) -> Result<(), Fault> {
        exam.report.looked(NAME, 1);
        let (row, id) = (&seen.row, seen.name());
        let next = row.state.next_due();
        if row.parked {
            let means = "its timers do not fire until its next event; `parked` in the log of that time says more";
            let detail = format!("{id} is parked: a timer of theirs could not be fired");
            add(exam, seen, "parked", detail, means, Step::row(seen, RowChange::Unpark));
        } else if row.due != next {
            let means = "waits of this customer end late, or only with their next event";
            let detail =
                format!("{id} is to be looked at {}, and their state says {}", shown(exam, row.due), shown(exam, next));
            add(exam, seen, "due_differs", detail, means, Step::row(seen, RowChange::Recompute));
        }
        let Some(due) = row.due else { return Ok(()) };
        let key = ItemKey::actor(&seen.actor);
        if index::holds(exam, DueKind::Actor, due, &key).await? {
            self.home += 1;
        } else if !row.parked && row.due == next {
            // A row that is written again anyway brings its entry with it.
            let means = "this customer's waits never end by themselves";
            let detail = format!("{id} is due {} and not in the index", shown(exam, Some(due)));
            let due = Due { kind: DueKind::Actor, key, was: None, now: Some(due) };
            add(exam, seen, "not_in_index", detail, means, Step::Index { due, guard: seen.guard() });
        }
        Ok(())
    }

    /// Looks at every entry where there are others than those the rows have found.
    pub(crate) async fn finish(self, exam: &mut Exam<'_>) -> Result<(), Fault> {
        if index::walk(exam, DueKind::Actor, None).await? != self.home {
            index::walk(exam, DueKind::Actor, Some(NAME)).await?;
        }
        Ok(())
    }
}

fn add(exam: &mut Exam<'_>, seen: &Seen, code: &'static str, detail: String, means: &'static str, repair: Step) {
    let (tenant, subject, repair) = (Some(seen.actor.tenant), seen.name(), Some(Repair(repair)));
    exam.report.add(Finding { check: NAME, code, tenant, subject, detail, means, repair });
}
