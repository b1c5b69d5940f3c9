//! Mistakes on purpose, each of which an instrument must find: compiled only with the feature `mutants`, which no product
//! enables, and switched on by name in the environment variable `ROADBOOK_MUTANT`.
//!
//! | mutant | what is wrong | found by |
//! | --- | --- | --- |
//! | `ack_before_write` | answers while the group is still in a buffer of this process | `cargo xtask crash` |
//! | `ack_before_fsync` | answers when the kernel has the group, and syncs after | `cargo xtask disk` |
//! | `retry_failed_fsync` | believes a second fsync after one that failed | `cargo xtask disk`, `schedules` |
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
//! | `log_end_forgotten` | truncates the newest group of the log too | `cargo xtask schedules` |

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
