//! The due index as an examination reads it: one entry by itself, all of them counted, each of them held against its
//! item.

use crate::doctor::Repair;
use crate::doctor::repair::{Guard, Step};
use crate::doctor::report::Finding;
use crate::doctor::{Exam, PAGE};
use crate::ports::store::{LANES, lane};
use crate::ports::{Due, DueEntry, DueKind, Fault, ItemKey};
use crate::row::Row;
use crate::sends;
use crate::webhooks;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, DAY_MS, HOUR_MS, MINUTE_MS, Moment, SECOND_MS};

/// Whether the index holds this very entry.
pub(crate) async fn holds(exam: &Exam<'_>, kind: DueKind, due: Moment, key: &ItemKey) -> Result<bool, Fault> {
    let entry = DueEntry { due, key: key.clone() };
    let found = exam.engine.store.due_page(kind, lane(key.tenant()), Some(&entry), 1).await?;
    Ok(found.first() == Some(&entry))
}

/// How many entries there are. With `check`, each that its item does not ask for is a finding of that check.
pub(crate) async fn walk(exam: &mut Exam<'_>, kind: DueKind, check: Option<&'static str>) -> Result<u64, Fault> {
    let mut count = 0;
    for lane in 0..LANES {
        let mut last: Option<DueEntry> = None;
        loop {
            let mut page = exam.engine.store.due_page(kind, lane, last.as_ref(), PAGE + 1).await?;
            page.retain(|entry| Some(entry) != last.as_ref());
            let Some(end) = page.last() else { break };
            last = Some(end.clone());
            count += page.len() as u64;
            for entry in page.iter().filter(|_| check.is_some()) {
                stray(exam, kind, check.unwrap_or_default(), entry).await?;
            }
        }
    }
    Ok(count)
}

/// An entry that its item does not ask for.
async fn stray(exam: &mut Exam<'_>, kind: DueKind, check: &'static str, entry: &DueEntry) -> Result<(), Fault> {
    let tenant = entry.key.tenant();
    let item = exam.engine.store.load(&entry.key).await?;
    let asked = item.as_ref().and_then(|item| match kind {
        DueKind::Actor => {
            let actor = ActorKey::from_bytes(entry.key.bytes())?;
            Row::<Customer>::read(&actor, item).ok().map(|row| row.due)
        }
        DueKind::Send => sends::read(item).ok().map(|job| job.waits_until()),
        DueKind::Delivery => webhooks::read(item).ok().map(|delivery| Some(delivery.due())),
    });
    if asked == Some(Some(entry.due)) && exam.scope.tenants.contains(&tenant) {
        return Ok(());
    }
    let subject = name(kind, &entry.key);
    let (code, detail) = match (&item, asked) {
        (None, _) => ("entry_without_item", format!("the index asks for {subject}, which does not exist")),
        (Some(_), None) => ("entry_unreadable", format!("the index asks for {subject}, which cannot be read")),
        (Some(_), Some(asked)) if asked == Some(entry.due) => {
            ("entry_of_nobody", format!("the index asks for {subject}, whose tenant does not exist"))
        }
        (Some(_), Some(asked)) => {
            let (asked, says) = (shown(exam, asked), shown(exam, Some(entry.due)));
            ("entry_stale", format!("the index asks for {subject} {says}, and it is due {asked}"))
        }
    };
    // What cannot be read may be right about its time; somebody restores it first.
    let repairable = matches!(code, "entry_without_item" | "entry_stale");
    let version = item.map(|item| item.version);
    let guard = Guard { item: subject.clone(), key: entry.key.clone(), version };
    let due = Due { kind, key: entry.key.clone(), was: Some(entry.due), now: None };
    let means = "every sweep finds it again and can do nothing about it";
    let repair = repairable.then_some(Step::Index { due, guard });
    exam.report.add(Finding { check, code, tenant: Some(tenant), subject, detail, means, repair: repair.map(Repair) });
    Ok(())
}

/// What people call the item behind an entry.
pub(crate) fn name(kind: DueKind, key: &ItemKey) -> String {
    let send = |key: &ItemKey| key.local().try_into().ok().map(u128::from_be_bytes);
    match kind {
        DueKind::Actor => ActorKey::from_bytes(key.bytes()).map(|actor| format!("{actor:?}")),
        DueKind::Send => send(key).map(|send| roadbook_kernel::SendKey::from_u128(send).to_string()),
        DueKind::Delivery => webhooks::named(key).map(|(_, id)| id.to_string()),
    }
    .unwrap_or_else(|| crate::doctor::unreadable::hex(key.local()))
}

/// An instant, by how far it lies from now: a store has no time zone.
pub(crate) fn shown(exam: &Exam<'_>, due: Option<Moment>) -> String {
    let Some(due) = due else { return "never".to_owned() };
    let ms = due.since_ms(exam.engine.clock.now());
    match ms {
        i64::MIN => "at once".to_owned(),
        0.. => format!("in {}", long(ms)),
        _ => format!("{} ago", long(ms.saturating_neg())),
    }
}

/// A time span in its largest unit.
fn long(ms: i64) -> String {
    match ms {
        DAY_MS.. => format!("{} d", ms / DAY_MS),
        HOUR_MS.. => format!("{} h", ms / HOUR_MS),
        MINUTE_MS.. => format!("{} min", ms / MINUTE_MS),
        _ => format!("{} s", ms / SECOND_MS),
    }
}
