//! The delivery queue's worker: tells endpoints what they asked for.
//!
//! It works beside the sender of messages, on a queue of its own, and endpoint by endpoint: one that does not answer
//! keeps its few places busy and nobody else's. What is due for an endpoint beyond its places waits. Where so much waits
//! that it could hide what is due for others (the queue is read to a limit), it is moved to later instants.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use roadbook_kernel::{DAY_MS, EndpointId, Moment, SECOND_MS, TenantId};
use roadbook_runtime::Engine;
use roadbook_runtime::ports::store::{LANES, lane};
use roadbook_runtime::ports::{DueEntry, Fault, HookCall, Hooks, ItemKey};
use roadbook_runtime::webhooks::{
    self, Attempt, Because, DeliveryState, Endpoint, HeldDelivery, LEASE_MS, Status, hold, named, postpone,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Calls to one endpoint under way at once.
const CALLS_MAX: usize = 8;
/// Calls under way at once, to everybody.
const ALL_CALLS_MAX: usize = 128;
/// An endpoint that takes longer than this is slow.
const SLOW_MS: i64 = SECOND_MS;
/// How far apart the rows of a slow endpoint's queue are moved: the longest a call takes.
const SLOW_ROW_MS: i64 = 15 * SECOND_MS;
/// How far everything is moved that a swift endpoint has no place for yet.
const SWIFT_WAIT_MS: i64 = SECOND_MS;
/// How long an endpoint rests whose deliveries could not be worked on.
const FAULT_PAUSE_MS: i64 = SECOND_MS;
/// An endpoint that has failed for so long, without one success, is given up.
const FAILING_MS_MAX: i64 = 5 * DAY_MS;

/// One endpoint of one tenant.
type Whom = (TenantId, EndpointId);

/// What this process knows of an endpoint.
#[derive(Default)]
struct Line {
    /// Deliveries in hand.
    busy: HashSet<ItemKey>,
    /// Whether its last call failed or took long.
    slow: bool,
    /// No new work before, after a fault of the store.
    rests_until: Option<Moment>,
}

/// Work that was taken up. Whoever took it runs each to its end; they do not depend on each other.
pub struct Taken {
    /// One future per endpoint.
    pub work: Vec<BoxFuture<'static, ()>>,
    /// Whether more is due than could be taken: look again in a moment, not at once.
    pub waiting: bool,
}

/// Each delivery once: an index that trails may show it where it was and where it is. Moved twice in one commit it would
/// leave an entry behind that nobody ever removes.
fn by_endpoint(entries: Vec<DueEntry>) -> BTreeMap<Whom, Vec<DueEntry>> {
    let mut due = BTreeMap::<Whom, Vec<DueEntry>>::new();
    let mut seen = HashSet::new();
    for entry in entries {
        if let Some((endpoint, _)) = named(&entry.key).filter(|_| seen.insert(entry.key.clone())) {
            due.entry((entry.key.tenant(), endpoint)).or_default().push(entry);
        }
    }
    due
}

/// A worker on the delivery queue.
pub struct Announcer {
    engine: Arc<Engine>,
    hooks: Arc<dyn Hooks>,
    lines: Mutex<HashMap<Whom, Line>>,
}

impl Announcer {
    /// A worker that calls through `hooks`.
    pub fn new(engine: Arc<Engine>, hooks: Arc<dyn Hooks>) -> Arc<Self> {
        Arc::new(Self { engine, hooks, lines: Mutex::default() })
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Whom, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what is due now, at most `limit` of each lane of the queue.
    ///
    /// # Errors
    /// A fault while the queue is read. A fault with one delivery leaves it due.
    pub async fn take(self: &Arc<Self>, limit: usize) -> Result<Taken, Fault> {
        let now = self.engine.clock.now();
        let due = by_endpoint(webhooks::due(&self.engine, now, limit).await?);
        let mut lanes = [0; LANES as usize];
        due.iter().for_each(|(whom, entries)| lanes[usize::from(lane(whom.0))] += entries.len());
        let mut taken = Taken { work: Vec::new(), waiting: false };
        for (whom, entries) in due {
            let (asked, is_lane_full) = (entries.len(), lanes[usize::from(lane(whom.0))] >= limit);
            let (mine, rest, slow) = self.reserve(whom, entries, now);
            taken.waiting |= mine.len() < asked;
            if is_lane_full && !rest.is_empty() {
                // Not the end of this look: what was given a place above would keep it for ever.
                if let Err(fault) = self.make_room(&rest, slow, now).await {
                    tracing::warn!(webhook = %whom.1, %fault, "a queue of deliveries was not moved");
                }
            }
            if !mine.is_empty() {
                taken.work.push(self.clone().carry(whom, mine).boxed());
            }
        }
        Ok(taken)
    }

    /// Takes up these, as far as they are due now and their endpoints have places: a queue said so, and a queue may say it
    /// late or twice. Returns the work, one future per endpoint, and what has no place yet: it stays due.
    pub fn take_these(self: &Arc<Self>, entries: Vec<DueEntry>) -> (Vec<BoxFuture<'static, ()>>, Vec<DueEntry>) {
        let (mut work, mut left) = (Vec::new(), Vec::new());
        for (whom, entries) in by_endpoint(entries) {
            let (mine, rest, _) = self.reserve(whom, entries, self.engine.clock.now());
            left.extend(rest);
            if !mine.is_empty() {
                work.push(self.clone().carry(whom, mine).boxed());
            }
        }
        (work, left)
    }

    /// Takes up at once what a former process of this store had begun, without waiting for its lease. Only where one
    /// process owns the store.
    ///
    /// # Errors
    /// As [`Announcer::take`].
    pub async fn recover(self: &Arc<Self>, limit: usize) -> Result<(), Fault> {
        let now = self.engine.clock.now();
        for entry in webhooks::due(&self.engine, now.plus_ms(LEASE_MS), limit).await? {
            let Some(mut held) = hold(&self.engine, &entry).await? else { continue };
            if matches!(held.delivery.state, DeliveryState::Attempting { .. }) {
                held.advance(&self.engine, DeliveryState::Queued { not_before: now }).await?;
            }
        }
        Ok(())
    }

    /// Gives an endpoint's free places to the first of what is due; what is left waits. What is in hand already is
    /// neither.
    fn reserve(&self, whom: Whom, mut entries: Vec<DueEntry>, now: Moment) -> (Vec<DueEntry>, Vec<DueEntry>, bool) {
        let mut lines = self.lines();
        let all: usize = lines.values().map(|line| line.busy.len()).sum();
        let line = lines.entry(whom).or_default();
        entries.retain(|entry| !line.busy.contains(&entry.key));
        let places = if line.rests_until.is_some_and(|until| now < until) { 0 } else { CALLS_MAX };
        let free = places.saturating_sub(line.busy.len()).min(ALL_CALLS_MAX.saturating_sub(all));
        let rest = entries.split_off(free.min(entries.len()));
        line.busy.extend(entries.iter().map(|entry| entry.key.clone()));
        (entries, rest, line.slow)
    }

    /// Moves what has no place out of the way of others: a slow endpoint's over the time it would take.
    async fn make_room(&self, rest: &[DueEntry], slow: bool, now: Moment) -> Result<(), Fault> {
        let mut later = Vec::with_capacity(rest.len());
        for (place, entry) in rest.iter().enumerate() {
            let Some(held) = hold(&self.engine, entry).await? else { continue };
            if matches!(held.delivery.state, DeliveryState::Queued { .. }) {
                let row = i64::try_from(place / CALLS_MAX).unwrap_or(0) + 1;
                later.push((held, now.plus_ms(if slow { row * SLOW_ROW_MS } else { SWIFT_WAIT_MS })));
            }
        }
        postpone(&self.engine, &later).await
    }

    async fn carry(self: Arc<Self>, whom: Whom, entries: Vec<DueEntry>) {
        let hands: Vec<InHand> = entries.iter().map(|entry| InHand { announcer: &self, whom, entry }).collect();
        let endpoint = match webhooks::endpoint(self.engine.store.as_ref(), whom.0, whom.1).await {
            Ok(held) => held.map(|held| held.endpoint),
            Err(fault) => return self.troubled(whom, &fault),
        };
        let to = endpoint.as_ref();
        let tries = hands.into_iter().map(|hand| async move {
            hand.announcer.one(whom, to, hand.entry).await.unwrap_or_else(|fault| {
                hand.announcer.troubled(whom, &fault);
                None
            })
        });
        let attempts: Vec<Attempt> = join_all(tries).await.into_iter().flatten().collect();
        if !attempts.is_empty()
            && let Err(fault) = self.note(whom, &attempts).await
        {
            tracing::warn!(webhook = %whom.1, %fault, "the log of a webhook endpoint was not written");
        }
    }

    fn troubled(&self, whom: Whom, fault: &Fault) {
        self.rest(whom);
        tracing::warn!(webhook = %whom.1, %fault, "a delivery could not be worked on; it stays due");
    }

    fn rest(&self, whom: Whom) {
        let until = self.engine.clock.now().plus_ms(FAULT_PAUSE_MS);
        self.lines().entry(whom).or_default().rests_until = Some(until);
    }

    async fn one(&self, whom: Whom, to: Option<&Endpoint>, entry: &DueEntry) -> Result<Option<Attempt>, Fault> {
        let Some(mut held) = hold(&self.engine, entry).await? else { return Ok(None) };
        let now = self.engine.clock.now();
        if held.delivery.due() > now {
            return Ok(None); // it was worked on between the look at the queue and now
        }
        let Some(endpoint) = to.filter(|_| !held.delivery.is_over()) else {
            // The endpoint was removed, or this one's time in the store is over.
            held.remove(&self.engine).await?;
            return Ok(None);
        };
        if !endpoint.is_enabled() {
            let reason = "endpoint_disabled".to_owned();
            held.advance(&self.engine, DeliveryState::Failed { at: now, reason }).await?;
            return Ok(None);
        }
        if !held.advance(&self.engine, DeliveryState::Attempting { lease_until: now.plus_ms(LEASE_MS) }).await? {
            return Ok(None); // another worker was faster
        }
        Ok(Some(self.call(whom, endpoint, &mut held).await?))
    }

    async fn call(&self, whom: Whom, endpoint: &Endpoint, held: &mut HeldDelivery) -> Result<Attempt, Fault> {
        let at = self.engine.clock.now();
        let secrets = endpoint.secrets_at(at);
        let call = HookCall { tenant: whom.0, url: &endpoint.url, delivery: &held.delivery, secrets: &secrets, at };
        let answer = self.hooks.post(call).await;
        let now = self.engine.clock.now();
        let ms = now.since_ms(at);
        self.lines().entry(whom).or_default().slow = !answer.is_taken() || ms > SLOW_MS;
        let attempt = Attempt {
            at,
            delivery: held.delivery.id,
            topic: held.delivery.said.topic,
            attempt: held.delivery.attempts,
            status: answer.status(),
            ms,
            error: (!answer.is_taken()).then(|| answer.code()),
        };
        let next = held.delivery.after(answer, now);
        held.advance(&self.engine, next).await?;
        if answer.is_gone() {
            self.disable(whom, Because::Gone, now).await?;
        }
        Ok(attempt)
    }

    async fn note(&self, whom: Whom, attempts: &[Attempt]) -> Result<(), Fault> {
        let failing_since = webhooks::note(&self.engine, whom.0, whom.1, attempts).await?;
        let now = self.engine.clock.now();
        if failing_since.is_some_and(|since| now.since_ms(since) > FAILING_MS_MAX) {
            self.disable(whom, Because::Failing, now).await?;
        }
        Ok(())
    }

    /// Gives an endpoint up. Somebody who changes it in the same moment is not overruled by a race: it is read again.
    async fn disable(&self, whom: Whom, because: Because, at: Moment) -> Result<(), Fault> {
        loop {
            let held = webhooks::endpoint(self.engine.store.as_ref(), whom.0, whom.1).await?;
            let Some(mut held) = held.filter(|held| held.endpoint.is_enabled()) else { return Ok(()) };
            held.endpoint.status = Status::Disabled { because, at };
            if held.save(&self.engine).await? {
                tracing::warn!(webhook = %whom.1, ?because, "a webhook endpoint is disabled");
                return Ok(());
            }
        }
    }
}

/// A delivery in hand. Whatever ends the work on it, a panic too, it is not in hand afterwards.
struct InHand<'a> {
    announcer: &'a Announcer,
    whom: Whom,
    entry: &'a DueEntry,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.announcer.lines().entry(self.whom).or_default().busy.remove(&self.entry.key);
        if std::thread::panicking() {
            self.announcer.rest(self.whom);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::DeliveryId;

    /// Found by the simulator: an endpoint's queue was moved with one delivery in it twice.
    #[test]
    fn what_a_trailing_index_shows_twice_is_taken_once() {
        let (tenant, endpoint) = (TenantId::from_u128(7), EndpointId::from_u128(1));
        let entry = |n, due| {
            let key = ItemKey::delivery(tenant, endpoint, DeliveryId::from_u128(n));
            DueEntry { due: Moment::from_millis(due), key }
        };
        let due = by_endpoint(vec![entry(1, 5), entry(2, 6), entry(1, 7)]);
        assert_eq!(due[&(tenant, endpoint)], [entry(1, 5), entry(2, 6)]);
    }
}
