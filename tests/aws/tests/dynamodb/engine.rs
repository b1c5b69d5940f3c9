//! Real customers over DynamoDB.

use crate::emulator::{Emulator, Place};
use async_trait::async_trait;
use roadbook_it::canon;
use roadbook_it::carrying::counters;
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, device, email, user};
use roadbook_kernel::{HOUR_MS, MINUTE_MS};
use roadbook_runtime::ports::{Committed, DueKind, Fault, Journal, Store, Turn};
use roadbook_runtime::relay::carry;
use roadbook_runtime::{Memory, Outcome, Streamed};
use serde_json::{Value, json};
use std::sync::Arc;

/// Its turns come by the stream, so its log is empty.
#[async_trait]
impl Journal for Place {
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
        Streamed.read(after, limit).await
    }

    async fn truncate(&self, upto: u64) -> Result<(), Fault> {
        Streamed.truncate(upto).await
    }

    fn last(&self) -> u64 {
        Streamed.last()
    }

    async fn wait(&self, after: u64) {
        Streamed.wait(after).await;
    }
}

/// A visitor becomes known, two meet and are merged, a wait ends.
async fn live<S: roadbook_it::Backend>(rig: &Rig<S>) -> Vec<Outcome> {
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

async fn customers<S: roadbook_it::Backend>(rig: &Rig<S>) -> Vec<Value> {
    rig.live().await.iter().map(canon::customer).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_on_dynamodb_are_those_of_the_memory_store() {
    let Some(emulator) = Emulator::find("customers_on_dynamodb_are_those_of_the_memory_store") else { return };
    let memory = Rig::over(Arc::new(Memory::new()));
    let expected = live(&memory).await;
    memory.relay().await;

    let place = Arc::new(emulator.place().await);
    let rig = Rig::over(place.clone());
    assert_eq!(live(&rig).await, expected, "the same outcomes");
    assert_eq!(customers(&rig).await, customers(&memory).await, "the same customers");

    let turns: Vec<Turn> = place.turns().await;
    assert!(turns.len() >= 10);
    for piece in turns.chunks(4) {
        for _ in 0..2 {
            carry(&rig.engine, &place.dynamo, piece.to_vec()).await.expect("carried");
        }
    }
    assert_eq!(counters(&place.dynamo).await, counters(memory.store.as_ref()).await);
    let due = async |store: &dyn Store| {
        store.due(DueKind::Send, roadbook_kernel::Moment::MAX, 100).await.expect("the index").len()
    };
    assert_eq!(due(&place.dynamo).await, due(memory.store.as_ref()).await);
    for actor in turns.iter().map(|turn| turn.actor) {
        let (here, there) = (&rig.engine.history, &memory.engine.history);
        assert_eq!(here.turns(&actor, 0, 100).await, there.turns(&actor, 0, 100).await, "the same past");
    }
}
