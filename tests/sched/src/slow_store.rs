//! A store that takes its time: what is asked of it waits for a task of its own, which takes it up in any order, and
//! may fail before or after it has done it.

use async_trait::async_trait;
use futures_util::FutureExt;
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{Commit, CommitError, DueEntry, DueKind, Fault, Item, ItemKey, Space, Store};
use shuttle::rand::{Rng, thread_rng};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, oneshot};

/// Something to do, for whoever takes it up.
type Work = Box<dyn FnOnce() + Send>;

/// The memory store behind a queue. The queue's own lock is a standard one: no task is switched away while it holds it.
pub struct Slow {
    /// What it holds.
    pub memory: Arc<Memory>,
    waiting: Mutex<Option<Vec<Work>>>,
    asked: Notify,
    faults: AtomicU32,
    panics: AtomicU32,
}

/// Does what was asked, one thing at a time and in any order, whether or not somebody still waits for it.
pub async fn serve(slow: &Slow) {
    loop {
        let asked = slow.asked.notified();
        tokio::pin!(asked);
        asked.as_mut().enable();
        let next = match slow.waiting.lock().expect("nobody panics with it").as_mut() {
            None => return,
            Some(waiting) if waiting.is_empty() => None,
            Some(waiting) => Some(waiting.swap_remove(thread_rng().gen_range(0..waiting.len()))),
        };
        match next {
            Some(next) => next(),
            None => asked.await,
        }
        shuttle::future::yield_now().await;
    }
}

impl Slow {
    /// A slow way to a store.
    pub fn over(memory: Arc<Memory>) -> Self {
        let waiting = Mutex::new(Some(Vec::new()));
        Self { memory, waiting, asked: Notify::new(), faults: AtomicU32::new(0), panics: AtomicU32::new(0) }
    }

    /// From now on so many commits fail, and so many end their thread's turn by a panic.
    pub fn trouble(&self, faults: u32, panics: u32) {
        self.faults.store(faults, Ordering::Relaxed);
        self.panics.store(panics, Ordering::Relaxed);
    }

    /// Ends [`serve`]; what is asked from now on is done at once.
    pub fn close(&self) {
        self.waiting.lock().expect("nobody panics with it").take();
        self.asked.notify_waiters();
    }

    /// What the work gives, when it was done; `None` where the store is closed first.
    async fn done<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move || {
            // One who is gone does not need it.
            let _gone = answer.send(work());
        });
        self.waiting.lock().expect("nobody panics with it").as_mut()?.push(work);
        self.asked.notify_waiters();
        answered.await.ok()
    }

    async fn turn_comes(&self) {
        self.done(|| ()).await;
    }

    fn strikes(&self, left: &AtomicU32) -> bool {
        let some = left.load(Ordering::Relaxed) > 0 && thread_rng().gen_bool(0.5);
        if some {
            left.fetch_sub(1, Ordering::Relaxed);
        }
        some
    }
}

#[async_trait]
impl Store for Slow {
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
        self.turn_comes().await;
        let found = self.memory.load(key).await;
        self.turn_comes().await;
        found
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        self.turn_comes().await;
        let found = self.memory.scan(space, tenant, prefix, after, limit).await;
        self.turn_comes().await;
        found
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.turn_comes().await;
        let lost = || Err(CommitError::Fault(Fault::Store("a fault of the schedule".into())));
        if self.strikes(&self.faults) {
            return lost();
        }
        if self.strikes(&self.panics) {
            // Without the hook: it is part of the situation.
            std::panic::resume_unwind(Box::new("a panic of the schedule"));
        }
        let memory = self.memory.clone();
        // Handed over, as the committer takes it: it is done also if nobody waits any more.
        let work = move || memory.commit(commit).now_or_never().expect("memory does not wait");
        let committed = self.done(work).await.unwrap_or_else(lost);
        self.turn_comes().await;
        if committed.is_ok() && self.strikes(&self.faults) {
            return lost();
        }
        committed
    }

    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        self.memory.due(kind, until, limit).await
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        self.memory.due_page(kind, lane, from, limit).await
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        self.memory.next_due(kind).await
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.memory.ready().await
    }
}
