//! Repairs: what would be changed, on which conditions, and doing it by ordinary commits, commands and pokes.
//!
//! A repair holds keys and versions and no contents: it is worked out again when it is done, and nothing is written
//! where anything it was based on has changed since.

use crate::backfill::Aim;
use crate::doctor::mend::carry_out;
use crate::engine::Engine;
use crate::ports::{Due, Fault, ItemKey};
use crate::router::Deliver;
use roadbook_customer::SendOutcome;
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{ActorKey, CustomerId, JourneyId, MessageId, Moment, SendKey, TenantId};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// A condition: an item that must still be at this version, or still be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// What people call it.
    pub item: String,
    /// Which.
    #[serde(skip)]
    pub key: ItemKey,
    /// At which version; `None` where it must not exist.
    pub version: Option<u64>,
}

impl Guard {
    pub(crate) fn row(actor: &ActorKey, version: Option<u64>) -> Self {
        Self { item: format!("row {actor:?}"), key: ItemKey::actor(actor), version }
    }

    /// Whether it holds now.
    pub(crate) async fn holds(&self, engine: &Engine) -> Result<bool, Fault> {
        Ok(engine.store.load(&self.key).await?.map(|item| item.version) == self.version)
    }
}

/// A change of one row, written as a turn of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowChange {
    /// The earliest instant is taken from the state again.
    Recompute,
    /// Its timers are tried again.
    Unpark,
    /// An identifier that leads to another person leaves this one.
    Unlink {
        /// Which.
        identifier: IdentifierKey,
        /// Whose it is.
        to: CustomerId,
    },
    /// A merge that the survivor does not know of is noted.
    Absorb {
        /// The tombstone.
        loser: CustomerId,
        /// The version that was taken over.
        version: u64,
        /// The message that merged them.
        by: MessageId,
        /// When.
        at: Moment,
    },
}

/// One repair. Its `Display` is its line in a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair(pub(crate) Step);

/// What a repair does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Puts the relay back into the log.
    Cursor { place: u64, guard: Guard },
    /// Writes a journey revision again from the catalog, which still has it.
    Revision { tenant: TenantId, journey: JourneyId, revision: u32, version: Option<u64> },
    /// Lets an identifier lead to somebody, or to nobody.
    Claim { tenant: TenantId, key: IdentifierKey, version: Option<u64>, owner: Option<CustomerId>, row: Guard },
    /// Writes a row again.
    Row { actor: ActorKey, guard: Guard, what: RowChange },
    /// Carries a merge to its end.
    Merge { survivor: Guard, into: ActorKey, loser: CustomerId, by: MessageId },
    /// Adds an entry of the due index, or takes one away.
    Index { due: Due, guard: Guard },
    /// Puts a send into the queue, with the content History has of it.
    Enqueue { send: SendKey, actor: ActorKey, row: Guard },
    /// Lets a send that was begun be taken up again, as one that may have been sent.
    Requeue { key: ItemKey, guard: Guard },
    /// Tells a customer the last word about a send, and closes it.
    Finish { key: ItemKey, guard: Guard },
    /// Tells a customer what became of a send that is closed.
    Tell { actor: ActorKey, send: SendKey, outcome: SendOutcome, row: Guard },
    /// Lets an actor do what is due.
    Poke { actor: ActorKey, guard: Guard },
    /// Tells every customer of a change of the catalog, from the beginning or from where it stands.
    Sweep { tenant: TenantId, aim: Aim, edition: u64, anew: bool },
    /// Adds the difference to a counter.
    Count { tenant: TenantId, counter: String, amount: i64 },
}

/// What became of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It is done.
    Done,
    /// Something it was based on has changed: look again first.
    Stale,
    /// It cannot be done, and why.
    Impossible(String),
}

/// Carries a repair out, if everything it was based on is still so.
///
/// # Errors
/// A fault: the repair may or may not have been done. Look again.
pub async fn mend(engine: &Engine, deliver: &dyn Deliver, repair: &Repair) -> Result<Mended, Fault> {
    for guard in repair.conditions() {
        if !guard.holds(engine).await? {
            return Ok(Mended::Stale);
        }
    }
    carry_out(engine, deliver, &repair.0).await
}

impl Step {
    /// A change of the row at hand.
    pub(crate) fn row(seen: &super::Seen, what: RowChange) -> Self {
        Step::Row { actor: seen.actor, guard: seen.guard(), what }
    }

