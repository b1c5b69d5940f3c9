//! Real customers over DynamoDB.

use crate::emulator::{Emulator, Place};
use crate::network::{Fate, Network};
use crate::ports::over;
use async_trait::async_trait;
use roadbook_aws::Dynamo;
use roadbook_it::canon;
use roadbook_it::carrying::counters;
use roadbook_it::rig::{Carrier, Rig, T0};
use roadbook_it::say::{Say, device, email, user};
use roadbook_it::scenario::{limits, play, rehearse};
use roadbook_kernel::{ActorKey, HOUR_MS, MINUTE_MS};
use roadbook_runtime::engine::{Engine, Limits};
use roadbook_runtime::ports::{DueKind, Fault, Store, Turn};
use roadbook_runtime::relay::carry;
use roadbook_runtime::{Memory, Outcome};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Carries what the stream brings, every piece twice; what failed is brought again.
struct ByStream {
    place: Place,
    waiting: Mutex<Vec<Turn>>,
}

#[async_trait]
impl Carrier for ByStream {
    async fn carry(&self, engine: &Engine) -> Result<(), Fault> {
        let mut waiting = self.waiting.lock().await;
        waiting.extend(self.place.turns().await);
        while !waiting.is_empty() {
            let piece = waiting.len().min(7);
            for _ in 0..2 {
                carry(engine, self.place.dynamo.as_ref(), waiting[..piece].to_vec()).await?;
            }
            waiting.drain(..piece);
        }
        Ok(())
    }
}

/// Carries what the stream has brought so far, by an engine.
pub async fn carry_all(place: &Place, engine: &Engine) {
    carry(engine, place.dynamo.as_ref(), place.turns().await).await.expect("carried");
}

fn rig(place: Place, limits: Limits) -> Rig<Dynamo> {
    let mut rig = over(&place, limits);
    rig.carrier = Arc::new(ByStream { place, waiting: Mutex::default() });
    rig
}

/// Thirty turns of a tenant: merges, unmerges of them by limits, journeys, waits, sends, a sweep over the past.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_ends_as_on_one_machine() {
    let Some(emulator) = Emulator::find("the_script_ends_as_on_one_machine") else { return };
    let expected = rehearse().await.expect("the script").canonical;
    let found = play(&rig(emulator.place().await, limits())).await.expect("the script");
    assert!(found == expected, "{}", canon::difference(&expected, &found));
}

/// The same while every few writes something is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_so_it_does_over_a_network_that_loses_things() {
    let Some(emulator) = Emulator::find("and_so_it_does_over_a_network_that_loses_things") else { return };
    let expected = rehearse().await.expect("the script").canonical;
    let works = Fate::Works;
    for fates in [
        &[works, Fate::LosesAnswer][..],
        &[works, works, Fate::LosesRequest],
        &[Fate::Throttled, works, Fate::Breaks, works, Fate::LosesAnswer, Fate::LosesAnswer, works],
    ] {
        let network = Network::new();
        let place = emulator.place_over(Some(network.client())).await;
        network.expect(&fates.repeat(2_000));
        let found = play(&rig(place, limits())).await.unwrap_or_else(|error| panic!("{fates:?}: {error}"));
        assert!(found == expected, "{fates:?}\n{}", canon::difference(&expected, &found));
    }
}

/// A visitor becomes known, two meet and are merged, a wait ends.
async fn live<S: roadbook_it::Keeper>(rig: &Rig<S>) -> Vec<Outcome> {
    let looked = json!({"event": "model_viewed", "count": {"op": "gte", "value": 2}, "within_days": 14});
    let segment = rig.segment("looked twice", looked).await;
    let invitation = json!({
        "entry": {"segment": segment.to_string(), "edge": "enter"}, "reentry": "once", "start": "pause",
        "nodes": {
            "pause": {"type": "wait", "duration": "PT30M", "next": "invite"},
            "invite": {"type": "send", "channel": "recording", "purpose": "service",
                       "content": {"text": "come"}, "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("invitation", invitation).await;
    let mut outcomes = Vec::new();
    let at = |minute: i64| T0.plus_ms(minute * MINUTE_MS);
    for n in 0..4 {
        let who = [device(&n.to_string())];
        outcomes.extend(rig.observe(&[Say::track(format!("a{n}"), "model_viewed", &who).at(at(n))]).await);
    }
    let known = |n: i64, who: &str| Say::identify(format!("b{n}"), &[user(who), device(&n.to_string())]).at(at(10 + n));
    // One by one: whose events of one call come first depends on how long a port takes.
    outcomes.extend(rig.observe_each(&[known(0, "one"), known(1, "two"), known(2, "two")]).await);
    for n in 0..4 {
        let who = [device(&n.to_string())];
        outcomes.extend(rig.observe(&[Say::track(format!("c{n}"), "model_viewed", &who).at(at(20 + n))]).await);
    }
    let meet = |id: &str, who: &str| Say::identify(id, &[user(who), email("same")]).at(at(30));
    outcomes.extend(rig.observe(&[meet("d1", "one")]).await);
    outcomes.extend(rig.observe(&[meet("d2", "two")]).await);
    // A duplicate of everything.
    outcomes.extend(rig.observe_each(&[meet("d1", "one"), known(1, "two")]).await);
    rig.drain(T0.plus_ms(HOUR_MS)).await;
    outcomes
}

async fn customers<S: roadbook_it::Keeper>(rig: &Rig<S>) -> Vec<Value> {
    rig.live().await.iter().map(canon::customer).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_on_dynamodb_are_those_of_the_memory_store() {
    let Some(emulator) = Emulator::find("customers_on_dynamodb_are_those_of_the_memory_store") else { return };
    let memory = Rig::over(Arc::new(Memory::new()));
    let expected = live(&memory).await;
    memory.relay().await;

    let rig = rig(emulator.place().await, Limits::default());
    assert_eq!(live(&rig).await, expected, "the same outcomes");
    assert_eq!(customers(&rig).await, customers(&memory).await, "the same customers");

    rig.relay().await;
    assert_eq!(counters(rig.store.as_ref()).await, counters(memory.store.as_ref()).await);
    let due = async |store: &dyn Store| {
        store.due(DueKind::Send, roadbook_kernel::Moment::MAX, 100).await.expect("the index").len()
    };
    assert_eq!(due(rig.store.as_ref()).await, due(memory.store.as_ref()).await);
    for row in rig.rows().await {
        let actor = ActorKey::customer(rig.tenant, row.state.id);
        let past = rig.engine.history.turns(&actor, 0, 100).await.expect("history");
        assert_eq!(past.len() as u64, row.version, "every turn is in the past");
        assert_eq!(Ok(past), memory.engine.history.turns(&actor, 0, 100).await, "the same past");
    }
}
