//! The commit log and History.

use super::{ONE, TWO, customer, document, races, turn, turns, whole, write};
use crate::{Backend, Keeper};
use roadbook_kernel::MessageId;
use roadbook_runtime::ports::{Commit, Turn, TurnIndex};
use std::sync::Arc;
use std::time::Duration;

/// Long enough for any disk, short enough to fail a run that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn the_log_keeps_the_order_of_commits<S: Backend>(store: &S) {
    assert!(store.read(0, 10).await.expect("a read").is_empty());
    for n in 0..6 {
        let (one, two) = (customer(ONE, 6 - n), customer(TWO, n));
        let version = u64::try_from(n).unwrap_or(0) + 1;
        let both = vec![turn(one, version, &format!("one {n}")), turn(two, version, &format!("two {n}"))];
        store.commit(turns(both)).await.expect("a commit");
    }
    let all = store.read(0, 100).await.expect("a read");
    let texts: Vec<_> = all.iter().map(|one| String::from_utf8_lossy(&one.turn.record).into_owned()).collect();
    let expected: Vec<_> = (0..6).flat_map(|n| [format!("one {n}"), format!("two {n}")]).collect();
    assert_eq!(texts, expected);
    assert!(all.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "sequences grow");
    assert_eq!(store.last(), all[11].sequence);
    let after = store.read(all[3].sequence, 2).await.expect("a read");
    assert_eq!(after, all[4..6], "after is not included, the limit holds");
    assert!(store.read(all[11].sequence, 10).await.expect("a read").is_empty());
}

pub(super) async fn truncating_forgets_the_log_and_not_history<S: Backend>(store: &S) {
    let actor = customer(ONE, 1);
    for version in 1..=4 {
        store.commit(turns(vec![turn(actor, version, "t")])).await.expect("a commit");
    }
    let all = store.read(0, 10).await.expect("a read");
    store.truncate(all[1].sequence).await.expect("truncated");
    assert_eq!(store.read(0, 10).await.expect("a read"), all[2..]);
    store.truncate(all[1].sequence).await.expect("truncating twice is truncating once");
    store.truncate(all[3].sequence).await.expect("truncated");
    let rest = store.read(0, 10).await.expect("a read");
    assert!(rest.len() <= 1, "all but the newest, which may stay to tell where the log ends");
    assert!(store.read(all[3].sequence, 10).await.expect("a read").is_empty());
    assert_eq!(store.last(), all[3].sequence, "the sequence is not forgotten");
    assert_eq!(store.turns(&actor, 0, 10).await.expect("a read").len(), 4, "History keeps everything");
    store.commit(turns(vec![turn(actor, 5, "t")])).await.expect("a commit");
    let next = store.read(all[3].sequence, 10).await.expect("a read");
    assert!(next.len() == 1 && next[0].sequence > all[3].sequence, "sequences never restart");
}

pub(super) async fn a_refused_commit_leaves_no_log<S: Backend>(store: &S) {
    write(store, &document(ONE, "2"), 5, "old").await;
    assert!(store.commit(whole(4)).await.is_err());
    assert!(store.read(0, 10).await.expect("a read").is_empty());
    store.commit(whole(5)).await.expect("now it holds");
    assert_eq!(store.read(0, 10).await.expect("a read").len(), 1);
}

pub(super) async fn many_commits_stand_in_the_log<S: Backend>(store: Arc<S>) {
    races::many_commits(&store).await;
    let log = store.read(0, 10_000).await.expect("the log");
    assert_eq!(log.len() as u64, races::TASKS * 3);
    let mut newest = std::collections::BTreeMap::new();
    for one in log {
        let known = newest.insert(one.turn.actor, one.turn.version).unwrap_or(0);
        assert_eq!(one.turn.version, known + 1, "each actor's turns stand in their order");
    }
}

pub(super) async fn waiting_ends_with_the_next_turn<S: Backend>(store: Arc<S>) {
    let commit = |n| turns(vec![turn(customer(ONE, 1), n, "t")]);
    store.commit(commit(1)).await.expect("a commit");
    let now = tokio::time::timeout(PATIENCE, store.wait(0)).await;
    now.expect("what is there already is not waited for");
    let waiter = {
        let (store, last) = (store.clone(), store.last());
        tokio::spawn(async move { store.wait(last).await })
    };
    tokio::task::yield_now().await;
    store.commit(commit(2)).await.expect("a commit");
    tokio::time::timeout(PATIENCE, waiter).await.expect("the commit wakes who waits").expect("no panic");
}

pub(super) async fn history_reads_both_ways_and_finds_messages<S: Keeper>(store: &S, settle: &impl AsyncFn()) {
    let (actor, other) = (customer(ONE, 5), customer(ONE, 6));
    for version in 1..=5 {
        let both = vec![turn(actor, version, &format!("v{version}")), turn(other, version, "other")];
        store.commit(turns(both)).await.expect("a commit");
    }
    settle().await;
    let versions = |turns: Vec<Turn>| turns.into_iter().map(|turn| turn.version).collect::<Vec<_>>();
    let after = async |after, limit| versions(store.turns(&actor, after, limit).await.expect("a read"));
    let before = async |before, limit| versions(store.turns_before(&actor, before, limit).await.expect("a read"));
    assert_eq!(after(0, 100).await, [1, 2, 3, 4, 5]);
    assert_eq!(after(2, 2).await, [3, 4]);
    assert!(after(5, 2).await.is_empty());
    assert_eq!(before(u64::MAX, 100).await, [5, 4, 3, 2, 1]);
    assert_eq!(before(4, 2).await, [3, 2]);
    assert!(before(1, 2).await.is_empty());
    assert_eq!(store.turns(&actor, 2, 1).await.expect("a read"), [turn(actor, 3, "v3")]);
    assert!(store.turns(&customer(TWO, 5), 0, 9).await.expect("a read").is_empty(), "another tenant's actor");

    let message = MessageId::from_u128;
    let index = vec![
        TurnIndex { actor, version: 2, messages: vec![message(7)] },
        TurnIndex { actor, version: 3, messages: vec![message(8)] },
        TurnIndex { actor: other, version: 4, messages: vec![message(7)] },
    ];
    store.commit(Commit { index, ..Commit::default() }).await.expect("a commit");
    assert_eq!(store.find(&actor, message(7)).await.expect("a read"), Some(2));
    assert_eq!(store.find(&other, message(7)).await.expect("a read"), Some(4), "per actor");
    assert_eq!(store.find(&actor, message(9)).await.expect("a read"), None);
}
