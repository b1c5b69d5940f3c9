//! What a turn intends outlives the stream: it stays on the row until the relay has carried it.

use crate::emulator::{Emulator, Place};
use crate::network::Network;
use roadbook_it::carrying::{busy_day, counters, engine};
use roadbook_it::rig::TENANT;
use roadbook_kernel::{ActorKey, CustomerId};
use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put, Store, Turn};
use roadbook_runtime::relay::carry;
use std::collections::BTreeMap;

/// A customer by number.
pub fn actor(n: u128) -> ActorKey {
    ActorKey::customer(TENANT, CustomerId::from_u128(n))
}

/// Bytes that cannot be packed.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut noise = seed;
    let mut next = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

/// A turn with a row of so many bytes.
pub fn commit(turn: Turn, row_bytes: usize) -> Commit {
    let expect = if turn.version == 1 { Expect::Absent } else { Expect::Version(turn.version - 1) };
    let item = Some(Item { version: turn.version, body: noise(1, row_bytes).into() });
    let put = Put { key: ItemKey::actor(&turn.actor), expect, item };
    Commit { puts: vec![put], turns: vec![turn], ..Commit::default() }
}

/// A turn with a record of so many bytes.
pub fn turn(of: u128, version: u64, record_bytes: usize) -> Turn {
    Turn { actor: actor(of), version, record: noise(version, record_bytes).into() }
}

/// What the repair scan finds.
pub async fn outstanding(place: &Place) -> Vec<Turn> {
    let (mut all, mut after) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let (turns, next) = place.dynamo.outstanding(TENANT, after.as_deref(), 2).await.expect("the repair scan");
        all.extend(turns);
        match next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test]
async fn no_record_leaves_its_row_before_it_was_carried() {
    let Some(emulator) = Emulator::find("no_record_leaves_its_row_before_it_was_carried") else { return };
    let place = emulator.place().await;
    let mut expected = Vec::new();
    for of in [5, 6, 7] {
        for version in 1..=12 {
            let turn = turn(of, version, 130);
            place.dynamo.commit(commit(turn.clone(), 450)).await.expect("a turn");
            expected.push(turn);
        }
    }
    assert_eq!(outstanding(&place).await, expected, "all of them, in order");
    // Another process knows nothing of what this one has seen.
    let cold = roadbook_aws::Dynamo::new(&emulator.client(None).await, &place.prefix);
    cold.commit(commit(turn(5, 13, 130), 450)).await.expect("a turn");
    assert_eq!(outstanding(&place).await.len(), expected.len() + 1);
    place.settle().await;
    assert_eq!(outstanding(&place).await, []);
}

#[tokio::test]
async fn while_the_relay_keeps_up_nothing_is_paid_for_what_is_kept() {
    let Some(emulator) = Emulator::find("while_the_relay_keeps_up_nothing_is_paid_for_what_is_kept") else { return };
    let network = Network::new();
    let place = emulator.place_over(Some(network.client())).await;
    network.expect(&[]);
    for version in 1..=12 {
        place.dynamo.load(&ItemKey::actor(&actor(5))).await.expect("a read");
        place.dynamo.commit(commit(turn(5, version, 130), 450)).await.expect("a turn");
        place.settle().await;
    }
    let reads: Vec<String> = network.reads().into_iter().map(|(operation, _)| operation).collect();
    let of = |operation: &str| reads.iter().filter(|read| *read == operation).count();
    assert_eq!(of("GetItem") + of("BatchGetItem"), 12, "the read before a turn is the only one");
    assert!((1..=5).contains(&of("BatchGetItem")), "it asks every few turns, in the same request: {reads:?}");
    assert_eq!(of("Query"), 0);
    let image = place.row(&actor(5)).await;
    let sizes: BTreeMap<&str, usize> = image.iter().map(|(name, bytes)| (name.as_str(), name.len() + bytes)).collect();
    assert!(sizes.values().sum::<usize>() <= 1_024, "one write unit: {sizes:?}");
}

/// The stream is gone; what it would have brought is found on the rows, and counts once.
#[tokio::test]
async fn the_repair_scan_replaces_a_stream_that_forgot() {
    let Some(emulator) = Emulator::find("the_repair_scan_replaces_a_stream_that_forgot") else { return };
    let day = busy_day().await;
    let place = emulator.place().await;
    for turn in day.turns.iter().filter(|turn| turn.actor.as_customer().is_some()) {
        place.dynamo.commit(commit(turn.clone(), 450)).await.expect("a turn");
    }
    let engine = engine(&place.dynamo);
    for _ in 0..2 {
        let turns = outstanding(&place).await;
        carry(&engine, place.dynamo.as_ref(), turns).await.expect("carried");
    }
    assert_eq!(outstanding(&place).await, []);
    assert_eq!(counters(place.dynamo.as_ref()).await, counters(day.expected.as_ref()).await);
    // The stream was only late: what it brings now counts nothing.
    carry(&engine, place.dynamo.as_ref(), place.turns().await).await.expect("carried");
    assert_eq!(counters(place.dynamo.as_ref()).await, counters(day.expected.as_ref()).await);
}
