//! Webhooks from the fact to somebody else's server, over real HTTP, and what happens when that server does not answer.

mod described;
mod hung_up;
mod panics;
mod places;
mod receiver;

use async_trait::async_trait;
use futures_util::future::join_all;
use receiver::{Call, Receiver};
use roadbook_channels::Webhooks;
use roadbook_customer::{Command, ConsentWord, Effect, SendOutcome, SendReport, Topic, Topics};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, user};
use roadbook_kernel::{DAY_MS, EndpointId, HOUR_MS, MINUTE_MS, Moment, SECOND_MS};
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{History, HookAnswer, HookCall, Hooks};
use roadbook_runtime::record::Record;
use roadbook_runtime::webhooks::{
    self, Because, DeliveryState, Endpoint, HeldDelivery, HeldEndpoint, LEASE_MS, Signing, SigningSecret, Status,
};
use roadbook_send::Announcer;
use roadbook_tenancy::{Purpose, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const OTHER_SECRET: &str = "whsec_MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

struct World {
    rig: Rig<Memory>,
    announcer: Arc<Announcer>,
}

impl World {
    /// A tenant whose segment everybody enters who visits.
    async fn new() -> Self {
        let rig = Rig::memory();
        rig.segment("visitors", json!({"event": "visit", "count": {"op": "gte", "value": 1}})).await;
        let announcer = Announcer::new(rig.engine.clone(), Arc::new(Webhooks::new(true).expect("a client")));
        Self { rig, announcer }
    }

    async fn endpoint(&self, number: u128, url: &str, topics: Topics) -> EndpointId {
        let id = EndpointId::from_u128(number);
        let secrets = vec![Signing { secret: SigningSecret::new(SECRET.into()), until: None }];
        let (status, created_at, description) = (Status::Enabled, T0, String::new());
        let endpoint = Endpoint { id, url: url.into(), description, topics, status, secrets, created_at };
        let mut held = HeldEndpoint { tenant: self.rig.tenant, version: 0, endpoint };
        assert!(held.save(&self.rig.engine).await.expect("no fault"));
        id
    }

    async fn held(&self, id: EndpointId) -> HeldEndpoint {
        webhooks::endpoint(self.rig.store.as_ref(), self.rig.tenant, id).await.expect("no fault").expect("an endpoint")
    }

    async fn visits(&self, who: &str, ms: i64) {
        self.rig.observe(&[Say::track(format!("{who}{ms}"), "visit", &[user(who)]).at(at(ms))]).await;
        self.rig.relay().await;
    }

    /// Makes every call that is due now.
    async fn deliver(&self) {
        loop {
            let taken = self.announcer.take(256).await.expect("no fault");
            if taken.work.is_empty() {
                return;
            }
            join_all(taken.work).await;
        }
    }

    async fn deliveries(&self, id: EndpointId) -> Vec<HeldDelivery> {
        let all = webhooks::of_endpoint(&self.rig.engine, self.rig.tenant, id, None, 1_000).await.expect("no fault");
        all.into_iter().map(|(_, held)| held.expect("a delivery")).collect()
    }
}

fn entered() -> Topics {
    [Topic::SegmentEntered].into_iter().collect()
}

fn body(call: &Call) -> Value {
    serde_json::from_str(&call.body).expect("JSON")
}

#[tokio::test]
async fn every_topic_arrives_signed_as_a_cloud_event_without_anything_personal() {
    let world = World::new().await;
    let rig = &world.rig;
    let receiver = Receiver::start().await;
    rig.journey(
        "hello",
        json!({"entry": {"event": "visit"}, "reentry": "once", "start": "say", "nodes": {
            "say": {"type": "send", "channel": "recording", "purpose": "service", "content": {"text": "hi"}, "next": "over"},
            "over": {"type": "exit"}}}),
    )
    .await;
    rig.segment("once", json!({"not": {"event": "visit", "count": {"op": "gte", "value": 2}}})).await;
    world.endpoint(1, &format!("{}/hooks?token=planted", receiver.url), Topic::ALL.iter().copied().collect()).await;
    let say = |id: &str, name: &str, ms| {
        Say::track(id, name, &[user("al")]).at(at(ms)).set("phone", "13800000000").set("name", "Test Person")
    };
    rig.observe(&[say("m1", "visit", 1)]).await;
    rig.observe(&[say("m2", "visit", 2)]).await;
    rig.observe(&[say("m3", "lead_submitted", 3)]).await;
    rig.observe(&[Say::track("m4", "visit", &[user("bo")]).at(at(4))]).await;
    let word = ConsentWord::general(Purpose::Marketing, Verdict::Granted);
    rig.tell(&user("al"), "c1", Command::NoteConsent(word), at(5)).await;
    let send = rig.customer(&user("al")).await.sends[0].key;
    let report = SendReport { key: send, outcome: SendOutcome::Sent, at: at(6) };
    rig.tell(&user("al"), "r1", Command::ReportSend(report), at(6)).await;
    let other = rig.customer(&user("bo")).await.id;
    rig.tell(&user("al"), "g1", Command::MergeWith { other }, at(7)).await;
    let merged = rig.customer(&user("al")).await;
    let other = *merged.absorbed.keys().next().expect("merged");
    rig.tell(&user("al"), "u1", Command::Unmerge { other }, at(8)).await;
    rig.relay().await;
    world.deliver().await;

    let calls = receiver.calls();
    let types: BTreeSet<String> = calls.iter().map(|call| body(call)["type"].as_str().unwrap().to_owned()).collect();
    let expected: BTreeSet<String> = Topic::ALL.iter().map(|topic| topic.name().to_owned()).collect();
    assert_eq!(types, expected);
    let mut ids = BTreeSet::new();
    for call in &calls {
        described::holds(call);
        assert!(call.is_signed_with(SECRET) && !call.is_signed_with(OTHER_SECRET), "{call:?}");
        assert_eq!(
            (call.path.as_str(), call.content_type.as_str()),
            ("/hooks?token=planted", "application/cloudevents+json")
        );
        let event = body(call);
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["source"], format!("/tenants/{}", rig.tenant));
        assert!(event["id"].as_str().unwrap().starts_with("evt_") && call.id.starts_with("whm_"));
        assert!(event["subject"].as_str().unwrap().starts_with("cus_") && event["data"].is_object());
        assert!(event["time"].as_str().unwrap().starts_with("2025-03-01T00:00:00.00"));
        assert!(ids.insert(call.id.clone()), "each once");
        for planted in ["13800000000", "Test Person", "user-al"] {
            assert!(!call.body.contains(planted), "{}", call.body);
        }
    }
    let of = |topic: Topic| calls.iter().map(body).find(|event| event["type"] == topic.name()).expect("an event");
    let sent = of(Topic::MessageSent);
    assert_eq!((&sent["data"]["outcome"], &sent["data"]["send"]), (&json!("sent"), &json!(send)));
    assert_eq!(sent["data"]["channel"], "recording");
    assert_eq!(of(Topic::CustomerMerged)["data"]["merged"], json!(other));
    assert_eq!(of(Topic::ConsentChanged)["data"]["verdict"], "granted");
    assert_eq!(of(Topic::JourneyEnded)["data"]["how"], "completed");
}

