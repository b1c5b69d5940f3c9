//! Deliveries: every announcement to a webhook endpoint is looked at again by somebody, until it is forgotten.

use crate::doctor::index::{self, shown};
use crate::doctor::repair::{Guard, Step};
use crate::doctor::report::Finding;
use crate::doctor::{Exam, PAGE, Repair, unreadable};
use crate::ports::{Due, DueKind, Fault, Space};
use crate::webhooks;
use roadbook_kernel::TenantId;

const NAME: &str = "deliveries";

/// Walks over a tenant's deliveries. Returns how many found their place in the due index.
pub(crate) async fn examine(exam: &mut Exam<'_>, tenant: TenantId) -> Result<u64, Fault> {
    let (mut home, mut after) = (0, None::<Vec<u8>>);
    loop {
        let page = exam.engine.store.scan(Space::Delivery, tenant, &[], after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(home) };
        after = Some(last.local().to_vec());
        for (key, item) in &page {
            exam.report.looked(NAME, 1);
            let subject = index::name(DueKind::Delivery, key);
            let Ok(delivery) = webhooks::read(item) else {
                unreadable::found(exam, key, Some(subject), item.version);
                continue;
            };
            let due = delivery.due();
            if index::holds(exam, DueKind::Delivery, due, key).await? {
                home += 1;
                continue;
            }
            let guard = Guard { item: format!("delivery {subject}"), key: key.clone(), version: Some(item.version) };
            let detail = format!("{subject} is to be looked at {} and is not in the index", shown(exam, Some(due)));
            let due = Due { kind: DueKind::Delivery, key: key.clone(), was: None, now: Some(due) };
            exam.report.add(Finding {
                check: NAME,
                code: "delivery_not_in_index",
                tenant: Some(tenant),
                subject,
                detail,
                means: "nobody tries it again, and nobody forgets it",
                repair: Some(Repair(Step::Index { due, guard })),
            });
        }
    }
}

/// Looks at every entry of the queue's index where there are others than those the deliveries have found.
pub(crate) async fn finish(exam: &mut Exam<'_>, home: u64) -> Result<(), Fault> {
    if index::walk(exam, DueKind::Delivery, None).await? != home {
        index::walk(exam, DueKind::Delivery, Some(NAME)).await?;
    }
    Ok(())
}
