//! The recording channel: answers "sent" and sends nothing. For dry runs and replays; it needs no address.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use roadbook_kernel::{Moment, SendKey, TenantId};
use roadbook_runtime::ports::{Channel, Outbound, PollAnswer, SendAnswer};

/// One recorded send: whose, which, when; never to whom or what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Whose message it was.
    pub tenant: TenantId,
    /// Its business key.
    pub key: SendKey,
    /// When it would have left.
    pub at: Moment,
}

/// Counts every send and keeps the newest ones.
#[derive(Debug)]
pub struct Recording {
    kept: Mutex<Kept>,
    kept_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    newest: VecDeque<Recorded>,
    total: u64,
}

impl Default for Recording {
    fn default() -> Self {
        Self::keeping(1000)
    }
}

impl Recording {
    /// A recording channel that keeps the newest `kept_max` sends.
    pub fn keeping(kept_max: usize) -> Self {
        Self { kept: Mutex::default(), kept_max }
    }

    /// How many sends were answered since the start. A send that is tried twice counts twice.
    pub fn total(&self) -> u64 {
        self.kept().total
    }

    /// The newest sends, oldest first.
    pub fn newest(&self) -> Vec<Recorded> {
        self.kept().newest.iter().copied().collect()
    }

    /// Records one send.
    pub(crate) fn record(&self, outbound: &Outbound, at: Moment) -> SendAnswer {
        let mut kept = self.kept();
        kept.total += 1;
        kept.newest.push_back(Recorded { tenant: outbound.tenant, key: outbound.key, at });
        while kept.newest.len() > self.kept_max {
            kept.newest.pop_front();
        }
        SendAnswer::Sent { provider_id: String::new() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As a channel of its own it records whatever the send's kind is: a dry run of the real journeys.
#[async_trait]
impl Channel for Recording {
    async fn send(&self, outbound: &Outbound, _attempt: u32, _maybe_sent: bool, now: Moment) -> SendAnswer {
        self.record(outbound, now)
    }

    async fn poll(&self, _outbound: &Outbound, _task: &str, _created: Moment, _now: Moment) -> PollAnswer {
        PollAnswer::Sent
    }
}
