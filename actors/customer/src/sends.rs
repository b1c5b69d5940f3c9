//! What became of every message a journey asked for.

use crate::command::SendOutcome;
use roadbook_kernel::{JourneyId, Moment, RunId, SendKey};
use roadbook_tenancy::{ChannelKind, Purpose, SuppressReason};
use serde::{Deserialize, Serialize};

/// Finished sends a customer remembers in the state; all of them stay in History.
pub const SENDS_KEPT: usize = 20;

/// Where a send stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SendStatus {
    /// In the outbox or with a sender.
    Intended,
    /// Never left, because.
    Suppressed {
        /// The reason.
        reason: SuppressReason,
    },
    /// The sender reported.
    Reported {
        /// The latest outcome.
        #[serde(flatten)]
        outcome: SendOutcome,
        /// When it was learned.
        at: Moment,
    },
}

impl SendStatus {
    /// Whether nothing more can be learned about it.
    pub fn is_final(&self) -> bool {
        match self {
            SendStatus::Intended => false,
            SendStatus::Suppressed { .. } => true,
            SendStatus::Reported { outcome, .. } => !matches!(outcome, SendOutcome::HandedOver),
        }
    }

    /// How far along it is: a later word never goes back.
    fn rank(&self) -> u8 {
        match self {
            SendStatus::Intended => 0,
            SendStatus::Reported { outcome: SendOutcome::HandedOver, .. } => 1,
            SendStatus::Reported { outcome: SendOutcome::Unknown { .. }, .. } => 2,
            SendStatus::Reported { .. } | SendStatus::Suppressed { .. } => 3,
        }
    }

    /// Takes the word that is further along; at one level the first stays.
    pub fn advance(&mut self, next: SendStatus) {
        if next.rank() > self.rank() {
            *self = next;
        }
    }
}

/// One send of one journey node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SendRecord {
    /// Business key.
    pub key: SendKey,
    /// The journey that asked.
    pub journey: JourneyId,
    /// Its run.
    pub run: RunId,
    /// Its node.
    pub node: String,
    /// The way out.
    pub channel: ChannelKind,
    /// Why.
    pub purpose: Purpose,
    /// `appid/template` of the grant it uses up, empty where none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub grant: String,
    /// When the journey asked.
    pub asked_at: Moment,
    /// Where it stands.
    pub status: SendStatus,
}
