//! Ways to break the engine on purpose, one line each, to see whether the instruments notice. Compiled only with the
//! feature `mutants`, which no crate of the product turns on; there `mutant!(..)` is the constant false.
//!
//! To add one: a variant and its row here, one `mutant!(Name)` where it breaks something, in this crate or in one that
//! works for it.

/// Whether a mutant is switched on: see `mutants.rs`.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutants::is_on($crate::mutants::Mutant::$name)
    };
}

/// Whether a mutant is switched on: never, in the product.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
}

pub use mutant;

#[cfg(feature = "mutants")]
pub(crate) use switches::panic_where_poisoned;
#[cfg(feature = "mutants")]
pub use switches::{CURSOR, Mutant, POISONED, is_on, switch};

#[cfg(feature = "mutants")]
mod switches {
    use roadbook_kernel::MessageId;
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Nothing is broken.
    const NONE: u8 = u8::MAX;

    static ON: AtomicU8 = AtomicU8::new(NONE);

    thread_local! {
        /// Where a sweep with a cursor ([`Mutant::CursorTimers`]) has come to, in milliseconds. Per thread, because a
        /// thread plays one world at a time.
        pub static CURSOR: Cell<i64> = const { Cell::new(i64::MIN) };

        /// Messages whose decision panics after it has changed something, as a defect of ours would. No mutant: the
        /// engine must take such a message out of its turn and decide the others. Per thread, as above.
        pub static POISONED: RefCell<BTreeSet<MessageId>> = const { RefCell::new(BTreeSet::new()) };
    }

    /// Panics where a message is among [`POISONED`]; without the hook, so that nothing is printed.
    pub(crate) fn panic_where_poisoned(message: MessageId) {
        if POISONED.with_borrow(|poisoned| poisoned.contains(&message)) {
            std::panic::resume_unwind(Box::new("a message that was made to fail"));
        }
    }

    macro_rules! mutants {
        (
            alone { $($(#[doc = $doc:literal])* $name:ident,)* }
            threads { $($(#[doc = $told:literal])* $race:ident,)* }
        ) => {
            /// What is broken.
            #[derive(Clone, Copy, PartialEq, Eq, Debug)]
            #[repr(u8)]
            pub enum Mutant {
                $($(#[doc = $doc])* $name,)*
                $($(#[doc = $told])* $race,)*
            }

            impl Mutant {
                /// Those that one thread can notice, with what each does in a sentence: for `tests/sim`.
                pub const ALL: &[(Mutant, &str)] = &[$((Mutant::$name, concat!($($doc),*)),)*];

                /// Those that take two threads, or a caller who goes away in the middle: for `tests/sched`.
                pub const THREADS: &[(Mutant, &str)] = &[$((Mutant::$race, concat!($($told),*)),)*];
            }
        };
    }

    mutants! {
        alone {
            /// A turn whose commit failed is answered as if it had not.
            AckBeforeCommit,
            /// Sends are in their queue before the turn that intends them is committed.
            SendBeforeCommit,
            /// A row is written whatever is there.
            NoVersionCondition,
            /// A claim is written whatever is there.
            NoClaimCondition,
            /// Nothing is ever a duplicate.
            NoInbox,
            /// After a merge the survivor does not know what the other had decided.
            InboxNotUnited,
            /// After an unmerge the one who comes back does not know what the other had decided.
            InboxNotShared,
            /// Messages that changed nothing leave no id.
            NoopsForgotten,
            /// What is older than the inbox's window is not looked up in History.
            HistoryNotAsked,
            /// A message that an identifier's former owner had decided is not looked for there.
            FormerOwnerForgotten,
            /// The relay forgets turns before what they intend is durable.
            OutboxDropped,
            /// The relay writes a send again that is there already.
            RelayOverwrites,
            /// Timers are swept from where the last sweep ended, and never from the front.
            CursorTimers,
            /// A poke fires the next timer whether it is due or not.
            PokeByPayload,
            /// A turn decides under the catalog a host happens to have.
            OlderCatalog,
            /// A sweep over customers ends with its first page. (The same in the sweep over timers only costs time:
            /// whoever was fired leaves the index, and the next look finds the next page. That one is equivalent.)
            NoPagination,
            /// A mailbox believes its kept row where it says that nothing changes.
            KeptRowBelieved,
            /// Nobody is asked for consent again before a provider is called.
            ConsentNotAsked,
            /// That an earlier call may have got through is forgotten.
            DoubtForgotten,
            /// A timer is fired only if a message comes at the same time.
            PokesIgnored,
            /// A message of the inbox queue whose events were not applied is reported as done.
            FailedReportedDone,
            /// A turn of a stream that could not be carried is passed over.
            TurnPassedOver,
            /// A webhook call that failed is not made again.
            FailedCallDropped,
            /// A webhook call that was begun is looked after by nobody once its process has died.
            CallWithoutLease,
            /// The place of an import is stored before its lines are applied.
            PlaceBeforeLines,
            /// After an upload whose last answer was lost the file is taken away from its job.
            FileTakenAway,
        }
        threads {
            /// The cache of catalogs takes an older edition for the newest, because it was read last.
            OlderCatalogKept,
            /// What was read of a tenant's endpoints while one of them changed is remembered.
            ChangeUnderWayIgnored,
            /// What was read of a tenant's endpoints before a change was written is remembered after its end.
            ChangeEndUncounted,
            /// That an endpoint changes is told when it has changed, if somebody is left to tell it.
            ChangeToldAfterwards,
            /// A mailbox begins a turn while the one before it still runs.
            BusyIgnored,
            /// A mailbox gives an asker the outcomes of another one.
            AnswersShifted,
            /// A customer goes to sleep in the middle of a turn.
            StopWhileBusy,
            /// A customer goes to sleep after a turn, whoever has asked meanwhile.
            StopWhileWaiting,
            /// Asks are passed on to a mailbox that was told to go to sleep.
            AsleepButListed,
            /// Asks are passed on to a mailbox that a panic has ended.
            GoneButListed,
        }
    }

    /// Breaks one thing, or mends everything.
    pub fn switch(mutant: Option<Mutant>) {
        ON.store(mutant.map_or(NONE, |mutant| mutant as u8), Ordering::Relaxed);
    }

    /// Whether this is broken now.
    pub fn is_on(mutant: Mutant) -> bool {
        ON.load(Ordering::Relaxed) == mutant as u8
    }
}
