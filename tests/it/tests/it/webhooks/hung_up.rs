//! A caller who goes away while one of the tenant's endpoints changes.

use super::*;
use futures_util::FutureExt;
use roadbook_it::faulty::Faulty;

/// Nobody says that the change was written: each turn looks into the store until it can no longer be, then not any more.
#[tokio::test]
async fn a_change_nobody_waited_for_costs_each_turn_a_look_for_a_minute() {
    let world = World::new().await;
    let id = world.endpoint(1, "http://127.0.0.1:1/", entered()).await;
    let store = Arc::new(Faulty::restless(world.rig.store.clone(), 5));
    let rig = world.rig.on(store.clone());
    let mut held = world.held(id).await;
    let before = store.calls();
    assert!(held.save(&rig.engine).now_or_never().is_none(), "the store takes its time");
    assert_eq!(store.calls(), before, "and nobody waits for it");
    let looks = async || {
        let before = store.calls();
        let known = rig.engine.subscriptions.of(&rig.engine, rig.tenant).await.expect("no fault");
        assert_eq!(known.endpoints, [(id, entered())]);
        store.calls() - before
    };
    assert_eq!((looks().await, looks().await), (1, 1));
    rig.wall.advance_to(at(2 * MINUTE_MS));
    assert_eq!((looks().await, looks().await), (1, 0), "what was not written by now never will be");
}
