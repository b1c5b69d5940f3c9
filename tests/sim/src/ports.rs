//! The ports of a host, over the store all hosts share. Every call is a place where something may go wrong.

use crate::world::{Life, Trouble, World};
use async_trait::async_trait;
use roadbook_kernel::{ActorKey, DeliveryId, MessageId, Moment, SECOND_MS, TenantId};
use roadbook_runtime::ports::{
    Carried, Commit, CommitError, Committed, DueEntry, DueKind, Fault, History, Item, ItemKey, Journal, Ledger, Put,
    Space, Store, Turn,
};
use roadbook_runtime::relay::SYSTEM;
use roadbook_runtime::webhooks::{self, DeliveryState};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Entries of the due index that a trailing index may still show.
const TRAIL: usize = 24;

/// A host's way to the store.
pub struct Ports(pub Life);

/// Lets others go first, once.
#[derive(Default)]
pub struct Aside(bool);

impl Future for Aside {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

enum Fate {
    Works,
    Fails,
    AnswerLost,
    DiesAfter,
}

impl Ports {
    /// What becomes of a call. A host that dies here never comes back from it.
    async fn fate(&self, call: &'static str) -> Fate {
        let Life { world, host, .. } = &self.0;
        if self.0.is_over() {
            return std::future::pending().await;
        }
        let (aside, trouble) = {
            let inner = &mut *world.inner();
            inner.running.calls += 1;
            let weather = &inner.weather;
            let (dies_before, fails) = (weather.dies_before, weather.fails);
            let (answer_lost, dies_after, slow) = (weather.answer_lost, weather.dies_after, weather.slow);
            let chance = &mut inner.chance;
            let dice = (chance.draw() % 10_000) as u32;
            let bounds = [dies_before, fails, answer_lost, dies_after, slow];
            let kinds = [Trouble::DiesBefore, Trouble::Fails, Trouble::AnswerLost, Trouble::DiesAfter, Trouble::Slow];
            let mut upto = 0;
            let trouble = bounds.into_iter().zip(kinds).find_map(|(width, kind)| {
                upto += width;
                (dice < upto).then_some(kind)
            });
            if let Some(trouble) = trouble {
                let step = (inner.running.job, call, inner.running.calls.min(40));
                inner.reached.insert((trouble, step));
            }
            if trouble == Some(Trouble::Slow) {
                inner.wait_ms = if inner.chance.happens(500) {
                    inner.chance.between(SECOND_MS, 12 * SECOND_MS)
                } else {
                    inner.chance.between(1, 400)
                };
            }
            (trouble == Some(Trouble::Slow) || inner.chance.happens(3_000), trouble)
        };
        if let Some(trouble) = trouble {
            world.tell(Some(*host), || format!("{trouble:?} at {call}"));
        }
        if aside {
            Aside::default().await;
        }
        match trouble {
            Some(Trouble::DiesBefore) => {
                self.0.end();
                std::future::pending().await
            }
            Some(Trouble::Fails) => Fate::Fails,
            Some(Trouble::AnswerLost) => Fate::AnswerLost,
            Some(Trouble::DiesAfter) => Fate::DiesAfter,
            Some(Trouble::Slow | Trouble::Stale) | None => Fate::Works,
        }
    }

    pub(crate) async fn run<T, E: From<Fault>>(
        &self,
        call: &'static str,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let fault = |what: &str| Err(Fault::Store(format!("made to fail: {what}")).into());
        let result = match self.fate(call).await {
            Fate::Fails => return fault("nothing happened"),
            fate => {
                if self.0.is_over() {
                    return std::future::pending().await;
                }
                let result = future.await;
                match fate {
                    Fate::AnswerLost => return fault("the answer was lost"),
                    Fate::DiesAfter => {
                        self.0.end();
                        return std::future::pending().await;
                    }
                    Fate::Works | Fate::Fails => result,
                }
            }
        };
        // The answer travels too: others may come between what was read and what is made of it.
        if self.0.world.inner().chance.happens(1_500) {
            Aside::default().await;
        }
        result
    }

    /// A task of one tenant touches that tenant's keys only.
    fn check_tenant(&self, key: &ItemKey, call: &'static str) {
        let owner = self.0.world.inner().running.tenant;
        if owner.is_some_and(|owner| owner != key.tenant() && key.tenant() != SYSTEM) {
            self.0.world.broken(|| format!("tenant: {call} for {owner:?} touched a key of {}", key.tenant()));
        }
    }

    fn check_commit(&self, commit: &Commit) {
        for put in &commit.puts {
            self.check_tenant(&put.key, "a commit");
        }
        let Some(turn) = commit.turns.first() else { return };
        let others = commit.puts.iter().map(|put| &put.key).chain(commit.dues.iter().map(|due| &due.key));
        for key in others {
            if key.tenant() != turn.actor.tenant {
                self.0.world.broken(|| format!("tenant: a turn of {:?} wrote a key of {}", turn.actor, key.tenant()));
            }
        }
        self.0.world.tell(Some(self.0.host), || {
            let turns: Vec<String> =
                commit.turns.iter().map(|turn| format!("{:?} v{}", turn.actor, turn.version)).collect();
            format!("commits {}", turns.join(", "))
        });
    }

