//! Records that no row can keep lie beside it, until the relay has carried them.

use crate::emulator::{Emulator, Place};
use crate::network::Fate::{LosesAnswer, LosesRequest, Throttled};
use crate::network::Network;
use crate::outbox::{actor, commit, outstanding, turn};
use roadbook_runtime::ports::{Carried, CommitError, Fault, History, ItemKey, Ledger, Store, Turn};

async fn take(place: &Place, versions: std::ops::RangeInclusive<u64>, record: usize, row: usize) -> Vec<Turn> {
    let turns: Vec<Turn> = versions.map(|version| turn(5, version, record)).collect();
    for turn in &turns {
        place.dynamo.commit(commit(turn.clone(), row)).await.unwrap_or_else(|error| panic!("{turn:?}: {error}"));
    }
    turns
}

/// Items that were removed, by what the stream brings.
async fn removed(place: &Place) -> usize {
    place.records().await.iter().filter(|record| record.event_name == "REMOVE").count()
}

async fn note(place: &Place, turns: Vec<Turn>) {
    let carried = |turn| Carried { turn, messages: Vec::new(), adds: Vec::new() };
    place.dynamo.note(turns.into_iter().map(carried).collect()).await.expect("noted");
}

#[tokio::test]
async fn while_the_relay_stands_still_a_row_stays_small_and_nothing_is_lost() {
    let Some(emulator) = Emulator::find("while_the_relay_stands_still_a_row_stays_small") else { return };
    let place = emulator.place().await;
    let turns = take(&place, 1..=40, 300, 450).await;
    let row = place.row(&actor(5)).await;
    assert!(row.contains_key("sp") && row.values().sum::<usize>() < 3_600, "{row:?}");
    assert_eq!(outstanding(&place).await, turns, "all of them, in order");
    assert_eq!(place.dynamo.release(&actor(5)).await, Ok(0), "nothing goes before it was carried");

    // Another process, which knows nothing of what this one has seen, goes on.
    let cold = roadbook_aws::Dynamo::new(&emulator.client(None).await, &place.prefix);
    cold.commit(commit(turn(5, 41, 300), 450)).await.expect("a turn");
    assert_eq!(outstanding(&place).await.len(), 41);

    note(&place, outstanding(&place).await).await;
    assert_eq!(outstanding(&place).await, []);
    assert_eq!(removed(&place).await, 0);
    let released = place.dynamo.release(&actor(5)).await.expect("released");
    assert!(released > 0);
    assert_eq!((removed(&place).await, place.dynamo.release(&actor(5)).await), (released, Ok(0)));
    assert!(!place.row(&actor(5)).await.contains_key("sp"), "the row has forgotten them");
}

#[tokio::test]
async fn a_record_too_large_beside_its_state_is_carried_by_the_stream_and_by_the_repair_scan() {
    let Some(emulator) = Emulator::find("a_record_too_large_beside_its_state") else { return };
    let network = Network::new();
    let place = emulator.place_over(Some(network.client())).await;
    network.expect(&[]);
    let small = take(&place, 1..=1, 100, 250_000).await;
    // Whatever is lost on the way, it is written once.
    network.expect(&[Throttled, LosesRequest, LosesAnswer]);
    let large = take(&place, 2..=3, 250_000, 250_000).await;
    let after = take(&place, 4..=4, 100, 250_000).await;
    let all = [small, large, after].concat();
    assert_eq!(outstanding(&place).await, all, "the repair scan finds them");
    assert_eq!(place.turns().await, all, "the stream brings them, in order");
    note(&place, all.clone()).await;
    for turn in &all {
        assert_eq!(place.dynamo.turns(&turn.actor, turn.version - 1, 1).await, Ok(vec![turn.clone()]));
    }
    assert_eq!(place.dynamo.release(&actor(5)).await, Ok(2));
    // A stream that brings all of it again passes over what is gone, and what was released brings the last turn again.
    let mut again = Place::again(&emulator, &place).await.turns().await;
    again.dedup();
    assert_eq!(again, [all[0].clone(), all[3].clone()]);
}

#[tokio::test]
async fn what_fits_no_item_is_named_and_loses_nothing() {
    let Some(emulator) = Emulator::find("what_fits_no_item_is_named_and_loses_nothing") else { return };
    let place = emulator.place().await;
    let before = take(&place, 1..=1, 100, 450).await;
    let name = format!("{:?}", actor(5));
    for (record, row, told) in [(450_000, 450, "version 2"), (100, 450_000, "an item (")] {
        let refused = place.dynamo.commit(commit(turn(5, 2, record), row)).await;
        let Err(CommitError::Fault(Fault::Store(text))) = refused else { panic!("{refused:?}") };
        assert!(text.contains(told) && text.contains(&name) && text.contains("nothing was written"), "{text}");
    }
    let stored = place.dynamo.load(&ItemKey::actor(&actor(5))).await.expect("a read").expect("a row");
    assert_eq!((stored.version, outstanding(&place).await), (1, before));
    take(&place, 2..=2, 100, 450).await;
}

#[tokio::test]
async fn a_relay_that_stood_still_for_too_long_stops_the_actor_and_loses_nothing() {
    let Some(emulator) = Emulator::find("a_relay_that_stood_still_for_too_long") else { return };
    let place = emulator.place().await;
    let mut version = 0;
    let refused = loop {
        match place.dynamo.commit(commit(turn(5, version + 1, 2_500), 450)).await {
            Ok(()) => version += 1,
            Err(refused) => break refused,
        }
        assert!(version < 300, "it must end");
    };
    assert_eq!(refused, CommitError::Fault(Fault::Overloaded));
    assert!(version > 250, "{version}");
    let turns = outstanding(&place).await;
    assert!(turns.iter().map(|turn| turn.version).eq(1..=version), "{}", turns.len());
    note(&place, turns).await;
    place.dynamo.release(&actor(5)).await.expect("released");
    take(&place, version + 1..=version + 1, 2_500, 450).await;
    assert_eq!(outstanding(&place).await.len(), 1);
}
