//! Many commits at once.

use super::{ONE, TWO, customer, document, item, put, puts, turn};
use crate::Keeper;
use roadbook_kernel::{MessageId, Moment};
use roadbook_runtime::ports::{Commit, CommitError, Due, DueKind, Expect, Item, ItemKey, Space, TurnIndex};
use std::sync::Arc;

pub(super) async fn counters_add_up<S: Keeper>(store: Arc<S>) {
    let key = ItemKey::counter(ONE, "members");
    let tasks: Vec<_> = (0..16)
        .map(|task: i64| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                for n in 0..10 {
                    let adds = vec![(key.clone(), task * 10 + n), (ItemKey::counter(TWO, "members"), -1)];
                    store.commit(Commit { adds, ..Commit::default() }).await.expect("a commit");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let total = async |tenant| {
        let item = store.load(&ItemKey::counter(tenant, "members")).await.expect("a read");
        item.as_ref().map(Item::amount)
    };
    assert_eq!(total(ONE).await, Some((0..160).sum()));
    assert_eq!(total(TWO).await, Some(-160));
    let twice = Commit { adds: vec![(key.clone(), 5), (key.clone(), 6)], ..Commit::default() };
    store.commit(twice).await.expect("one counter twice in a commit");
    assert_eq!(total(ONE).await, Some((0..160).sum::<i64>() + 11));
    let found = store.scan(Space::Counter, ONE, b"mem", None, 10).await.expect("a scan");
    assert_eq!(found.iter().map(|(_, item)| item.amount()).collect::<Vec<_>>(), [(0..160).sum::<i64>() + 11]);
}

/// Many commits to one item, sent at once in their order: a store that writes them as one group must end as if each
/// had been written alone.
pub(super) async fn commits_of_one_moment_follow_each_other<S: Keeper>(store: Arc<S>, settle: &impl AsyncFn()) {
    let actor = customer(ONE, 1);
    let key = ItemKey::actor(&actor);
    let at = |version: u64| Some(Moment::from_millis(i64::try_from(100 + (version * 7) % 5).unwrap_or(0)));
    let commits = (0..60u64).map(|version| Commit {
        puts: vec![put(
            key.clone(),
            if version == 0 { Expect::Absent } else { Expect::Version(version) },
            item(version + 1, &format!("v{}", version + 1)),
        )],
        turns: vec![turn(actor, version + 1, "t")],
        dues: vec![Due {
            kind: DueKind::Actor,
            key: key.clone(),
            was: if version == 0 { None } else { at(version) },
            now: at(version + 1),
        }],
        adds: vec![(ItemKey::counter(ONE, "n"), 1)],
        index: vec![TurnIndex { actor, version: version + 1, messages: vec![MessageId::from_u128(version.into())] }],
    });
    let results = futures_util::future::join_all(commits.map(|commit| store.commit(commit))).await;
    // A store may take them in another order; then conditions fail, and nothing of the failed ones may show.
    let applied = results.iter().filter(|result| result.is_ok()).count() as u64;
    assert!(results.iter().all(|result| !matches!(result, Err(CommitError::Fault(_)))), "no fault");
    assert_eq!(store.load(&key).await.expect("a read"), Some(item(applied, &format!("v{applied}"))));
    let due = store.due(DueKind::Actor, Moment::MAX, 10).await.expect("the index");
    assert_eq!(due.iter().map(|entry| Some(entry.due)).collect::<Vec<_>>(), [at(applied)], "one place in the index");
    let counter = store.load(&ItemKey::counter(ONE, "n")).await.expect("a read");
    assert_eq!(counter.as_ref().map(Item::amount), i64::try_from(applied).ok());
    for version in 0..applied {
        let found = store.find(&actor, MessageId::from_u128(version.into())).await.expect("a read");
        assert_eq!(found, Some(version + 1));
    }
    settle().await;
    let turns = store.turns(&actor, 0, 1_000).await.expect("history");
    let versions: Vec<_> = turns.iter().map(|turn| turn.version).collect();
    assert_eq!(versions, (1..=applied).collect::<Vec<_>>());
}

pub(super) async fn one_of_many_racing_commits_wins<S: Keeper>(store: Arc<S>) {
    let key = document(ONE, "race");
    for round in 0..5 {
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (store, key) = (store.clone(), key.clone());
                let expect = if round == 0 { Expect::Absent } else { Expect::Version(round) };
                tokio::spawn(async move {
                    let one = put(key, expect, item(round + 1, &format!("task {task}")));
                    store.commit(puts(vec![one])).await.map(|()| task)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            match task.await.expect("no panic") {
                Ok(winner) => winners.push(winner),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => panic!("{fault}"),
            }
        }
        assert_eq!(winners.len(), 1, "two holders of one version can never both win");
        let stored = store.load(&key).await.expect("a read").expect("an item");
        assert_eq!(stored, item(round + 1, &format!("task {}", winners[0])));
    }
}

/// Actors that commit at once in [`many_commits`], three turns each.
pub(super) const TASKS: u64 = 200;

pub(super) async fn many_commits<S: Keeper>(store: &Arc<S>) {
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let actor = customer(ONE, n.into());
                let key = ItemKey::actor(&actor);
                for version in 1..=3 {
                    let expect = if version == 1 { Expect::Absent } else { Expect::Version(version - 1) };
                    let commit = Commit {
                        puts: vec![put(key.clone(), expect, item(version, "row"))],
                        turns: vec![turn(actor, version, "turn")],
                        ..Commit::default()
                    };
                    store.commit(commit).await?;
                }
                Ok::<(), CommitError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("nobody races for this row");
    }
}

pub(super) async fn many_commits_at_once_are_all_there<S: Keeper>(store: Arc<S>, settle: &impl AsyncFn()) {
    many_commits(&store).await;
    let rows = store.scan(Space::Actor, ONE, b"", None, 1_000).await.expect("a scan");
    assert!(rows.len() as u64 == TASKS && rows.iter().all(|(_, item)| item.version == 3));
    settle().await;
    for n in 0..TASKS {
        let turns = store.turns(&customer(ONE, n.into()), 0, 10).await.expect("history");
        assert_eq!(turns.iter().map(|turn| turn.version).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
