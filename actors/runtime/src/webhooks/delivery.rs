//! One announcement on its way to one endpoint.
//!
//! ```text
//! queued -> attempting -> delivered | queued (not before) | failed -> removed
//! ```
//! An attempt is durable before the call, so a process that dies in it makes the call again: at least once, always
//! under the same id. What is delivered or given up stays for a while, for whoever wants it sent again.

use crate::engine::Engine;
use crate::mutants::mutant;
use crate::ports::{Commit, CommitError, Due, DueEntry, DueKind, Expect, Fault, HookAnswer, Item, ItemKey, Put, Space};
use crate::webhooks::Subscribed;
use roadbook_customer::Announcement;
use roadbook_kernel::{
    ActorKey, AnnouncementId, CustomerId, DAY_MS, DeliveryId, EndpointId, HOUR_MS, MINUTE_MS, Moment, SECOND_MS,
    TenantId,
};
use serde::{Deserialize, Serialize};

/// Pauses before the attempts after the first: about three days in all, as Standard Webhooks advises.
const PAUSES_MS: [i64; 9] = [
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];
/// Attempts in all.
pub const ATTEMPTS_MAX: u32 = PAUSES_MS.len() as u32 + 1;
/// How long an attempt may take before another host may look after it: longer than a call's time-out.
pub const LEASE_MS: i64 = MINUTE_MS;
/// How long a delivered one can be sent again.
const DELIVERED_KEPT_MS: i64 = 7 * DAY_MS;
/// How long one that was given up can.
const FAILED_KEPT_MS: i64 = 30 * DAY_MS;

/// Where a delivery stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried, not before.
    Queued {
        /// The earliest instant.
        not_before: Moment,
    },
    /// A call was begun.
    Attempting {
        /// When another host may look after it.
        lease_until: Moment,
    },
    /// The endpoint took it.
    Delivered {
        /// When.
        at: Moment,
    },
    /// Given up.
    Failed {
        /// When.
        at: Moment,
        /// Stable snake_case reason: the error of the last attempt, or `endpoint_disabled`.
        reason: String,
    },
}

/// A delivery.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id, stable over attempts and replays: the `webhook-id`.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The same announcement to other endpoints has the same one: the `id` of the CloudEvent.
    pub announcement: AnnouncementId,
    /// Whose fact it is: the `subject`.
    pub subject: CustomerId,
    /// The fact.
    #[serde(flatten)]
    pub said: Announcement,
    /// When the relay handed it over.
    pub queued_at: Moment,
    /// Calls begun since it was queued, or queued again.
    pub attempts: u32,
    /// Where it stands.
    pub state: DeliveryState,
}

/// A delivery as read, with its fence.
#[derive(Clone, Debug)]
pub struct HeldDelivery {
    /// Its key.
    pub key: ItemKey,
    /// The version it was read at.
    pub version: u64,
    /// The delivery.
    pub delivery: Delivery,
}

/// The deliveries that follow from one announcement of one turn: one per endpoint that asks for it.
pub(crate) fn deliveries_of(
    engine: &Engine,
    subscribed: &Subscribed,
    (actor, version, place): (ActorKey, u64, usize),
    said: &Announcement,
) -> Vec<(ItemKey, Delivery)> {
    let (keys, now) = (engine.keys.of(actor.tenant), engine.clock.now());
    let (of, at, nth) = (actor.to_bytes(), version.to_be_bytes(), (place as u64).to_be_bytes());
    let announcement = AnnouncementId::from_u128(keys.derived(&[b"announcement", &of, &at, &nth]).0);
    let one = |endpoint: EndpointId| {
        let to = endpoint.as_u128().to_be_bytes();
        let id = DeliveryId::from_u128(keys.derived(&[b"delivery", &to, &of, &at, &nth]).0);
        let delivery = Delivery {
            id,
            endpoint,
            announcement,
            subject: CustomerId::from_u128(actor.id.0),
            said: said.clone(),
            queued_at: now,
            attempts: 0,
            state: DeliveryState::Queued { not_before: now },
        };
        (ItemKey::delivery(actor.tenant, endpoint, id), delivery)
    };
    subscribed.to(said.topic).map(one).collect()
}

impl Delivery {
    /// When somebody must look at it again: to try it, to take it over, or to remove it.
    pub fn due(&self) -> Moment {
        match &self.state {
            DeliveryState::Queued { not_before } => *not_before,
            DeliveryState::Attempting { lease_until } if mutant!(CallWithoutLease) => {
                lease_until.plus_ms(1_000 * DAY_MS)
            }
            DeliveryState::Attempting { lease_until } => *lease_until,
            DeliveryState::Delivered { at } => at.plus_ms(DELIVERED_KEPT_MS),
            DeliveryState::Failed { at, .. } => at.plus_ms(FAILED_KEPT_MS),
        }
    }

