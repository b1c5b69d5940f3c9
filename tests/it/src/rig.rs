//! One engine with everything around it, and the questions tests ask of it.

use crate::say::{Say, Who};
use crate::{Backend, Keeper};
use async_trait::async_trait;
use roadbook_catalog::{Catalog, Command as Define};
use roadbook_customer::{Command, Customer};
use roadbook_identity::TenantKeys;
use roadbook_kernel::{ActorKey, CustomerId, Expected, JourneyId, MessageId, Moment, SegmentId, TenantId};
use roadbook_runtime::engine::{Engine, KeyRing, Limits, Tally};
use roadbook_runtime::ports::{Fault, ItemKey, Journal, Space};
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{
    Deliver, Direct, ManualClock, Memory, Message, Outcome, Router, Row, backfill_progress, begin_backfill, load_row,
    sends, sweep,
};
use serde_json::Value;
use std::sync::Arc;

/// The tenant of every test that does not need two.
pub const TENANT: TenantId = TenantId::from_u128(0x7e57_0001);
/// When every test begins: 2025-03-01T00:00:00Z.
pub const T0: Moment = Moment::from_millis(1_740_787_200_000);

/// How what was committed is carried on.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Carries all of it.
    ///
    /// # Errors
    /// A fault of the store; asked again, it goes on.
    async fn carry(&self, engine: &Engine) -> Result<(), Fault>;
}

/// By the commit log of the store itself.
pub struct ByLog;

#[async_trait]
impl Carrier for ByLog {
    async fn carry(&self, engine: &Engine) -> Result<(), Fault> {
        let mut relay = Relay::open(engine).await?;
        while relay.pass(engine, 7).await? > 0 {}
        Ok(())
    }
}

/// An engine over a store, with a business clock and a wall clock of its own.
pub struct Rig<S> {
    /// The store.
    pub store: Arc<S>,
    /// Business time.
    pub clock: Arc<ManualClock>,
    /// Commit time.
    pub wall: Arc<ManualClock>,
    /// The engine.
    pub engine: Arc<Engine>,
    /// Its router.
    pub router: Arc<Router>,
    /// Deliveries without mailboxes.
    pub direct: Arc<Direct>,
    /// Whose events [`Rig::observe`] brings.
    pub tenant: TenantId,
    /// What [`Rig::relay`] does.
    pub carrier: Arc<dyn Carrier>,
}

impl Rig<Memory> {
    /// A rig over an empty memory store, at [`T0`].
    pub fn memory() -> Self {
        Self::over(Arc::new(Memory::new()))
    }
}

impl<S: Backend> Rig<S> {
    /// A rig over a store, at [`T0`].
    pub fn over(store: Arc<S>) -> Self {
        Self::build(store, Arc::new(ManualClock::at(T0)), Arc::new(ManualClock::at(T0)), Limits::default())
    }

    /// A rig with other bounds.
    pub fn bounded(store: Arc<S>, limits: Limits) -> Self {
        Self::build(store, Arc::new(ManualClock::at(T0)), Arc::new(ManualClock::at(T0)), limits)
    }

    /// A rig of given parts.
    pub fn build(store: Arc<S>, clock: Arc<ManualClock>, wall: Arc<ManualClock>, limits: Limits) -> Self {
        Self::carried(store.clone(), store, clock, wall, limits)
    }
}

impl<S: Keeper> Rig<S> {
    /// A rig whose turns are not carried by a log of the store: `journal` says what is read instead.
    pub fn carried(
        store: Arc<S>,
        journal: Arc<dyn Journal>,
        clock: Arc<ManualClock>,
        wall: Arc<ManualClock>,
        limits: Limits,
    ) -> Self {
        let engine = Arc::new(Engine {
            store: store.clone(),
            history: store.clone(),
            journal,
            clock: clock.clone(),
            wall: wall.clone(),
            keys: KeyRing::new([7; 32]),
            catalogs: Default::default(),
            subscriptions: Default::default(),
            limits,
            tally: Tally::default(),
        });
        let direct = Arc::new(Direct(engine.clone()));
        let router = Arc::new(Router::new(engine.clone(), direct.clone()));
        Self { store, clock, wall, engine, router, direct, tenant: TENANT, carrier: Arc::new(ByLog) }
    }

