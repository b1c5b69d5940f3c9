//! The situations. To add one: a function in the file of its family, a row here with the mistakes it must find.

use crate::{caches, commits, due, log, mailboxes};

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
    /// Mistakes on purpose that it must find: each crate's `mutants.rs` tells what they are.
    pub mutants: &'static [&'static str],
}

/// All of them.
pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "group",
        promise: "of commits on one version exactly one wins, whoever is told yes finds it stored, all or nothing",
        run: commits::race,
        schedules: 2_000,
        mutants: &["ack_before_commit", "group_unseen", "overfull_dropped"],
    },
    Situation {
        name: "failure",
        promise: "a write that failed ends the process; nobody in its group or after it is told yes",
        run: commits::failure,
        schedules: 2_000,
        mutants: &["failure_ignored", "ack_before_commit"],
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
        schedules: 4_000,
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
        schedules: 2_000,
        mutants: &["notify_early", "wait_unarmed", "log_end_dropped"],
    },
    Situation {
        name: "mailbox",
        promise: "an awake customer takes one turn at a time; each message is answered once, a sender's in their order",
        run: mailboxes::one_mailbox,
        schedules: 1_000,
        mutants: &["BusyIgnored", "AnswersShifted"],
    },
    Situation {
        name: "sleep",
        promise: "whoever is put to sleep answers what it was asked before, and who asks later is answered too",
        run: mailboxes::sleep,
        schedules: 1_000,
        mutants: &["StopWhileBusy", "StopWhileWaiting", "AsleepButListed", "NoVersionCondition"],
    },
    Situation {
        name: "stranger",
        promise: "the row a mailbox keeps is never believed over the store's",
        run: mailboxes::stranger,
        schedules: 1_000,
        mutants: &["KeptRowBelieved", "NoVersionCondition", "NoInbox"],
    },
    Situation {
        name: "trouble",
        promise: "after faults and panics a message that is sent again is applied once",
        run: mailboxes::trouble,
        schedules: 1_000,
        mutants: &["GoneButListed", "AckBeforeCommit", "NoInbox"],
    },
    Situation {
        name: "stop",
        promise: "when the mailboxes end in the middle everybody hears something, and yes means stored",
        run: mailboxes::stop,
        schedules: 1_000,
        mutants: &["AckBeforeCommit"],
    },
    Situation {
        name: "catalog",
        promise: "no older catalog after a newer one was published or seen",
        run: caches::catalog,
        schedules: 2_000,
        mutants: &["OlderCatalog", "OlderCatalogKept"],
    },
    Situation {
        name: "endpoints",
        promise: "what a change of endpoints was answered to, every later turn knows; also if its caller hung up",
        run: caches::endpoints,
        schedules: 2_000,
        mutants: &["ChangeUnderWayIgnored", "ChangeEndUncounted", "ChangeToldAfterwards"],
    },
];

/// Switches on a mutant of the engine: those of the store look into the environment themselves.
#[cfg(feature = "mutants")]
pub fn switch(mutant: Option<&str>) {
    use roadbook_runtime::mutants::{Mutant, switch};
    let named = |(one, _): &&(Mutant, &str)| mutant == Some(format!("{one:?}").as_str());
    switch(Mutant::ALL.iter().chain(Mutant::THREADS).find(named).map(|(one, _)| *one));
}

/// There are none in this build.
#[cfg(not(feature = "mutants"))]
pub fn switch(_mutant: Option<&str>) {}
