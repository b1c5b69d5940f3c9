//! The group commit: callers who race, a write that fails, a store that is closed.

use crate::folder::process;
use bytes::Bytes;
use futures_util::future::join_all;
use roadbook_embedded::Embedded;
use roadbook_embedded::schedules::{fail_after, has_died, until_death};
use roadbook_kernel::{ActorKey, CustomerId, TenantId};
use roadbook_runtime::ports::{Commit, CommitError, Expect, History, Item, ItemKey, Journal, Put, Store, Turn};
use shuttle::future::{block_on, spawn};
use shuttle::rand::{Rng, thread_rng};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const CALLERS: u8 = 3;
/// Commits of each caller.
const EACH: u64 = 2;
const TENANT: TenantId = TenantId::from_u128(7);

/// An actor of the one tenant.
pub fn actor(number: u128) -> ActorKey {
    ActorKey::customer(TENANT, CustomerId::from_u128(number))
}

/// A write of an item on top of what was read.
pub fn put(key: ItemKey, found: Option<&Item>, body: Bytes) -> Put {
    let expect = found.map_or(Expect::Absent, |item| Expect::Version(item.version));
    let version = found.map_or(1, |item| item.version + 1);
    Put { key, expect, item: Some(Item { version, body }) }
}

/// A turn of an actor.
pub fn turn(actor: ActorKey, version: u64) -> Turn {
    Turn { actor, version, record: Bytes::from_static(b"a turn") }
}

/// Reads, writes on what it read, and reads again what it was told is there.
async fn raise(store: &Embedded, caller: u8) {
    let (key, shadow, counter) = (ItemKey::actor(&actor(1)), ItemKey::document(TENANT, "shadow"), counter());
    loop {
        let found = store.load(&key).await.expect("a load");
        let mut body = found.as_ref().map(|item| item.body.to_vec()).unwrap_or_default();
        body.push(caller);
        let written = put(key.clone(), found.as_ref(), body.into());
        let version = written.item.as_ref().map_or(0, |item| item.version);
        // The same body in a second table, whatever is there: it is written with the first, or not at all.
        let beside = Put { key: shadow.clone(), expect: Expect::Anything, item: written.item.clone() };
        let turns = vec![turn(actor(1), version)];
        let commit =
            Commit { puts: vec![beside, written], turns, adds: vec![(counter.clone(), 1)], ..Commit::default() };
        match store.commit(commit).await {
            Ok(()) => {
                let stored = store.load(&key).await.expect("a load").map_or(0, |item| item.version);
                assert!(stored >= version, "told yes to version {version}, and the store has {stored}");
                return;
            }
            Err(CommitError::Conflict { current, .. }) => {
                let seen = found.map(|item| item.version);
                assert_ne!(current.map(|item| item.version), seen, "a conflict with what was expected");
            }
            Err(CommitError::Fault(fault)) => panic!("a fault without a cause: {fault}"),
        }
    }
}

fn counter() -> ItemKey {
    ItemKey::counter(TENANT, "commits")
}

/// Callers who raise the same actor.
pub fn race() {
    let store = Arc::new(process());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = store.clone();
            spawn(async move {
                for _ in 0..EACH {
                    raise(&store, caller).await;
                }
            })
        })
        .collect();
    block_on(async {
        join_all(callers).await.into_iter().for_each(|caller| caller.expect("a caller that ends"));
        let all = u64::from(CALLERS) * EACH;
        let row = store.load(&ItemKey::actor(&actor(1))).await.expect("a load").expect("the row");
        let mut by = row.body.to_vec();
        by.sort_unstable();
        let expected: Vec<u8> = (0..CALLERS).flat_map(|caller| [caller; EACH as usize]).collect();
        assert_eq!((row.version, &by), (all, &expected), "one version and one mark for each commit");
        let shadow = store.load(&ItemKey::document(TENANT, "shadow")).await.expect("a load").expect("the shadow");
        assert_eq!(shadow.body, row.body, "a commit that lost has written nothing");
        let counted = store.load(&counter()).await.expect("a load").map_or(0, |item| item.amount());
        assert_eq!(counted, i64::try_from(all).unwrap_or(0), "the counter");
        let log = store.read(0, 100).await.expect("the log");
        let versions: Vec<(u64, u64)> = log.iter().map(|one| (one.sequence, one.turn.version)).collect();
        assert_eq!(versions, (1..=all).map(|number| (number, number)).collect::<Vec<_>>(), "the log, in order");
        assert_eq!(store.turns(&actor(1), 0, 100).await.expect("history").len() as u64, all);
    });
}

/// A write of the committer that fails, sooner or later.
pub fn failure() {
    let store = Arc::new(process());
    fail_after(thread_rng().gen_range(0..u32::from(CALLERS)), thread_rng().gen_bool(0.5));
    let told = Arc::new([const { AtomicU64::new(0) }; CALLERS as usize]);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (store, told) = (store.clone(), told.clone());
            spawn(async move {
                for version in 1..=EACH {
                    let found = (version > 1).then(|| Item { version: version - 1, body: Bytes::new() });
                    let key = actor(u128::from(caller));
                    let put = put(ItemKey::actor(&key), found.as_ref(), Bytes::new());
                    let commit = Commit { puts: vec![put], turns: vec![turn(key, version)], ..Commit::default() };
                    // Who waits for a process that ends, ends with it.
                    let Some(answer) = until_death(store.commit(commit)).await else { return };
                    match answer {
                        Ok(()) => told[usize::from(caller)].store(version, Ordering::Relaxed),
                        Err(CommitError::Fault(_)) => {
                            assert!(has_died(), "a fault, and the process goes on");
                            return;
                        }
                        Err(CommitError::Conflict { .. }) => panic!("nobody else writes this actor"),
                    }
                }
            })
        })
        .collect();
    block_on(async {
        join_all(callers).await.into_iter().for_each(|caller| caller.expect("everybody hears something"))
    });
    drop(store);
    let after = process();
    block_on(async {
        let mut turns = 0;
        for caller in 0..CALLERS {
            let found = after.load(&ItemKey::actor(&actor(u128::from(caller)))).await.expect("a load");
            let (stored, told) =
                (found.map_or(0, |item| item.version), told[usize::from(caller)].load(Ordering::Relaxed));
            assert!(
                stored >= told,
                "caller {caller} was told yes to version {told}; after the restart there is {stored}"
            );
            turns += stored;
        }
        assert_eq!(after.last(), turns, "the log ends with the last turn there is");
    });
}

/// Callers who stop waiting, and a store that is closed.
pub fn closing() {
    let store = Arc::new(process());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = store.clone();
            shuttle::thread::spawn(move || {
                block_on(async {
                    let key = actor(u128::from(caller));
                    let put = put(ItemKey::actor(&key), None, Bytes::new());
                    let commit = Commit { puts: vec![put], turns: vec![turn(key, 1)], ..Commit::default() };
                    let mut waits = store.commit(commit);
                    // Asked once, and then no longer waited for: the request is taken by now.
                    if let std::task::Poll::Ready(answer) = futures_util::poll!(&mut waits) {
                        assert_eq!(answer, Ok(()));
                    }
                });
            })
        })
        .collect();
    drop(store);
    callers.into_iter().for_each(|caller| caller.join().expect("a caller that ends"));
    let after = process();
    block_on(async {
        for caller in 0..CALLERS {
            let found = after.load(&ItemKey::actor(&actor(u128::from(caller)))).await.expect("a load");
            assert_eq!(found.map(|item| item.version), Some(1), "the commit of caller {caller}");
        }
        assert_eq!(after.last(), u64::from(CALLERS), "the end of the log");
    });
}
