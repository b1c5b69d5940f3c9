//! A write is applied once, and told truly, whatever the network does.

use crate::emulator::{Emulator, Place};
use crate::network::Fate::{Breaks, LosesAnswer, LosesRequest, Throttled};
use crate::network::{Fate, Network};
use bytes::Bytes;
use roadbook_it::carrying::{Stumbling, counters, nothing_is_carried_twice};
use roadbook_it::rig::TENANT;
use roadbook_kernel::{ActorKey, CustomerId, MessageId};
use roadbook_runtime::ports::{
    Carried, Commit, CommitError, DueKind, Expect, Fault, History, Item, ItemKey, Ledger, Put, Space, Store, Turn,
};

async fn place(test: &str) -> Option<(Network, Place)> {
    let emulator = Emulator::find(test)?;
    let network = Network::new();
    let place = emulator.place_over(Some(network.client())).await;
    Some((network, place))
}

fn put(name: &str, expect: Expect, version: u64) -> Put {
    let item = Some(Item { version, body: Bytes::from_static(b"body") });
    Put { key: ItemKey::document(TENANT, name), expect, item }
}

fn puts(puts: Vec<Put>) -> Commit {
    Commit { puts, ..Commit::default() }
}

fn turn(version: u64) -> Turn {
    let actor = ActorKey::customer(TENANT, CustomerId::from_u128(5));
    Turn { actor, version, record: Bytes::from(format!("turn {version}")) }
}

/// The turn of an actor, as one row.
fn row(version: u64) -> Commit {
    let turn = turn(version);
    let expect = if version == 1 { Expect::Absent } else { Expect::Version(version - 1) };
    let item = Some(Item { version, body: Bytes::from_static(b"row") });
    Commit {
        puts: vec![Put { key: ItemKey::actor(&turn.actor), expect, item }],
        turns: vec![turn],
        ..Commit::default()
    }
}

#[tokio::test]
async fn a_turn_is_one_request() {
    let Some((network, place)) = place("a_turn_is_one_request").await else { return };
    network.expect(&[]);
    place.dynamo.commit(row(1)).await.expect("a commit");
    assert_eq!(network.writes(), ["UpdateItem"]);
    let Err(CommitError::Conflict { current, .. }) = place.dynamo.commit(row(1)).await else { panic!("a conflict") };
    assert_eq!(current.map(|item| item.version), Some(1), "what is there comes with the refusal");
    assert_eq!(network.writes(), ["UpdateItem", "UpdateItem"]);
}

/// The emulator always answers with the latest; DynamoDB only where it is asked to.
#[tokio::test]
async fn what_decides_is_read_at_its_latest() {
    let Some((network, place)) = place("what_decides_is_read_at_its_latest").await else { return };
    let actor = turn(1).actor;
    network.expect(&[]);
    place.dynamo.load(&ItemKey::actor(&actor)).await.expect("a read");
    place.dynamo.scan(Space::Document, TENANT, b"", None, 9).await.expect("a scan");
    place.dynamo.find(&actor, MessageId::from_u128(1)).await.expect("a search");
    place.dynamo.turns(&actor, 0, 9).await.expect("history");
    let latest = |operation: &str| (operation.to_owned(), true);
    assert_eq!(network.reads(), [latest("GetItem"), latest("Query"), latest("Query"), latest("Query")]);
    network.expect(&[]);
    place.dynamo.due_page(DueKind::Actor, 0, None, 9).await.expect("the index");
    assert!(network.reads().iter().all(|(_, latest)| !latest), "an index refuses to be asked for it");
}

#[tokio::test]
async fn a_row_is_written_once_whatever_is_lost() {
    let Some((network, place)) = place("a_row_is_written_once_whatever_is_lost").await else { return };
    let troubles: [&[Fate]; 7] = [
        &[Throttled, Throttled],
        &[LosesRequest],
        &[LosesAnswer],
        &[Breaks],
        &[LosesAnswer, LosesAnswer, Throttled],
        &[Throttled, LosesAnswer, LosesRequest],
        &[LosesRequest, Breaks],
    ];
    for (fates, version) in troubles.iter().zip(1..) {
        network.expect(fates);
        place.dynamo.commit(row(version)).await.unwrap_or_else(|error| panic!("{fates:?}: {error}"));
        assert_eq!(network.writes().len(), fates.len() + 1, "{fates:?}");
    }
    let stored = place.dynamo.load(&row(1).puts[0].key).await.expect("a read").expect("a row");
    assert_eq!(stored.version, 7);
    let versions: Vec<u64> = place.turns().await.into_iter().map(|turn| turn.version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7], "the stream brings every turn once");
}

/// The first try was applied, and before the second somebody else went on: that is a lost race, not a success.
#[tokio::test]
async fn somebody_elses_write_is_never_taken_for_ones_own() {
    let Some((network, place)) = place("somebody_elses_write_is_never_taken_for_ones_own").await else { return };
    network.expect(&[]);
    place.dynamo.commit(row(1)).await.expect("a commit");
    network.expect(&[LosesRequest]);
    // The same bytes at the same version, by another writer.
    let lost = place.dynamo.commit(row(1)).await;
    assert!(matches!(lost, Err(CommitError::Conflict { ref current, .. }) if current.is_some()), "{lost:?}");
}

