//! What runs beside the doors: the relay, the timers, the sender, the sweeps, the jobs. Each waits for work and costs nothing
//! meanwhile.

use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Channel, DueKind, Fault, Hooks};
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{Deliver, Engine, Router, advance_backfill, sweep};
use roadbook_send::{Announcer, Sender};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Turns carried in one pass of the relay.
const RELAY_TURNS: usize = 2_048;
/// After a small pass the relay lets this much gather; it is the most a message waits for its send queue.
const RELAY_GATHER: Duration = Duration::from_millis(10);
/// Due actors taken from one lane in one sweep.
const LANE_ACTORS: usize = 512;
/// Sends taken up at once.
const SENDS: usize = 256;
/// Deliveries to webhook endpoints looked at in one lane at once.
const DELIVERIES: usize = 256;
/// How long deliveries wait that have no place at their endpoint, before somebody looks again.
const PLACES_PAUSE: Duration = Duration::from_millis(50);
/// Sends of a lane a starting process looks through for calls its predecessor had begun.
const SENDS_RECOVERED: usize = 10_000;
/// Customers a segment sweep looks at between two looks at the clock.
const BACKFILL_CUSTOMERS: usize = 500;
/// Events of one piece of a job: a few milliseconds of work, between which live traffic has its turn.
const JOB_EVENTS: usize = 256;
/// The longest a loop sleeps without looking: the level trigger.
const LOOK_MS_MAX: i64 = 60_000;
/// After new commits a loop looks again, but not more often than this: under load that is one look for many commits.
const GATHER: Duration = Duration::from_millis(20);
/// The longest the jobs sleep without looking: files whose upload was given up are removed on the way.
const JOBS_LOOK: Duration = Duration::from_secs(600);
/// Pause after a fault.
const FAULT_PAUSE: Duration = Duration::from_secs(1);

/// The parts the loops work on.
#[derive(Clone)]
pub struct Loops {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The way deliveries go.
    pub deliver: Arc<dyn Deliver>,
    /// The way events go.
    pub router: Arc<Router>,
    /// The way out.
    pub channel: Arc<dyn Channel>,
    /// The way to webhook endpoints.
    pub hooks: Arc<dyn Hooks>,
}

impl Loops {
    /// Starts them all. They end with the runtime: none holds anything that is not in the store. The sender alone is
    /// waited for, by its handle, because it may be in the middle of a provider's call.
    pub fn start(self, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
        tokio::spawn(self.clone().relay());
        tokio::spawn(self.clone().timers());
        tokio::spawn(self.clone().sweeps());
        tokio::spawn(self.clone().announcer());
        tokio::spawn(self.clone().jobs());
        tokio::spawn(self.sender(stopped))
    }

