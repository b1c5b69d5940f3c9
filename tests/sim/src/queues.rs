//! The queues of a region, as SQS keeps them: what was taken stays until somebody says that it is done. They outlive
//! every host, hand out at least once, and keep an order inside a group only.

use crate::chance::Chance;
use crate::ports::Ports;
use async_trait::async_trait;
use roadbook_inbox::Incoming;
use roadbook_kernel::{HOUR_MS, MINUTE_MS, Moment};
use roadbook_runtime::ports::{DueEntry, Fault, Parcel, Poke, Queue, QueueName};
use roadbook_runtime::{Envelope, hinted};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// How long a received message is nobody else's, as `infra/template.yaml` has it.
pub const VISIBLE_MS: i64 = 6 * MINUTE_MS;
/// Times a message is handed out before it lies among the dead letters, as there.
const RECEIVES_MAX: u32 = 5;
/// Messages of one batch, as there.
const BATCH_MAX: usize = 10;
/// Entries of one request.
const REQUEST_MAX: usize = 10;

/// A message in a queue.
#[derive(Clone)]
struct Kept {
    number: u64,
    group: Option<String>,
    body: String,
    visible_at: Moment,
    received: u32,
}

/// A message that was handed out, and which time.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// As the worker sees it.
    pub incoming: Incoming,
    received: u32,
}

#[derive(Default)]
struct Inner {
    kept: BTreeMap<QueueName, Vec<Kept>>,
    /// Dead letters, with the instant at which somebody moves them back.
    dead: Vec<(Moment, QueueName, Kept)>,
    /// Messages nobody can read, in dead letters for good.
    unreadable: u64,
    numbered: u64,
    /// When somebody may receive something, where nothing has changed since that was asked.
    next: Option<Option<Moment>>,
}

/// All queues.
#[derive(Default)]
pub struct Region {
    inner: Mutex<Inner>,
}

impl Inner {
    fn put(&mut self, queue: QueueName, group: Option<String>, body: String, visible_at: Moment) {
        self.numbered += 1;
        let kept = Kept { number: self.numbered, group, body, visible_at, received: 0 };
        self.kept.entry(queue).or_default().push(kept);
    }

    /// What has been handed out too often lies apart, until somebody has looked and moves it back, behind all others.
    fn bury(&mut self, queue: QueueName, now: Moment, chance: &mut Chance) {
        let all = self.kept.entry(queue).or_default();
        let worn = |kept: &mut Kept| kept.visible_at <= now && kept.received >= RECEIVES_MAX;
        let buried: Vec<Kept> = all.extract_if(.., worn).collect();
        for kept in buried {
            if Envelope::read(&kept.body).is_ok() {
                let again = now.plus_ms(chance.between(MINUTE_MS, 4 * HOUR_MS));
                self.dead.push((again, queue, kept));
            } else {
                self.unreadable += 1;
            }
        }
    }

    fn redrive(&mut self, now: Moment) {
        let back: Vec<_> = self.dead.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, queue, kept) in back {
            self.put(queue, kept.group, kept.body, now);
        }
    }

    /// What may be handed out now. While one of a group is somebody's, nobody gets another of that group.
    fn open(&self, queue: QueueName, now: Moment) -> Vec<&Kept> {
        let all = self.kept.get(&queue).map_or(&[][..], Vec::as_slice);
        let closed: BTreeSet<&str> =
            all.iter().filter(|kept| kept.visible_at > now).filter_map(|kept| kept.group.as_deref()).collect();
        let open = |kept: &&Kept| match &kept.group {
            Some(group) => !closed.contains(group.as_str()),
            None => kept.visible_at <= now,
        };
        all.iter().filter(open).collect()
    }

    fn earliest(&self) -> Option<Moment> {
        let mut groups: BTreeMap<&str, Moment> = BTreeMap::new();
        let mut next = self.dead.iter().map(|(at, ..)| *at).min();
        let mut sooner = |at: Moment| next = Some(next.map_or(at, |next| next.min(at)));
        for kept in self.kept.values().flatten() {
            match &kept.group {
                Some(group) => {
                    let at = groups.entry(group).or_insert(kept.visible_at);
                    *at = kept.visible_at.max(*at);
                }
                None => sooner(kept.visible_at),
            }
        }
        groups.into_values().for_each(sooner);
        next
    }
}