    /// Whether nothing more will be tried by itself.
    pub fn is_over(&self) -> bool {
        match &self.state {
            DeliveryState::Queued { .. } | DeliveryState::Attempting { .. } => false,
            DeliveryState::Delivered { .. } | DeliveryState::Failed { .. } => true,
        }
    }

    pub(crate) fn item(&self, version: u64) -> Result<Item, Fault> {
        let body = serde_json::to_vec(self).map_err(|error| Fault::Corrupt(error.to_string()))?;
        Ok(Item { version, body: body.into() })
    }

    /// What an answer makes of it.
    pub fn after(&self, answer: HookAnswer, now: Moment) -> DeliveryState {
        if answer.is_taken() || mutant!(FailedCallDropped) {
            return DeliveryState::Delivered { at: now };
        }
        let pause = self.attempts.checked_sub(1).and_then(|tried| PAUSES_MS.get(tried as usize));
        match pause {
            Some(pause) if !answer.is_gone() => {
                DeliveryState::Queued { not_before: now.plus_ms(pause + self.jitter(*pause)) }
            }
            Some(_) | None => DeliveryState::Failed { at: now, reason: answer.code() },
        }
    }

    /// Up to a tenth of a pause more, by the id: what failed at one moment does not come back at one moment.
    fn jitter(&self, pause: i64) -> i64 {
        let spread = pause / 10 + 1;
        (self.id.as_u128() % spread.unsigned_abs() as u128) as i64
    }
}

impl HeldDelivery {
    /// Writes the next state, if nobody else has. `false` where somebody was faster.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn advance(&mut self, engine: &Engine, state: DeliveryState) -> Result<bool, Fault> {
        let mut next = self.delivery.clone();
        next.attempts += u32::from(matches!(state, DeliveryState::Attempting { .. }));
        next.state = state;
        let written = self.put(engine, Some(&next)).await?;
        if written {
            (self.delivery, self.version) = (next, self.version + 1);
        }
        Ok(written)
    }

    /// Queues it again from the beginning of its schedule, under the same id.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn replay(&mut self, engine: &Engine, now: Moment) -> Result<bool, Fault> {
        let state = DeliveryState::Queued { not_before: now };
        let next = Delivery { attempts: 0, state, ..self.delivery.clone() };
        let written = self.put(engine, Some(&next)).await?;
        if written {
            (self.delivery, self.version) = (next, self.version + 1);
        }
        Ok(written)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn remove(&self, engine: &Engine) -> Result<bool, Fault> {
        self.put(engine, None).await
    }

    async fn put(&self, engine: &Engine, next: Option<&Delivery>) -> Result<bool, Fault> {
        let mut commit = Commit::default();
        self.change(next, &mut commit)?;
        match engine.store.commit(commit).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }

    fn change(&self, next: Option<&Delivery>, commit: &mut Commit) -> Result<(), Fault> {
        let item = next.map(|next| next.item(self.version + 1)).transpose()?;
        let (was, now) = (Some(self.delivery.due()), next.map(Delivery::due));
        commit.dues.push(Due { kind: DueKind::Delivery, key: self.key.clone(), was, now });
        commit.puts.push(Put { key: self.key.clone(), expect: Expect::Version(self.version), item });
        Ok(())
    }
}

