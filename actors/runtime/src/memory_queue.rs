//! Queues in the memory of one process: for tests, with the order, the visibility and the redelivery of real ones.

use crate::envelope::{Envelope, hinted};
use crate::ports::queue::{Parcel, Poke, Queue, QueueName};
use crate::ports::{Clock, DueEntry, Fault};
use async_trait::async_trait;
use roadbook_kernel::Moment;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Messages handed out at once, as SQS limits them.
const RECEIVED_MAX: usize = 10;

/// The queues.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    /// How long a received message is nobody else's, in milliseconds.
    visibility_ms: i64,
    queues: Mutex<BTreeMap<QueueName, Vec<Kept>>>,
}

#[derive(Clone)]
struct Kept {
    group: Option<String>,
    body: String,
    /// Nobody receives it before.
    visible_at: Moment,
    received: u32,
    number: u64,
}

/// A received message.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// The queue's own name for it.
    pub id: String,
    /// Its group, in the inbox.
    pub group: Option<String>,
    /// What it says.
    pub body: String,
    /// Times it was received, this one counted.
    pub received: u32,
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Received({}, ***, time {})", self.id, self.received)
    }
}

impl MemoryQueue {
    /// Empty queues that read the time from a clock.
    pub fn new(clock: Arc<dyn Clock>, visibility_ms: i64) -> Self {
        Self { clock, visibility_ms, queues: Mutex::default() }
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<QueueName, Vec<Kept>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, queue: QueueName, group: Option<String>, body: String, visible_at: Moment) {
        let mut queues = self.queues();
        let number = queues.values().flatten().map(|one| one.number).max().unwrap_or(0) + 1;
        queues.entry(queue).or_default().push(Kept { group, body, visible_at, received: 0, number });
    }

    /// Hands out up to ten messages. While one of a group is somebody's, nobody gets another of that group.
    pub fn receive(&self, queue: QueueName) -> Vec<Received> {
        let now = self.clock.now();
        let mut queues = self.queues();
        let (mut closed, mut out) = (HashSet::new(), Vec::new());
        for kept in queues.entry(queue).or_default() {
            let is_closed = kept.group.as_ref().is_some_and(|group| closed.contains(group));
            if is_closed || kept.visible_at > now || out.len() == RECEIVED_MAX {
                closed.extend(kept.group.clone());
                continue;
            }
            kept.visible_at = now.plus_ms(self.visibility_ms);
            kept.received += 1;
            let (group, body) = (kept.group.clone(), kept.body.clone());
            out.push(Received { id: kept.number.to_string(), group, body, received: kept.received });
        }
        out
    }

    /// It is done.
    pub fn delete(&self, queue: QueueName, id: &str) {
        self.queues().entry(queue).or_default().retain(|kept| kept.number.to_string() != id);
    }

    /// It is not done: somebody else may have it at once.
    pub fn hand_back(&self, queue: QueueName, id: &str) {
        let now = self.clock.now();
        let mut queues = self.queues();
        let mine = queues.entry(queue).or_default().iter_mut().filter(|kept| kept.number.to_string() == id);
        mine.for_each(|kept| kept.visible_at = now);
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn accept(&self, parcels: Vec<Parcel>) -> Vec<Result<(), Fault>> {
        let now = self.clock.now();
        let take = |parcel: Parcel| {
            self.put(QueueName::Inbox, Some(parcel.group), parcel.body, now);
            Ok(())
        };
        parcels.into_iter().map(take).collect()
    }

    async fn poke(&self, pokes: &[Poke], now: Moment) -> Result<usize, Fault> {
        let mut taken = 0;
        for poke in pokes {
            let Some(delay_s) = poke.delay_s(now) else { continue };
            let visible_at = self.clock.now().plus_ms(i64::from(delay_s) * 1_000);
            self.put(QueueName::Pokes, None, Envelope::Poke(*poke).text()?, visible_at);
            taken += 1;
        }
        Ok(taken)
    }

    async fn hint(&self, due: &[DueEntry]) -> Result<(), Fault> {
        let now = self.clock.now();
        for entry in due {
            let (queue, body) = hinted(entry)?;
            self.put(queue, None, body, now);
        }
        Ok(())
    }

    async fn waiting(&self, queue: QueueName) -> Result<u64, Fault> {
        let now = self.clock.now();
        let waits = |kept: &&Kept| kept.visible_at <= now;
        Ok(self.queues().get(&queue).map_or(0, |all| all.iter().filter(waits).count() as u64))
    }
}
