//! The engine's view of a customer.

use crate::engine::Engine;
use crate::gate;
use crate::hosted::{Admission, Hosted};
use crate::message::Message;
use crate::people;
use crate::ports::{Fault, Put};
use crate::projections;
use crate::suggestions;
use crate::unmerge;
use crate::working::{WorkingSet, load_row};
use async_trait::async_trait;
use roadbook_catalog::Published;
use roadbook_customer::{Announcement, Command, Customer, Effect, Event, Topics, World};
use roadbook_identity::TenantKeys;
use roadbook_kernel::{ActorKey, CustomerId, Draft, Hash128, JourneyId, MessageId, Moment, Refusal, TenantId};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a customer's turn reads besides its rows.
pub struct CustomerScene {
    catalog: Arc<Published>,
    keys: Arc<TenantKeys>,
}

#[async_trait]
impl Hosted for Customer {
    type Scene = CustomerScene;

    fn blank(key: &ActorKey) -> Self {
        Customer::blank(CustomerId::from_u128(key.id.0))
    }

    fn next_due(&self) -> Option<Moment> {
        Customer::next_due(self)
    }

    fn broken_law(&self) -> Option<&'static str> {
        let keys: Vec<_> = self.links.iter().map(|link| link.identifier.key()).collect();
        let twice = keys.iter().enumerate().any(|(place, key)| keys[..place].contains(key));
        twice.then_some("a customer has each identifier once")
    }

    fn state_bytes_max(engine: &Engine) -> usize {
        engine.limits.customer_bytes_max
    }

    async fn scene(engine: &Engine, key: &ActorKey, edition: u64) -> Result<CustomerScene, Fault> {
        let catalog = engine.catalogs.at_least(engine, key.tenant, edition).await?;
        Ok(CustomerScene { catalog, keys: engine.keys.of(key.tenant) })
    }

    fn edition(scene: &CustomerScene) -> u64 {
        scene.catalog.edition
    }

    async fn admit(
        engine: &Engine,
        scene: &mut CustomerScene,
        set: &mut WorkingSet<Self>,
        message: &Message<Command>,
        now: Moment,
    ) -> Result<Admission, Fault> {
        let catalog = scene.catalog.clone();
        let admission = match &message.command {
            Command::Unmerge { other } => unmerge::admit(engine, scene, set, message, *other, now).await?,
            Command::Observe(_)
            | Command::ReportSend(_)
            | Command::NoteConsent(_)
            | Command::MergeWith { .. }
            | Command::Unbind { .. }
            | Command::SetTag { .. }
            | Command::Backfill { .. }
            | Command::Attend { .. }
            | Command::Leave { .. } => gate::admit(engine, set, &catalog.identity, message, now).await?,
        };
        if set.merged {
            tell_moved_stage(engine, set, message.time()).await?;
        }
        // The other half of a merge may have been decided under a newer catalog than this host has.
        let edition = set.now_on().row.edition;
        if scene.catalog.edition < edition {
            scene.catalog = engine.catalogs.at_least(engine, set.current.tenant, edition).await?;
        }
        Ok(admission)
    }

    async fn prepare(engine: &Engine, scene: &mut CustomerScene, set: &WorkingSet<Self>) -> Result<(), Fault> {
        scene.pin(engine, set.current.tenant, set.now_on().row.state.pins()).await
    }

    fn decide_message(
        scene: &CustomerScene,
        draft: &mut Draft<'_, Self>,
        key: &ActorKey,
        message: &Message<Command>,
        at: Moment,
        now: Moment,
        merged: bool,
    ) -> Result<(), Refusal> {
        let world = scene.world(key, message.id, at, now);
        if merged {
            Customer::after_merge(draft, &world);
        }
        <Customer as roadbook_kernel::Durable>::decide(draft, &message.command, &world)
    }

    fn former(key: &ActorKey, state: &Self) -> Vec<ActorKey> {
        let ids: BTreeSet<CustomerId> = state.absorbed.keys().chain(state.parted.keys()).copied().collect();
        let others = ids.into_iter().map(|id| ActorKey::customer(key.tenant, id)).filter(|other| other != key);
        std::iter::once(*key).chain(others).collect()
    }

    fn fire(
        _: &Engine,
        scene: &CustomerScene,
        draft: &mut Draft<'_, Self>,
        key: &ActorKey,
        at: Moment,
        reached: Moment,
    ) {
        let world = scene.world(key, scene.due(key, at), at, reached);
        Customer::fire(draft, &world);
    }

    fn bytes(command: &Command) -> (usize, usize) {
        let Command::Observe(observation) = command else { return (0, 0) };
        let ops = &observation.traits;
        let traits = [&ops.set, &ops.set_once, &ops.append].into_iter().flatten();
        let grows = traits.flat_map(|ops| ops.reveal()).map(|(key, value)| key.len() + size(value)).sum();
        let properties: usize =
            observation.properties.reveal().iter().map(|(key, value)| key.len() + size(value)).sum();
        (grows + properties, grows)
    }

    fn letter(command: &Command) -> Option<Value> {
        match command {
            Command::Observe(_) => serde_json::to_value(command).ok(),
            Command::NoteConsent(_)
            | Command::MergeWith { .. }
            | Command::Unmerge { .. }
            | Command::Unbind { .. }
            | Command::ReportSend(_)
            | Command::SetTag { .. }
            | Command::Attend { .. }
            | Command::Leave { .. }
            | Command::Backfill { .. } => None,
        }
    }

    fn count(event: &Event, adds: &mut Vec<(String, i64)>) {
        projections::count(event, adds);
    }

    fn announce(state: &Self, event: &Event, topics: Topics) -> Option<Effect> {
        Announcement::of(event, state, topics).map(Effect::Announce)
    }

    fn documents(key: &ActorKey, _: &Self, facts: &[&Event]) -> Vec<Put> {
        let mut puts = suggestions::documents(key, facts);
        puts.extend(people::documents(key, facts));
        puts
    }
}

