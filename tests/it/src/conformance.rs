//! What every store must do, whoever wrote it. One suite for all of them.
//!
//! [`run_store`] is what the ports of items and of history promise everywhere. [`run`] is that and what holds where the
//! store keeps its own commit log: a global order, an index that trails nothing, room for large bodies.

mod due;
mod log;
mod races;

use crate::{Backend, Keeper};
use bytes::Bytes;
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment, TenantId};
use roadbook_runtime::ports::{Commit, CommitError, Due, DueKind, Expect, Item, ItemKey, Put, Space, Turn, TurnIndex};
use std::sync::Arc;

const ONE: TenantId = TenantId::from_u128(0x01);
const TWO: TenantId = TenantId::from_u128(0x02);

/// Runs the whole suite; `make` gives a fresh, empty store each time.
///
/// # Panics
/// Where the store does not do what it must.
pub async fn run<S: Backend, F: Fn() -> S>(make: F) {
    run_store(async || (Arc::new(make()), ()), async |()| ()).await;
    log::the_log_keeps_the_order_of_commits(&make()).await;
    log::truncating_forgets_the_log_and_not_history(&make()).await;
    log::a_refused_commit_leaves_no_log(&make()).await;
    log::waiting_ends_with_the_next_turn(Arc::new(make())).await;
    log::many_commits_stand_in_the_log(Arc::new(make())).await;
    due::no_search_passes_an_entry_by(Arc::new(make())).await;
    bodies_come_back(&make(), 1_048_576, &async || ()).await;
}

/// Runs what every store must do. `make` gives a fresh, empty store and what comes with it; `settle` brings what is
/// committed there to History, where that takes a relay.
///
/// # Panics
/// Where the store does not do what it must.
pub async fn run_store<S: Keeper, P, F: AsyncFn() -> (Arc<S>, P), H: AsyncFn(&P)>(make: F, settle: H) {
    let fresh = async || make().await.0;
    conditions_decide(&*fresh().await).await;
    what_is_committed_is_read(&*fresh().await).await;
    removed_items_are_gone(&*fresh().await).await;
    scans_are_ordered_bounded_and_of_one_tenant(&*fresh().await).await;
    scans_of_many_are_whole(&*fresh().await).await;
    due::the_due_index_moves_with_its_items(&*fresh().await).await;
    due::a_row_keeps_its_place(&*fresh().await).await;
    due::lanes_have_room_of_their_own(&*fresh().await).await;
    due::a_lane_is_paged_whole(&*fresh().await).await;
    races::counters_add_up(fresh().await).await;
    races::one_of_many_racing_commits_wins(fresh().await).await;
    let (store, place) = make().await;
    a_commit_is_whole_or_nothing(&*store, &async || settle(&place).await).await;
    let (store, place) = make().await;
    races::commits_of_one_moment_follow_each_other(store, &async || settle(&place).await).await;
    let (store, place) = make().await;
    log::history_reads_both_ways_and_finds_messages(&*store, &async || settle(&place).await).await;
    let (store, place) = make().await;
    bodies_come_back(&*store, 131_072, &async || settle(&place).await).await;
    let (store, place) = make().await;
    races::many_commits_at_once_are_all_there(store, &async || settle(&place).await).await;
    fresh().await.ready().await.expect("an empty store is ready");
}

fn document(tenant: TenantId, name: &str) -> ItemKey {
    ItemKey::document(tenant, name)
}

fn item(version: u64, text: &str) -> Item {
    Item { version, body: Bytes::copy_from_slice(text.as_bytes()) }
}

fn put(key: ItemKey, expect: Expect, item: Item) -> Put {
    Put { key, expect, item: Some(item) }
}

fn puts(puts: Vec<Put>) -> Commit {
    Commit { puts, ..Commit::default() }
}