    /// What a trailing index shows: entries that are gone still, and not all of the new ones.
    fn trail(&self, kind: DueKind, entries: Vec<DueEntry>) -> Vec<DueEntry> {
        let inner = &mut *self.0.world.inner();
        let shown = if inner.weather.stale > 0 && inner.chance.happens(inner.weather.stale) {
            let step = (inner.running.job, "due", inner.running.calls.min(40));
            inner.reached.insert((Trouble::Stale, step));
            let keep = inner.chance.below(entries.len() + 1);
            let space = match kind {
                DueKind::Actor => Space::Actor,
                DueKind::Send => Space::Send,
                DueKind::Delivery => Space::Delivery,
            };
            let old = inner.seen_due.iter().filter(|entry| entry.key.space() == space).cloned();
            let mut shown: Vec<DueEntry> = old.chain(entries.iter().take(keep).cloned()).collect();
            shown.sort();
            shown.dedup();
            shown
        } else {
            entries.clone()
        };
        for entry in entries {
            if inner.seen_due.len() >= TRAIL {
                inner.seen_due.pop_front();
            }
            inner.seen_due.push_back(entry);
        }
        shown
    }
}

/// What is remembered of a commit besides the store: what a stream would say of its turns, and what was given up.
struct Noted {
    timers: Vec<((ActorKey, u64), Option<Moment>)>,
    given_up: Vec<(DeliveryId, u32)>,
}

impl Noted {
    fn of(commit: &Commit) -> Self {
        let timer = |turn: &Turn| {
            let key = ItemKey::actor(&turn.actor);
            let due = commit.dues.iter().find(|due| due.key == key && due.kind == DueKind::Actor);
            ((turn.actor, turn.version), due.and_then(|due| due.now))
        };
        let given_up = |put: &Put| {
            let delivery = webhooks::read(put.item.as_ref().filter(|_| put.key.space() == Space::Delivery)?).ok()?;
            matches!(delivery.state, DeliveryState::Failed { .. }).then_some((delivery.id, delivery.attempts))
        };
        let timers = commit.turns.iter().map(timer).collect();
        Self { timers, given_up: commit.puts.iter().filter_map(given_up).collect() }
    }

    fn keep(self, world: &World) {
        let inner = &mut *world.inner();
        inner.timers.extend(self.timers);
        inner.given_up.extend(self.given_up);
    }
}

const fn load_of(space: Space) -> &'static str {
    match space {
        Space::Actor => "load actor",
        Space::Claim => "load claim",
        Space::Page => "load page",
        Space::Letter => "load letter",
        Space::Document => "load document",
        Space::Send => "load send",
        Space::Delivery => "load delivery",
        Space::Counter => "load counter",
    }
}

fn commit_of(commit: &Commit) -> &'static str {
    match (commit.turns.len(), commit.puts.first().map(|put| put.key.space())) {
        (0, Some(Space::Send)) => "commit send",
        (0, Some(Space::Claim)) => "commit claim",
        (0, Some(Space::Delivery)) => "commit delivery",
        (0, Some(Space::Document)) => "commit document",
        (0, _) => "commit other",
        (1, _) => "commit turn",
        (_, _) => "commit turns",
    }
}

#[async_trait]
impl Store for Ports {
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
        self.check_tenant(key, "a read");
        self.run(load_of(key.space()), self.0.world.memory.load(key)).await
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        self.run("scan", self.0.world.memory.scan(space, tenant, prefix, after, limit)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let name = commit_of(&commit);
        self.run(name, async {
            self.check_commit(&commit);
            let noted = Noted::of(&commit);
            let result = self.0.world.memory.commit(commit).await;
            match &result {
                Ok(()) => noted.keep(&self.0.world),
                Err(_) => self.0.world.tell(Some(self.0.host), || "loses that race".into()),
            }
            result
        })
        .await
    }

    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        let entries = self.run("due", self.0.world.memory.due(kind, until, limit)).await?;
        Ok(self.trail(kind, entries))
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        self.run("due page", self.0.world.memory.due_page(kind, lane, from, limit)).await
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        self.run("next due", self.0.world.memory.next_due(kind)).await
    }

    async fn ready(&self) -> Result<(), Fault> {
        Ok(())
    }
}

#[async_trait]
impl Journal for Ports {
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
        self.run("journal read", self.0.world.memory.read(after, limit)).await
    }

    async fn truncate(&self, upto: u64) -> Result<(), Fault> {
        self.run("journal truncate", self.0.world.memory.truncate(upto)).await
    }

    fn last(&self) -> u64 {
        self.0.world.memory.last()
    }

    async fn wait(&self, after: u64) {
        self.0.world.memory.wait(after).await;
    }
}

#[async_trait]
impl History for Ports {
    async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        self.run("history turns", self.0.world.memory.turns(actor, after, limit)).await
    }

    async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        self.run("history turns before", self.0.world.memory.turns_before(actor, before, limit)).await
    }

    async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault> {
        self.run("history find", self.0.world.memory.find(actor, message)).await
    }
}

#[async_trait]
impl Ledger for Ports {
    /// Row by row, as a store with a row per turn writes it: some of a batch may be there and the rest not.
    async fn note(&self, carried: Vec<Carried>) -> Result<(), Fault> {
        for one in carried {
            self.run("ledger note", self.0.world.memory.note(vec![one])).await?;
        }
        Ok(())
    }
}