/// Bytes of a value as JSON, nearly.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(values) => values.iter().map(size).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + 4 + size(value)).sum::<usize>() + 2,
    }
}

impl CustomerScene {
    /// Loads journey revisions: those that a customer's runs are pinned to.
    pub(crate) async fn pin(
        &mut self,
        engine: &Engine,
        tenant: TenantId,
        pins: impl Iterator<Item = (JourneyId, u32)> + Send,
    ) -> Result<(), Fault> {
        for (journey, number) in pins {
            if self.catalog.revision(journey, number).is_none() {
                let store = engine.store.as_ref();
                self.catalog = engine.catalogs.with_revision(store, tenant, &self.catalog, journey, number).await?;
            }
        }
        Ok(())
    }

    pub(crate) fn world(&self, key: &ActorKey, message: MessageId, at: Moment, reached: Moment) -> World<'_> {
        let (tenant, reached) = (key.tenant, reached.max(at));
        World { tenant, catalog: &self.catalog, keys: &self.keys, message, at, reached, begun: None }
    }

    /// What stands for the message where a timer is decided.
    pub(crate) fn due(&self, key: &ActorKey, at: Moment) -> MessageId {
        let id = self.derived(&[b"due", &key.id.0.to_be_bytes(), &at.millis().to_be_bytes()]);
        MessageId::from_u128(id.0)
    }

    pub(crate) fn derived(&self, parts: &[&[u8]]) -> Hash128 {
        self.keys.derived(parts)
    }
}

/// A merge that leaves the survivor at another stage than before says so, as an event that moves a stage does. Who
/// survives is known only behind the gate, so the row is read once more for what it was: merges are rare.
async fn tell_moved_stage(engine: &Engine, set: &mut WorkingSet<Customer>, at: Moment) -> Result<(), Fault> {
    let stored = load_row(engine, &set.current).await?;
    let working = set.now_on_mut();
    let before = working.before_cause(stored.state);
    if let Some(moved) = working.row.state.stage_after_merge(&before, at) {
        working.emit(moved);
    }
    Ok(())
}
