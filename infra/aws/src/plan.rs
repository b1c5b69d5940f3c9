//! What a commit writes: one change per item, whatever the commit says about it in several places.
//!
//! A turn that changes one row is one conditional `UpdateItem`. It is an update and not a put because a row's place in
//! the due index lies on the row: most turns do not move it, and an update leaves alone what it does not name. Both
//! cost the same.

use crate::action::{Action, Attributes, binary, key, number, text};
use crate::codec::pack;
use crate::keys::{due_partition, due_place, partition, past};
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::{Commit, Due, Expect, Fault, Item, ItemKey, Put, Space, Turn, TurnIndex};
use std::collections::BTreeMap;

/// Bytes of one item DynamoDB takes, with some left for names and keys.
pub(crate) const ITEM_BYTES_MAX: usize = 390 * 1024;
/// Bytes of a local key DynamoDB takes.
const KEY_BYTES_MAX: usize = 1_024;
/// Changes in one transaction.
pub(crate) const ACTIONS_MAX: usize = 100;
/// Bytes of one transaction: 4 MB, with some left for names and keys.
pub(crate) const TRANSACTION_BYTES_MAX: usize = 3_900_000;

/// The names of the tables.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) items: String,
    pub(crate) history: String,
}

/// Everything a commit says about one item.
#[derive(Default)]
struct Draft {
    put: Option<Put>,
    turn: Option<Turn>,
    due: Option<Due>,
    amount: Option<i64>,
}

/// The changes of a commit. `mark` is what this writer draws for this commit.
///
/// # Errors
/// [`Fault::Store`] where DynamoDB could never take it: nothing was written then.
pub(crate) fn plan(names: &Names, commit: Commit, mark: [u8; 8]) -> Result<Vec<Action>, Fault> {
    let Commit { puts, turns, dues, adds, index } = commit;
    let mut drafts = BTreeMap::<ItemKey, Draft>::new();
    for put in puts {
        let draft = drafts.entry(put.key.clone()).or_default();
        draft.put = Some(put);
    }
    for turn in turns {
        let draft = drafts.entry(ItemKey::actor(&turn.actor)).or_default();
        draft.turn = Some(turn);
    }
    for due in dues {
        let draft = drafts.entry(due.key.clone()).or_default();
        draft.due = Some(due);
    }
    for (key, amount) in adds {
        let total = &mut drafts.entry(key).or_default().amount;
        *total = Some(total.unwrap_or(0).saturating_add(amount));
    }
    let mut actions = Vec::with_capacity(drafts.len() + index.len());
    for (key, draft) in drafts {
        actions.extend(action(names, key, draft, mark)?);
    }
    actions.extend(index.iter().map(|entry| indexed(names, entry)));
    // Alone, taking an item out of the index asks for the place it was at: it may have been moved meanwhile. In a
    // transaction that would take everything else back too.
    if actions.len() > 1 {
        for action in actions.iter_mut().filter(|action| action.may_miss) {
            action.give_up_condition();
        }
    }
    Ok(actions)
}

/// Whether DynamoDB could take it.
///
/// # Errors
/// [`Fault::Store`], which names what is too large: nothing was written then.
pub(crate) fn within_limits(actions: &[Action]) -> Result<(), Fault> {
    if actions.len() > ACTIONS_MAX {
        let count = actions.len();
        return Err(Fault::Store(format!(
            "a commit changes {count} items, DynamoDB takes {ACTIONS_MAX} in one transaction: nothing was written"
        )));
    }
    if let Some(large) = actions.iter().find(|action| action.bytes > ITEM_BYTES_MAX) {
        let (name, bytes) = (named(large), large.bytes);
        return Err(Fault::Store(format!(
            "an item ({name}) has {bytes} bytes packed, DynamoDB takes {ITEM_BYTES_MAX}: nothing was written"
        )));
    }
    let bytes: usize = actions.iter().map(|action| action.bytes).sum();
    if bytes > TRANSACTION_BYTES_MAX {
        return Err(Fault::Store(format!(
            "a commit writes {bytes} bytes, DynamoDB takes {TRANSACTION_BYTES_MAX} at once: nothing was written"
        )));
    }
    Ok(())
}

