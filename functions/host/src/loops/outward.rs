//! What leaves: messages, and calls of webhook endpoints.

use super::{FAULT_PAUSE, Loops};
use roadbook_runtime::ports::DueKind;
use roadbook_send::{Announcer, Sender};
use std::time::Duration;
use tokio::sync::watch;

/// Sends taken up at once.
const SENDS: usize = 256;
/// Deliveries to webhook endpoints looked at in one lane at once.
const DELIVERIES: usize = 256;
/// How long deliveries wait that have no place at their endpoint, before somebody looks again.
const PLACES_PAUSE: Duration = Duration::from_millis(50);
/// Sends of a lane a starting process looks through for calls its predecessor had begun.
const SENDS_RECOVERED: usize = 10_000;

impl Loops {
    /// Ends when the process is about to stop, and only between two passes: a provider call that was begun is finished
    /// and its answer kept.
    pub(super) async fn sender(self, mut stopped: watch::Receiver<bool>) {
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
    pub(super) async fn announcer(self) {
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
}
