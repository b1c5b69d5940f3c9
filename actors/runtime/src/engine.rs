//! What every turn has at hand: the ports, the keys, the catalogs, the limits, the counters.

use crate::catalogs::Catalogs;
use crate::ports::{Clock, History, Journal, Store};
use crate::webhooks::Subscriptions;
use roadbook_identity::TenantKeys;
use roadbook_kernel::TenantId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// Bounds of a turn. Past them the turn commits and goes on in the next.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Messages folded into one turn.
    pub turn_messages_max: usize,
    /// Effects one turn may intend before it commits.
    pub turn_effects_max: usize,
    /// Timers one turn may fire before it commits.
    pub turn_timers_max: usize,
    /// Bytes of messages one turn may fold before it commits, estimated.
    pub turn_bytes_max: usize,
    /// Bytes of them that make the state grow (traits): past it the next turn sees what the state has become.
    pub turn_growth_bytes_max: usize,
    /// Bytes of a customer's state that ordinary growth may reach.
    pub customer_bytes_max: usize,
    /// Bytes of a catalog's state.
    pub catalog_bytes_max: usize,
    /// Times a turn is decided again after losing its race.
    pub attempts_max: u32,
    /// Times a message is resolved again.
    pub hops_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turn_messages_max: 256,
            turn_effects_max: 100,
            turn_timers_max: 64,
            turn_bytes_max: 256 * 1024,
            turn_growth_bytes_max: 16 * 1024,
            customer_bytes_max: 48 * 1024,
            catalog_bytes_max: 4 * 1024 * 1024,
            attempts_max: 24,
            hops_max: 8,
        }
    }
}

/// What the engine counts, for `/metrics`.
#[derive(Debug, Default)]
pub struct Tally {
    /// Turns committed.
    pub turns: AtomicU64,
    /// Messages applied or refused for the first time.
    pub events: AtomicU64,
    /// Events (observations) among them, as the router learns it: what a sender counts.
    pub observed: AtomicU64,
    /// Messages recognised as known.
    pub duplicates: AtomicU64,
    /// Turns decided again after losing a race.
    pub conflicts: AtomicU64,
    /// Messages taken out of a turn because deciding them panicked.
    pub defects: AtomicU64,
    /// Actors parked because a timer could not be fired.
    pub parked: AtomicU64,
    /// Times the pages of an inbox had to be read.
    pub page_reads: AtomicU64,
    /// Messages older than the window, looked up in History.
    pub history_lookups: AtomicU64,
    /// Messages resolved again because the actor did not own them.
    pub hops: AtomicU64,
    /// Customers merged.
    pub merges: AtomicU64,
    /// Dead letters written.
    pub letters: AtomicU64,
    /// Timers fired.
    pub timers: AtomicU64,
    /// How late they were.
    pub lateness: Lateness,
}

/// A histogram of how long after its instant a timer fired, by the business clock.
#[derive(Debug, Default)]
pub struct Lateness([AtomicU64; Lateness::BOUNDS_MS.len() + 1]);

impl Lateness {
    /// Upper bounds of the buckets in milliseconds; behind the last lies everything later.
    pub const BOUNDS_MS: [i64; 12] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000, 600_000];

    pub(crate) fn note(&self, late_ms: i64) {
        let place = Self::BOUNDS_MS.partition_point(|bound| *bound < late_ms);
        Tally::add(&self.0[place], 1);
    }

    /// Timers per bucket, not summed up.
    pub fn counts(&self) -> [u64; Self::BOUNDS_MS.len() + 1] {
        std::array::from_fn(|place| self.0[place].load(Ordering::Relaxed))
    }
}

impl Tally {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// The keys of every tenant, derived from one master key.
pub struct KeyRing {
    master: [u8; 32],
    derived: RwLock<std::collections::HashMap<TenantId, Arc<TenantKeys>>>,
}

impl KeyRing {
    /// A ring over a master key.
    pub fn new(master: [u8; 32]) -> Self {
        Self { master, derived: RwLock::default() }
    }

    /// The keys of a tenant.
    pub fn of(&self, tenant: TenantId) -> Arc<TenantKeys> {
        if let Some(keys) = self.derived.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&tenant) {
            return keys.clone();
        }
        let keys = Arc::new(TenantKeys::derive(&self.master, tenant));
        let mut derived = self.derived.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        derived.entry(tenant).or_insert(keys).clone()
    }
}

/// The engine.
pub struct Engine {
    /// Durable items.
    pub store: Arc<dyn Store>,
    /// What happened to each actor.
    pub history: Arc<dyn History>,
    /// The commit log.
    pub journal: Arc<dyn Journal>,
    /// Business time: the wall clock, or a virtual one under replay.
    pub clock: Arc<dyn Clock>,
    /// Commit time of inbox entries: always the wall clock.
    pub wall: Arc<dyn Clock>,
    /// Tenant keys.
    pub keys: KeyRing,
    /// Compiled catalogs.
    pub catalogs: Catalogs,
    /// Which facts the tenants' webhook endpoints ask for.
    pub subscriptions: Subscriptions,
    /// Bounds.
    pub limits: Limits,
    /// Counters.
    pub tally: Tally,
}
