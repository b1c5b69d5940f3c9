//! What hosts do by themselves: timers, the relay, the sender, sweeps over customers. Looks are lost and made twice;
//! every loop is level-triggered, so that costs time and nothing else.

use super::Run;
use super::imports::importing;
use super::queued::{CUT_MS, announcing, queue_of, ticking, working};
use crate::chance::Chance;
use crate::host::{Host, Log, Way};
use crate::task::{Done, Parcel, Task, Work};
use crate::world::{Job, World};
use roadbook_kernel::{ActorKey, MINUTE_MS, Moment, SECOND_MS, TenantId};
use roadbook_runtime::ports::{Journal, Turn};
use roadbook_runtime::relay::{Relay, carry};
use roadbook_runtime::{advance_backfill, in_order, sweep};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Looks of one loop under way at once, over all hosts.
const LOOKS_MAX: usize = 3;
/// How far ahead a sweep may look.
const AHEAD_MS: i64 = 90 * SECOND_MS;

/// What the loops of all hosts have come to.
pub struct Loops {
    relay_down: Option<Moment>,
    /// Tenants whose sweeps may have something to do.
    open: BTreeSet<usize>,
    /// How often each tenant has published.
    published: Vec<u64>,
    next: Moment,
    under_way: BTreeMap<Job, usize>,
    /// A loop found more than it did.
    more: bool,
    /// Up to where the stream was carried.
    stream: Arc<AtomicU64>,
    /// The next tick of the sweep, where ticks come from outside.
    tick: Moment,
}

impl Loops {
    /// Nothing was looked at yet.
    pub fn new(tenants: usize) -> Self {
        let stream = Arc::new(AtomicU64::new(0));
        Self {
            relay_down: None,
            open: BTreeSet::new(),
            published: vec![0; tenants],
            next: Moment::MIN,
            under_way: BTreeMap::new(),
            more: false,
            stream,
            tick: Moment::MIN,
        }
    }

    /// A tenant has published something.
    pub fn published(&mut self, tenant: usize) {
        self.open.insert(tenant);
        self.published[tenant] += 1;
    }

    /// The sweeps of a tenant had their turn.
    pub fn swept(&mut self, tenant: usize, published: u64, more: bool) {
        if !more && published == self.published[tenant] {
            self.open.remove(&tenant);
        }
    }

    /// The relay stands still.
    pub fn relay_down_until(&mut self, at: Moment) {
        self.relay_down = self.relay_down.max(Some(at));
    }

    /// Whether it runs.
    pub fn relay_runs(&self, now: Moment) -> bool {
        self.relay_down.is_none_or(|until| until <= now)
    }

    /// When it runs again, where it does not.
    pub fn relay_back(&self, now: Moment) -> Option<Moment> {
        self.relay_down.filter(|until| *until > now)
    }

    /// Whether a loop has more to do.
    pub fn more(&self) -> bool {
        self.more || !self.open.is_empty()
    }

    /// When a tick may find something that is due then.
    pub fn next_tick(&self, due: Moment) -> Moment {
        due.plus_ms(-AHEAD_MS).max(self.tick)
    }

    /// Not before the next look.
    pub fn not_before(&self, at: Moment) -> Moment {
        at.max(self.next)
    }

    /// A look is over.
    pub fn looked(&mut self, job: Job, more: bool) {
        self.lost(job);
        self.more |= more;
    }

    /// A look died with its host.
    pub fn lost(&mut self, job: Job) {
        if let Some(count) = self.under_way.get_mut(&job) {
            *count = count.saturating_sub(1);
        }
    }

    /// Up to where turns were carried, with the relay's cursor where it stands.
    pub fn carried(&self, cursor: u64) -> u64 {
        self.stream.load(Ordering::Relaxed).max(cursor)
    }
}

