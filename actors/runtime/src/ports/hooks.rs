//! The port to webhook endpoints: one call, one answer.

use crate::webhooks::{Delivery, SigningSecret};
use async_trait::async_trait;
use roadbook_kernel::{Moment, TenantId};
use std::fmt;

/// What to tell whom.
#[derive(Clone, Copy)]
pub struct HookCall<'a> {
    /// Whose endpoint.
    pub tenant: TenantId,
    /// Where it is. A query may hold a token: never logged.
    pub url: &'a str,
    /// What to say.
    pub delivery: &'a Delivery,
    /// Secrets to sign with, newest first.
    pub secrets: &'a [&'a SigningSecret],
    /// When the call is made: it is signed too.
    pub at: Moment,
}

impl fmt::Debug for HookCall<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HookCall").field("delivery", &self.delivery.id).finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HookAnswer {
    /// An HTTP status. A redirect is one like any other: it is not followed.
    Status(u16),
    /// No answer, for this stable snake_case reason.
    Lost(&'static str),
}

impl HookAnswer {
    /// Whether the endpoint took it: any 2xx.
    pub const fn is_taken(self) -> bool {
        matches!(self, HookAnswer::Status(200..=299))
    }

    /// Whether the endpoint says that nobody is there any more.
    pub const fn is_gone(self) -> bool {
        matches!(self, HookAnswer::Status(410))
    }

    /// The HTTP status, where there was an answer.
    pub const fn status(self) -> Option<u16> {
        match self {
            HookAnswer::Status(status) => Some(status),
            HookAnswer::Lost(_) => None,
        }
    }

    /// A stable code for it.
    pub fn code(self) -> String {
        match self {
            HookAnswer::Status(status) => format!("http_{status}"),
            HookAnswer::Lost(reason) => reason.to_owned(),
        }
    }
}

/// Whoever makes the calls. Implementations never log an address beyond its host, nor what was said.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Makes one call and waits for its answer, for less than [`crate::webhooks::LEASE_MS`].
    async fn post(&self, call: HookCall<'_>) -> HookAnswer;
}
