//! The situations. To add one: a function in the file of its family, a row here with the mistakes it must find.

use crate::{commits, due, log};

/// What is played.
pub struct Situation {
    /// How it is called on the command line.
    pub name: &'static str,
    /// What must hold under every schedule.
    pub promise: &'static str,
    /// Plays it once; panics where the promise is broken.
    pub run: fn(),
    /// Schedules in the short form.
    pub schedules: u64,
    /// Mistakes on purpose that it must find: `infra/embedded/src/mutants.rs`.
    pub mutants: &'static [&'static str],
}

/// All of them.
pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "group",
        promise: "of commits on one version exactly one wins, whoever is told yes finds it stored, all or nothing",
        run: commits::race,
        schedules: 3_000,
        mutants: &["ack_before_commit", "group_unseen", "overfull_dropped"],
    },
    Situation {
        name: "failure",
        promise: "a write that failed ends the process; nobody in its group or after it is told yes",
        run: commits::failure,
        schedules: 3_000,
        mutants: &["retry_failed_fsync", "ack_before_commit"],
    },
    Situation {
        name: "closing",
        promise: "what was taken is stored when the store is closed, also for those who no longer wait",
        run: commits::closing,
        schedules: 2_000,
        mutants: &["not_drained", "overfull_dropped"],
    },
    Situation {
        name: "due",
        promise: "an entry of the due index that was acknowledged is found by every search that begins later",
        run: due::searches,
        schedules: 6_000,
        mutants: &["ack_before_front", "front_lowered_early", "searches_uncounted"],
    },
    Situation {
        name: "restore",
        promise: "the same for entries that are written past the committer",
        run: due::restored,
        schedules: 2_000,
        mutants: &["restored_front_early"],
    },
    Situation {
        name: "log",
        promise: "a reader of the commit log sees every turn once, in order, and is woken for each",
        run: log::readers,
        schedules: 3_000,
        mutants: &["notify_early", "wait_unarmed", "log_end_forgotten"],
    },
];

/// Switches on a mutant that is not read from the environment where it is.
pub fn switch(_mutant: Option<&str>) {}