impl Region {
    fn read(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// To change them.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.read();
        inner.next = None;
        inner
    }

    /// A batch of up to ten: groups in any order, each in its own; without groups in any order at all. `again` of 10,000
    /// stay as if nobody had taken them: somebody else gets them as well.
    pub fn receive(&self, queue: QueueName, now: Moment, again: u32, chance: &mut Chance) -> Vec<Receipt> {
        let inner = &mut *self.inner();
        inner.redrive(now);
        inner.bury(queue, now, chance);
        let mut groups: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        let mut lines: Vec<Vec<u64>> = Vec::new();
        for kept in inner.open(queue, now) {
            match &kept.group {
                Some(group) => groups.entry(group).or_default().push(kept.number),
                None => lines.push(vec![kept.number]),
            }
        }
        lines.extend(groups.into_values());
        let most = 1 + chance.below(BATCH_MAX);
        let mut taken = Vec::new();
        while taken.len() < most && !lines.is_empty() {
            let line = lines.swap_remove(chance.below(lines.len()));
            let some = 1 + chance.below(line.len());
            taken.extend(line.into_iter().take(some.min(most - taken.len())));
        }
        let all = inner.kept.entry(queue).or_default();
        let mut receipts = Vec::new();
        for number in taken {
            let Some(kept) = all.iter_mut().find(|kept| kept.number == number) else { continue };
            kept.received += 1;
            // A queue with an order does not do that.
            if kept.group.is_some() || !chance.happens(again) {
                kept.visible_at = now.plus_ms(VISIBLE_MS);
            }
            let (id, group, body) = (number.to_string(), kept.group.clone(), kept.body.clone());
            receipts.push(Receipt { incoming: Incoming { id, group, body }, received: kept.received });
        }
        receipts
    }

    /// It is done; unless somebody else has it meanwhile.
    pub fn done(&self, queue: QueueName, receipt: &Receipt) {
        self.inner().kept.entry(queue).or_default().retain(|kept| !receipt.is_of(kept));
    }

    /// It is not done: somebody else may have it from an instant on.
    pub fn hand_back(&self, queue: QueueName, receipt: &Receipt, at: Moment) {
        let inner = &mut *self.inner();
        let mine = inner.kept.entry(queue).or_default().iter_mut().find(|kept| receipt.is_of(kept));
        mine.into_iter().for_each(|kept| kept.visible_at = kept.visible_at.min(at));
    }

    /// Whether somebody may receive something now, dead letters that are moved back by now among it.
    pub fn has_some(&self, queue: QueueName, now: Moment) -> bool {
        let mut inner = self.read();
        if inner.dead.iter().any(|(at, ..)| *at <= now) {
            inner.redrive(now);
            inner.next = None;
        }
        !inner.open(queue, now).is_empty()
    }

    /// When somebody may receive something, at the earliest.
    pub fn next(&self) -> Option<Moment> {
        let inner = &mut *self.read();
        if inner.next.is_none() {
            inner.next = Some(inner.earliest());
        }
        inner.next.flatten()
    }

    /// Messages that wait, dead letters that somebody can read among them: where, until when, and what.
    pub fn left(&self) -> Vec<String> {
        let inner = self.read();
        let kept =
            inner.kept.iter().flat_map(|(queue, all)| all.iter().map(move |kept| (*queue, kept.visible_at, kept)));
        let dead = inner.dead.iter().map(|(at, queue, kept)| (*queue, *at, kept));
        let line = |(queue, at, kept): (QueueName, Moment, &Kept)| {
            format!("{queue:?}, open at {at:?}, received {} times: {}", kept.received, kept.body)
        };
        kept.chain(dead).map(line).collect()
    }
}

