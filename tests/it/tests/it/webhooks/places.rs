//! More due for one endpoint than it has places.

use super::*;
use roadbook_runtime::ports::{DueKind, Store};

struct Taking;

#[async_trait]
impl Hooks for Taking {
    async fn post(&self, _: HookCall<'_>) -> HookAnswer {
        HookAnswer::Status(200)
    }
}

/// Found by the simulator: those who had had a place were named again in every round, and took the places of those behind
/// them until the function's time was over.
#[tokio::test]
async fn what_a_batch_names_beyond_the_places_of_an_endpoint_gets_one_in_the_next_round() {
    let world = World::new().await;
    let id = world.endpoint(1, "http://127.0.0.1:1/", entered()).await;
    for n in 0..20 {
        world.visits(&format!("p{n}"), n + 1).await;
    }
    let announcer = Announcer::new(world.rig.engine.clone(), Arc::new(Taking));
    let mut left = world.rig.store.due(DueKind::Delivery, at(MINUTE_MS), 100).await.expect("the index");
    let mut rounds = Vec::new();
    while !left.is_empty() {
        let (work, rest) = announcer.take_these(left);
        assert!(!work.is_empty(), "{} wait for ever", rest.len());
        join_all(work).await;
        rounds.push(rest.len());
        left = rest;
    }
    assert_eq!(rounds, [12, 4, 0], "eight at once");
    assert!(world.deliveries(id).await.iter().all(|held| held.delivery.is_over()));
}
