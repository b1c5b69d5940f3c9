//! From a batch of queue messages to customers: accepted events are applied, pokes fire what is due.
//!
//! | question | file |
//! | --- | --- |
//! | Which messages come again? | `batch.rs` |
//! | How do many events become few turns? | `events.rs` |
//! | What does a poke do that comes early, or twice? | `pokes.rs` |
//!
//! Architecture invariant: no queue is named here. Whoever receives messages hands them in and is told which are to come
//! again; everything else is done, and was committed before it is said.

mod batch;
mod events;
mod pokes;

use batch::Batch;
use roadbook_runtime::ports::Queue;
use roadbook_runtime::{Envelope, Router};
use std::fmt;
use std::sync::Arc;

/// A message as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// What the queue calls it.
    pub id: String,
    /// Its group, where the queue keeps an order.
    pub group: Option<String>,
    /// An envelope as text.
    pub body: String,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({}, group {:?}, *** {} bytes)", self.id, self.group, self.body.len())
    }
}

/// Whoever works on what the inbox and the pokes' queue hold.
pub struct Worker {
    router: Arc<Router>,
    queue: Arc<dyn Queue>,
}

impl Worker {
    /// A worker that delivers through a router. `queue` takes back the pokes that come early.
    pub fn new(router: Arc<Router>, queue: Arc<dyn Queue>) -> Self {
        Self { router, queue }
    }

    /// Works on messages in the order they were received. Begins nothing once `in_time` says no. Returns the ids of those
    /// that are to come again: whatever failed, and in its group whatever stands behind it and was not committed.
    pub async fn work(&self, messages: &[Incoming], in_time: impl Fn() -> bool) -> Vec<String> {
        let mut batch = Batch::new(messages);
        let (mut parcels, mut pokes) = (Vec::new(), Vec::new());
        for (place, message) in messages.iter().enumerate() {
            match Envelope::read(&message.body) {
                Ok(Envelope::Events { tenant, events }) => parcels.push(events::Parcel { place, tenant, events }),
                Ok(Envelope::Poke(poke)) => pokes.push((place, poke)),
                Ok(hint @ (Envelope::Send { .. } | Envelope::Announcement { .. })) => {
                    tracing::error!(message = message.id, ?hint, "a message lies in the wrong queue");
                    batch.fail(place);
                }
                Err(fault) => {
                    // Nothing of it may be told: what cannot be read may hold anything.
                    tracing::error!(message = message.id, %fault, "a message cannot be read; it goes to the dead letters");
                    batch.fail(place);
                }
            }
        }
        events::apply(&self.router, parcels, &mut batch, &in_time).await;
        pokes::fire(self, &pokes, &mut batch, &in_time).await;
        batch.failed()
    }
}
