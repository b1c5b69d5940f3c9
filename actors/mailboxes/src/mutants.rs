//! Mistakes on purpose, each of which `cargo xtask schedules` must find: compiled only with the feature `mutants`, which
//! no product enables, and switched on by name in the environment variable `ROADBOOK_MUTANT`.
//!
//! | mutant | what is wrong |
//! | --- | --- |
//! | `busy_ignored` | begins a turn while the one before it still runs |
//! | `answers_shifted` | gives an asker the outcomes of another one |
//! | `stop_while_busy` | goes to sleep in the middle of a turn |
//! | `stop_while_waiting` | goes to sleep after a turn, whoever has asked meanwhile |
//! | `asleep_but_listed` | passes asks on to a mailbox that was told to go to sleep |
//! | `gone_but_listed` | passes asks on to a mailbox that a panic has ended |

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
