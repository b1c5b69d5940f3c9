//! How many customers are in each segment.

use crate::ports::{Fault, ItemKey, Store};
use roadbook_kernel::{SegmentId, TenantId};

pub(crate) fn name(segment: SegmentId) -> String {
    format!("segment/{segment}/members")
}

pub(super) fn count(segment: SegmentId, inside: bool, adds: &mut Vec<(String, i64)>) {
    adds.push((name(segment), if inside { 1 } else { -1 }));
}

/// Two customers who were both inside became one.
pub(super) fn count_shared(shared: &[SegmentId], adds: &mut Vec<(String, i64)>) {
    adds.extend(shared.iter().map(|segment| (name(*segment), -1)));
}

/// Two customers who counted as one are two again.
pub(super) fn correct(segment: SegmentId, by: i64, adds: &mut Vec<(String, i64)>) {
    adds.push((name(segment), by));
}

/// Members of a segment now, as far as the relay has come.
///
/// # Errors
/// A fault of the store.
pub async fn read(store: &dyn Store, tenant: TenantId, segment: SegmentId) -> Result<i64, Fault> {
    let item = store.load(&ItemKey::counter(tenant, &name(segment))).await?;
    Ok(item.map_or(0, |item| item.amount()))
}