async fn write<S: Keeper>(store: &S, key: &ItemKey, version: u64, text: &str) {
    let commit = puts(vec![put(key.clone(), Expect::Anything, item(version, text))]);
    store.commit(commit).await.expect("an unconditional write");
}

fn customer(tenant: TenantId, n: u128) -> ActorKey {
    ActorKey::customer(tenant, CustomerId::from_u128(n))
}

fn turn(actor: ActorKey, version: u64, text: &str) -> Turn {
    Turn { actor, version, record: Bytes::copy_from_slice(text.as_bytes()) }
}

/// A commit of these turns, each with its actor's row.
fn turns(turns: Vec<Turn>) -> Commit {
    let row = |turn: &Turn| put(ItemKey::actor(&turn.actor), Expect::Anything, item(turn.version, "row"));
    Commit { puts: turns.iter().map(row).collect(), turns, ..Commit::default() }
}

async fn conditions_decide<S: Keeper>(store: &S) {
    let key = document(ONE, "a");
    let try_write = |expect, version| store.commit(puts(vec![put(key.clone(), expect, item(version, "x"))]));

    let missing = try_write(Expect::Version(1), 2).await;
    assert_eq!(missing, Err(CommitError::Conflict { key: key.clone(), current: None }), "there is no version 1 yet");
    try_write(Expect::Absent, 1).await.expect("absent holds");
    let taken = try_write(Expect::Absent, 1).await;
    let current = Some(item(1, "x"));
    assert_eq!(taken, Err(CommitError::Conflict { key: key.clone(), current }), "the conflict shows what is there");
    try_write(Expect::Version(1), 2).await.expect("the version holds");
    assert!(try_write(Expect::Version(1), 3).await.is_err(), "an old version does not hold");
    assert!(try_write(Expect::Version(3), 4).await.is_err(), "a version to come does not hold");
    try_write(Expect::Anything, 7).await.expect("anything holds");
    assert_eq!(store.load(&key).await.expect("a read").map(|item| item.version), Some(7));
}

/// A commit that does everything a commit can do: it holds where the second document has `version`.
fn whole(version: u64) -> Commit {
    let (actor, message) = (customer(ONE, 1), MessageId::from_u128(1));
    let key = ItemKey::actor(&actor);
    Commit {
        puts: vec![
            put(document(ONE, "1"), Expect::Absent, item(1, "new")),
            put(document(ONE, "2"), Expect::Version(version), item(version + 1, "new")),
            Put { key: document(ONE, "3"), expect: Expect::Anything, item: None },
            put(key.clone(), Expect::Absent, item(1, "row")),
        ],
        turns: vec![turn(actor, 1, "turn")],
        dues: vec![Due { kind: DueKind::Actor, key, was: None, now: Some(Moment::from_millis(5)) }],
        adds: vec![(ItemKey::counter(ONE, "n"), 3)],
        index: vec![TurnIndex { actor, version: 1, messages: vec![message] }],
    }
}

