//! The endpoints of webhooks: they take calls, sometimes badly, and remember all of them. They outlive every host.

use crate::ports::Aside;
use crate::world::{Life, World};
use async_trait::async_trait;
use roadbook_kernel::{ActorKey, CustomerId, DeliveryId, EndpointId, SECOND_MS, TenantId};
use roadbook_runtime::ports::{Commit, Expect, HookAnswer, HookCall, Hooks, Item, ItemKey, Put, Store};
use roadbook_runtime::webhooks::{DeliveryState, Endpoint, Signing, SigningSecret, Status, read};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What an endpoint knows of one delivery.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// About whom.
    pub subject: ActorKey,
    /// What was said, word for word.
    pub said: String,
    /// Calls that arrived.
    pub calls: u32,
    /// Whether one of them was taken.
    pub taken: bool,
}

/// Everything endpoints heard.
#[derive(Default)]
pub struct Ears {
    heard: Mutex<BTreeMap<DeliveryId, Heard>>,
}

impl Ears {
    /// Every delivery that was heard of.
    pub fn heard(&self) -> MutexGuard<'_, BTreeMap<DeliveryId, Heard>> {
        self.heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The secret of an endpoint.
fn secret(endpoint: EndpointId) -> String {
    format!("whsec_{:032x}", endpoint.as_u128())
}

/// Writes an endpoint into the store, as if somebody had made it before the run.
pub async fn make(world: &World, tenant: TenantId, id: EndpointId, topics: roadbook_customer::Topics) {
    let endpoint = Endpoint {
        id,
        url: format!("https://example.com/{id}"),
        description: String::new(),
        topics,
        status: Status::Enabled,
        secrets: vec![Signing { secret: SigningSecret::new(secret(id)), until: None }],
        created_at: world.now(),
    };
    let Ok(body) = serde_json::to_vec(&endpoint) else { return };
    let key = ItemKey::document(tenant, &format!("webhook/endpoint/{id}"));
    let put = Put { key, expect: Expect::Absent, item: Some(Item { version: 1, body: body.into() }) };
    if world.memory.commit(Commit { puts: vec![put], ..Commit::default() }).await.is_err() {
        world.broken(|| format!("webhook: endpoint {id} could not be made"));
    }
}

/// A host's line to the endpoints.
pub struct HookLine {
    /// The host.
    pub life: Life,
    /// The endpoints.
    pub ears: Arc<Ears>,
}

impl HookLine {
    /// What must hold at the very instant of a call: its attempt is durable and nobody has said that it is over; it is
    /// signed with the endpoint's secret; and what comes again says what was said before.
    async fn check(&self, call: &HookCall<'_>, heard: &Heard) {
        let (world, delivery) = (&self.life.world, call.delivery);
        let key = ItemKey::delivery(call.tenant, delivery.endpoint, delivery.id);
        let item = world.memory.load(&key).await.ok().flatten();
        match item.as_ref().map(read) {
            Some(Ok(stored)) if matches!(stored.state, DeliveryState::Attempting { .. }) => {}
            Some(Ok(stored)) => {
                world.broken(|| format!("webhook: {} was called while {:?}", delivery.id, stored.state))
            }
            Some(Err(_)) | None => world.broken(|| format!("webhook: {} was called and is not kept", delivery.id)),
        }
        if !call.secrets.iter().any(|one| one.expose() == secret(delivery.endpoint)) {
            world.broken(|| format!("webhook: {} was not signed with its endpoint's secret", delivery.id));
        }
        if let Some(before) = self.ears.heard().get(&delivery.id)
            && (before.said != heard.said || before.subject != heard.subject || before.endpoint != heard.endpoint)
        {
            world.broken(|| format!("webhook: {} said something else than before", delivery.id));
        }
    }
}

/// What a delivery says, as one text.
pub fn words(said: &roadbook_customer::Announcement) -> String {
    serde_json::to_string(said).unwrap_or_default()
}

#[async_trait]
impl Hooks for HookLine {
    async fn post(&self, call: HookCall<'_>) -> HookAnswer {
        if self.life.is_over() {
            return std::future::pending().await;
        }
        let (world, delivery) = (&self.life.world, call.delivery);
        let (endpoint, subject) = (delivery.endpoint, subject(call.tenant, delivery.subject));
        let heard = Heard { endpoint, subject, said: words(&delivery.said), calls: 1, taken: false };
        self.check(&call, &heard).await;
        let (answer, taken, wait_ms, dies) = {
            let inner = &mut *world.inner();
            let bad = inner.chance.happens(inner.weather.endpoint);
            let dice = if bad { 1 + inner.chance.below(4) } else { 0 };
            let dies = inner.chance.happens(inner.weather.dies_after);
            let (answer, taken) = match dice {
                0 => (HookAnswer::Status(204), true),
                1 => (HookAnswer::Status(500), false),
                2 => (HookAnswer::Status(429), false),
                3 => (HookAnswer::Lost("timeout"), true),
                _ => (HookAnswer::Lost("connection_failed"), false),
            };
            (answer, taken, if bad { inner.chance.between(1, 14 * SECOND_MS) } else { 0 }, dies)
        };
        world.tell(Some(self.life.host), || format!("calls a webhook: {} -> {answer:?}", delivery.id));
        {
            let mut all = self.ears.heard();
            let known = all.entry(delivery.id).or_insert_with(|| Heard { calls: 0, taken: false, ..heard });
            (known.calls, known.taken) = (known.calls + 1, known.taken | taken);
        }
        if dies {
            self.life.end();
            return std::future::pending().await;
        }
        if wait_ms > 0 {
            world.inner().wait_ms = wait_ms;
            Aside::default().await;
        }
        answer
    }
}

fn subject(tenant: TenantId, customer: CustomerId) -> ActorKey {
    ActorKey::customer(tenant, customer)
}
