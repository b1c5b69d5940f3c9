//! The suite of every store.

use crate::emulator::Emulator;
use crate::network::{Fate, Network};
use roadbook_it::conformance;
use roadbook_it::faulty::{Faulty, Trouble};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dynamodb_conforms() {
    let Some(emulator) = Emulator::find("dynamodb_conforms") else { return };
    let make = async || {
        let place = emulator.place().await;
        (place.dynamo.clone(), place)
    };
    conformance::run_store(make, async |place| place.settle().await).await;
}

/// And behind the wrapper that other stores stand behind, which without trouble must change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dynamodb_conforms_while_every_third_write_is_turned_away() {
    let Some(emulator) = Emulator::find("dynamodb_conforms_while_every_third_write_is_turned_away") else { return };
    let make = async || {
        let network = Network::new();
        network.expect(&[Fate::Works, Fate::Throttled, Fate::Works].repeat(500));
        let place = emulator.place_over(Some(network.client())).await;
        (Arc::new(Faulty::new(place.dynamo.clone(), Trouble::None)), place)
    };
    conformance::run_store(make, async |place| place.settle().await).await;
}