/// What an item is, for a fault: an actor by its id, a document by its name, anything else by its space. Keys of claims
/// are hashes, and nobody could look for them.
fn named(action: &Action) -> String {
    let Some(item) = &action.item else { return "records of a turn".into() };
    match item.space() {
        Space::Actor => ActorKey::from_bytes(item.bytes()).map_or_else(|| "Actor".into(), |actor| format!("{actor:?}")),
        Space::Document | Space::Counter => format!("{}/{}", item.tenant(), String::from_utf8_lossy(item.local())),
        space @ (Space::Claim | Space::Page | Space::Letter | Space::Send | Space::Delivery) => {
            format!("{}, {space:?}", item.tenant())
        }
    }
}

fn action(names: &Names, item: ItemKey, draft: Draft, mark: [u8; 8]) -> Result<Option<Action>, Fault> {
    let local = item.local();
    if local.is_empty() || local.len() > KEY_BYTES_MAX {
        let length = local.len();
        return Err(Fault::Store(format!("a key has {length} bytes, DynamoDB takes 1 to {KEY_BYTES_MAX}")));
    }
    let mut action = Action::new(&names.items, key(partition(&item), binary(local)));
    action.item = Some(item.clone());
    match draft {
        Draft { put: Some(Put { expect, item: Some(value), .. }), turn, due, amount: None } => {
            write(&mut action, &item, expect, &value, mark);
            if let Some(turn) = turn {
                log(&mut action, &turn, value.version)?;
            }
            if let Some(due) = due {
                move_to(&mut action, &due);
            }
        }
        Draft { put: Some(Put { expect, item: None, .. }), turn: None, due, amount: None }
            if due.as_ref().is_none_or(|due| due.now.is_none()) =>
        {
            action.expect(expect);
            action.deletes = true;
        }
        Draft { put: None, turn: None, due: Some(due), amount: None } => {
            let Some(was) = due.was.filter(|_| due.now.is_none()) else {
                move_to(&mut action, &due);
                return Ok(due.now.is_some().then_some(action));
            };
            move_to(&mut action, &due);
            action.expect_equal("nd", binary(due_place(was, &due.key)));
            action.may_miss = true;
        }
        Draft { put: None, turn: None, due: None, amount } => {
            action.add("a", amount.unwrap_or(0));
            action.add("v", 1);
        }
        Draft { .. } => {
            let space = item.space();
            return Err(Fault::Store(format!(
                "a commit says things about one item ({space:?}) that no single write can do: nothing was written"
            )));
        }
    }
    Ok(Some(action))
}

fn write(action: &mut Action, key: &ItemKey, expect: Expect, value: &Item, mark: [u8; 8]) {
    action.set("v", number(value.version));
    action.set("w", binary(mark));
    // A counter that is written and not added to keeps its number as a number: it can be added to afterwards.
    let amount = value.body.as_ref().try_into().ok().filter(|_| key.space() == Space::Counter);
    match amount.map(i64::from_be_bytes) {
        Some(amount) => {
            action.set("a", number(amount));
            action.remove("s");
        }
        None => action.set("s", binary(pack(&value.body))),
    }
    // Without a condition a second try might undo what somebody else wrote in between.
    action.mark = (expect != Expect::Anything).then_some(mark);
    action.expect(expect);
}

fn log(action: &mut Action, turn: &Turn, version: u64) -> Result<(), Fault> {
    if turn.version != version {
        let turn = turn.version;
        return Err(Fault::Store(format!("a turn made version {turn} and its row has {version}: nothing was written")));
    }
    action.set("log", binary(pack(&turn.record)));
    action.set("lv", number(version));
    action.logs = true;
    Ok(())
}

fn move_to(action: &mut Action, due: &Due) {
    match due.now {
        Some(now) => {
            action.set("dl", text(due_partition(due.kind, &due.key)));
            action.set("nd", binary(due_place(now, &due.key)));
        }
        None => {
            action.remove("dl");
            action.remove("nd");
        }
    }
}

