//! What every turn must be, whatever was decided. Looked at before anything is written: a turn that breaks a law is not
//! written, nobody is told that it was, and the log says which law it was. Each is a defect of ours that would else be
//! found years later by `roadbook doctor`.
//!
//! Cost: no request; one pass over what is written and one over the identifiers of each row.

use crate::engine::{Engine, Tally};
use crate::hosted::Hosted;
use crate::ports::{Commit, Fault, ItemKey, Turn};
use crate::record::Record;
use crate::row::Row;
use roadbook_kernel::ActorKey;
use std::collections::{BTreeMap, HashSet};

/// Whether a turn on `actor` may be written: `commit` is what it writes, `rows` the rows as they will be.
///
/// # Errors
/// [`Fault::Unlawful`] where it may not.
pub(crate) fn uphold<D: Hosted>(
    engine: &Engine,
    actor: &ActorKey,
    commit: &Commit,
    rows: &BTreeMap<ActorKey, Row<D>>,
) -> Result<(), Fault> {
    let broken = of_tenant(actor, commit)
        .or_else(|| each_item_once(commit))
        .or_else(|| each_turn_with_its_row(commit))
        .or_else(|| each_message_once(commit))
        .or_else(|| rows.values().find_map(|row| row.state.broken_law()));
    let Some(law) = broken else { return Ok(()) };
    Tally::add(&engine.tally.defects, 1);
    tracing::error!(?actor, law, "a turn was not written: it breaks a law of the engine; this is a defect");
    Err(Fault::Unlawful(law))
}

/// No key crosses a tenant.
fn of_tenant(actor: &ActorKey, commit: &Commit) -> Option<&'static str> {
    let keys = commit.puts.iter().map(|put| &put.key).chain(commit.dues.iter().map(|due| &due.key));
    let mut tenants = keys.chain(commit.adds.iter().map(|(key, _)| key)).map(ItemKey::tenant);
    let mut turns = commit.turns.iter().map(|turn| turn.actor.tenant);
    let foreign = |tenant| tenant != actor.tenant;
    (tenants.any(foreign) || turns.any(foreign)).then_some("a turn writes nothing of another tenant")
}

/// A transaction takes each item once.
fn each_item_once(commit: &Commit) -> Option<&'static str> {
    let mut seen = HashSet::with_capacity(commit.puts.len());
    (!commit.puts.iter().all(|put| seen.insert(&put.key))).then_some("a turn writes each item once")
}

/// Some stores keep a row and the record of its turn in one item.
fn each_turn_with_its_row(commit: &Commit) -> Option<&'static str> {
    let has_row = |turn: &Turn| {
        let row = ItemKey::actor(&turn.actor);
        commit.puts.iter().any(|put| put.key == row && put.item.as_ref().is_some_and(|it| it.version == turn.version))
    };
    (!commit.turns.iter().all(has_row)).then_some("a turn's record goes with its row, at one version")
}

/// A message stands once in the record of a turn.
fn each_message_once(commit: &Commit) -> Option<&'static str> {
    let mut seen = HashSet::new();
    let mut once = |turn: &Turn| {
        seen.clear();
        Record::new(&turn.record).is_ok_and(|record| record.messages().all(|message| seen.insert(message)))
    };
    (!commit.turns.iter().all(&mut once)).then_some("a turn applies each message once")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Due, DueKind, Expect, Item, Put};
    use crate::record::{Body, Entry, Front, Trigger, write};
    use roadbook_kernel::{CustomerId, MessageId, Moment, TenantId};

    const AT: Moment = Moment::from_millis(0);

    fn actor(tenant: u128, n: u128) -> ActorKey {
        ActorKey::customer(TenantId::from_u128(tenant), CustomerId::from_u128(n))
    }

    fn row(actor: &ActorKey, version: u64) -> Put {
        Put { key: ItemKey::actor(actor), expect: Expect::Anything, item: Some(Item { version, body: "row".into() }) }
    }

    fn turn(actor: ActorKey, version: u64, messages: &[u128]) -> Turn {
        let cause =
            |id: &u128| Trigger::Message { id: MessageId::from_u128(*id), accepted: AT, occurred: AT, refused: None };
        let entries = messages.iter().map(|id| Entry::<()> { cause: cause(id), facts: Vec::new() }).collect();
        let front = Front::<()> { effects: Vec::new(), adds: Vec::new() };
        let record = write(&front, &Body { now: AT, edition: 0, entries }).expect("a record");
        Turn { actor, version, record }
    }

    fn broken(commit: &Commit) -> Option<&'static str> {
        let one = actor(1, 1);
        of_tenant(&one, commit)
            .or_else(|| each_item_once(commit))
            .or_else(|| each_turn_with_its_row(commit))
            .or_else(|| each_message_once(commit))
    }

    /// A merge: two rows, two turns.
    fn sound() -> Commit {
        let (one, two) = (actor(1, 1), actor(1, 2));
        let turns = vec![turn(one, 4, &[7, 8]), turn(two, 9, &[])];
        Commit { puts: vec![row(&one, 4), row(&two, 9)], turns, ..Commit::default() }
    }

    #[test]
    fn a_turn_that_is_sound_may_be_written_and_each_broken_law_is_named() {
        assert_eq!(broken(&sound()), None);
        let with = |change: fn(&mut Commit)| {
            let mut commit = sound();
            change(&mut commit);
            broken(&commit).unwrap_or_default()
        };
        let foreign = [
            with(|commit| commit.puts.push(row(&actor(2, 1), 1))),
            with(|commit| commit.turns.push(turn(actor(2, 1), 1, &[]))),
            with(|commit| commit.adds.push((ItemKey::counter(TenantId::from_u128(2), "n"), 1))),
            with(|commit| {
                let key = ItemKey::actor(&actor(2, 1));
                commit.dues.push(Due { kind: DueKind::Actor, key, was: None, now: None });
            }),
        ];
        assert_eq!(foreign, ["a turn writes nothing of another tenant"; 4]);
        assert_eq!(with(|commit| commit.puts.push(row(&actor(1, 1), 4))), "a turn writes each item once");
        let rowless = [
            with(|commit| drop(commit.puts.pop())),
            with(|commit| commit.turns[0].version = 5),
            with(|commit| commit.puts[0].item = None),
        ];
        assert_eq!(rowless, ["a turn's record goes with its row, at one version"; 3]);
        let again = with(|commit| commit.turns[0] = turn(actor(1, 1), 4, &[7, 8, 7]));
        assert_eq!(again, "a turn applies each message once");
    }
}
