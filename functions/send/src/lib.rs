//! The send queue's worker: takes what is due, calls the provider, reports what became of it.
//!
//! Every step is durable before the next one begins; `runtime::sends` shows the states.

mod hints;
mod webhooks;

pub use hints::Hints;
pub use webhooks::{Announcer, Taken};

use futures_util::stream::{self, StreamExt};
use roadbook_kernel::{HOUR_MS, Moment};
use roadbook_runtime::ports::{Channel, DueEntry, Fault};
use roadbook_runtime::sends::{ATTEMPT_LEASE_MS, Held, JobState, due, hold};
use roadbook_runtime::{Deliver, Engine};
use std::sync::Arc;

/// Provider calls under way at once.
const CALLS_MAX: usize = 32;
/// A doubtful send may be repeated only while the platform still recognises the repetition: WeCom's duplicate check
/// lasts 4 hours at most, and half an hour is kept in hand.
const DOUBT_MS_MAX: i64 = 7 * HOUR_MS / 2;

/// What one look at the queue came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Worked {
    /// Sends taken up.
    pub taken: usize,
    /// Those that failed by a fault: they stay due, and whoever looks again at once finds them again.
    pub failed: usize,
}

/// A worker on the send queue.
pub struct Sender {
    engine: Arc<Engine>,
    deliver: Arc<dyn Deliver>,
    channel: Arc<dyn Channel>,
}

impl Sender {
    /// A worker that sends through `channel`.
    pub fn new(engine: Arc<Engine>, deliver: Arc<dyn Deliver>, channel: Arc<dyn Channel>) -> Self {
        Self { engine, deliver, channel }
    }

    /// Works on everything that is due now.
    ///
    /// # Errors
    /// A fault while the queue is read. A fault on one send leaves it due.
    pub async fn work(&self, limit: usize) -> Result<Worked, Fault> {
        let now = self.engine.clock.now();
        let mut held = due(&self.engine, now, limit).await?;
        // An index may trail the items: what somebody else is calling for, or was told to wait with, may still stand
        // there at its former time.
        held.retain(|held| held.job.due() <= now);
        Ok(self.work_through(held).await)
    }

    /// Works on these, as far as they are due now: a queue said so, and a queue may say it late or twice.
    ///
    /// # Errors
    /// A fault while they are read. A fault on one send leaves it due.
    pub async fn work_on(&self, entries: Vec<DueEntry>) -> Result<Worked, Fault> {
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            let held = hold(&self.engine, entry).await?;
            all.extend(held.filter(|held| held.job.due() <= self.engine.clock.now()));
        }
        Ok(self.work_through(all).await)
    }

    async fn work_through(&self, held: Vec<Held>) -> Worked {
        let taken = held.len();
        let failed = stream::iter(held)
            .map(|held| async move {
                let key = held.job.outbound.key;
                let result = self.one(held).await;
                if let Err(fault) = &result {
                    tracing::warn!(send = %key, %fault, "a send could not be worked on; it stays due");
                }
                usize::from(result.is_err())
            })
            .buffer_unordered(CALLS_MAX)
            .fold(0, |sum, one| async move { sum + one })
            .await;
        Worked { taken, failed }
    }

    /// Takes up at once what a former process of this store had begun, without waiting for its lease. Only where one
    /// process owns the store.
    ///
    /// # Errors
    /// A fault while the queue is read.
    pub async fn recover(&self, limit: usize) -> Result<(), Fault> {
        let horizon = self.engine.clock.now().plus_ms(ATTEMPT_LEASE_MS);
        for held in due(&self.engine, horizon, limit).await? {
            if matches!(held.job.state, JobState::Attempting { .. }) {
                self.one(held).await?;
            }
        }
        Ok(())
    }

    async fn one(&self, mut held: Held) -> Result<(), Fault> {
        match held.job.state.clone() {
            JobState::Queued { .. } | JobState::Attempting { .. } => self.attempt(&mut held).await,
            JobState::HandedOver { reported: false, .. } => self.report_hand_over(&mut held).await,
            JobState::HandedOver { task, created, .. } => self.poll(&mut held, &task, created).await,
            JobState::Answered { .. } => self.finish(&mut held).await,
            JobState::Done { .. } => Ok(()),
        }
    }

    async fn attempt(&self, held: &mut Held) -> Result<(), Fault> {
        let now = self.engine.clock.now();
        let taken_over = matches!(held.job.state, JobState::Attempting { .. });
        if let Some(outcome) = held.withheld(&self.engine, held.job.doubtful || taken_over).await? {
            return self.answered(held, JobState::Answered { outcome, at: now }).await;
        }
        if !held.advance(&self.engine, JobState::Attempting { lease_until: now.plus_ms(ATTEMPT_LEASE_MS) }).await? {
            return Ok(()); // another worker was faster
        }
        // Asked again, because the commit of the attempt took its time, and the call is made in the next instant.
        let next = match held.withheld(&self.engine, held.job.doubtful).await {
            Ok(Some(outcome)) => JobState::Answered { outcome, at: now },
            Ok(None) => self.call(held, now).await,
            Err(fault) => {
                // No call was made: left as an attempt, the send would come back as one that may have got through.
                held.advance(&self.engine, JobState::Queued { not_before: now }).await?;
                return Err(fault);
            }
        };
        self.answered(held, next).await
    }

    async fn call(&self, held: &Held, now: Moment) -> JobState {
        let doubtful = held.job.doubtful;
        if doubtful && now.since_ms(held.job.queued_at) > DOUBT_MS_MAX {
            let reason = "doubt_too_old".to_owned();
            return held.after(roadbook_runtime::ports::SendAnswer::Unknown { reason }, now);
        }
        let answer = self.channel.send(&held.job.outbound, held.job.attempts, doubtful, now).await;
        held.after(answer, self.engine.clock.now())
    }

    /// Keeps what an attempt came to, and goes on from there.
    async fn answered(&self, held: &mut Held, next: JobState) -> Result<(), Fault> {
        if !held.advance(&self.engine, next).await? {
            return Ok(());
        }
        match held.job.state {
            JobState::Answered { .. } => self.finish(held).await,
            JobState::HandedOver { .. } => self.report_hand_over(held).await,
            JobState::Queued { .. } | JobState::Attempting { .. } | JobState::Done { .. } => Ok(()),
        }
    }

    async fn report_hand_over(&self, held: &mut Held) -> Result<(), Fault> {
        let JobState::HandedOver { task, created, poll_at, .. } = held.job.state.clone() else { return Ok(()) };
        held.report(&self.engine, self.deliver.as_ref(), &roadbook_runtime::sends::HANDED_OVER).await?;
        held.advance(&self.engine, JobState::HandedOver { task, created, poll_at, reported: true }).await.map(drop)
    }

    async fn poll(&self, held: &mut Held, task: &str, created: Moment) -> Result<(), Fault> {
        let now = self.engine.clock.now();
        let answer = self.channel.poll(&held.job.outbound, task, created, now).await;
        let next = held.after_poll(answer, now);
        if held.advance(&self.engine, next).await? && matches!(held.job.state, JobState::Answered { .. }) {
            self.finish(held).await?;
        }
        Ok(())
    }

    /// Reports the last word, then forgets about it. A host that dies in between reports again: the same message id.
    async fn finish(&self, held: &mut Held) -> Result<(), Fault> {
        let JobState::Answered { outcome, .. } = held.job.state.clone() else { return Ok(()) };
        held.report(&self.engine, self.deliver.as_ref(), &outcome).await?;
        held.advance(&self.engine, JobState::Done { outcome }).await.map(drop)
    }
}