/// What a store in memory answers without waiting.
pub fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl Run {
    /// One look of every loop that has a reason to.
    pub(super) fn look(&mut self) {
        let now = self.world.now();
        let gap_ms = self.chance.pick(&[20, 200, SECOND_MS, 5 * SECOND_MS, 60 * SECOND_MS]);
        self.loops.next = now.plus_ms(1 + self.chance.between(0, gap_ms));
        self.loops.more = false;
        let waiting = self.relay_waits(now);
        let glance = self.glance();
        let soon = |due: Option<Moment>| due.is_some_and(|at| at <= now.plus_ms(AHEAD_MS));
        let (timers, sends, deliveries) = (soon(glance.timer), soon(glance.send), soon(glance.delivery));
        match self.plan.way {
            Way::Host => {
                for (job, _) in [(Job::Sweep, timers), (Job::Send, sends), (Job::Announce, deliveries)]
                    .into_iter()
                    .filter(|(_, is_due)| *is_due)
                {
                    self.look_with(job, 0);
                }
            }
            Way::Queues => {
                if (timers || sends || deliveries) && self.loops.tick <= now {
                    self.loops.tick = now.plus_ms(MINUTE_MS);
                    self.look_with(Job::Sweep, 0);
                }
                for job in [Job::Inbox, Job::Poke, Job::Hint, Job::Announce] {
                    if queue_of(job).is_some_and(|queue| self.world.queues.has_some(queue, now)) {
                        self.look_with(job, 0);
                    }
                }
            }
        }
        for tenant in 0..self.plan.tenants.len() {
            let waits = self.glance().files.get(tenant).copied().flatten();
            if waits.is_some_and(|waits| waits.at(now) <= now) {
                self.look_with(Job::Import, tenant);
            }
        }
        if waiting {
            self.look_with(Job::Relay, 0);
        }
        if !self.loops.open.is_empty() {
            let tenant = self.chance.below(self.loops.published.len());
            if self.loops.open.contains(&tenant) {
                self.look_with(Job::Backfill, tenant);
            }
        }
    }

    fn look_with(&mut self, job: Job, tenant: usize) {
        let (lost, twice) = {
            let weather = &self.world.inner().weather;
            (weather.look_lost, weather.look_twice)
        };
        if self.chance.happens(lost) {
            return;
        }
        let times = if self.chance.happens(twice) { 2 } else { 1 };
        for _ in 0..times {
            let count = self.loops.under_way.entry(job).or_default();
            if *count >= LOOKS_MAX {
                return;
            }
            let Some(host) = self.some_host() else { return };
            let Ok(living) = &self.hosts[host] else { return };
            let id = self.plan.tenants[tenant];
            let chance = &mut self.chance;
            let mut batch = None;
            let work = match job {
                Job::Sweep if self.plan.way == Way::Queues => ticking(living),
                Job::Sweep => sweeping(living, chance),
                Job::Send => sending(living, chance),
                Job::Announce if self.plan.way == Way::Host => announcing(living, 1 + chance.below(8)),
                Job::Inbox | Job::Poke | Job::Hint | Job::Announce => {
                    let Some(queue) = queue_of(job) else { return };
                    let now = self.world.now();
                    let receipts = self.world.queues.receive(queue, now, twice, chance);
                    if receipts.is_empty() {
                        return;
                    }
                    let work = working(living, queue, &receipts);
                    batch = Some(Parcel::Batch(queue, receipts));
                    work
                }
                Job::Relay => match self.plan.log {
                    Log::Own => relaying(living, chance),
                    Log::Stream => streaming(living, chance, (&self.loops.stream, self.plan.way), &self.world),
                },
                Job::Import => importing(living, id, 1 + chance.below(6)),
                Job::Backfill => backfilling(living, id, (tenant, self.loops.published[tenant]), chance),
                Job::Observe | Job::Tell | Job::Define | Job::Upload => return,
            };
            *self.loops.under_way.entry(job).or_default() += 1;
            let owner = matches!(job, Job::Backfill | Job::Import).then_some(id);
            let now = self.world.now();
            let mut task = Task::new(host, job, owner, now, work);
            if self.plan.way == Way::Queues {
                task = task.cut_off_at(now.plus_ms(CUT_MS));
            }
            task.parcel = batch;
            self.tasks.push(task);
        }
    }
}

