//! A store that fails on demand: it counts port calls and can fail one, or die at one.

use async_trait::async_trait;
use roadbook_kernel::{ActorKey, MessageId, Moment, TenantId};
use roadbook_runtime::ports::{
    Commit, CommitError, Committed, DueEntry, DueKind, Fault, History, Item, ItemKey, Journal, Space, Store, Turn,
};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// On which side of a port call something goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Before: nothing happened.
    Before,
    /// After: it is applied, but the caller does not learn it.
    After,
}

/// A port call at which something goes wrong. Calls count from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot {
    /// Which call.
    pub call: u64,
    /// On which side of it.
    pub when: When,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = match self.when {
            When::Before => "before",
            When::After => "after",
        };
        write!(f, "{}:{when}", self.call)
    }
}

impl FromStr for Spot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a call and a side, such as 17:before or 17:after; got {text}");
        let (call, when) = text.split_once(':').ok_or_else(wrong)?;
        let when = match when {
            "before" => When::Before,
            "after" => When::After,
            _ => return Err(wrong()),
        };
        Ok(Spot { call: call.parse().map_err(|_| wrong())?, when })
    }
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Nothing.
    None,
    /// One call fails, the next ones work.
    Fault(Spot),
    /// One call and every later one fails: the process is dead.
    Crash(Spot),
}

/// The wrapper.
pub struct Faulty<S> {
    inner: Arc<S>,
    trouble: Trouble,
    calls: AtomicU64,
    dead: AtomicBool,
    /// State of the generator that decides how often each call lets others go first; 0 = never.
    restless: AtomicU64,
}

enum Fate {
    Works,
    FailsBefore,
    FailsAfter,
}

impl<S> Faulty<S> {
    /// A wrapper with trouble ahead.
    pub fn new(inner: Arc<S>, trouble: Trouble) -> Self {
        Self { inner, trouble, calls: AtomicU64::new(0), dead: AtomicBool::new(false), restless: AtomicU64::new(0) }
    }

    /// A wrapper without trouble whose calls let other tasks go first, as often as the seed says: the interleavings a
    /// store over a network would make.
    pub fn restless(inner: Arc<S>, seed: u64) -> Self {
        let wrapper = Self::new(inner, Trouble::None);
        wrapper.restless.store(seed.wrapping_mul(2).wrapping_add(1), Ordering::SeqCst);
        wrapper
    }

    /// The store behind it.
    pub fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    /// Port calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Whether the crash has happened.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    async fn step_aside(&self) {
        let seed = self.restless.load(Ordering::SeqCst);
        if seed == 0 {
            return;
        }
        let mut next = seed;
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        self.restless.store(next, Ordering::SeqCst);
        for _ in 0..next % 6 {
            tokio::task::yield_now().await;
        }
    }

    async fn fate(&self) -> Fate {
        self.step_aside().await;
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.is_dead() {
            return Fate::FailsBefore;
        }
        let (Trouble::Fault(spot) | Trouble::Crash(spot)) = self.trouble else { return Fate::Works };
        if spot.call != call {
            return Fate::Works;
        }
        self.dead.store(matches!(self.trouble, Trouble::Crash(_)), Ordering::SeqCst);
        match spot.when {
            When::Before => Fate::FailsBefore,
            When::After => Fate::FailsAfter,
        }
    }

    async fn run<T, E: From<Fault>>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let fault = || Err(Fault::Store("made to fail".into()).into());
        match self.fate().await {
            Fate::Works => call.await,
            Fate::FailsBefore => fault(),
            Fate::FailsAfter => {
                let _ = call.await;
                fault()
            }
        }
    }
}

#[async_trait]
impl<S: Store> Store for Faulty<S> {
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
        self.run(self.inner.load(key)).await
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        self.run(self.inner.scan(space, tenant, prefix, after, limit)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.run(self.inner.commit(commit)).await
    }

    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        self.run(self.inner.due(kind, until, limit)).await
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        self.run(self.inner.due_page(kind, lane, from, limit)).await
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        self.run(self.inner.next_due(kind)).await
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.run(self.inner.ready()).await
    }
}

#[async_trait]
impl<S: Journal> Journal for Faulty<S> {
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
        self.run(self.inner.read(after, limit)).await
    }

    async fn truncate(&self, upto: u64) -> Result<(), Fault> {
        self.run(self.inner.truncate(upto)).await
    }

    /// Not counted: it cannot fail.
    fn last(&self) -> u64 {
        self.inner.last()
    }

    /// Not counted: it changes nothing and may return early anyway.
    async fn wait(&self, after: u64) {
        self.inner.wait(after).await;
    }
}

#[async_trait]
impl<S: History> History for Faulty<S> {
    async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        self.run(self.inner.turns(actor, after, limit)).await
    }

    async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        self.run(self.inner.turns_before(actor, before, limit)).await
    }

    async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault> {
        self.run(self.inner.find(actor, message)).await
    }
}