    /// A new process on the same store: nothing in memory survives.
    #[must_use]
    pub fn restart(&self) -> Self {
        self.beside(self.store.clone(), self.engine.journal.clone())
    }

    /// A new process with the same clocks on another view of the store.
    pub fn on<T: Backend>(&self, store: Arc<T>) -> Rig<T> {
        self.beside(store.clone(), store)
    }

    fn beside<T: Keeper>(&self, store: Arc<T>, journal: Arc<dyn Journal>) -> Rig<T> {
        let limits = self.engine.limits.clone();
        let mut rig = Rig::carried(store, journal, self.clock.clone(), self.wall.clone(), limits);
        rig.tenant = self.tenant;
        rig.carrier = self.carrier.clone();
        rig
    }

    /// The same engine, speaking for another tenant.
    #[must_use]
    pub fn speaking_for(&self, tenant: TenantId) -> Self {
        let mut rig = self.restart();
        rig.tenant = tenant;
        rig
    }

    /// The tenant's keys.
    pub fn keys(&self) -> Arc<TenantKeys> {
        self.engine.keys.of(self.tenant)
    }

    /// The id of a message a test names.
    pub fn message(&self, id: &str) -> MessageId {
        self.keys().message("test", id)
    }

    /// Puts both clocks.
    pub fn at(&self, at: Moment) {
        self.clock.advance_to(at);
        self.wall.advance_to(at);
    }

    /// One call with these events; their clock is put to the latest of them.
    pub async fn try_observe(&self, says: &[Say]) -> Vec<Result<Outcome, Fault>> {
        let keys = self.keys();
        let events: Vec<_> = says.iter().enumerate().map(|(place, say)| say.accept(&keys, place)).collect();
        if let Some(latest) = events.iter().map(|event| event.accepted).max() {
            self.at(latest);
        }
        self.router.observe(self.tenant, events).await
    }

    /// As [`Rig::try_observe`], where nothing can fail.
    pub async fn observe(&self, says: &[Say]) -> Vec<Outcome> {
        self.try_observe(says).await.into_iter().map(|result| result.expect("no fault")).collect()
    }

    /// One call each, in this order.
    pub async fn observe_each(&self, says: &[Say]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for say in says {
            outcomes.extend(self.observe(std::slice::from_ref(say)).await);
        }
        outcomes
    }

    /// A command to whoever an identifier leads to.
    ///
    /// # Errors
    /// A fault of the store, or nobody there.
    pub async fn try_tell(&self, who: &Who, id: &str, command: Command, at: Moment) -> Result<Outcome, Fault> {
        self.at(at);
        let key = who.identifier(&self.keys()).key();
        let owner = self.router.owner(self.tenant, &key).await?;
        let owner = owner.ok_or_else(|| Fault::Corrupt("nobody has this identifier".into()))?;
        let actor = ActorKey::customer(self.tenant, owner);
        sends::tell(&self.engine, self.direct.as_ref(), actor, self.message(id), command, at).await
    }

    /// As [`Rig::try_tell`], where nothing can fail.
    pub async fn tell(&self, who: &Who, id: &str, command: Command, at: Moment) -> Outcome {
        self.try_tell(who, id, command, at).await.expect("no fault")
    }

