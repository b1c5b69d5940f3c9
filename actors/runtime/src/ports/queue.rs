//! The port to queues: what was accepted and is not yet applied, and hints that somebody is to be looked at.

use crate::ports::{DueEntry, DueKind, Fault};
use crate::router::Accepted;
use async_trait::async_trait;
use roadbook_identity::{Kind, TenantKeys};
use roadbook_kernel::{ActorKey, Moment};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The queues of an installation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum QueueName {
    /// Accepted events, in the order of their groups.
    Inbox,
    /// Actors that are to look whether something is due.
    Pokes,
    /// Sends that are due.
    Sends,
    /// Announcements that are due. Apart from sends: a slow endpoint must not stand in the way of a message to a person.
    Announcements,
}

impl QueueName {
    /// Every queue.
    pub const ALL: [QueueName; 4] = [QueueName::Inbox, QueueName::Pokes, QueueName::Sends, QueueName::Announcements];

    /// The queue for what is due of a kind.
    pub const fn of(kind: DueKind) -> Self {
        match kind {
            DueKind::Actor => QueueName::Pokes,
            DueKind::Send => QueueName::Sends,
            DueKind::Delivery => QueueName::Announcements,
        }
    }
}

/// The longest delay of a poke, in milliseconds: 15 minutes. Whoever is due later is found by the due index.
pub const POKE_DELAY_MS_MAX: i64 = 900_000;

/// An actor that is to look whether something is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Poke {
    /// Which.
    pub actor: ActorKey,
    /// When.
    pub at: Moment,
}

impl Poke {
    /// Seconds from `now` until it may be received, rounded up: a poke that comes early has to come again. `None` where
    /// that is longer than [`POKE_DELAY_MS_MAX`].
    pub fn delay_s(&self, now: Moment) -> Option<u16> {
        let wait_ms = self.at.since_ms(now).max(0);
        if wait_ms > POKE_DELAY_MS_MAX {
            return None;
        }
        u16::try_from((wait_ms + 999) / 1_000).ok()
    }
}

/// One message of the inbox: events of one group, packed. It holds personal data: `Debug` shows its size only.
#[derive(Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Parcels of one group are received in the order they were accepted in.
    pub group: String,
    /// An [`crate::Envelope`] as text.
    pub body: String,
    /// Which of the events it was packed from it holds, by their places.
    pub events: Vec<usize>,
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parcel({}, {} events, *** {} bytes)", self.group, self.events.len(), self.body.len())
    }
}

/// Queues that keep what they take until it is done, and hand it out at least once. Hints may be lost and doubled: the
/// due index knows better.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes parcels, durably. One result each: after one that was not taken the rest of its group is not tried, and is a
    /// fault as well. Those of other groups are not affected.
    async fn accept(&self, parcels: Vec<Parcel>) -> Vec<Result<(), Fault>>;

    /// Takes pokes, each to be received at its instant and not before. One that would have to wait longer than
    /// [`POKE_DELAY_MS_MAX`] is left out. Returns how many were taken.
    ///
    /// # Errors
    /// Some may have been taken.
    async fn poke(&self, pokes: &[Poke], now: Moment) -> Result<usize, Fault>;

    /// Takes hints that these sends and deliveries are due, each into the queue of its kind.
    ///
    /// # Errors
    /// Some may have been taken. [`Fault::Corrupt`] where one is neither a send nor a delivery.
    async fn hint(&self, due: &[DueEntry]) -> Result<(), Fault>;

    /// How many messages wait to be received, about. Those whose delay is not over do not count.
    ///
    /// # Errors
    /// The queue cannot be asked.
    async fn waiting(&self, queue: QueueName) -> Result<u64, Fault>;
}

/// The group of an event: a keyed hash of the identifier that its producer puts on every event, so that what one producer
/// sends stays in its order. A user id comes and goes with a login and is taken only where there is nothing else of that
/// kind; what remains (a telephone number in an import) is better than no order at all.
pub fn group_of(keys: &TenantKeys, event: &Accepted) -> String {
    const STEADY: [Kind; 5] = [Kind::AnonymousId, Kind::Openid, Kind::ExternalUserid, Kind::Device, Kind::UserId];
    let all = &event.observation.identifiers;
    let steady = STEADY.iter().find_map(|kind| all.iter().find(|one| one.kind == *kind));
    let by = steady.or(all.first()).map(|one| one.key().to_bytes());
    // Nobody is routed by nothing: an event without identifiers stands alone, under its own id.
    let alone = event.id.as_u128().to_be_bytes();
    let hash = keys.derived(&[b"queue group", by.as_ref().map_or(&alone[..], |key| &key[..])]);
    format!("{:032x}", hash.0)
}
