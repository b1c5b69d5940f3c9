//! The last events of each tenant, in memory. What is here is gone with the process: the truth is in the store.

use super::notes::{Entry, Noted};
use roadbook_access::Authority;
use roadbook_kernel::{Moment, TenantId};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::Notify;

/// Events remembered of one tenant.
pub(crate) const EVENTS_MAX: usize = 100;
/// Bytes of them as they came, the newest always. An event has at most 32 KB, and several times that once it is read.
const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// Tenants remembered. Above it the one that has been silent longest is forgotten.
const TENANTS_MAX: usize = 64;
/// People who watch at once, in all; fewer than tenants, so that one nobody watches can always be forgotten.
const WATCHERS_MAX: usize = 32;
/// The same of one tenant.
const TENANT_WATCHERS_MAX: usize = 8;

/// The debugger of a process.
pub(crate) struct Debugger {
    tenants: RwLock<HashMap<TenantId, Arc<Ring>>>,
    watchers: Arc<AtomicUsize>,
}

/// How much one request held.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// The events of one tenant.
pub(super) struct Ring {
    seen: Mutex<Seen>,
    pub(super) changed: Notify,
    last: AtomicU64,
    watchers: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Seen {
    /// The number of the newest; the first event has number 1.
    newest: u64,
    bytes: usize,
    entries: VecDeque<Arc<Entry>>,
}

/// What was noted after a number.
pub(super) struct After {
    /// Oldest first.
    pub(super) entries: Vec<Arc<Entry>>,
    /// How many were noted and are no longer remembered.
    pub(super) dropped: u64,
}

/// The right to watch. Its place is free again when it is dropped.
pub(super) struct Watcher(Arc<AtomicUsize>, Arc<AtomicUsize>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Debugger {
    pub(crate) fn new() -> Self {
        Self { tenants: RwLock::default(), watchers: Arc::default() }
    }

    /// Notes what became of the events of one request, oldest first. Of many only the last need be given.
    pub(crate) fn note(&self, from: &Authority, received: Moment, sent: Size, events: Vec<Noted>) {
        if events.is_empty() {
            return;
        }
        self.ring(from.tenant(), received).note(from, received, sent, events);
    }

    pub(super) fn ring(&self, tenant: TenantId, now: Moment) -> Arc<Ring> {
        if let Some(ring) = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant) {
            return ring.clone();
        }
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= TENANTS_MAX && !tenants.contains_key(&tenant) {
            let unwatched = tenants.iter().filter(|(_, ring)| ring.watchers.load(Ordering::Relaxed) == 0);
            let silent = unwatched.min_by_key(|(_, ring)| ring.last.load(Ordering::Relaxed)).map(|(tenant, _)| *tenant);
            silent.and_then(|silent| tenants.remove(&silent));
        }
        let last = AtomicU64::new(now.millis().max(0).cast_unsigned());
        let fresh = || Ring { seen: Mutex::default(), changed: Notify::new(), last, watchers: Arc::default() };
        tenants.entry(tenant).or_insert_with(|| Arc::new(fresh())).clone()
    }

    /// What a tenant's ring holds after a number; nothing where the tenant has none.
    pub(super) fn after(&self, tenant: TenantId, number: u64) -> After {
        let ring = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        ring.map_or(After { entries: Vec::new(), dropped: 0 }, |ring| ring.after(number))
    }

    /// A place to watch; `None` where there is none.
    pub(super) fn watch(&self, ring: &Ring) -> Option<Watcher> {
        let (all, own) = (self.watchers.fetch_add(1, Ordering::Relaxed), ring.watchers.fetch_add(1, Ordering::Relaxed));
        let watcher = Watcher(self.watchers.clone(), ring.watchers.clone());
        (all < WATCHERS_MAX && own < TENANT_WATCHERS_MAX).then_some(watcher)
    }
}

impl Ring {
    fn note(&self, from: &Authority, received: Moment, sent: Size, events: Vec<Noted>) {
        let total = sent.events.max(events.len());
        let each = sent.bytes / total;
        let skipped = events.len().saturating_sub(EVENTS_MAX);
        // What falls out is dropped after the lock: the last reference to an event frees all of it.
        let mut gone = Vec::new();
        {
            let mut seen = lock(&self.seen);
            seen.newest += (total - (events.len() - skipped)) as u64;
            for noted in events.into_iter().skip(skipped) {
                seen.newest += 1;
                let number = seen.newest;
                seen.bytes += each;
                seen.entries.push_back(Arc::new(Entry { number, received, from: from.clone(), bytes: each, noted }));
                while seen.entries.len() > EVENTS_MAX || seen.bytes > EVENT_BYTES_MAX && seen.entries.len() > 1 {
                    let Some(oldest) = seen.entries.pop_front() else { break };
                    seen.bytes -= oldest.bytes;
                    gone.push(oldest);
                }
            }
        }
        self.last.store(received.millis().max(0).cast_unsigned(), Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// The number of the newest event. A ring that was forgotten and made again counts anew.
    pub(super) fn newest(&self) -> u64 {
        lock(&self.seen).newest
    }

    /// What came after a number that is not beyond the newest.
    pub(super) fn after(&self, number: u64) -> After {
        let seen = lock(&self.seen);
        let entries: Vec<Arc<Entry>> = seen.entries.iter().filter(|entry| entry.number > number).cloned().collect();
        let first = entries.first().map_or(seen.newest + 1, |entry| entry.number);
        After { entries, dropped: first.saturating_sub(number + 1) }
    }
}
