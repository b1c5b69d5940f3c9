//! The due index: one place per item, lanes, and searches beside writes.

use super::{ONE, TWO, customer, item, put, puts};
use crate::{Backend, Keeper};
use roadbook_kernel::{DeliveryId, EndpointId, Moment, TenantId};
use roadbook_runtime::ports::store::{LANES, lane};
use roadbook_runtime::ports::{Commit, Due, DueEntry, DueKind, Expect, ItemKey, Put};
use std::sync::Arc;

pub(super) async fn the_due_index_moves_with_its_items<S: Keeper>(store: &S) {
    let actor = ItemKey::actor(&customer(ONE, 1));
    let send = ItemKey::send(ONE, roadbook_kernel::SendKey::from_u128(1));
    let (endpoint, one) = (EndpointId::from_u128(1), DeliveryId::from_u128(1));
    let delivery = ItemKey::delivery(ONE, endpoint, one);
    let at = Moment::from_millis;
    let moved = |kind, key: &ItemKey, was, now| Commit {
        dues: vec![Due { kind, key: key.clone(), was, now }],
        ..Commit::default()
    };
    let due = async |kind, until| {
        let found = store.due(kind, until, 10).await.expect("the index");
        found.into_iter().map(|entry| (entry.due.millis(), entry.key)).collect::<Vec<_>>()
    };
    store.commit(moved(DueKind::Actor, &actor, None, Some(at(50)))).await.expect("a commit");
    store.commit(moved(DueKind::Send, &send, None, Some(at(40)))).await.expect("a commit");
    store.commit(moved(DueKind::Delivery, &delivery, None, Some(at(45)))).await.expect("a commit");
    assert_eq!(due(DueKind::Actor, at(49)).await, []);
    assert_eq!(due(DueKind::Actor, at(50)).await, [(50, actor.clone())], "due at its instant");
    assert_eq!(due(DueKind::Send, at(99)).await, [(40, send.clone())], "kinds do not mix");
    assert_eq!(due(DueKind::Delivery, at(99)).await, [(45, delivery.clone())], "nor does the third");
    assert_eq!(store.next_due(DueKind::Delivery).await.expect("the index"), Some(at(45)));
    assert_eq!(store.next_due(DueKind::Actor).await.expect("the index"), Some(at(50)));
    assert_eq!(store.next_due(DueKind::Send).await.expect("the index"), Some(at(40)));

    store.commit(moved(DueKind::Actor, &actor, Some(at(50)), Some(at(30)))).await.expect("a commit");
    assert_eq!(due(DueKind::Actor, at(99)).await, [(30, actor.clone())], "it stands at one place");
    store.commit(moved(DueKind::Actor, &actor, Some(at(30)), Some(at(30)))).await.expect("a commit");
    assert_eq!(due(DueKind::Actor, at(99)).await, [(30, actor.clone())], "it may stay");
    for edge in [Moment::MIN, at(-5), at(0)] {
        store.commit(moved(DueKind::Actor, &actor, Some(at(30)), Some(edge))).await.expect("a commit");
        assert_eq!(due(DueKind::Actor, at(99)).await, [(edge.millis(), actor.clone())], "before 1970 too");
        assert_eq!(store.next_due(DueKind::Actor).await.expect("the index"), Some(edge));
        store.commit(moved(DueKind::Actor, &actor, Some(edge), Some(at(30)))).await.expect("a commit");
    }
    store.commit(moved(DueKind::Actor, &actor, Some(at(30)), None)).await.expect("a commit");
    assert_eq!(due(DueKind::Actor, at(99)).await, [], "it is out");
    assert_eq!(store.next_due(DueKind::Actor).await.expect("the index"), None);
}

/// A write that says nothing of the index leaves it alone; a write of both moves both.
pub(super) async fn a_row_keeps_its_place<S: Keeper>(store: &S) {
    let key = ItemKey::actor(&customer(ONE, 1));
    let at = |millis| Some(Moment::from_millis(millis));
    let moved = |was, now| vec![Due { kind: DueKind::Actor, key: key.clone(), was, now }];
    let row = |version| puts(vec![put(key.clone(), Expect::Version(version - 1), item(version, "row"))]);
    let next = async || store.next_due(DueKind::Actor).await.expect("the index");
    let first = Commit { dues: moved(None, at(50)), ..puts(vec![put(key.clone(), Expect::Absent, item(1, "row"))]) };
    store.commit(first).await.expect("a commit");
    store.commit(row(2)).await.expect("a commit");
    assert_eq!(next().await, at(50), "a turn that moves no timer");
    store.commit(Commit { dues: moved(at(50), at(70)), ..row(3) }).await.expect("a commit");
    assert_eq!(next().await, at(70));
    let stale = store.commit(Commit { dues: moved(at(70), at(10)), ..row(3) }).await;
    assert!(stale.is_err() && next().await == at(70), "a refused write moves nothing");
    store.commit(Commit { dues: moved(at(10), None), ..Commit::default() }).await.expect("a commit");
    assert_eq!(next().await, at(70), "it is not taken out of a place it is not at");
    let gone = Put { key: key.clone(), expect: Expect::Version(3), item: None };
    store.commit(Commit { dues: moved(at(70), None), ..puts(vec![gone]) }).await.expect("a commit");
    assert_eq!((next().await, store.load(&key).await.expect("a read")), (None, None));
}