    /// A command to the catalog.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn try_define(&self, id: &str, command: Define) -> Result<Outcome, Fault> {
        let now = self.engine.clock.now();
        let message = Message {
            id: self.message(id),
            accepted: now,
            occurred: now,
            position: 0,
            via: None,
            founding: false,
            command,
        };
        self.direct.catalog(ActorKey::catalog(self.tenant), message).await
    }

    /// Creates and publishes a segment.
    pub async fn segment(&self, name: &str, condition: Value) -> SegmentId {
        let id = SegmentId::from_u128(self.keys().derived(&[b"test segment", name.as_bytes()]).0);
        let create = Define::CreateSegment { id, name: name.to_owned(), condition };
        self.defined(&format!("{name}/create"), create).await;
        self.defined(&format!("{name}/publish"), Define::PublishSegment { id }).await;
        id
    }

    /// Creates and publishes a journey.
    pub async fn journey(&self, name: &str, definition: Value) -> JourneyId {
        let id = JourneyId::from_u128(self.keys().derived(&[b"test journey", name.as_bytes()]).0);
        let create = Define::CreateJourney { id, name: name.to_owned(), definition };
        self.defined(&format!("{name}/create"), create).await;
        self.defined(&format!("{name}/publish"), Define::PublishJourney { id }).await;
        id
    }

    /// Changes and publishes a journey again. `edit` tells several edits of one journey apart.
    pub async fn republish(&self, id: JourneyId, edit: &str, definition: Value) {
        let command = Define::EditJourney { id, name: edit.to_owned(), definition, expected: Expected::Any };
        self.defined(&format!("{edit}/edit"), command).await;
        self.defined(&format!("{edit}/publish"), Define::PublishJourney { id }).await;
    }

    async fn defined(&self, id: &str, command: Define) {
        let outcome = self.try_define(id, command).await.expect("no fault");
        assert!(matches!(outcome, Outcome::Applied { .. }), "{id}: {outcome:?}");
    }

    /// The catalog's edition.
    pub async fn edition(&self) -> u64 {
        let key = ActorKey::catalog(self.tenant);
        load_row::<Catalog>(&self.engine, &key).await.expect("a catalog").state.edition
    }

    /// Begins a sweep for a segment and carries it to its end in steps of `limit`.
    pub async fn backfill(&self, segment: SegmentId, limit: usize) {
        begin_backfill(&self.engine, self.tenant, segment, self.edition().await).await.expect("no fault");
        self.finish_backfill(limit).await;
        let progress = backfill_progress(&self.engine, self.tenant, segment).await.expect("no fault");
        assert!(progress.is_some_and(|state| state.done), "the sweep says that it is done");
    }

    /// Carries every sweep to its end.
    pub async fn finish_backfill(&self, limit: usize) {
        let (engine, deliver) = (&self.engine, self.direct.as_ref());
        while roadbook_runtime::advance_backfill(engine, deliver, self.tenant, limit).await.expect("no fault") {}
    }

    /// Puts the clocks and fires everything that is due by then, each at its own instant.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn try_drain(&self, until: Moment) -> Result<usize, Fault> {
        self.at(until);
        sweep::drain(&self.engine, self.direct.as_ref(), until).await
    }

    /// As [`Rig::try_drain`], where nothing can fail.
    pub async fn drain(&self, until: Moment) -> usize {
        self.try_drain(until).await.expect("no fault")
    }

    /// Carries everything that was committed.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn try_relay(&self) -> Result<(), Fault> {
        self.carrier.carry(&self.engine).await
    }

    /// As [`Rig::try_relay`], where nothing can fail.
    pub async fn relay(&self) {
        self.try_relay().await.expect("no fault");
    }

    /// The row an identifier leads to, tombstones followed.
    pub async fn row(&self, who: &Who) -> Option<Row<Customer>> {
        let key = who.identifier(&self.keys()).key();
        let item = self.engine.store.load(&ItemKey::claim(self.tenant, &key)).await.expect("no fault")?;
        let mut id = roadbook_runtime::read_claim(&item).expect("a claim").owner;
        loop {
            let row = self.row_of(id).await;
            match row.state.merged_into() {
                Some(next) => id = next,
                None => return Some(row),
            }
        }
    }

    /// The row under a One ID, tombstone or not.
    pub async fn row_of(&self, id: CustomerId) -> Row<Customer> {
        load_row::<Customer>(&self.engine, &ActorKey::customer(self.tenant, id)).await.expect("a row")
    }

    /// The customer an identifier leads to.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn customer(&self, who: &Who) -> Customer {
        self.row(who).await.expect("somebody has this identifier").state
    }

    /// Every row of the tenant, tombstones included, by One ID.
    pub async fn rows(&self) -> Vec<Row<Customer>> {
        let prefix = [roadbook_kernel::ActorKind::Customer.byte()];
        let items =
            self.engine.store.scan(Space::Actor, self.tenant, &prefix, None, usize::MAX).await.expect("no fault");
        let read = |(key, item): &(ItemKey, _)| {
            let actor = ActorKey::from_bytes(key.bytes()).expect("an actor key");
            Row::<Customer>::read(&actor, item).expect("a row")
        };
        items.iter().map(read).collect()
    }

    /// Every live customer of the tenant, by One ID.
    pub async fn live(&self) -> Vec<Customer> {
        self.rows().await.into_iter().map(|row| row.state).filter(Customer::is_live).collect()
    }
}
