//! A defect in a call.

use super::*;

/// Panics the first time it is called.
#[derive(Default)]
struct Stumbling(AtomicUsize);

#[async_trait]
impl Hooks for Stumbling {
    async fn post(&self, _: HookCall<'_>) -> HookAnswer {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "stumbled");
        HookAnswer::Status(200)
    }
}

#[tokio::test]
async fn a_panic_in_a_call_leaves_the_delivery_to_the_next_look() {
    let world = World::new().await;
    let id = world.endpoint(1, "http://127.0.0.1:1/", entered()).await;
    world.visits("al", 1).await;
    let stumbling = Arc::new(Stumbling::default());
    let announcer = Announcer::new(world.rig.engine.clone(), stumbling.clone());
    for work in announcer.take(256).await.expect("no fault").work {
        assert!(tokio::spawn(work).await.is_err(), "it panicked");
    }
    assert!(!world.deliveries(id).await[0].delivery.is_over());
    world.rig.at(at(2 + LEASE_MS));
    join_all(announcer.take(256).await.expect("no fault").work).await;
    assert_eq!(stumbling.0.load(Ordering::SeqCst), 2);
    assert!(world.deliveries(id).await[0].delivery.is_over());
}
