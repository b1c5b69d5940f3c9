//! What becomes of good events: applied at once, or accepted by a queue that keeps them until somebody applies them.

use super::rejected::at;
use crate::api::Api;
use crate::failure::Failure;
use roadbook_app::Intake;
use roadbook_identity::TenantKeys;
use roadbook_kernel::TenantId;
use roadbook_runtime::ports::{Fault, Parcel, Queue};
use roadbook_runtime::{Accepted, Outcome, PackError, pack, queue_all};
use roadbook_wire::{Problem, Rejected};
use std::sync::Arc;

/// What is known of an event when its request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// Its turn is committed, or it could not be.
    Decided(Result<Outcome, Fault>),
    /// It is in the queue: durable, and not yet applied.
    Queued,
    /// It could not be put there. Where the whole request is repeated, it comes again.
    NotQueued(Fault),
}

impl Fate {
    /// The fault, where there was one.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        match self {
            Fate::Decided(Err(fault)) | Fate::NotQueued(fault) => Some(fault),
            Fate::Decided(Ok(_)) | Fate::Queued => None,
        }
    }
}

/// Good events that are ready to go. Until they do, nothing was taken.
pub(super) enum Ready {
    Direct(Vec<Accepted>),
    Queued { queue: Arc<dyn Queue>, parcels: Vec<Parcel>, events: usize },
}

impl Ready {
    /// Prepares events. `list` is what stands before the index of an event in a pointer to it.
    ///
    /// # Errors
    /// An event that is larger than a message of the queue, with its place.
    pub(super) fn new(
        intake: &Intake,
        keys: &TenantKeys,
        tenant: TenantId,
        list: Option<&str>,
        good: Vec<Accepted>,
    ) -> Result<Self, Failure> {
        let queue = match intake {
            Intake::Direct => return Ok(Ready::Direct(good)),
            Intake::Queued(queue) => queue.clone(),
        };
        let positions: Vec<u32> = good.iter().map(|one| one.position).collect();
        let events = good.len();
        match pack(keys, tenant, good) {
            Ok(parcels) => Ok(Ready::Queued { queue, parcels, events }),
            Err(PackError::Fault(fault)) => Err(Failure::fault(&fault)),
            Err(PackError::TooLarge(large)) => {
                let position = positions.get(large.place).copied().unwrap_or_default();
                let (pointer, detail) = (at(list, position), large.to_string());
                let rejected = Rejected { code: "event_too_large".into(), pointer, detail, index: position as usize };
                Err(Problem::rejected([&rejected]).into())
            }
        }
    }

    /// Lets them go. One fate each, in their order.
    pub(super) async fn go(self, api: &Api, tenant: TenantId) -> Vec<Fate> {
        match self {
            Ready::Direct(good) => {
                let results = api.app.router.observe(tenant, good).await;
                results.into_iter().map(Fate::Decided).collect()
            }
            Ready::Queued { queue, parcels, events } => {
                let results = queue_all(queue.as_ref(), parcels, events).await;
                results.into_iter().map(|taken| taken.map_or_else(Fate::NotQueued, |()| Fate::Queued)).collect()
            }
        }
    }
}
