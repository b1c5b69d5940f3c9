//! What runs beside the doors: the relay and the timers here, the sender and the announcer in `loops/outward.rs`, the
//! sweeps and the jobs in `loops/pieces.rs`. Each waits for work and costs nothing meanwhile.

mod outward;
mod pieces;

use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Channel, DueKind, Fault, Hooks};
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{Deliver, Engine, Router, sweep};
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
/// The longest a loop sleeps without looking: the level trigger.
const LOOK_MS_MAX: i64 = 60_000;
/// After new commits a loop looks again, but not more often than this: under load that is one look for many commits.
const GATHER: Duration = Duration::from_millis(20);
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
}