pub(super) async fn lanes_have_room_of_their_own<S: Keeper>(store: &S) {
    assert_ne!(lane(ONE), lane(TWO));
    let same_lane = TenantId::from_u128(0x01 + u128::from(LANES));
    let mut dues = Vec::new();
    let mut add = |tenant, n: u128, at| {
        let key = ItemKey::actor(&customer(tenant, n));
        dues.push(Due { kind: DueKind::Actor, key, was: None, now: Some(Moment::from_millis(at)) });
    };
    (0..30).for_each(|n| add(ONE, n, 100 - i64::try_from(n).unwrap_or(0)));
    add(same_lane, 1, 90);
    add(TWO, 1, 1_000);
    add(TWO, 2, 999);
    add(TWO, 3, 1_001);
    store.commit(Commit { dues, ..Commit::default() }).await.expect("a commit");

    let found = store.due(DueKind::Actor, Moment::from_millis(1_000), 5).await.expect("the index");
    let of = |tenant: TenantId| -> Vec<i64> {
        let lane_of = |key: &ItemKey| lane(key.tenant()) == lane(tenant);
        found.iter().filter(|entry| lane_of(&entry.key)).map(|entry| entry.due.millis()).collect()
    };
    assert_eq!(of(ONE), [71, 72, 73, 74, 75], "the earliest five of the crowded lane");
    assert_eq!(of(TWO), [999, 1_000], "a crowded lane hides nobody in another");
    assert_eq!(store.next_due(DueKind::Actor).await.expect("the index"), Some(Moment::from_millis(71)));
    let all = store.due(DueKind::Actor, Moment::MAX, 1_000).await.expect("the index");
    assert_eq!(all.len(), 34);
}

/// Whoever examines the index sees every entry of a lane once, and can ask for a single one.
pub(super) async fn a_lane_is_paged_whole<S: Keeper>(store: &S) {
    let entry =
        |tenant, n: u128, at| DueEntry { due: Moment::from_millis(at), key: ItemKey::actor(&customer(tenant, n)) };
    let mut mine: Vec<DueEntry> = (0..5).map(|n| entry(ONE, n, 50)).chain([entry(ONE, 9, -7)]).collect();
    mine.push(DueEntry { due: Moment::MIN, key: ItemKey::actor(&customer(ONE, 10)) });
    let others = [entry(TWO, 1, 40)];
    let due = |entry: &DueEntry| Due { kind: DueKind::Actor, key: entry.key.clone(), was: None, now: Some(entry.due) };
    let send = ItemKey::send(ONE, roadbook_kernel::SendKey::from_u128(1));
    let mut dues: Vec<Due> = mine.iter().chain(&others).map(due).collect();
    dues.push(Due { kind: DueKind::Send, key: send.clone(), was: None, now: Some(Moment::from_millis(45)) });
    store.commit(Commit { dues, ..Commit::default() }).await.expect("a commit");
    // What a search has proved about the front is nothing to an examination.
    assert!(store.due(DueKind::Actor, Moment::from_millis(100), 10).await.is_ok());

    mine.sort();
    let mut paged: Vec<DueEntry> = Vec::new();
    loop {
        let from = paged.last().cloned();
        let page = store.due_page(DueKind::Actor, lane(ONE), from.as_ref(), 3).await.expect("the index");
        let fresh: Vec<DueEntry> = page.into_iter().filter(|one| Some(one) != from.as_ref()).collect();
        if fresh.is_empty() {
            break;
        }
        paged.extend(fresh);
    }
    assert_eq!(paged, mine);
    assert_eq!(store.due_page(DueKind::Actor, lane(TWO), None, 9).await.expect("the index"), others);
    let sends = store.due_page(DueKind::Send, lane(ONE), None, 9).await.expect("the index");
    assert_eq!(sends, [DueEntry { due: Moment::from_millis(45), key: send }]);
    let absent = entry(ONE, 7, 50);
    assert_eq!(store.due_page(DueKind::Actor, lane(ONE), Some(&absent), 1).await.expect("the index"), []);
    let there = store.due_page(DueKind::Actor, lane(ONE), Some(&mine[3]), 1).await.expect("the index");
    assert_eq!(there, mine[3..4], "an entry is found by itself");
}

/// Searches run all the time; an entry must be found by the first that begins after its commit was answered. An index
/// that trails its table promises less: the next search, or the one after it.
pub(super) async fn no_search_passes_an_entry_by<S: Backend>(store: Arc<S>) {
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let searching: Vec<_> = [false, true]
        .map(|next| {
            let (store, done) = (store.clone(), done.clone());
            tokio::spawn(async move {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    if next {
                        store.next_due(DueKind::Actor).await.expect("the index");
                    } else {
                        store.due(DueKind::Actor, Moment::from_millis(1_000), 10).await.expect("the index");
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .into();
    let mut missed = 0;
    for n in 0..50 {
        let key = ItemKey::actor(&customer(ONE, n));
        let at = Some(Moment::from_millis(1 + i64::try_from(n % 7).unwrap_or(0)));
        let due = |was, now| Commit {
            dues: vec![Due { kind: DueKind::Actor, key: key.clone(), was, now }],
            ..Commit::default()
        };
        store.commit(due(None, at)).await.expect("a commit");
        let found = store.due(DueKind::Actor, Moment::from_millis(1_000), 10).await.expect("the index");
        missed += usize::from(!found.iter().any(|entry| entry.key == key));
        store.commit(due(at, None)).await.expect("a commit");
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    for task in searching {
        task.await.expect("no panic");
    }
    assert_eq!(missed, 0, "of 50 entries, each looked for right after its commit was answered");
}