#[tokio::test]
async fn what_nobody_asked_for_is_neither_intended_nor_delivered() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.endpoint(1, &receiver.url, [Topic::CustomerMerged].into_iter().collect()).await;
    world.visits("al", 1).await;
    world.deliver().await;
    assert_eq!(receiver.calls().len(), 0);
    let key = roadbook_kernel::ActorKey::customer(world.rig.tenant, world.rig.customer(&user("al")).await.id);
    for turn in world.rig.store.turns(&key, 0, 10).await.expect("no fault") {
        let front = Record::new(&turn.record).expect("a record").front::<Effect>().expect("a front");
        assert!(front.is_none_or(|front| front.effects.is_empty()), "no byte for what nobody hears");
    }
}

#[tokio::test]
async fn a_failed_call_is_made_again_later_with_the_same_id_and_body() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let id = world.endpoint(1, &receiver.url, entered()).await;
    receiver.answer([500, 302]);
    world.visits("al", 1).await;
    world.deliver().await;
    world.rig.at(at(4 * SECOND_MS));
    world.deliver().await;
    assert_eq!(receiver.calls().len(), 1, "not before five seconds");
    world.rig.at(at(6 * SECOND_MS));
    world.deliver().await;
    world.rig.at(at(6 * MINUTE_MS));
    world.deliver().await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    assert!(
        calls
            .iter()
            .all(|call| (&call.id, &call.body) == (&calls[0].id, &calls[0].body) && call.is_signed_with(SECRET))
    );
    assert!(calls.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp), "each attempt is signed at its time");
    assert!(matches!(world.deliveries(id).await[0].delivery.state, DeliveryState::Delivered { .. }));
    let health = webhooks::health(&world.rig.engine, world.rig.tenant, id).await.expect("no fault");
    let told: Vec<_> = health.attempts.iter().map(|one| (one.attempt, one.status, one.error.as_deref())).collect();
    assert_eq!(told, [(1, Some(500), Some("http_500")), (2, Some(302), Some("http_302")), (3, Some(200), None)]);
    assert_eq!(health.failing_since, None);

    world.rig.at(at(20 * DAY_MS));
    world.deliver().await;
    assert_eq!((receiver.calls().len(), world.deliveries(id).await.len()), (3, 0), "in the end it is forgotten");
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let id = world.endpoint(1, &receiver.url, entered()).await;
    let mut held = world.held(id).await;
    held.endpoint.rotate(SigningSecret::new(OTHER_SECRET.into()), at(0));
    assert!(held.save(&world.rig.engine).await.expect("no fault"));
    world.visits("al", 1).await;
    world.deliver().await;
    world.visits("bo", DAY_MS).await;
    world.deliver().await;
    let signed: Vec<_> =
        receiver.calls().iter().map(|call| (call.is_signed_with(SECRET), call.is_signed_with(OTHER_SECRET))).collect();
    assert_eq!(signed, [(true, true), (false, true)]);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_nothing_more() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let id = world.endpoint(1, &receiver.url, entered()).await;
    receiver.answer([410]);
    world.visits("al", 1).await;
    world.deliver().await;
    assert!(matches!(world.held(id).await.endpoint.status, Status::Disabled { because: Because::Gone, .. }));
    world.visits("bo", 2).await;
    world.deliver().await;
    assert_eq!(receiver.calls().len(), 1);
    let mut held = world.held(id).await;
    held.endpoint.status = Status::Enabled;
    held.save(&world.rig.engine).await.expect("no fault");
    world.visits("cy", 3).await;
    world.deliver().await;
    assert_eq!(receiver.calls().len(), 2, "what happened in between was not kept, what happens now is told");
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_given_up_and_says_why() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let id = world.endpoint(1, &receiver.url, entered()).await;
    receiver.answer([503; 64]);
    let mut days = 0;
    while world.held(id).await.endpoint.is_enabled() {
        world.visits(&format!("who{days}"), days * DAY_MS).await;
        world.deliver().await;
        days += 1;
        assert!(days < 10, "it is not given up");
    }
    assert_eq!(days, 7, "the first failure after five whole days");
    assert!(matches!(world.held(id).await.endpoint.status, Status::Disabled { because: Because::Failing, .. }));
    let before = receiver.calls().len();
    world.rig.at(at(40 * DAY_MS));
    world.deliver().await;
    assert_eq!(receiver.calls().len(), before, "what was still waiting is given up with it");
    assert!(world.deliveries(id).await.iter().all(|held| held.delivery.is_over()));
}