async fn a_commit_is_whole_or_nothing<S: Keeper>(store: &S, settle: &impl AsyncFn()) {
    let (first, second, third) = (document(ONE, "1"), document(ONE, "2"), document(ONE, "3"));
    let (actor, message) = (customer(ONE, 1), MessageId::from_u128(1));
    write(store, &second, 5, "old").await;
    write(store, &third, 1, "kept").await;

    let refused = store.commit(whole(4)).await;
    let Err(CommitError::Conflict { key, current }) = refused else { panic!("{refused:?}") };
    assert_eq!((key, current), (second.clone(), Some(item(5, "old"))));
    assert_eq!(store.load(&first).await.expect("a read"), None, "put");
    assert_eq!(store.load(&second).await.expect("a read"), Some(item(5, "old")), "the conflicting put");
    assert_eq!(store.load(&third).await.expect("a read"), Some(item(1, "kept")), "removal");
    assert_eq!(store.load(&ItemKey::actor(&actor)).await.expect("a read"), None, "row");
    assert_eq!(store.load(&ItemKey::counter(ONE, "n")).await.expect("a read"), None, "add");
    assert_eq!(store.find(&actor, message).await.expect("a read"), None, "index");
    assert_eq!(store.next_due(DueKind::Actor).await.expect("a read"), None, "due");
    settle().await;
    assert!(store.turns(&actor, 0, 10).await.expect("a read").is_empty(), "history");

    store.commit(whole(5)).await.expect("now it holds");
    assert_eq!(store.load(&first).await.expect("a read"), Some(item(1, "new")));
    assert_eq!(store.load(&second).await.expect("a read"), Some(item(6, "new")));
    assert_eq!(store.load(&third).await.expect("a read"), None);
    assert_eq!(store.load(&ItemKey::actor(&actor)).await.expect("a read"), Some(item(1, "row")));
    let counter = store.load(&ItemKey::counter(ONE, "n")).await.expect("a read");
    assert_eq!(counter.as_ref().map(Item::amount), Some(3));
    assert_eq!(store.find(&actor, message).await.expect("a read"), Some(1));
    assert_eq!(store.next_due(DueKind::Actor).await.expect("a read"), Some(Moment::from_millis(5)));
    settle().await;
    assert_eq!(store.turns(&actor, 0, 10).await.expect("a read"), [turn(actor, 1, "turn")]);
}

async fn what_is_committed_is_read<S: Keeper>(store: &S) {
    // One key of every space, with the same local bytes where the constructors allow it: spaces may not mix.
    let actor = customer(ONE, 9);
    let keys = [
        ItemKey::actor(&actor),
        ItemKey::page(&actor, 0),
        ItemKey::letter(ONE, roadbook_kernel::DeadLetterId::from_u128(1)),
        ItemKey::letter_of(ONE, MessageId::from_u128(1)),
        document(ONE, "name"),
        ItemKey::send(ONE, roadbook_kernel::SendKey::from_u128(1)),
    ];
    let all: Vec<Put> =
        keys.iter().zip(1..).map(|(key, n)| put(key.clone(), Expect::Absent, item(n, &format!("item {n}")))).collect();
    store.commit(puts(all)).await.expect("several spaces in one commit");
    for (key, n) in keys.iter().zip(1..) {
        assert_eq!(store.load(key).await.expect("a read"), Some(item(n, &format!("item {n}"))), "{:?}", key.space());
    }
    write(store, &keys[0], 100, "").await;
    assert_eq!(store.load(&keys[0]).await.expect("a read"), Some(item(100, "")), "an empty body is a body");
    assert_eq!(store.load(&ItemKey::actor(&customer(TWO, 9))).await.expect("a read"), None, "another tenant's row");
}

async fn removed_items_are_gone<S: Keeper>(store: &S) {
    let key = document(ONE, "gone");
    write(store, &key, 3, "here").await;
    let remove = |expect| puts(vec![Put { key: key.clone(), expect, item: None }]);
    assert!(store.commit(remove(Expect::Version(2))).await.is_err(), "a removal has its condition too");
    store.commit(remove(Expect::Version(3))).await.expect("removed");
    assert_eq!(store.load(&key).await.expect("a read"), None);
    assert!(store.scan(Space::Document, ONE, b"", None, 10).await.expect("a scan").is_empty());
    store.commit(puts(vec![put(key, Expect::Absent, item(1, "again"))])).await.expect("absent again");
}

