//! How much room is left.

use roadbook_runtime::ports::Fault;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Commits between two looks at the disk: at 20,000 commits a second a look every 3 ms.
const COMMITS_BETWEEN_LOOKS: u32 = 64;

/// Watches the free bytes of the disk a folder lies on.
pub(crate) struct Disk {
    path: PathBuf,
    free_bytes_min: u64,
    free_bytes: AtomicU64,
    commits: AtomicU32,
}

impl Disk {
    pub(crate) fn new(path: PathBuf, free_bytes_min: u64) -> Self {
        Self { path, free_bytes_min, free_bytes: AtomicU64::new(u64::MAX), commits: AtomicU32::new(0) }
    }

    /// Refuses when too little is free. Looks at the disk itself every so many commits.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(COMMITS_BETWEEN_LOOKS) {
            self.look();
        }
        self.verdict()
    }

    /// Looks at the disk now.
    pub(crate) fn check_now(&self) -> Result<(), Fault> {
        self.look();
        self.verdict()
    }

    fn look(&self) {
        // Where the file system does not answer, the write itself will.
        if let Ok(stat) = rustix::fs::statvfs(&self.path) {
            self.free_bytes.store(stat.f_bavail.saturating_mul(stat.f_frsize), Ordering::Relaxed);
        }
    }

    /// Bytes free now; `None` where the file system does not say.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn verdict(&self) -> Result<(), Fault> {
        let free_bytes = self.free_bytes.load(Ordering::Relaxed);
        if free_bytes >= self.free_bytes_min {
            return Ok(());
        }
        Err(Fault::DiskFull { free_bytes, needed_bytes: self.free_bytes_min })
    }
}
