//! What every store must do, whoever wrote it. One suite for all of them.

use crate::Backend;
use bytes::Bytes;
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment, TenantId};
use roadbook_runtime::ports::store::{LANES, lane};
use roadbook_runtime::ports::{Commit, CommitError, Due, DueKind, Expect, Item, ItemKey, Put, Space, Turn, TurnIndex};
use roadbook_runtime::projections::send_stats::amount;
use std::sync::Arc;
use std::time::Duration;

const ONE: TenantId = TenantId::from_u128(0x01);
const TWO: TenantId = TenantId::from_u128(0x02);
/// Long enough for any disk, short enough to fail a run that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the whole suite; `make` gives a fresh, empty store each time.
///
/// # Panics
/// Where the store does not do what it must.
pub async fn run<S: Backend, F: Fn() -> S>(make: F) {
    conditions_decide(&make()).await;
    a_commit_is_whole_or_nothing(&make()).await;
    what_is_committed_is_read(&make()).await;
    removed_items_are_gone(&make()).await;
    scans_are_ordered_bounded_and_of_one_tenant(&make()).await;
    the_due_index_moves_with_its_items(&make()).await;
    lanes_have_room_of_their_own(&make()).await;
    counters_add_up(Arc::new(make())).await;
    the_log_keeps_the_order_of_commits(&make()).await;
    truncating_forgets_the_log_and_not_history(&make()).await;
    no_search_passes_an_entry_by(Arc::new(make())).await;
    commits_of_one_moment_follow_each_other(Arc::new(make())).await;
    waiting_ends_with_the_next_turn(Arc::new(make())).await;
    history_reads_both_ways_and_finds_messages(&make()).await;
    large_bodies_come_back(&make()).await;
    one_of_many_racing_commits_wins(Arc::new(make())).await;
    many_commits_at_once_are_all_there(Arc::new(make())).await;
    make().ready().await.expect("an empty store is ready");
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

async fn write<S: Backend>(store: &S, key: &ItemKey, version: u64, text: &str) {
    let commit = puts(vec![put(key.clone(), Expect::Anything, item(version, text))]);
    store.commit(commit).await.expect("an unconditional write");
}

fn customer(tenant: TenantId, n: u128) -> ActorKey {
    ActorKey::customer(tenant, CustomerId::from_u128(n))
}

fn turn(actor: ActorKey, version: u64, text: &str) -> Turn {
    Turn { actor, version, record: Bytes::copy_from_slice(text.as_bytes()) }
}

async fn conditions_decide<S: Backend>(store: &S) {
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

async fn a_commit_is_whole_or_nothing<S: Backend>(store: &S) {
    let (first, second, third) = (document(ONE, "1"), document(ONE, "2"), document(ONE, "3"));
    write(store, &second, 5, "old").await;
    let (actor, message) = (customer(ONE, 1), MessageId::from_u128(1));
    let whole = |version| Commit {
        puts: vec![
            put(first.clone(), Expect::Absent, item(1, "new")),
            put(second.clone(), Expect::Version(version), item(version + 1, "new")),
            Put { key: third.clone(), expect: Expect::Anything, item: None },
        ],
        turns: vec![turn(actor, 1, "turn")],
        dues: vec![Due {
            kind: DueKind::Actor,
            key: ItemKey::actor(&actor),
            was: None,
            now: Some(Moment::from_millis(5)),
        }],
        adds: vec![(ItemKey::counter(ONE, "n"), 3)],
        index: vec![TurnIndex { actor, version: 1, messages: vec![message] }],
    };
    write(store, &third, 1, "kept").await;

    let refused = store.commit(whole(4)).await;
    assert!(matches!(refused, Err(CommitError::Conflict { ref key, .. }) if *key == second), "{refused:?}");
    assert_eq!(store.load(&first).await.expect("a read"), None, "put");
    assert_eq!(store.load(&second).await.expect("a read"), Some(item(5, "old")), "the conflicting put");
    assert_eq!(store.load(&third).await.expect("a read"), Some(item(1, "kept")), "removal");
    assert_eq!(store.load(&ItemKey::counter(ONE, "n")).await.expect("a read"), None, "add");
    assert!(store.read(0, 10).await.expect("a read").is_empty(), "log");
    assert!(store.turns(&actor, 0, 10).await.expect("a read").is_empty(), "history");
    assert_eq!(store.find(&actor, message).await.expect("a read"), None, "index");
    assert_eq!(store.next_due(DueKind::Actor).await.expect("a read"), None, "due");

    store.commit(whole(5)).await.expect("now it holds");
    assert_eq!(store.load(&first).await.expect("a read"), Some(item(1, "new")));
    assert_eq!(store.load(&second).await.expect("a read"), Some(item(6, "new")));
    assert_eq!(store.load(&third).await.expect("a read"), None);
    assert_eq!(store.read(0, 10).await.expect("a read").len(), 1);
    assert_eq!(store.find(&actor, message).await.expect("a read"), Some(1));
    assert_eq!(store.next_due(DueKind::Actor).await.expect("a read"), Some(Moment::from_millis(5)));
}

async fn what_is_committed_is_read<S: Backend>(store: &S) {
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

async fn removed_items_are_gone<S: Backend>(store: &S) {
    let key = document(ONE, "gone");
    write(store, &key, 3, "here").await;
    let remove = |expect| puts(vec![Put { key: key.clone(), expect, item: None }]);
    assert!(store.commit(remove(Expect::Version(2))).await.is_err(), "a removal has its condition too");
    store.commit(remove(Expect::Version(3))).await.expect("removed");
    assert_eq!(store.load(&key).await.expect("a read"), None);
    assert!(store.scan(Space::Document, ONE, b"", None, 10).await.expect("a scan").is_empty());
    store.commit(puts(vec![put(key, Expect::Absent, item(1, "again"))])).await.expect("absent again");
}

async fn scans_are_ordered_bounded_and_of_one_tenant<S: Backend>(store: &S) {
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

async fn the_due_index_moves_with_its_items<S: Backend>(store: &S) {
    let actor = ItemKey::actor(&customer(ONE, 1));
    let send = ItemKey::send(ONE, roadbook_kernel::SendKey::from_u128(1));
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
    assert_eq!(due(DueKind::Actor, at(49)).await, []);
    assert_eq!(due(DueKind::Actor, at(50)).await, [(50, actor.clone())], "due at its instant");
    assert_eq!(due(DueKind::Send, at(99)).await, [(40, send.clone())], "kinds do not mix");
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

async fn lanes_have_room_of_their_own<S: Backend>(store: &S) {
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

async fn counters_add_up<S: Backend>(store: Arc<S>) {
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
        item.as_ref().map(amount)
    };
    assert_eq!(total(ONE).await, Some((0..160).sum()));
    assert_eq!(total(TWO).await, Some(-160));
    let twice = Commit { adds: vec![(key.clone(), 5), (key.clone(), 6)], ..Commit::default() };
    store.commit(twice).await.expect("one counter twice in a commit");
    assert_eq!(total(ONE).await, Some((0..160).sum::<i64>() + 11));
    let found = store.scan(Space::Counter, ONE, b"mem", None, 10).await.expect("a scan");
    assert_eq!(found.iter().map(|(_, item)| amount(item)).collect::<Vec<_>>(), [(0..160).sum::<i64>() + 11]);
}

async fn the_log_keeps_the_order_of_commits<S: Backend>(store: &S) {
    assert!(store.read(0, 10).await.expect("a read").is_empty());
    for n in 0..6 {
        let (one, two) = (customer(ONE, 6 - n), customer(TWO, n));
        let version = u64::try_from(n).unwrap_or(0) + 1;
        let turns = vec![turn(one, version, &format!("one {n}")), turn(two, version, &format!("two {n}"))];
        store.commit(Commit { turns, ..Commit::default() }).await.expect("a commit");
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

async fn truncating_forgets_the_log_and_not_history<S: Backend>(store: &S) {
    let actor = customer(ONE, 1);
    for version in 1..=4 {
        let turns = vec![turn(actor, version, "t")];
        store.commit(Commit { turns, ..Commit::default() }).await.expect("a commit");
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
    store.commit(Commit { turns: vec![turn(actor, 5, "t")], ..Commit::default() }).await.expect("a commit");
    let next = store.read(all[3].sequence, 10).await.expect("a read");
    assert!(next.len() == 1 && next[0].sequence > all[3].sequence, "sequences never restart");
}

/// Searches run all the time; an entry must be found by the first that begins after its commit was answered.
async fn no_search_passes_an_entry_by<S: Backend>(store: Arc<S>) {
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

/// Many commits to one item, sent at once in their order: a store that writes them as one group must end as if each
/// had been written alone.
async fn commits_of_one_moment_follow_each_other<S: Backend>(store: Arc<S>) {
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
        index: vec![TurnIndex { actor, version: version + 1, messages: vec![MessageId::from_u128(7)] }],
    });
    let results = futures_util::future::join_all(commits.map(|commit| store.commit(commit))).await;
    // A store may take them in another order; then conditions fail, and nothing of the failed ones may show.
    let applied = results.iter().filter(|result| result.is_ok()).count() as u64;
    assert!(results.iter().all(|result| !matches!(result, Err(CommitError::Fault(_)))), "no fault");
    assert_eq!(store.load(&key).await.expect("a read"), Some(item(applied, &format!("v{applied}"))));
    let due = store.due(DueKind::Actor, Moment::MAX, 10).await.expect("the index");
    assert_eq!(due.iter().map(|entry| Some(entry.due)).collect::<Vec<_>>(), [at(applied)], "one place in the index");
    let log = store.read(0, 1_000).await.expect("the log");
    let versions: Vec<_> = log.iter().map(|one| one.turn.version).collect();
    assert_eq!(versions, (1..=applied).collect::<Vec<_>>());
    let counter = store.load(&ItemKey::counter(ONE, "n")).await.expect("a read");
    assert_eq!(counter.as_ref().map(amount), i64::try_from(applied).ok());
    assert_eq!(store.find(&actor, MessageId::from_u128(7)).await.expect("a read"), Some(applied));
}

async fn waiting_ends_with_the_next_turn<S: Backend>(store: Arc<S>) {
    let commit = |n| Commit { turns: vec![turn(customer(ONE, 1), n, "t")], ..Commit::default() };
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

async fn history_reads_both_ways_and_finds_messages<S: Backend>(store: &S) {
    let (actor, other) = (customer(ONE, 5), customer(ONE, 6));
    for version in 1..=5 {
        let turns = vec![turn(actor, version, &format!("v{version}")), turn(other, version, "other")];
        store.commit(Commit { turns, ..Commit::default() }).await.expect("a commit");
    }
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

async fn large_bodies_come_back<S: Backend>(store: &S) {
    let body: Bytes =
        (0..1_048_576u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect::<Vec<_>>().into();
    let (key, actor) = (document(ONE, "large"), customer(ONE, 1));
    let commit = Commit {
        puts: vec![Put {
            key: key.clone(),
            expect: Expect::Absent,
            item: Some(Item { version: 1, body: body.clone() }),
        }],
        turns: vec![Turn { actor, version: 1, record: body.clone() }],
        ..Commit::default()
    };
    store.commit(commit).await.expect("a large commit");
    assert!(store.load(&key).await.expect("a read").is_some_and(|item| item.body == body));
    assert!(store.read(0, 1).await.expect("a read").first().is_some_and(|one| one.turn.record == body));
    assert!(store.turns(&actor, 0, 1).await.expect("a read").first().is_some_and(|one| one.record == body));
}

async fn one_of_many_racing_commits_wins<S: Backend>(store: Arc<S>) {
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

async fn many_commits_at_once_are_all_there<S: Backend>(store: Arc<S>) {
    const TASKS: u128 = 200;
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let actor = customer(ONE, n);
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
    let rows = store.scan(Space::Actor, ONE, b"", None, 1_000).await.expect("a scan");
    assert!(rows.len() == 200 && rows.iter().all(|(_, item)| item.version == 3));
    let log = store.read(0, 10_000).await.expect("the log");
    assert_eq!(log.len(), 600);
    let mut newest = std::collections::BTreeMap::new();
    for one in log {
        let known = newest.insert(one.turn.actor, one.turn.version).unwrap_or(0);
        assert_eq!(one.turn.version, known + 1, "each actor's turns stand in their order");
    }
}
