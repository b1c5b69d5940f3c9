//! The only place where logic meets storage: load, decide, ONE commit; after a lost race load and decide again.

use crate::engine::{Engine, Tally};
use crate::fold::{Folded, Verdicts, fold};
use crate::hosted::Hosted;
use crate::message::{Message, Outcome};
use crate::mutants::mutant;
use crate::ports::{CommitError, Fault};
use crate::row::Row;
use crate::working::{WorkingSet, load_row};
use roadbook_kernel::{ActorKey, Moment};

/// What reaches an actor in one delivery.
pub enum Work<C> {
    /// Messages, decided in the order of their times.
    Messages(Vec<Message<C>>),
    /// Look whether something is due; carries nothing else.
    Poke,
}

/// What a delivery left behind.
pub struct Delivered<D> {
    /// One per message, in the order they were given.
    pub outcomes: Vec<Outcome>,
    /// The row as committed, for a mailbox that keeps it.
    pub row: Option<Row<D>>,
}

/// Delivers work to one actor. `kept` is the row a mailbox still has from the last turn: the version condition makes
/// it safe, a stale one only costs a second try.
///
/// # Errors
/// A fault: the world failed and the sender must deliver again. What was committed before it stays, and is recognised
/// as a duplicate then.
pub async fn deliver<D: Hosted>(
    engine: &Engine,
    key: ActorKey,
    kept: Option<Row<D>>,
    work: Work<D::Command>,
) -> Result<Delivered<D>, Fault> {
    let (messages, poke) = match work {
        Work::Messages(messages) => (messages, false),
        Work::Poke => (Vec::new(), true),
    };
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|index| messages[*index].order());

    let mut outcomes: Vec<Option<Outcome>> = vec![None; messages.len()];
    let mut row = kept;
    let mut rest = &order[..];
    loop {
        let chunk = &rest[..rest.len().min(D::turn_messages_max(engine))];
        let turn = take_turn(engine, key, row.take(), &messages, chunk, poke).await?;
        for (index, outcome) in chunk.iter().zip(turn.outcomes) {
            outcomes[*index] = Some(outcome);
        }
        let done = turn.decided;
        row = turn.row;
        rest = &rest[done..];
        if rest.is_empty() && !turn.more_due {
            break;
        }
    }
    let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Defect)).collect();
    Ok(Delivered { outcomes, row })
}

struct Turn<D> {
    outcomes: Vec<Outcome>,
    /// How many messages of the chunk were decided before the turn was full.
    decided: usize,
    more_due: bool,
    row: Option<Row<D>>,
}

async fn take_turn<D: Hosted>(
    engine: &Engine,
    key: ActorKey,
    mut kept: Option<Row<D>>,
    messages: &[Message<D::Command>],
    chunk: &[usize],
    poke: bool,
) -> Result<Turn<D>, Fault> {
    let mut verdicts = Verdicts::default();
    let mut lost = 0;
    // What a fold teaches is no lost race: a turn may hold a refusal per message.
    while lost < engine.limits.attempts_max {
        let was_kept = kept.is_some();
        let row = match kept.take() {
            Some(row) => row,
            None => load_row(engine, &key).await?,
        };
        let mut scene = D::scene(engine, &key, row.edition).await?;
        let mut set = WorkingSet::new(key, row);
        let folded = match fold(engine, &mut scene, &mut set, messages, chunk, poke, &verdicts).await? {
            Folded::Done(folded) => folded,
            // A message turned out to be a refusal or a defect after it had changed something: begin again, with
            // that message taken out from the start.
            Folded::Again(verdict) => {
                // A row that a mailbox kept may be behind: what it teaches is looked at again on the stored one.
                if !was_kept {
                    verdicts.add(verdict);
                }
                continue;
            }
        };
        if !set.is_changed() {
            // Nothing will be written, so no condition will say that the kept row is behind: another actor's merge
            // or move may have given it a timer, or the very identifier this message came by.
            let known = |outcome: &Outcome| matches!(outcome, Outcome::Duplicate { .. });
            if was_kept && (poke || !folded.outcomes.iter().all(known)) && !mutant!(KeptRowBelieved) {
                continue;
            }
            folded.count_known(engine);
            let row = set.into_row(&key);
            return Ok(Turn { outcomes: folded.outcomes, decided: folded.decided, more_due: false, row });
        }
        let (commit, mut rows) = set.into_commit(engine, D::edition(&scene), folded.now).await?;
        #[cfg(feature = "mutants")]
        crate::relay::hand_over_early(engine, &commit).await;
        match engine.store.commit(commit).await {
            Err(CommitError::Fault(_)) if mutant!(AckBeforeCommit) => {
                let outcomes = folded.with_versions(|_| None);
                return Ok(Turn { outcomes, decided: folded.decided, more_due: false, row: None });
            }
            Ok(()) => {
                let row = rows.remove(&key);
                folded.count(engine, rows.len() + usize::from(row.is_some()));
                let versions =
                    |at: &ActorKey| row.as_ref().filter(|_| *at == key).or(rows.get(at)).map(|row| row.version);
                let outcomes = folded.with_versions(versions);
                return Ok(Turn { outcomes, decided: folded.decided, more_due: folded.more_due, row });
            }
            Err(CommitError::Conflict { .. }) => {
                // Another turn came between: decide all of it again, refusals too.
                verdicts = Verdicts::default();
                lost += 1;
                Tally::add(&engine.tally.conflicts, 1);
            }
            Err(CommitError::Fault(fault)) => return Err(fault),
        }
    }
    Err(Fault::Contended(engine.limits.attempts_max))
}

/// The instant up to which a turn fires timers.
pub(crate) fn horizon<C>(engine: &Engine, messages: &[Message<C>], chunk: &[usize], poke: bool) -> Moment {
    let accepted = chunk.iter().map(|index| messages[*index].accepted).max();
    match accepted {
        Some(accepted) if !poke => accepted,
        _ => engine.clock.now(),
    }
}
