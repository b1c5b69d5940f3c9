//! Sends: every send in the queue is looked at again by somebody, and comes to an end that its customer learns.

use crate::doctor::Repair;
use crate::doctor::index::{self, shown};
use crate::doctor::repair::{Guard, Step};
use crate::doctor::report::Finding;
use crate::doctor::{Exam, PAGE, STUCK_MS, unreadable};
use crate::ports::{Due, DueKind, Fault, ItemKey, Space};
use crate::sends::{self, JobState, SendJob};
use roadbook_kernel::TenantId;

const NAME: &str = "sends";

/// Walks over a tenant's sends. Returns how many found their place in the due index.
pub(crate) async fn examine(exam: &mut Exam<'_>, tenant: TenantId) -> Result<u64, Fault> {
    let (mut home, mut after) = (0, None::<Vec<u8>>);
    loop {
        let page = exam.engine.store.scan(Space::Send, tenant, &[], after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(home) };
        after = Some(last.local().to_vec());
        for (key, item) in &page {
            exam.report.looked(NAME, 1);
            let Ok(job) = sends::read(item) else {
                unreadable::found(exam, key, Some(index::name(DueKind::Send, key)), item.version);
                continue;
            };
            home += u64::from(one(exam, key, item.version, &job).await?);
        }
    }
}

async fn one(exam: &mut Exam<'_>, key: &ItemKey, version: u64, job: &SendJob) -> Result<bool, Fault> {
    let name = job.outbound.key.to_string();
    let guard = Guard { item: format!("send {name}"), key: key.clone(), version: Some(version) };
    stuck(exam, key, job, &name, &guard);
    let Some(due) = job.waits_until() else { return Ok(false) };
    if index::holds(exam, DueKind::Send, due, key).await? {
        return Ok(true);
    }
    let detail = format!("{name} is to be looked at {} and is not in the index", shown(exam, Some(due)));
    let due = Due { kind: DueKind::Send, key: key.clone(), was: None, now: Some(due) };
    let means = "nobody tries this send again, and nobody asks what became of it";
    add(exam, key, "send_not_in_index", &name, detail, means, Step::Index { due, guard });
    Ok(false)
}

fn stuck(exam: &mut Exam<'_>, key: &ItemKey, job: &SendJob, name: &str, guard: &Guard) {
    let horizon = exam.scope.served_until.minus_ms(STUCK_MS);
    match &job.state {
        JobState::Attempting { lease_until } if *lease_until < horizon => {
            let detail = format!("{name} was begun, and should have had an answer {}", shown(exam, Some(*lease_until)));
            let means = "it is not known whether it was sent, and nobody asks";
            let repair = Step::Requeue { key: key.clone(), guard: guard.clone() };
            add(exam, key, "attempt_stuck", name, detail, means, repair);
        }
        JobState::Answered { at, .. } if *at < horizon => {
            let detail = format!("{name} was answered {}, and its customer was not told", shown(exam, Some(*at)));
            let means = "the customer's page shows the message as still on its way";
            let repair = Step::Finish { key: key.clone(), guard: guard.clone() };
            add(exam, key, "answer_not_reported", name, detail, means, repair);
        }
        JobState::Attempting { .. }
        | JobState::Answered { .. }
        | JobState::Queued { .. }
        | JobState::HandedOver { .. }
        | JobState::Done { .. } => {}
    }
}

fn add(
    exam: &mut Exam<'_>,
    key: &ItemKey,
    code: &'static str,
    name: &str,
    detail: String,
    means: &'static str,
    repair: Step,
) {
    let (tenant, subject, repair) = (Some(key.tenant()), name.to_owned(), Some(Repair(repair)));
    exam.report.add(Finding { check: NAME, code, tenant, subject, detail, means, repair });
}

/// Looks at every entry of the queue's index where there are others than those the sends have found.
pub(crate) async fn finish(exam: &mut Exam<'_>, home: u64) -> Result<(), Fault> {
    if index::walk(exam, DueKind::Send, None).await? != home {
        index::walk(exam, DueKind::Send, Some(NAME)).await?;
    }
    Ok(())
}