async fn scans_are_ordered_bounded_and_of_one_tenant<S: Keeper>(store: &S) {
    for name in ["b/2", "a", "b/10", "c", "b/1", "b"] {
        write(store, &document(ONE, name), 1, name).await;
        write(store, &document(TWO, name), 1, "another's").await;
    }
    write(store, &ItemKey::counter(ONE, "b/1"), 1, "another space").await;
    let names = async |prefix: &[u8], after: Option<&[u8]>, limit| {
        let found = store.scan(Space::Document, ONE, prefix, after, limit).await.expect("a scan");
        let name = |(key, item): &(ItemKey, Item)| {
            let name = String::from_utf8_lossy(key.local()).into_owned();
            assert_eq!(item.body, name.as_bytes(), "key and item belong together");
            assert_eq!((key.tenant(), key.space()), (ONE, Space::Document));
            name
        };
        found.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(b"", None, 100).await, ["a", "b", "b/1", "b/10", "b/2", "c"]);
    assert_eq!(names(b"b/", None, 100).await, ["b/1", "b/10", "b/2"]);
    assert_eq!(names(b"b/", None, 2).await, ["b/1", "b/10"]);
    assert_eq!(names(b"b/", Some(b"b/10"), 2).await, ["b/2"], "after is not included");
    assert_eq!(names(b"b/", Some(b"b/11"), 2).await, ["b/2"], "after need not exist");
    assert_eq!(names(b"b/", Some(b"a"), 2).await, ["b/1", "b/10"], "after may lie before the prefix");
    assert!(names(b"b/", Some(b"b/2"), 2).await.is_empty());
    assert!(names(b"x", None, 2).await.is_empty());
    assert!(names(b"", None, 0).await.is_empty());
    let last = TenantId::from_u128(u128::MAX);
    write(store, &document(last, "\u{7f}"), 1, "the last key of all").await;
    assert_eq!(store.scan(Space::Document, last, b"", None, 10).await.expect("a scan").len(), 1);
}

/// Rows by the hundred: a store that spreads them must bring them together again.
async fn scans_of_many_are_whole<S: Keeper>(store: &S) {
    // Ids that differ at their ends and ids that differ at their beginnings.
    let ids: Vec<u128> = (0..60).chain((0..60).map(|n| n << 120)).collect();
    for some in ids.chunks(30) {
        let row = |n: &u128| put(ItemKey::actor(&customer(ONE, *n)), Expect::Anything, item(1, &n.to_string()));
        store.commit(puts(some.iter().map(row).collect())).await.expect("a commit");
    }
    let mut expected: Vec<ItemKey> = ids.iter().map(|n| ItemKey::actor(&customer(ONE, *n))).collect();
    expected.sort();
    expected.dedup();
    for limit in [1_000, 37, 8] {
        let (mut found, mut after) = (Vec::<ItemKey>::new(), None::<Vec<u8>>);
        loop {
            let page = store.scan(Space::Actor, ONE, b"", after.as_deref(), limit).await.expect("a scan");
            assert!(page.len() <= limit);
            let Some((last, _)) = page.last() else { break };
            after = Some(last.local().to_vec());
            found.extend(page.into_iter().map(|(key, _)| key));
        }
        assert_eq!(found, expected, "by {limit}");
    }
}

async fn bodies_come_back<S: Keeper>(store: &S, bytes: u32, settle: &impl AsyncFn()) {
    // Nothing that could be packed.
    let mut noise = 7u64;
    let mut next = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.to_be_bytes()[0]
    };
    let body: Bytes = (0..bytes).map(|_| next()).collect::<Vec<_>>().into();
    let (key, actor) = (document(ONE, "large"), customer(ONE, 1));
    let one = |key| put(key, Expect::Absent, Item { version: 1, body: body.clone() });
    let commit = Commit {
        puts: vec![one(key.clone()), one(ItemKey::actor(&actor))],
        turns: vec![Turn { actor, version: 1, record: body.clone() }],
        ..Commit::default()
    };
    store.commit(commit).await.expect("a large commit");
    for key in [key, ItemKey::actor(&actor)] {
        assert!(store.load(&key).await.expect("a read").is_some_and(|item| item.body == body));
    }
    settle().await;
    assert!(store.turns(&actor, 0, 1).await.expect("a read").first().is_some_and(|one| one.record == body));
}