/// Moves queued deliveries to later instants, in one commit. Nothing is tried and nothing counts as tried.
///
/// # Errors
/// A fault of the store; where somebody was faster with one of them, all stay where they are.
pub async fn postpone(engine: &Engine, held: &[(HeldDelivery, Moment)]) -> Result<(), Fault> {
    let mut commit = Commit::default();
    for (one, not_before) in held {
        let next = Delivery { state: DeliveryState::Queued { not_before: *not_before }, ..one.delivery.clone() };
        one.change(Some(&next), &mut commit)?;
    }
    match engine.store.commit(commit).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

/// What is due, earliest first within a lane.
///
/// # Errors
/// A fault of the store.
pub async fn due(engine: &Engine, now: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
    engine.store.due(DueKind::Delivery, now, limit).await
}

/// Reads one. One that cannot be read leaves the queue, loudly, and stays in the store.
///
/// # Errors
/// A fault of the store.
pub async fn hold(engine: &Engine, entry: &DueEntry) -> Result<Option<HeldDelivery>, Fault> {
    let item = engine.store.load(&entry.key).await?;
    let (version, delivery) = match item.as_ref().map(|item| (item.version, read(item))) {
        Some((version, Ok(delivery))) => (version, delivery),
        Some((_, Err(fault))) => {
            tracing::error!(%fault, "a delivery is set aside; its item stays in the store");
            let due = Due { kind: DueKind::Delivery, key: entry.key.clone(), was: Some(entry.due), now: None };
            return match engine.store.commit(Commit { dues: vec![due], ..Commit::default() }).await {
                Ok(()) | Err(CommitError::Conflict { .. }) => Ok(None),
                Err(CommitError::Fault(fault)) => Err(fault),
            };
        }
        None => return Ok(None),
    };
    Ok(Some(HeldDelivery { key: entry.key.clone(), version, delivery }))
}

/// The deliveries of an endpoint by their ids, after `after` (a local key); those that cannot be read are left out.
///
/// # Errors
/// A fault of the store.
pub async fn of_endpoint(
    engine: &Engine,
    tenant: TenantId,
    endpoint: EndpointId,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(ItemKey, Option<HeldDelivery>)>, Fault> {
    let prefix = endpoint.as_u128().to_be_bytes();
    let items = engine.store.scan(Space::Delivery, tenant, &prefix, after, limit).await?;
    let held = |key: &ItemKey, item: &Item| {
        let delivery = read(item).ok()?;
        Some(HeldDelivery { key: key.clone(), version: item.version, delivery })
    };
    Ok(items.iter().map(|(key, item)| (key.clone(), held(key, item))).collect())
}

/// Which delivery to which endpoint a key names.
pub fn named(key: &ItemKey) -> Option<(EndpointId, DeliveryId)> {
    let (endpoint, id) = key.local().split_at_checked(16)?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u128::from_be_bytes);
    Some((EndpointId::from_u128(number(endpoint)?), DeliveryId::from_u128(number(id)?)))
}

/// Reads a stored delivery.
///
/// # Errors
/// [`Fault::Corrupt`] where it is not one.
pub fn read(item: &Item) -> Result<Delivery, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a delivery", &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_customer::Topic;
    use serde_json::json;

    fn delivery(attempts: u32) -> Delivery {
        let now = Moment::from_millis(0);
        Delivery {
            id: DeliveryId::from_u128(12_345),
            endpoint: EndpointId::from_u128(1),
            announcement: AnnouncementId::from_u128(2),
            subject: CustomerId::from_u128(3),
            said: Announcement { topic: Topic::SegmentEntered, at: now, data: json!({ "segment": "x" }) },
            queued_at: now,
            attempts,
            state: DeliveryState::Queued { not_before: now },
        }
    }

    #[test]
    fn attempts_are_spread_over_three_days_and_then_end() {
        let mut total = 0;
        for attempts in 1..ATTEMPTS_MAX {
            let state = delivery(attempts).after(HookAnswer::Status(500), Moment::from_millis(0));
            let DeliveryState::Queued { not_before } = state else { panic!("{attempts}: {state:?}") };
            let pause = PAUSES_MS[attempts as usize - 1];
            assert!((pause..=pause + pause / 10).contains(&not_before.millis()), "{attempts}: {not_before:?}");
            total += not_before.millis();
        }
        assert!((3 * DAY_MS..4 * DAY_MS).contains(&total), "{total}");
        let last = delivery(ATTEMPTS_MAX).after(HookAnswer::Lost("timeout"), Moment::from_millis(9));
        assert_eq!(last, DeliveryState::Failed { at: Moment::from_millis(9), reason: "timeout".into() });
    }

    #[test]
    fn what_is_taken_is_delivered_and_what_is_gone_is_not_tried_again() {
        let now = Moment::from_millis(5);
        for (status, taken) in [(200, true), (204, true), (299, true), (301, false), (400, false), (500, false)] {
            let state = delivery(1).after(HookAnswer::Status(status), now);
            assert_eq!(state == DeliveryState::Delivered { at: now }, taken, "{status}");
        }
        let gone = delivery(1).after(HookAnswer::Status(410), now);
        assert_eq!(gone, DeliveryState::Failed { at: now, reason: "http_410".into() });
    }

    #[test]
    fn a_delivery_reads_back() {
        let one = delivery(3);
        assert_eq!(read(&one.item(1).unwrap()).unwrap(), one);
        let key = ItemKey::delivery(TenantId::from_u128(9), one.endpoint, one.id);
        assert_eq!(named(&key), Some((one.endpoint, one.id)));
    }
}
