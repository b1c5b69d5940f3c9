//! The port to a provider: one send, one closed answer.

use async_trait::async_trait;
pub use roadbook_customer::Outbound;
use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};

/// What the provider's answer means. Closed: every provider code falls into one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum SendAnswer {
    /// The provider took it and delivers it.
    Sent {
        /// The provider's id of the message; may be empty.
        provider_id: String,
    },
    /// A task was created that a person must confirm. Ask again with [`Channel::poll`].
    HandedOver {
        /// The provider's id of the task.
        task: String,
        /// When to ask for its result.
        poll_at: Moment,
    },
    /// Final: it was not delivered and will not be.
    Failed {
        /// Stable snake_case reason.
        reason: String,
        /// The provider's code, 0 where there is none.
        code: i64,
    },
    /// Try again, not before: it was certainly not delivered, or the provider recognises a repetition.
    RetryAfter {
        /// Milliseconds to wait.
        wait_ms: i64,
        /// Stable snake_case reason, for the log and the counters.
        reason: String,
        /// Whether the whole lane (this tenant and API) must wait, not only this send.
        lane: bool,
    },
    /// Nobody can say whether it was delivered: never sent again, shown as unknown, reconciled where possible.
    Unknown {
        /// Stable snake_case reason.
        reason: String,
    },
}

/// Where a handed-over task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum PollAnswer {
    /// Not confirmed yet; ask again at the time given.
    Waiting {
        /// When to ask again.
        poll_at: Moment,
    },
    /// The seller confirmed and the customer got it.
    Sent,
    /// The seller or the platform will not send it.
    Refused {
        /// Stable snake_case reason: `not_a_friend`, `over_limit`, `declined`, `cancelled`.
        reason: String,
    },
    /// Nobody confirmed it in time.
    Expired,
}

/// One provider family. Implementations hold credentials and tokens; they never log addresses or contents.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Tries one send at `now`. `attempt` counts from 1; an attempt above 1 follows either a `RetryAfter` or a host
    /// that died after the call was begun. `maybe_sent` says which: true means the former attempt may have reached
    /// the provider, so a channel without a duplicate check of its own must answer `Unknown` instead of sending.
    async fn send(&self, outbound: &Outbound, attempt: u32, maybe_sent: bool, now: Moment) -> SendAnswer;

    /// Asks for the result of a handed-over task that was created at `created`.
    async fn poll(&self, outbound: &Outbound, task: &str, created: Moment, now: Moment) -> PollAnswer;
}