impl Receipt {
    fn is_of(&self, kept: &Kept) -> bool {
        kept.number.to_string() == self.incoming.id && kept.received == self.received
    }
}

/// A host's way to the queues.
pub struct Pipes(pub Ports);

impl Pipes {
    fn region(&self) -> &Region {
        &self.0.0.world.queues
    }

    fn now(&self) -> Moment {
        self.0.0.world.now()
    }

    fn happens(&self, often: impl Fn(&crate::weather::Weather) -> u32) -> bool {
        let inner = &mut *self.0.0.world.inner();
        let often = often(&inner.weather);
        inner.chance.happens(often)
    }

    /// Takes one request's entries, some of them not.
    fn take(&self, entries: &[Parcel], stopped: &BTreeSet<String>) -> Vec<bool> {
        let now = self.now();
        let mut failed = stopped.clone();
        let one = |entry: &Parcel| {
            if failed.contains(&entry.group) || self.happens(|weather| weather.partial) {
                failed.insert(entry.group.clone());
                return false;
            }
            let group = Some(entry.group.clone());
            if self.happens(|weather| weather.partial / 8) {
                self.region().inner().put(QueueName::Inbox, group.clone(), "{\"is\":\"nothing\"}".into(), now);
            }
            self.region().inner().put(QueueName::Inbox, group, entry.body.clone(), now);
            true
        };
        entries.iter().map(one).collect()
    }

    fn hand_out(&self, queue: QueueName, body: &str, visible_at: Moment) {
        for _ in 0..1 + usize::from(self.happens(|weather| weather.look_twice / 4)) {
            self.region().inner().put(queue, None, body.to_owned(), visible_at);
        }
    }
}

#[async_trait]
impl Queue for Pipes {
    async fn accept(&self, parcels: Vec<Parcel>) -> Vec<Result<(), Fault>> {
        let mut results = Vec::new();
        let mut stopped = BTreeSet::new();
        for request in parcels.chunks(REQUEST_MAX) {
            let sent = self.0.run("send events", async { Ok::<_, Fault>(self.take(request, &stopped)) }).await;
            let fault = sent.as_ref().err().cloned().unwrap_or_else(|| Fault::Store("made to fail: an entry".into()));
            let taken = sent.unwrap_or_else(|_| vec![false; request.len()]);
            for (entry, taken) in request.iter().zip(taken) {
                if !taken {
                    stopped.insert(entry.group.clone());
                }
                results.push(if taken { Ok(()) } else { Err(fault.clone()) });
            }
        }
        results
    }

    async fn poke(&self, pokes: &[Poke], now: Moment) -> Result<usize, Fault> {
        if pokes.is_empty() {
            return Ok(0);
        }
        let send = async {
            let mut taken = 0;
            for poke in pokes {
                let Some(delay_s) = poke.delay_s(now) else { continue };
                if self.happens(|weather| weather.partial) {
                    return Err(Fault::Store("made to fail: an entry".into()));
                }
                let body = Envelope::Poke(*poke).text()?;
                self.hand_out(QueueName::Pokes, &body, self.now().plus_ms(i64::from(delay_s) * 1_000));
                taken += 1;
            }
            Ok(taken)
        };
        self.0.run("send pokes", send).await
    }

    async fn hint(&self, due: &[DueEntry]) -> Result<(), Fault> {
        if due.is_empty() {
            return Ok(());
        }
        let send = async {
            for entry in due {
                if self.happens(|weather| weather.partial) {
                    return Err(Fault::Store("made to fail: an entry".into()));
                }
                let (queue, body) = hinted(entry)?;
                self.hand_out(queue, &body, self.now());
            }
            Ok(())
        };
        self.0.run("send hints", send).await
    }

    async fn waiting(&self, queue: QueueName) -> Result<u64, Fault> {
        let waits = async { Ok::<_, Fault>(self.region().inner().open(queue, self.now()).len() as u64) };
        self.0.run("ask a queue", waits).await
    }
}
