//! The product's.

use fjall::OwnedWriteBatch;
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::mpsc::{Receiver, Sender, channel};
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::thread::JoinHandle;
pub(crate) use tokio::sync::{Notify, oneshot};

/// Commits of one group.
pub(crate) const GROUP_COMMITS_MAX: usize = 512;

/// Starts a thread.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

/// A place where another thread may come between that no lock marks: what is read next is shared.
#[inline(always)]
pub(crate) fn point() {}

/// Writes a batch and syncs it.
pub(crate) fn write(batch: OwnedWriteBatch) -> fjall::Result<()> {
    batch.commit()
}

/// Ends the process: opening the folder again shows what the disk holds, and nothing else can.
pub(crate) fn end_process(reason: &str) -> ! {
    tracing::error!(reason, "a commit failed; the process ends, start it again to recover");
    std::process::abort()
}