    /// Its place in a plan: what later repairs build on comes first.
    pub(crate) const fn turn(&self) -> u8 {
        match self {
            Step::Cursor { .. } => 0,
            Step::Revision { .. } => 1,
            Step::Merge { .. } => 2,
            Step::Claim { .. } => 3,
            Step::Row { .. } => 4,
            Step::Index { .. } => 5,
            Step::Enqueue { .. } | Step::Requeue { .. } => 6,
            Step::Finish { .. } | Step::Tell { .. } => 7,
            Step::Poke { .. } => 8,
            Step::Sweep { .. } => 9,
            Step::Count { .. } => 10,
        }
    }

    fn conditions(&self) -> Vec<Guard> {
        match self {
            Step::Cursor { guard, .. }
            | Step::Row { guard, .. }
            | Step::Index { guard, .. }
            | Step::Requeue { guard, .. }
            | Step::Finish { guard, .. }
            | Step::Poke { guard, .. } => vec![guard.clone()],
            Step::Claim { tenant, key, version, row, .. } => {
                let claim = ItemKey::claim(*tenant, key);
                vec![Guard { item: format!("claim {key:?}"), key: claim, version: *version }, row.clone()]
            }
            Step::Merge { survivor, .. } => vec![survivor.clone()],
            Step::Enqueue { send, actor, row } => {
                let key = ItemKey::send(actor.tenant, *send);
                vec![Guard { item: format!("send {send}"), key, version: None }, row.clone()]
            }
            Step::Tell { row, .. } => vec![row.clone()],
            Step::Revision { tenant, journey, revision, version } => {
                let name = crate::catalogs::revision_name(*journey, *revision);
                let key = ItemKey::document(*tenant, &name);
                vec![Guard { item: name, key, version: *version }]
            }
            Step::Sweep { .. } | Step::Count { .. } => Vec::new(),
        }
    }
}

impl Repair {
    /// Its place in a plan: what later repairs build on comes first.
    pub(crate) const fn turn(&self) -> u8 {
        self.0.turn()
    }

    /// On which items it is conditioned.
    pub fn conditions(&self) -> Vec<Guard> {
        self.0.conditions()
    }
}

impl std::fmt::Display for Repair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Cursor { place, .. } => {
                write!(f, "let the relay go on at {place}; what it carries twice is recognised by its key")
            }
            Step::Revision { journey, revision, .. } => {
                write!(f, "write revision {revision} of {journey} again, from the catalog")
            }
            Step::Claim { key, owner: Some(owner), .. } => write!(f, "let {key:?} lead to {owner}"),
            Step::Claim { key, owner: None, .. } => write!(f, "let {key:?} lead to nobody: its next event claims it"),
            Step::Row { guard, what, .. } => match what {
                RowChange::Recompute => write!(f, "take the earliest instant of {} from its state", guard.item),
                RowChange::Unpark => write!(f, "let the timers of {} be tried again", guard.item),
                RowChange::Unlink { identifier, to } => {
                    write!(f, "take {identifier:?} from {}: it leads to {to}", guard.item)
                }
                RowChange::Absorb { loser, .. } => write!(f, "let {} know that {loser} was merged into it", guard.item),
            },
            Step::Merge { into, loser, .. } => write!(f, "merge {loser} into {into:?}, as was begun"),
            Step::Index { due, guard } => match due.now {
                Some(_) => write!(f, "put {} into the due index", guard.item),
                None => write!(f, "take an entry of {} out of the due index", guard.item),
            },
            Step::Enqueue { send, .. } => write!(f, "put {send} into the send queue, as History has it"),
            Step::Requeue { guard, .. } => {
                write!(f, "let {} be taken up again, as one that may have been sent", guard.item)
            }
            Step::Finish { guard, .. } => {
                write!(f, "tell the customer of {} what became of it, and close it", guard.item)
            }
            Step::Tell { send, row, .. } => write!(f, "tell {} what became of {send}", row.item),
            Step::Poke { guard, .. } => write!(f, "poke {}: it does what is due now", guard.item),
            Step::Sweep { aim, anew: true, .. } => write!(f, "sweep all customers for {aim} from the beginning"),
            Step::Sweep { aim, anew: false, .. } => write!(f, "sweep all customers for {aim} to the end"),
            Step::Count { counter, amount, .. } => write!(f, "add {amount} to the counter {counter}"),
        }
    }
}

impl Serialize for Repair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Step", 2)?;
        shown.serialize_field("does", &self.to_string())?;
        shown.serialize_field("if", &self.conditions())?;
        shown.end()
    }
}