    async fn relay(self) {
        let mut place: Option<Relay> = None;
        loop {
            let passed = self.relay_pass(&mut place).await;
            match passed {
                Ok(0) => {
                    let after = place.as_ref().map_or(0, Relay::sequence);
                    self.engine.journal.wait(after).await;
                }
                // Under load every commit group would otherwise be followed by a relay's pass with a commit of its own.
                Ok(carried) if carried < RELAY_TURNS / 4 => tokio::time::sleep(RELAY_GATHER).await,
                Ok(_) => {}
                Err(fault) => {
                    tracing::warn!(%fault, "the relay stopped; it begins again where it was");
                    place = None;
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    async fn relay_pass(&self, place: &mut Option<Relay>) -> Result<usize, Fault> {
        if place.is_none() {
            *place = Some(Relay::open(&self.engine).await?);
        }
        match place {
            Some(relay) => relay.pass(&self.engine, RELAY_TURNS).await,
            None => Ok(0),
        }
    }

    async fn timers(self) {
        loop {
            let now = self.engine.clock.now();
            match sweep::sweep(&self.engine, self.deliver.as_ref(), now, LANE_ACTORS).await {
                Ok(swept) if swept.failed > 0 => tokio::time::sleep(FAULT_PAUSE).await,
                Ok(swept) if swept.poked > 0 => {}
                Ok(_) => self.until_due(DueKind::Actor).await,
                Err(fault) => {
                    tracing::warn!(%fault, "the due index cannot be read; trying again");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    /// Ends when the process is about to stop, and only between two passes: a provider call that was begun is finished
    /// and its answer kept.
    async fn sender(self, mut stopped: watch::Receiver<bool>) {
        let sender = Sender::new(self.engine.clone(), self.deliver.clone(), self.channel.clone());
        if let Err(fault) = sender.recover(SENDS_RECOVERED).await {
            tracing::warn!(%fault, "sends begun by a former process wait for their lease");
        }
        while !*stopped.borrow() {
            let pause = match sender.work(SENDS).await {
                Ok(worked) if worked.failed > 0 => Some(FAULT_PAUSE),
                Ok(worked) if worked.taken > 0 => continue,
                Ok(_) => None,
                Err(fault) => {
                    tracing::warn!(%fault, "the send queue cannot be read; trying again");
                    Some(FAULT_PAUSE)
                }
            };
            tokio::select! {
                _ = stopped.changed() => {}
                () = self.rest(pause, DueKind::Send) => {}
            }
        }
    }

    /// Not waited for when the process stops: a call that is cut off is made again, under the same id.
    async fn announcer(self) {
        let announcer = Announcer::new(self.engine.clone(), self.hooks.clone());
        if let Err(fault) = announcer.recover(SENDS_RECOVERED).await {
            tracing::warn!(%fault, "webhook calls begun by a former process wait for their lease");
        }
        loop {
            match announcer.take(DELIVERIES).await {
                Ok(taken) => {
                    let idle = taken.work.is_empty();
                    taken.work.into_iter().for_each(|work| drop(tokio::spawn(work)));
                    if taken.waiting {
                        tokio::time::sleep(PLACES_PAUSE).await;
                    } else if idle {
                        self.until_due(DueKind::Delivery).await;
                    }
                }
                Err(fault) => {
                    tracing::warn!(%fault, "the delivery queue cannot be read; trying again");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    async fn rest(&self, pause: Option<Duration>, kind: DueKind) {
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => self.until_due(kind).await,
        }
    }

    /// Sleeps until something is due, or until commits may have brought something that is due earlier.
    async fn until_due(&self, kind: DueKind) {
        // Listens before it looks: a commit in between ends the wait below at once.
        let woken = self.engine.journal.wait(self.engine.journal.last());
        tokio::pin!(woken);
        if futures_util::poll!(woken.as_mut()).is_ready() {
            return tokio::time::sleep(GATHER).await;
        }
        let next = self.engine.store.next_due(kind).await.ok().flatten().unwrap_or(Moment::MAX);
        let wait_ms = next.since_ms(self.engine.clock.now()).clamp(0, LOOK_MS_MAX);
        let wait = Duration::from_millis(wait_ms.cast_unsigned());
        let _woken_or_due = tokio::time::timeout(wait, woken).await;
        if wait > GATHER {
            tokio::time::sleep(GATHER.min(wait)).await;
        }
    }

    async fn sweeps(self) {
        loop {
            let seen = self.engine.journal.last();
            match self.sweep_all().await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => {
                    self.engine.journal.wait(seen).await;
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
                Err(fault) => {
                    tracing::warn!(%fault, "a segment sweep stopped; it goes on where it was");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    async fn sweep_all(&self) -> Result<bool, Fault> {
        let mut more = false;
        for tenant in roadbook_app::Tenants::new(self.engine.store.clone()).list().await? {
            // One tenant's trouble must not hold up the sweeps of the others.
            match advance_backfill(&self.engine, self.deliver.as_ref(), tenant.id, BACKFILL_CUSTOMERS).await {
                Ok(one) => more |= one,
                Err(fault) => {
                    tracing::warn!(tenant.id = %tenant.id, %fault, "a segment sweep stopped; it goes on where it was");
                }
            }
        }
        Ok(more)
    }

    async fn jobs(self) {
        loop {
            let (seen, begun) = (self.engine.journal.last(), tokio::time::Instant::now());
            match self.all_jobs().await {
                // As long a pause as the piece took: jobs have half of one thread's time at most, however slow the disk.
                Ok(true) => tokio::time::sleep(begun.elapsed()).await,
                Ok(false) => {
                    let _woken_or_late = tokio::time::timeout(JOBS_LOOK, self.engine.journal.wait(seen)).await;
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
                Err(fault) => {
                    tracing::warn!(%fault, "a job stopped; it goes on where it was");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    async fn all_jobs(&self) -> Result<bool, Fault> {
        let mut more = false;
        for tenant in roadbook_app::Tenants::new(self.engine.store.clone()).list().await? {
            // One tenant's trouble must not hold up the jobs of the others.
            match roadbook_jobs::advance(&self.router, tenant.id, JOB_EVENTS).await {
                Ok(one) => more |= one,
                Err(fault) => {
                    tracing::warn!(tenant.id = %tenant.id, %fault, "a job stopped; it goes on where it was");
                }
            }
        }
        Ok(more)
    }
}
