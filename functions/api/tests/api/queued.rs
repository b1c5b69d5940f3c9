//! Ingestion where a queue takes the events: the answer says accepted, and a failure is safe to repeat whole.

use crate::rig::{Rig, START, track};
use async_trait::async_trait;
use roadbook_app::{App, Config};
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{DueEntry, Fault, Parcel, Poke, Queue, QueueName};
use roadbook_runtime::{Accepted, Envelope, MemoryQueue};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// A queue that refuses some groups: those that hold more than so many events.
struct Narrow {
    inner: MemoryQueue,
    events_max: Mutex<usize>,
}

#[async_trait]
impl Queue for Narrow {
    async fn accept(&self, parcels: Vec<Parcel>) -> Vec<Result<(), Fault>> {
        let max = *self.events_max.lock().unwrap();
        let mut results = Vec::new();
        for parcel in parcels {
            let is_taken = parcel.events.len() <= max;
            results.push(if is_taken { Ok(()) } else { Err(Fault::Store("planted".into())) });
            if is_taken {
                self.inner.accept(vec![parcel]).await;
            }
        }
        results
    }

    async fn poke(&self, pokes: &[Poke], now: Moment) -> Result<usize, Fault> {
        self.inner.poke(pokes, now).await
    }

    async fn hint(&self, due: &[DueEntry]) -> Result<(), Fault> {
        self.inner.hint(due).await
    }

    async fn waiting(&self, queue: QueueName) -> Result<u64, Fault> {
        self.inner.waiting(queue).await
    }
}

async fn queueing(events_max: usize) -> (Rig, Arc<Narrow>) {
    let rig = Rig::new().await;
    let inner = MemoryQueue::new(rig.clock.clone(), 60_000);
    let queue = Arc::new(Narrow { inner, events_max: Mutex::new(events_max) });
    let app = App::new(rig.app.engine.clone(), rig.app.router.clone(), Config::default()).queueing(queue.clone());
    let app = Arc::new(app);
    (Rig { router: roadbook_api::router(app.clone()), app, ..rig }, queue)
}

/// What waits in the inbox, taken out.
fn waiting(queue: &Narrow) -> Vec<Vec<Accepted>> {
    let mut all = Vec::new();
    for one in queue.inner.receive(QueueName::Inbox) {
        let Ok(Envelope::Events { events, .. }) = Envelope::read(&one.body) else { panic!("{one:?}") };
        queue.inner.delete(QueueName::Inbox, &one.id);
        all.push(events);
    }
    all
}

async fn seen(rig: &Rig) -> Vec<Value> {
    rig.get("/v1/events/debug").await.ok()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_accepted_waits_and_is_applied_by_whoever_receives_it() {
    let (rig, queue) = queueing(10).await;
    let bad = json!({ "type": "track", "userId": "u-1", "messageId": "m-4" });
    let events = [track("u-1", "Opened", "m-1"), track("u-2", "Opened", "m-2"), track("u-1", "Called", "m-3"), bad];
    rig.taken(json!(events)).await;
    rig.lookup("userId:u-1").await.is_problem(404, "not_found");
    let outcomes: Vec<Value> = seen(&rig).await.iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes, ["queued", "queued", "queued", "refused"], "and the bad one is a dead letter at once");
    assert_eq!(rig.letters().await.len(), 1);
    let parcels = waiting(&queue);
    let names = |events: &Vec<Accepted>| events.iter().map(|one| one.observation.name.clone()).collect::<Vec<_>>();
    assert_eq!(parcels.iter().map(names).collect::<Vec<_>>(), [vec!["Opened", "Called"], vec!["Opened"]]);
    assert!(parcels.iter().flatten().all(|event| event.accepted == START), "stamped when it was accepted");
    for events in parcels {
        rig.app.router.observe(rig.mine.id, events).await;
    }
    assert_eq!(rig.get(&format!("/v1/profiles/{}", rig.profile_id("userId:u-1").await)).await.ok()["events"], 2);
}

#[tokio::test]
async fn a_part_that_fails_fails_the_request_and_the_whole_may_be_repeated() {
    let (rig, queue) = queueing(1).await;
    let events = json!([track("u-1", "Opened", "m-1"), track("u-2", "Opened", "m-2"), track("u-1", "Called", "m-3")]);
    rig.batch(events.clone()).await.is_problem(503, "store_unavailable");
    let outcomes: BTreeSet<String> =
        seen(&rig).await.iter().map(|event| event["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, BTreeSet::from(["failed".into(), "queued".into()]));
    *queue.events_max.lock().unwrap() = 2;
    rig.taken(events).await;
    for events in waiting(&queue) {
        rig.app.router.observe(rig.mine.id, events).await;
    }
    for (user, count) in [("u-1", 2), ("u-2", 1)] {
        let profile = rig.profile_id(&format!("userId:{user}")).await;
        assert_eq!(rig.get(&format!("/v1/profiles/{profile}")).await.ok()["events"], count, "{user}: none twice");
    }
}

#[tokio::test]
async fn strict_mode_says_what_cannot_be_read_and_then_nothing_waits() {
    let (rig, queue) = queueing(10).await;
    let bad = json!({ "type": "track", "userId": "u-1", "messageId": "m-4" });
    let strict = |events: Value| json!({ "batch": events }).to_string();
    let headers = [("x-strict-mode", "1")];
    let mixed = strict(json!([track("u-1", "Opened", "m-1"), bad]));
    rig.ingest("/v1/batch", mixed, &headers).await.is_problem(400, "events_rejected");
    assert!(waiting(&queue).is_empty());
    rig.ingest("/v1/batch", strict(json!([track("u-1", "Opened", "m-1")])), &headers).await.ok();
    assert_eq!(waiting(&queue).len(), 1);
}
