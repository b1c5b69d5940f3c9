//! Which facts are asked for, per tenant: what a turn must know before it commits.

use super::endpoint::endpoints;
use crate::ports::{Fault, Store};
use roadbook_customer::{Topic, Topics};
use roadbook_kernel::{EndpointId, TenantId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// What the enabled endpoints of a tenant ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// Every topic that any of them asks for.
    pub topics: Topics,
    /// What each asks for.
    pub endpoints: Vec<(EndpointId, Topics)>,
}

impl Subscribed {
    /// The endpoints that ask for a topic.
    pub fn to(&self, topic: Topic) -> impl Iterator<Item = EndpointId> + '_ {
        self.endpoints.iter().filter(move |(_, topics)| topics.contains(topic)).map(|(id, _)| *id)
    }
}

/// The cache: one entry per tenant this process has run a turn for, read once and again after a change of one of its
/// endpoints. A change made by another process of the same store is not seen: one process owns the embedded store.
#[derive(Default)]
pub struct Subscriptions {
    known: RwLock<HashMap<TenantId, Arc<Subscribed>>>,
    /// Counts changes: what was read before one must not be remembered after it.
    changes: AtomicU64,
}

impl Subscriptions {
    /// What a tenant's endpoints ask for.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn of(&self, store: &dyn Store, tenant: TenantId) -> Result<Arc<Subscribed>, Fault> {
        if let Some(known) = self.known.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&tenant) {
            return Ok(known.clone());
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let enabled = endpoints(store, tenant).await?.into_iter().filter(|held| held.endpoint.is_enabled());
        let endpoints: Vec<_> = enabled.map(|held| (held.endpoint.id, held.endpoint.topics)).collect();
        let topics = endpoints.iter().fold(Topics::NONE, |all, (_, topics)| all.or(*topics));
        let subscribed = Arc::new(Subscribed { topics, endpoints });
        let mut known = self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.changes.load(Ordering::SeqCst) == changes {
            known.insert(tenant, subscribed.clone());
        }
        Ok(subscribed)
    }

    /// Reads a tenant's endpoints anew at its next turn: one of them has changed.
    pub fn forget(&self, tenant: TenantId) {
        let mut known = self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.changes.fetch_add(1, Ordering::SeqCst);
        known.remove(&tenant);
    }
}
