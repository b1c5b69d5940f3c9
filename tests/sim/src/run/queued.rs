//! The way of the functions: events wait in a queue until somebody applies them, timers and sends are looked at where a
//! queue says so. What decides is the product's own: `roadbook_inbox`, `roadbook_send`, `ahead`, `soon`.

use super::Run;
use crate::host::Host;
use crate::queues::{Receipt, VISIBLE_MS};
use crate::task::{Done, Parcel, Work};
use crate::world::Job;
use futures_util::future::join_all;
use roadbook_inbox::{Incoming, Worker};
use roadbook_kernel::{HOUR_MS, MINUTE_MS, Moment, SECOND_MS, TenantId};
use roadbook_runtime::ahead::hint;
use roadbook_runtime::engine::Engine;
use roadbook_runtime::ports::{DueKind, Fault, ItemKey, QueueName, Store};
use roadbook_runtime::{Accepted, Envelope, Letter, Outcome, PackError, pack, queue_all};
use roadbook_send::{Announcer, Hints};
use std::sync::{Arc, Mutex};

/// After so long an invocation is cut off, wherever it is.
pub(super) const CUT_MS: i64 = MINUTE_MS;
/// What a turn takes, with everything it may have to repeat: without so much time left none is begun.
const TURN_MS: i64 = 3 * SECOND_MS;

/// Which queue a job works on.
pub(super) const fn queue_of(job: Job) -> Option<QueueName> {
    match job {
        Job::Inbox => Some(QueueName::Inbox),
        Job::Poke => Some(QueueName::Pokes),
        Job::Hint => Some(QueueName::Sends),
        Job::Announce => Some(QueueName::Announcements),
        Job::Observe
        | Job::Tell
        | Job::Define
        | Job::Sweep
        | Job::Relay
        | Job::Send
        | Job::Backfill
        | Job::Upload
        | Job::Import => None,
    }
}

/// Takes a call's events into the inbox queue, as the door does.
pub(super) fn accepting(host: &Host, tenant: TenantId, events: Vec<Accepted>) -> Work {
    let (engine, pipes) = (host.engine.clone(), host.pipes.clone());
    Box::pin(async move {
        let count = events.len();
        let results = match pack(&engine.keys.of(tenant), tenant, events) {
            Ok(parcels) => queue_all(pipes.as_ref(), parcels, count).await,
            Err(PackError::Fault(fault)) => vec![Err(fault); count],
            Err(PackError::TooLarge(large)) => vec![Err(Fault::Corrupt(large.to_string())); count],
        };
        Done::Accepted(results)
    })
}

/// One tick: whoever is due soon is poked, what is overdue is handed to its queue.
pub(super) fn ticking(host: &Host) -> Work {
    let (engine, pipes, place) = (host.engine.clone(), host.pipes.clone(), host.ahead.clone());
    Box::pin(async move {
        let deadline = in_time(&engine);
        // While a tick of this process is under way another one begins from the front: that costs a few pokes.
        let mut ahead = locked(&place).take().unwrap_or_default();
        let (store, queue, now) = (engine.store.as_ref(), pipes.as_ref(), engine.clock.now());
        let _found_by_the_next = ahead.poke(store, queue, now, &deadline).await;
        *locked(&place) = Some(ahead);
        for kind in [DueKind::Send, DueKind::Delivery] {
            let _stays_due = hint(store, queue, kind, engine.clock.now(), &deadline).await;
        }
        Done::Looked { more: false }
    })
}

