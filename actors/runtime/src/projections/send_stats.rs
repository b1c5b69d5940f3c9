//! How many sends of a tenant came to what end.

use crate::ports::{Fault, Space, Store};
use roadbook_customer::{SendOutcome, SendRecord, SendStatus};
use roadbook_kernel::TenantId;
use roadbook_tenancy::SuppressReason;
use std::collections::BTreeMap;

const PREFIX: &str = "sends/";

pub(super) fn count_asked(record: &SendRecord, adds: &mut Vec<(String, i64)>) {
    let what = match &record.status {
        SendStatus::Intended => "intended".to_owned(),
        SendStatus::Suppressed { reason } => format!("suppressed/{}", suppressed(*reason)),
        SendStatus::Reported { outcome, .. } => reported(outcome),
    };
    adds.push((format!("{PREFIX}{what}"), 1));
}

pub(super) fn count_report(outcome: &SendOutcome, adds: &mut Vec<(String, i64)>) {
    adds.push((format!("{PREFIX}{}", reported(outcome)), 1));
}

const fn suppressed(reason: SuppressReason) -> &'static str {
    match reason {
        SuppressReason::NoConsent => "no_consent",
        SuppressReason::NoAddress => "no_address",
        SuppressReason::NoGrant => "no_grant",
        SuppressReason::Unmerged => "unmerged",
    }
}

fn reported(outcome: &SendOutcome) -> String {
    match outcome {
        SendOutcome::Sent => "sent".into(),
        SendOutcome::HandedOver => "handed_over".into(),
        SendOutcome::Refused { .. } => "refused".into(),
        SendOutcome::Expired => "expired".into(),
        SendOutcome::Failed { .. } => "failed".into(),
        SendOutcome::Unknown { .. } => "unknown".into(),
        SendOutcome::Withheld { reason } => format!("withheld/{}", suppressed(*reason)),
    }
}

/// Reads the counters of a tenant's sends, by outcome.
///
/// # Errors
/// A fault of the store.
pub async fn read(store: &dyn Store, tenant: TenantId) -> Result<BTreeMap<String, i64>, Fault> {
    let rows = store.scan(Space::Counter, tenant, PREFIX.as_bytes(), None, 256).await?;
    let name = |local: &[u8]| String::from_utf8_lossy(&local[PREFIX.len()..]).into_owned();
    Ok(rows.iter().map(|(key, item)| (name(key.local()), item.amount())).collect())
}