fn indexed(names: &Names, entry: &TurnIndex) -> Action {
    let mut action = Action::new(&names.history, past_key(&entry.actor, entry.version));
    action.set("m", binary(ids(&entry.messages)));
    action
}

/// The key of a turn's row in History.
pub(crate) fn past_key(actor: &roadbook_kernel::ActorKey, version: u64) -> Attributes {
    key(past(actor), number(version))
}

/// Message ids as History keeps them.
pub(crate) fn ids(messages: &[roadbook_kernel::MessageId]) -> Vec<u8> {
    messages.iter().flat_map(|message| message.as_u128().to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::{CustomerId, Moment, TenantId};
    use roadbook_runtime::ports::DueKind;

    const TENANT: TenantId = TenantId::from_u128(7);

    fn names() -> Names {
        Names { items: "t-items".into(), history: "t-history".into() }
    }

    fn turn() -> Commit {
        let actor = ActorKey::customer(TENANT, CustomerId::from_u128(5));
        let item = Some(Item { version: 4, body: "row".into() });
        Commit {
            puts: vec![Put { key: ItemKey::actor(&actor), expect: Expect::Version(3), item }],
            turns: vec![Turn { actor, version: 4, record: "record".into() }],
            ..Commit::default()
        }
    }

    #[test]
    fn a_turn_is_one_conditional_write_that_leaves_the_timer_alone() {
        let actions = plan(&names(), turn(), [1; 8]).unwrap();
        let [action] = &actions[..] else { panic!("{} writes", actions.len()) };
        assert_eq!(action.update(), "SET #v = :v, #w = :w, #s = :s, #log = :log, #lv = :lv");
        assert_eq!(action.condition.as_deref(), Some("#v = :expected"));
        assert!(action.names.len() == 5 && action.values.len() == 6);
    }

    #[test]
    fn a_turn_that_moves_its_timer_is_still_one_write() {
        let mut commit = turn();
        let due = |now| Due { kind: DueKind::Actor, key: commit.puts[0].key.clone(), was: None, now };
        let (set, removed) = (due(Some(Moment::from_millis(9))), due(None));
        commit.dues = vec![set];
        let actions = plan(&names(), commit.clone(), [1; 8]).unwrap();
        assert!(actions.len() == 1 && actions[0].update().ends_with("#dl = :dl, #nd = :nd"));
        commit.dues = vec![removed];
        let actions = plan(&names(), commit, [1; 8]).unwrap();
        assert!(actions.len() == 1 && actions[0].update().ends_with("REMOVE #dl, #nd"));
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_anything_is() {
        let put = |n: u32| Put {
            key: ItemKey::document(TENANT, &n.to_string()),
            expect: Expect::Anything,
            item: Some(Item { version: 1, body: "x".into() }),
        };
        let many = |count| Commit { puts: (0..count).map(put).collect(), ..Commit::default() };
        assert_eq!(plan(&names(), many(100), [0; 8]).unwrap().len(), 100);
        let mut noise = 7u64;
        let mut next = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            noise.to_be_bytes()[0]
        };
        let noise: Vec<u8> = (0..500_000).map(|_| next()).collect();
        let mut large = many(1);
        large.puts[0].item = Some(Item { version: 1, body: noise.into() });
        let mut without_row = turn();
        without_row.puts.clear();
        let mut at_another_version = turn();
        at_another_version.turns[0].version = 9;
        let mut nameless = many(1);
        nameless.puts[0].key = ItemKey::document(TENANT, "");
        for (commit, told) in [
            (many(101), "101 items"),
            (large, "/0) has"),
            (without_row, "no single write"),
            (at_another_version, "version 9"),
            (nameless, "0 bytes"),
        ] {
            let planned = plan(&names(), commit, [0; 8]).and_then(|actions| within_limits(&actions));
            let Err(Fault::Store(text)) = planned else { panic!("{told}: must be refused") };
            assert!(text.contains(told), "{text}");
        }
    }
}