fn locked<T>(place: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    place.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn in_time(engine: &Arc<Engine>) -> impl Fn() -> bool + Send + Sync + use<> {
    let (engine, begun) = (engine.clone(), engine.clock.now());
    move || engine.clock.now() < begun.plus_ms(CUT_MS - TURN_MS)
}

/// Works on a batch, as the function of its queue does. Gives back which of it comes again.
pub(super) fn working(host: &Host, queue: QueueName, batch: &[Receipt]) -> Work {
    let messages: Vec<Incoming> = batch.iter().map(|receipt| receipt.incoming.clone()).collect();
    let (engine, router, pipes) = (host.engine.clone(), host.router.clone(), host.pipes.clone());
    let (sender, hooks) = (host.sender.clone(), host.hooks.clone());
    Box::pin(async move {
        let deadline = in_time(&engine);
        match queue {
            QueueName::Inbox | QueueName::Pokes => {
                Done::Worked(Ok(Worker::new(router, pipes).work(&messages, deadline).await))
            }
            QueueName::Sends | QueueName::Announcements => {
                let announcer = Announcer::new(engine, hooks);
                let mut hints = Hints::read(messages.iter().map(|one| (one.id.as_str(), one.body.as_str())));
                let failed = std::mem::take(&mut hints.failed);
                Done::Worked(hints.work(&sender, &announcer, deadline).await.map(|_| failed))
            }
        }
    })
}

/// Where one process serves all: deliveries that are due, as its loop takes them.
pub(super) fn announcing(host: &Host, limit: usize) -> Work {
    let announcer = host.announcer.clone();
    Box::pin(async move {
        let taken = announcer.take(limit).await;
        let waiting = taken.as_ref().is_ok_and(|taken| taken.waiting);
        if let Ok(taken) = taken {
            join_all(taken.work).await;
        }
        Done::Looked { more: waiting }
    })
}

impl Run {
    /// Events were taken by the queue, or some were not: those are sent again.
    pub(super) fn accepted_by_queue(
        &mut self,
        tenant: usize,
        messages: Vec<(usize, Option<Moment>)>,
        client: bool,
        results: Vec<Result<(), Fault>>,
    ) {
        let now = self.world.now();
        let mut failed = Vec::new();
        for ((message, at), result) in messages.into_iter().zip(results) {
            if result.is_err() {
                failed.push((message, at));
                continue;
            }
            self.told.queued.entry(message).or_insert(now);
            if let Some(at) = at {
                self.told.stamps.entry(message).or_insert(at);
            }
            self.maybe_again(tenant, message, at, client);
        }
        if !failed.is_empty() {
            self.again(Parcel::Events { tenant, messages: failed, client });
        }
    }

    /// What customers said since somebody last looked.
    pub(super) fn witness(&mut self) {
        let now = self.world.now();
        let said = std::mem::take(&mut self.world.inner().witnessed);
        for (id, outcome) in said {
            let Some(message) = self.ids.get(&id).copied() else { continue };
            self.world.tell(None, || format!("m{message} came to {outcome:?}"));
            match outcome {
                Outcome::Defect | Outcome::Duplicate { .. } if self.plan.is_poisoned(message) => {
                    self.told.defects.insert(message);
                }
                Outcome::Applied { .. } | Outcome::Duplicate { .. } => {
                    if self.told.applied.contains_key(&message) && matches!(outcome, Outcome::Applied { .. }) {
                        self.told.applied_again.insert(message);
                        self.world.broken(|| format!("twice: m{message} was applied, and is applied again"));
                    }
                    self.told.applied.entry(message).or_insert(now);
                }
                Outcome::Refused(refusal) => {
                    self.told.refused.insert(message, refusal.code.into_owned());
                }
                Outcome::Defect => self.world.broken(|| format!("defect: message m{message} panicked")),
                Outcome::NotMine { .. } => {}
            }
        }
    }

    /// A batch was worked on: what did not fail is done, unless that is not heard.
    pub(super) fn worked(&mut self, queue: QueueName, batch: &[Receipt], result: Result<Vec<String>, Fault>) {
        let Ok(failed) = result else { return };
        let now = self.world.now();
        for receipt in batch {
            if failed.contains(&receipt.incoming.id) {
                let at = if self.chance.below(2) == 0 { now } else { now.plus_ms(VISIBLE_MS) };
                self.world.queues.hand_back(queue, receipt, at);
                continue;
            }
            if queue == QueueName::Inbox {
                self.decided(&receipt.incoming.body);
            }
            let unheard = self.world.inner().weather.answer_lost;
            if !self.chance.happens(unheard) {
                self.world.queues.done(queue, receipt);
            }
        }
    }

    /// Every event of a message that is done was decided by somebody, or lies in the dead letters as one nobody could
    /// decide: an operator sends those again.
    fn decided(&mut self, body: &str) {
        let Ok(Envelope::Events { tenant, events }) = Envelope::read(body) else {
            return self.world.broken(|| "lost: a message that nobody can read is said to be done".into());
        };
        for event in events {
            let Some(message) = self.ids.get(&event.id).copied() else { continue };
            let told = &self.told;
            if told.applied.contains_key(&message)
                || told.defects.contains(&message)
                || told.refused.contains_key(&message)
            {
                continue;
            }
            if !self.is_in_letters(tenant, event.id) {
                self.world.broken(|| format!("lost: m{message} is done in its queue, and nobody decided it"));
                continue;
            }
            let wait_ms = self.chance.between(MINUTE_MS, HOUR_MS);
            let messages = vec![(message, Some(event.accepted))];
            let tenant = self.plan.tenant_of(message);
            self.enqueue(self.world.now().plus_ms(wait_ms), Parcel::Events { tenant, messages, client: false });
        }
    }

    fn is_in_letters(&self, tenant: TenantId, message: roadbook_kernel::MessageId) -> bool {
        let load = |key: ItemKey| super::at_once(self.world.memory.load(&key)).and_then(Result::ok).flatten();
        let mark = load(ItemKey::letter_of(tenant, message));
        let letter = mark.and_then(|mark| load(ItemKey::letter(tenant, Letter::marked(&mark)?)));
        letter.and_then(|item| Letter::read(&item).ok()).is_some_and(|letter| letter.reason.code == "too_many_hops")
    }
}