#[tokio::test]
async fn a_transaction_is_written_once_whatever_is_lost() {
    let Some((network, place)) = place("a_transaction_is_written_once_whatever_is_lost").await else { return };
    let troubles: [&[Fate]; 5] = [&[Throttled], &[LosesRequest], &[LosesAnswer], &[Breaks, LosesAnswer], &[]];
    for (fates, version) in troubles.iter().zip(1..) {
        network.expect(fates);
        let (expect, adds) = (Expect::Anything, vec![(ItemKey::counter(TENANT, "n"), 1)]);
        let commit = Commit { adds, ..puts(vec![put("a", expect, version), put("b", expect, version)]) };
        place.dynamo.commit(commit).await.unwrap_or_else(|error| panic!("{fates:?}: {error}"));
    }
    // The very same commit once more is not a repetition: it counts.
    let again = Commit { adds: vec![(ItemKey::counter(TENANT, "n"), 1)], ..puts(vec![put("a", Expect::Anything, 5)]) };
    for _ in 0..2 {
        place.dynamo.commit(again.clone()).await.expect("a commit");
    }
    assert_eq!(counters(place.dynamo.as_ref()).await, [(b"n".to_vec(), 7)]);
}

/// Without a condition nobody could tell a second application from the first: whoever asked is told that nobody knows.
#[tokio::test]
async fn what_has_no_fence_is_not_tried_again_in_doubt() {
    let Some((network, place)) = place("what_has_no_fence_is_not_tried_again_in_doubt").await else { return };
    let add = || Commit { adds: vec![(ItemKey::counter(TENANT, "n"), 1)], ..Commit::default() };
    let remove = Put { item: None, ..put("a", Expect::Anything, 0) };
    for commit in [add(), puts(vec![put("a", Expect::Anything, 1)]), puts(vec![remove])] {
        network.expect(&[LosesAnswer]);
        let told = place.dynamo.commit(commit).await;
        assert!(matches!(told, Err(CommitError::Fault(Fault::Store(_)))), "{told:?}");
        assert_eq!(network.writes().len(), 1);
    }
    assert_eq!(counters(place.dynamo.as_ref()).await, [(b"n".to_vec(), 1)]);
    network.expect(&[Throttled]);
    place.dynamo.commit(add()).await.expect("what was turned away was not applied");
    assert_eq!(counters(place.dynamo.as_ref()).await, [(b"n".to_vec(), 2)]);
}

#[tokio::test]
async fn throttling_without_end_is_overload() {
    let Some((network, place)) = place("throttling_without_end_is_overload").await else { return };
    network.expect(&[Throttled; 40]);
    let told = place.dynamo.commit(row(1)).await;
    assert_eq!(told, Err(CommitError::Fault(Fault::Overloaded)));
    assert_eq!(network.writes().len(), 10);
    assert_eq!(place.dynamo.load(&row(1).puts[0].key).await, Ok(None));
}

#[tokio::test]
async fn a_turn_is_noted_once_whatever_is_lost() {
    let Some((network, place)) = place("a_turn_is_noted_once_whatever_is_lost").await else { return };
    let works = Fate::Works;
    network.expect(&[LosesAnswer, works, Throttled, Breaks, works, LosesRequest, works].repeat(20));
    nothing_is_carried_twice(place.dynamo.clone(), place.dynamo.as_ref(), place.dynamo.as_ref()).await;
}

#[tokio::test]
async fn nor_where_the_ledger_fails_before_halfway_or_after() {
    let Some((_, place)) = place("nor_where_the_ledger_fails_before_halfway_or_after").await else { return };
    let stumbling = Stumbling::new(place.dynamo.as_ref());
    nothing_is_carried_twice(place.dynamo.clone(), &stumbling, place.dynamo.as_ref()).await;
}

/// More counters than a transaction takes: still counted once.
#[tokio::test]
async fn a_turn_with_hundreds_of_counters_is_noted_once() {
    let Some((network, place)) = place("a_turn_with_hundreds_of_counters_is_noted_once").await else { return };
    let adds: Vec<_> = (0..250).map(|n| (ItemKey::counter(TENANT, &format!("c{n:03}")), n)).collect();
    let carried = Carried { turn: turn(1), messages: vec![MessageId::from_u128(9)], adds };
    // The second of three transactions fails for good: the batch comes again.
    network.expect(&[Fate::Works, LosesRequest, LosesRequest]);
    for _ in 0..3 {
        place.dynamo.note(vec![carried.clone(), carried.clone()]).await.expect("noted");
    }
    let found = counters(place.dynamo.as_ref()).await;
    assert!(found.len() == 250 && found.iter().zip(0..).all(|((_, amount), n)| *amount == n), "{found:?}");
    assert_eq!(place.dynamo.find(&turn(1).actor, MessageId::from_u128(9)).await, Ok(Some(1)));
    assert_eq!(place.dynamo.turns(&turn(1).actor, 0, 10).await, Ok(vec![turn(1)]));
}
