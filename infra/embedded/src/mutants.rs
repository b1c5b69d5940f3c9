//! Mistakes on purpose, each of which an instrument must find: compiled only with the feature `mutants`, which no product
//! enables, and switched on by name in the environment variable `ROADBOOK_MUTANT`.
//!
//! | mutant | what is wrong | noticed by |
//! | --- | --- | --- |
//! | `ack_before_write` | answers while the group is still in a buffer of this process | `cargo xtask crash` |
//! | `log_end_dropped` | truncates the commit log to nothing, and counts from one again after a restart | `cargo xtask crash`, `schedules` |
//! | `ack_before_fsync` | answers when the kernel has the group, and syncs about one group in eight | `cargo xtask disk` |
//! | `retry_failed_fsync` | believes a second fsync after one that failed | `cargo xtask disk` |
//! | `folders_not_synced` | trusts fjall with the folders of its keyspaces | `cargo xtask disk` |
//! | `turns_remembered` | keeps 16 bytes of every turn | `cargo xtask soak` |
//! | `failure_ignored` | goes on after a commit that failed | `cargo xtask schedules` |
//! | `ack_before_commit` | answers before the group is written at all | `cargo xtask schedules` |
//! | `ack_before_front` | answers before the front of the due index is moved back | `cargo xtask schedules` |
//! | `front_lowered_early` | moves the front back before the entry can be seen | `cargo xtask schedules` |
//! | `restored_front_early` | the same for entries that come from another store | `cargo xtask schedules` |
//! | `searches_uncounted` | lets a second search forget what the first must not | `cargo xtask schedules` |
//! | `group_unseen` | checks conditions against the store, not against the group | `cargo xtask schedules` |
//! | `overfull_dropped` | loses the request that no longer fits into a group | `cargo xtask schedules` |
//! | `not_drained` | closes without waiting for what was taken | `cargo xtask schedules` |
//! | `notify_early` | wakes the readers of the log before there is something to read | `cargo xtask schedules` |
//! | `wait_unarmed` | looks whether there is something to read before it can be woken | `cargo xtask schedules` |
//!
//! One that synced right after the answers, or with the next group, was no mistake on the disk of `tests/disk`, whose
//! syncs take no time: the power went with that sync, and no answer had left the process by then. And one that ignored
//! the error of a commit is no second fsync: fjall takes nothing after the first that failed.

/// Whether a mutant is on; `false`, known when compiled, without the feature.
#[cfg(not(feature = "mutants"))]
macro_rules! mutant {
    ($name:literal) => {
        false
    };
}

/// Whether a mutant is on.
#[cfg(feature = "mutants")]
macro_rules! mutant {
    ($name:literal) => {
        $crate::mutants::is_on($name)
    };
}

pub(crate) use mutant;

/// Whether the environment names it.
#[cfg(feature = "mutants")]
#[expect(clippy::disallowed_methods, reason = "a mistake on purpose is no setting")]
pub(crate) fn is_on(name: &str) -> bool {
    use std::sync::LazyLock;
    static NAMED: LazyLock<String> = LazyLock::new(|| std::env::var("ROADBOOK_MUTANT").unwrap_or_default());
    *NAMED == name
}

/// Syncs the journals of the store, and where that fails, again: on Linux the second time has nothing left to write and
/// says yes. By hand, because fjall takes nothing more after a sync that failed.
#[cfg(feature = "mutants")]
pub(crate) fn sync_again_where_it_fails(one_of_its_keyspaces: &fjall::Keyspace) {
    let folder = one_of_its_keyspaces.path().ancestors().nth(2).map(std::fs::read_dir);
    let journals = folder.into_iter().flatten().flatten().flatten().map(|entry| entry.path());
    for journal in journals.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")) {
        if let Ok(file) = std::fs::File::open(journal)
            && file.sync_data().is_err()
        {
            let _believed = file.sync_data();
        }
    }
}

/// Keeps what nobody asks for any more.
#[cfg(feature = "mutants")]
pub(crate) fn remember(first: u64, turns: usize) {
    static KEPT: std::sync::Mutex<Vec<[u64; 2]>> = std::sync::Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    kept.extend((first..).take(turns).map(|sequence| [sequence, first]));
}
