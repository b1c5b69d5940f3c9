//! Unreadable: what is stored and cannot be read, named by its key. Its content is never shown, and never repaired
//! here: what it said is known to a backup only.

use crate::doctor::report::Finding;
use crate::doctor::{Exam, PAGE};
use crate::letters::Letter;
use crate::ports::{Fault, Item, ItemKey, Space};
use crate::row::Row;
use roadbook_catalog::{Catalog, Document};
use roadbook_kernel::{ActorKey, TenantId};
use serde::de::IgnoredAny;

const NAME: &str = "unreadable";

/// Reads what the other checks do not: the catalog, journey revisions, jobs, dead letters.
pub(crate) async fn examine(exam: &mut Exam<'_>, tenant: TenantId) -> Result<(), Fault> {
    let key = ActorKey::catalog(tenant);
    if let Some(item) = exam.engine.store.load(&ItemKey::actor(&key)).await? {
        exam.report.looked(NAME, 1);
        if Row::<Catalog>::read(&key, &item).is_err() {
            found(exam, &ItemKey::actor(&key), Some(format!("{key:?}")), item.version);
        }
    }
    let revision = |item: &Item| serde_json::from_slice::<Document>(&item.body).is_ok();
    walk(exam, Space::Document, tenant, b"journey/", revision).await?;
    // What a job is, its own crate knows; that it is JSON everybody does.
    let json = |item: &Item| serde_json::from_slice::<IgnoredAny>(&item.body).is_ok();
    walk(exam, Space::Document, tenant, b"job/", json).await?;
    walk(exam, Space::Letter, tenant, b"l", |item| Letter::read(item).is_ok()).await
}

async fn walk(
    exam: &mut Exam<'_>,
    space: Space,
    tenant: TenantId,
    prefix: &[u8],
    reads: impl Fn(&Item) -> bool,
) -> Result<(), Fault> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = exam.engine.store.scan(space, tenant, prefix, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.local().to_vec());
        exam.report.looked(NAME, page.len() as u64);
        for (key, item) in page.iter().filter(|(_, item)| !reads(item)) {
            let name = String::from_utf8(key.local().to_vec()).ok().filter(|_| space == Space::Document);
            found(exam, key, name, item.version);
        }
    }
}

/// Something cannot be read.
pub(crate) fn found(exam: &mut Exam<'_>, key: &ItemKey, name: Option<String>, version: u64) {
    let (code, means) = match key.space() {
        Space::Actor => ("row_unreadable", "nothing can happen to this actor; restore its row from a backup"),
        Space::Claim => ("claim_unreadable", "events that carry this identifier fail; restore it from a backup"),
        Space::Send => ("send_unreadable", "what it was to send and what became of it is not known"),
        Space::Delivery => ("delivery_unreadable", "what it was to announce to which endpoint is not known"),
        Space::Letter => ("letter_unreadable", "this dead letter cannot be looked at nor sent again"),
        Space::Document if key.local().starts_with(b"job/") => {
            ("job_unreadable", "this import or replay stands still; restore it from a backup, or begin it again")
        }
        Space::Document => ("document_unreadable", "what is pinned to it cannot go on; restore it from a backup"),
        Space::Page | Space::Counter => ("item_unreadable", "restore it from a backup"),
    };
    let subject = name.unwrap_or_else(|| hex(key.local()));
    let detail = format!("{subject} cannot be read at version {version}");
    exam.report.add(Finding { check: NAME, code, tenant: Some(key.tenant()), subject, detail, means, repair: None });
}

/// A key that has no better name.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
