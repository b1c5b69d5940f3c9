//! Many messages, few turns: events of one tenant go to the router together, which brings those of one customer to them
//! in one delivery, however many messages they came in.

use crate::batch::Batch;
use roadbook_kernel::TenantId;
use roadbook_runtime::{Accepted, Router};
use std::collections::HashSet;

/// Events that go together at most, between two looks at the clock. A message is never cut in two.
const EVENTS_MAX: usize = 500;

/// The events of one message.
pub(crate) struct Parcel {
    /// Its place in the batch.
    pub(crate) place: usize,
    pub(crate) tenant: TenantId,
    pub(crate) events: Vec<Accepted>,
}

/// Applies parcels, as many at once as may go together.
pub(crate) async fn apply(router: &Router, mut rest: Vec<Parcel>, batch: &mut Batch<'_>, in_time: &impl Fn() -> bool) {
    while !rest.is_empty() {
        if !in_time() {
            rest.iter().for_each(|parcel| batch.fail(parcel.place));
            return;
        }
        let (load, later) = split(rest, batch);
        rest = later;
        let Some(tenant) = load.first().map(|parcel| parcel.tenant) else { continue };
        let sizes: Vec<(usize, usize)> = load.iter().map(|parcel| (parcel.place, parcel.events.len())).collect();
        let events = load.into_iter().flat_map(|parcel| parcel.events).collect();
        let mut results = router.observe(tenant, events).await.into_iter();
        for (place, size) in sizes {
            let fault = results.by_ref().take(size).filter_map(Result::err).last();
            if let Some(fault) = fault {
                tracing::warn!(tenant.id = %tenant, %fault, "events were not applied; their message comes again");
                batch.fail(place);
            }
        }
    }
}

/// What goes together next, and what waits: of one tenant, and of every group from its front. Whatever stands behind a
/// failed one of its group fails here, not begun.
fn split(parcels: Vec<Parcel>, batch: &mut Batch<'_>) -> (Vec<Parcel>, Vec<Parcel>) {
    let (mut load, mut later) = (Vec::<Parcel>::new(), Vec::new());
    let (mut events, mut waiting) = (0, HashSet::new());
    for parcel in parcels {
        if !batch.is_open(parcel.place) {
            batch.fail(parcel.place);
            continue;
        }
        let group = batch.group(parcel.place);
        let is_behind = group.is_some_and(|group| waiting.contains(group));
        let fits = load.first().is_none_or(|first| {
            first.tenant == parcel.tenant && events + parcel.events.len() <= EVENTS_MAX && !is_behind
        });
        if fits {
            events += parcel.events.len();
            load.push(parcel);
        } else {
            waiting.extend(group);
            later.push(parcel);
        }
    }
    (load, later)
}
