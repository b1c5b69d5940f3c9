//! Mistakes on purpose, each of which an instrument must find: compiled only with the feature `mutants`, which no product
//! enables, and switched on by name in the environment variable `ROADBOOK_MUTANT`.
//!
//! | mutant | what is wrong | found by |
//! | --- | --- | --- |
//! | `ack_before_write` | answers while the group is still in a buffer of this process | `cargo xtask crash` |
//! | `ack_before_fsync` | answers when the kernel has the group, and syncs after | `cargo xtask disk` |
//! | `retry_failed_fsync` | believes a second fsync after one that failed | `cargo xtask disk` |

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
