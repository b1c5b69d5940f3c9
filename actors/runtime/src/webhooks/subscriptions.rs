//! Which facts are asked for, per tenant: what a turn must know before it commits.

use super::endpoint::endpoints;
use crate::engine::Engine;
use crate::mutants::mutant;
use crate::ports::Fault;
use crate::sync::RwLock;
use roadbook_customer::{Topic, Topics};
use roadbook_kernel::{EndpointId, MINUTE_MS, Moment, TenantId};
use std::collections::HashMap;
use std::sync::Arc;

/// For so long a change whose caller hung up may still be written, by the wall clock: a store takes what it was given
/// within seconds, or never. Until then nothing about its tenant is remembered.
const UNDER_WAY_MS_MAX: i64 = MINUTE_MS;

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
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    tenants: HashMap<TenantId, Arc<Subscribed>>,
    /// Changes that have begun and not ended.
    under_way: HashMap<TenantId, UnderWay>,
    /// Counts beginnings and ends: what was read before one must not be remembered after it.
    changes: u64,
}

struct UnderWay {
    changes: u32,
    /// When the newest of them began.
    newest: Moment,
}

impl Known {
    /// Whether a change of a tenant's endpoints may still be written unseen.
    fn may_change(&self, tenant: TenantId, now: Moment) -> bool {
        self.under_way.get(&tenant).is_some_and(|under_way| now.since_ms(under_way.newest) <= UNDER_WAY_MS_MAX)
    }
}

impl Subscriptions {
    /// What a tenant's endpoints ask for.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn of(&self, engine: &Engine, tenant: TenantId) -> Result<Arc<Subscribed>, Fault> {
        let changes = {
            let known = self.known.read().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(subscribed) = known.tenants.get(&tenant) {
                return Ok(subscribed.clone());
            }
            known.changes
        };
        let enabled =
            endpoints(engine.store.as_ref(), tenant).await?.into_iter().filter(|held| held.endpoint.is_enabled());
        let endpoints: Vec<_> = enabled.map(|held| (held.endpoint.id, held.endpoint.topics)).collect();
        let topics = endpoints.iter().fold(Topics::NONE, |all, (_, topics)| all.or(*topics));
        let subscribed = Arc::new(Subscribed { topics, endpoints });
        let mut known = self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let is_settled = known.changes == changes && !known.may_change(tenant, engine.wall.now());
        if is_settled || mutant!(ChangeUnderWayIgnored) {
            known.under_way.remove(&tenant);
            known.tenants.insert(tenant, subscribed.clone());
        }
        Ok(subscribed)
    }

    /// One of a tenant's endpoints is about to change. Before the write: whoever asks for it may go away in the middle,
    /// and then nobody is left to say that it was written.
    pub(super) fn changing(&self, tenant: TenantId, now: Moment) {
        let mut known = self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        known.changes += 1;
        known.tenants.remove(&tenant);
        let under_way = known.under_way.entry(tenant).or_insert(UnderWay { changes: 0, newest: now });
        under_way.changes += 1;
        under_way.newest = under_way.newest.max(now);
    }

    /// It has changed, or has not and will not.
    pub(super) fn changed(&self, tenant: TenantId) {
        let mut known = self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !mutant!(ChangeEndUncounted) {
            known.changes += 1;
        }
        if let Some(under_way) = known.under_way.get_mut(&tenant) {
            under_way.changes -= 1;
            if under_way.changes == 0 {
                known.under_way.remove(&tenant);
            }
        }
    }
}