/// Never answers; counts who called.
#[derive(Default)]
struct Silent(AtomicUsize);

#[async_trait]
impl Hooks for Silent {
    async fn post(&self, _: HookCall<'_>) -> HookAnswer {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_process_that_dies_in_a_call_makes_it_again_under_the_same_id() {
    for recovers in [true, false] {
        let world = World::new().await;
        let receiver = Receiver::start().await;
        let id = world.endpoint(1, &receiver.url, entered()).await;
        world.visits("al", 1).await;
        let silent = Arc::new(Silent::default());
        let dying = Announcer::new(world.rig.engine.clone(), silent.clone());
        let work = dying.take(256).await.expect("no fault").work;
        assert!(futures_util::poll!(join_all(work)).is_pending(), "in the middle of the call");
        assert_eq!(silent.0.load(Ordering::SeqCst), 1);
        let expected = world.deliveries(id).await[0].delivery.id.to_string();

        world.deliver().await;
        assert_eq!(receiver.calls().len(), 0, "it may still be under way");
        if recovers {
            world.announcer.recover(256).await.expect("no fault");
        } else {
            world.rig.at(at(1 + LEASE_MS));
        }
        world.deliver().await;
        let ids: Vec<String> = receiver.calls().into_iter().map(|call| call.id).collect();
        assert_eq!(ids, [expected]);
    }
}

/// One endpoint never answers, the others always take it.
struct Partly {
    silent: EndpointId,
    heard: AtomicUsize,
}

#[async_trait]
impl Hooks for Partly {
    async fn post(&self, call: HookCall<'_>) -> HookAnswer {
        if call.delivery.endpoint == self.silent {
            std::future::pending::<()>().await;
        }
        self.heard.fetch_add(1, Ordering::SeqCst);
        HookAnswer::Status(200)
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_holds_up_nobody() {
    const PEOPLE: usize = 300;
    let world = World::new().await;
    // The silent one sorts first in the queue, and has more in it than one look at the queue sees.
    let silent = world.endpoint(1, "http://127.0.0.1:1/", entered()).await;
    world.endpoint(2, "http://127.0.0.1:2/", entered()).await;
    let says: Vec<Say> =
        (0..PEOPLE).map(|n| Say::track(format!("m{n}"), "visit", &[user(&n.to_string())]).at(at(1))).collect();
    world.rig.observe(&says).await;
    world.rig.relay().await;
    let partly = Arc::new(Partly { silent, heard: AtomicUsize::new(0) });
    let announcer = Announcer::new(world.rig.engine.clone(), partly.clone());
    let mut looks = 0;
    while partly.heard.load(Ordering::SeqCst) < PEOPLE {
        for work in announcer.take(64).await.expect("no fault").work {
            tokio::spawn(work);
        }
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
        looks += 1;
        world.rig.at(at(1 + looks * 20));
        assert!(looks < 1_000, "{} of {PEOPLE} heard", partly.heard.load(Ordering::SeqCst));
    }
}

#[tokio::test]
async fn what_was_delivered_and_what_failed_is_sent_again_on_request() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let id = world.endpoint(1, &receiver.url, entered()).await;
    receiver.answer([200, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500]);
    world.visits("al", 1).await;
    world.deliver().await;
    world.visits("bo", 2).await;
    for hours in 0..90 {
        world.rig.at(at(2 + hours * HOUR_MS));
        world.deliver().await;
    }
    let calls = receiver.calls().len();
    assert_eq!(calls, 11, "one was taken at once, one failed ten times in three days");
    let now = world.rig.engine.clock.now();
    for mut held in world.deliveries(id).await {
        assert!(held.delivery.is_over());
        assert!(held.replay(&world.rig.engine, now).await.expect("no fault"));
    }
    world.deliver().await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 13);
    let first: BTreeSet<&str> = calls[..2].iter().map(|call| call.id.as_str()).collect();
    assert_eq!(calls[11..].iter().map(|call| call.id.as_str()).collect::<BTreeSet<_>>(), first, "under their own ids");
}