fn sweeping(host: &Host, chance: &mut Chance) -> Work {
    let (engine, boxes) = (host.engine.clone(), host.boxes.clone());
    let ahead_ms = if chance.below(3) == 0 { AHEAD_MS } else { 0 };
    let lane_max = 1 + chance.below(4);
    Box::pin(async move {
        let until = engine.clock.now().plus_ms(ahead_ms);
        let _stays_due = sweep::sweep(&engine, boxes.as_ref(), until, lane_max).await;
        Done::Looked { more: false }
    })
}

fn sending(host: &Host, chance: &mut Chance) -> Work {
    let sender = host.sender.clone();
    let limit = 1 + chance.below(8);
    Box::pin(async move {
        let _stays_due = sender.work(limit).await;
        Done::Looked { more: false }
    })
}

fn relaying(host: &Host, chance: &mut Chance) -> Work {
    let (engine, place) = (host.engine.clone(), host.relay.clone());
    let limit = 1 + chance.below(24);
    let take = |place: &Mutex<Option<Relay>>| place.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    Box::pin(async move {
        let mut relay = match take(&place) {
            Some(relay) => relay,
            None => match Relay::open(&engine).await {
                Ok(relay) => relay,
                Err(_) => return Done::Looked { more: true },
            },
        };
        while let Ok(carried) = relay.pass(&engine, limit).await {
            if carried == 0 {
                *place.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(relay);
                return Done::Looked { more: false };
            }
        }
        // After a fault nobody knows whether that pass was applied: the next one opens the relay again.
        Done::Looked { more: true }
    })
}

/// A stream brings turns in batches, in order; what was not acknowledged comes again, and sometimes what was.
fn streaming(host: &Host, chance: &mut Chance, (stream, way): (&Arc<AtomicU64>, Way), world: &World) -> Work {
    let (engine, ledger, place) = (host.engine.clone(), host.ledger.clone(), stream.clone());
    let (poked, pipes, memory) = (host.poked.clone(), host.pipes.clone(), &world.memory);
    let from = place.load(Ordering::Relaxed);
    let back = if chance.below(4) == 0 { chance.below(12) as u64 } else { 0 };
    let limit = 1 + chance.below(24);
    let batch = at_once(memory.read(from.saturating_sub(back), limit + back as usize)).and_then(Result::ok);
    let batch = batch.unwrap_or_default();
    let timers: Vec<(ActorKey, Option<Moment>)> = {
        let known = &world.inner().timers;
        let timer = |turn: &Turn| Some((turn.actor, *known.get(&(turn.actor, turn.version))?));
        batch.iter().filter_map(|committed| timer(&committed.turn)).collect()
    };
    Box::pin(async move {
        let sequences: Vec<u64> = batch.iter().map(|committed| committed.sequence).collect();
        let turns = batch.into_iter().map(|committed| committed.turn).enumerate().collect();
        let handed = Mutex::new(Vec::new());
        let carried = |turns| {
            let (engine, ledger, handed) = (&engine, &ledger, &handed);
            async move {
                let entries = carry(engine, ledger.as_ref(), turns).await?;
                handed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(entries);
                Ok(())
            }
        };
        let stopped = in_order(turns, carried, || true).await;
        let done = &sequences[..stopped.unwrap_or(sequences.len())];
        place.fetch_max(done.last().copied().unwrap_or(0), Ordering::Relaxed);
        if way == Way::Queues {
            let handed = handed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
            poked.tell(pipes.as_ref(), &handed, timers.into_iter(), engine.clock.now()).await;
        }
        Done::Looked { more: true }
    })
}

fn backfilling(host: &Host, id: TenantId, (tenant, published): (usize, u64), chance: &mut Chance) -> Work {
    let (engine, boxes) = (host.engine.clone(), host.boxes.clone());
    let limit = 1 + chance.below(6);
    Box::pin(async move {
        let more = advance_backfill(&engine, boxes.as_ref(), id, limit).await.unwrap_or(true);
        Done::Swept { tenant, published, more }
    })
}
