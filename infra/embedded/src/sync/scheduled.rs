//! The same shapes on shuttle: every lock, every atomic and every message is a place where the scheduler may switch.

use fjall::OwnedWriteBatch;
pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};
pub(crate) use shuttle::sync::mpsc::{Receiver, Sender, channel};
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
pub(crate) use shuttle::thread::JoinHandle;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Small, so that a handful of callers fills a group.
pub(crate) const GROUP_COMMITS_MAX: usize = 2;

thread_local! {
    /// All tasks of a schedule share one thread, so this is what a process is in the product.
    static DIED: Cell<bool> = const { Cell::new(false) };
    static FAILURE: Cell<Option<Failure>> = const { Cell::new(None) };
}

/// A write that fails.
#[derive(Clone, Copy)]
pub(crate) struct Failure {
    /// After so many that do not.
    pub(crate) after: u32,
    /// Whether the disk has it all the same.
    pub(crate) written: bool,
}

/// Wakes whoever would end with the process.
pub(crate) static DEATH: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// What a thread unwinds with when its process has ended.
struct Died;

/// Starts a thread; one that the end of the process unwinds has ended, not failed.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    let run = move || match catch_unwind(AssertUnwindSafe(run)) {
        Err(payload) if !payload.is::<Died>() => resume_unwind(payload),
        Ok(()) | Err(_) => {}
    };
    shuttle::thread::Builder::new().name(name.into()).spawn(run)
}

/// The scheduler may switch here.
pub(crate) fn point() {
    shuttle::thread::yield_now();
}

/// Writes a batch; not synced, because here nobody cuts the power. Fails where it was told to.
pub(crate) fn write(batch: OwnedWriteBatch) -> fjall::Result<()> {
    point();
    let failure = FAILURE.get();
    FAILURE.set(failure.and_then(|left| Some(Failure { after: left.after.checked_sub(1)?, ..left })));
    let written = match failure.filter(|failure| failure.after == 0) {
        Some(Failure { written: false, .. }) => Ok(()),
        Some(_) | None => batch.durability(None).commit(),
    };
    point();
    let failed = || fjall::Error::Io(std::io::Error::other("a failure of the schedule"));
    if failure.is_some_and(|failure| failure.after == 0) { Err(failed()) } else { written }
}

/// Lets a write fail, or none.
pub(crate) fn fail(failure: Option<Failure>) {
    FAILURE.set(failure);
}

/// Ends the process, as far as a schedule knows one.
pub(crate) fn end_process(_reason: &str) -> ! {
    DIED.set(true);
    DEATH.notify_waiters();
    resume_unwind(Box::new(Died))
}

/// Whether the process has ended.
pub(crate) fn died() -> bool {
    DIED.get()
}

/// A new process.
pub(crate) fn begin() {
    DIED.set(false);
    fail(None);
}

/// Tokio's, with a place to switch before each step that somebody else sees.
#[derive(Default)]
pub(crate) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_waiters(&self) {
        point();
        self.0.notify_waiters();
    }

    pub(crate) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        point();
        self.0.notified()
    }
}

/// Tokio's, as above.
pub(crate) mod oneshot {
    pub(crate) use tokio::sync::oneshot::Receiver;

    pub(crate) struct Sender<T>(tokio::sync::oneshot::Sender<T>);

    impl<T> Sender<T> {
        pub(crate) fn send(self, value: T) -> Result<(), T> {
            super::point();
            self.0.send(value)
        }
    }

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        (Sender(sender), receiver)
    }
}
