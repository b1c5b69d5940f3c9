//! Which messages come again, and what the others did.

use async_trait::async_trait;
use roadbook_customer::Command;
use roadbook_inbox::{Incoming, Worker};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, user};
use roadbook_kernel::{ActorKey, CustomerId};
use roadbook_runtime::ports::{Fault, Poke, Queue, QueueName};
use roadbook_runtime::{Deliver, Direct, Envelope, Memory, MemoryQueue, Message, Outcome, Router};
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Deliveries of which some fail.
struct Sick {
    direct: Direct,
    sick: Mutex<HashSet<CustomerId>>,
    pokes: AtomicU64,
}

impl Sick {
    fn fault(&self, key: ActorKey) -> Result<(), Fault> {
        let is_sick = key.as_customer().is_some_and(|id| self.sick.lock().unwrap().contains(&id));
        if is_sick { Err(Fault::Store("planted".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Deliver for Sick {
    async fn customer(&self, key: ActorKey, messages: Vec<Message<Command>>) -> Result<Vec<Outcome>, Fault> {
        self.fault(key)?;
        self.direct.customer(key, messages).await
    }

    async fn catalog(&self, key: ActorKey, message: Message<roadbook_catalog::Command>) -> Result<Outcome, Fault> {
        self.direct.catalog(key, message).await
    }

    async fn poke(&self, key: ActorKey) -> Result<(), Fault> {
        self.pokes.fetch_add(1, Ordering::SeqCst);
        self.fault(key)?;
        self.direct.poke(key).await
    }
}

struct Bench {
    rig: Rig<Memory>,
    sick: Arc<Sick>,
    queue: Arc<MemoryQueue>,
    worker: Worker,
}

impl Bench {
    fn new() -> Self {
        let rig = Rig::memory();
        let direct = Direct(rig.engine.clone());
        let sick = Arc::new(Sick { direct, sick: Mutex::default(), pokes: AtomicU64::new(0) });
        let queue = Arc::new(MemoryQueue::new(rig.clock.clone(), 60_000));
        let worker = Worker::new(Arc::new(Router::new(rig.engine.clone(), sick.clone())), queue.clone());
        Self { rig, sick, queue, worker }
    }

    /// A message of the inbox that holds these events.
    fn message(&self, id: &str, group: &str, says: &[Say]) -> Incoming {
        let keys = self.rig.keys();
        let events = says.iter().enumerate().map(|(place, say)| say.accept(&keys, place)).collect();
        let envelope = Envelope::Events { tenant: self.rig.tenant, events };
        Incoming { id: id.into(), group: Some(group.into()), body: envelope.text().unwrap() }
    }

    fn poke(&self, id: &str, customer: u128, in_ms: i64) -> Incoming {
        let actor = ActorKey::customer(self.rig.tenant, CustomerId::from_u128(customer));
        let body = Envelope::Poke(Poke { actor, at: T0.plus_ms(in_ms) }).text().unwrap();
        Incoming { id: id.into(), group: None, body }
    }

    async fn work(&self, messages: &[Incoming]) -> Vec<String> {
        self.worker.work(messages, || true).await
    }

    fn turns(&self) -> u64 {
        self.rig.engine.tally.turns.load(Ordering::SeqCst)
    }

    /// How many turns somebody had; none where they are not there.
    async fn version(&self, who: &Who) -> u64 {
        self.rig.row(who).await.map_or(0, |row| row.version)
    }

    /// From now on nothing can be delivered to them.
    async fn falls_sick(&self, who: &Who) {
        let id = self.rig.customer(who).await.id;
        self.sick.sick.lock().unwrap().insert(id);
    }
}

fn view(id: &str, name: &str) -> Say {
    Say::track(id, "model_viewed", &[user(name)]).at(T0)
}

fn broken(id: &str, group: &str) -> Incoming {
    let body = r#"{"is":"events.1","tenant":"Test Person"}"#.into();
    Incoming { id: id.into(), group: Some(group.into()), body }
}

#[tokio::test]
async fn many_messages_about_one_customer_are_one_turn() {
    let bench = Bench::new();
    let says = |n: u32| [view(&format!("m{n}"), "a"), view(&format!("m{n}b"), "a")];
    let messages: Vec<Incoming> =
        (0..6).map(|n| bench.message(&n.to_string(), &format!("g{}", n % 3), &says(n))).collect();
    assert_eq!(bench.work(&messages).await, Vec::<String>::new());
    assert_eq!(
        (bench.turns(), bench.version(&user("a")).await),
        (1, 1),
        "twelve events in six messages of three groups"
    );
}

#[tokio::test]
async fn what_is_received_again_changes_nothing_and_is_done() {
    let bench = Bench::new();
    let messages = [bench.message("1", "g", &[view("m1", "a")])];
    for _ in 0..3 {
        assert_eq!(bench.work(&messages).await, Vec::<String>::new());
    }
    assert_eq!(bench.version(&user("a")).await, 1);
}

#[tokio::test]
async fn what_cannot_be_read_fails_with_all_behind_it_in_its_group_and_holds_up_nobody_else() {
    let bench = Bench::new();
    let messages = [
        bench.message("before", "g", &[view("m1", "a")]),
        broken("broken", "g"),
        bench.message("behind", "g", &[view("m2", "b")]),
        bench.message("other", "h", &[view("m3", "c")]),
        Incoming { body: bench.message("x", "k", &[]).body.replace("events.1", "events.9"), ..broken("newer", "k") },
    ];
    assert_eq!(bench.work(&messages).await, ["broken", "behind", "newer"]);
    let [a, b, c] = [user("a"), user("b"), user("c")];
    let versions = [bench.version(&a).await, bench.version(&b).await, bench.version(&c).await];
    assert_eq!(versions, [1, 0, 1], "what stands behind was not begun");
}

#[tokio::test]
async fn a_fault_fails_its_message_and_what_was_committed_is_done() {
    let bench = Bench::new();
    bench.work(&[bench.message("0", "g", &[view("m0", "a"), view("m1", "b")])]).await;
    bench.falls_sick(&user("a")).await;
    let messages = [
        bench.message("sick", "g", &[view("m2", "a")]),
        bench.message("half", "g", &[view("m3", "b"), view("m4", "a")]),
        bench.message("committed", "g", &[view("m5", "b")]),
        bench.message("other", "h", &[view("m6", "c")]),
    ];
    assert_eq!(bench.work(&messages).await, ["sick", "half"]);
    assert_eq!(bench.version(&user("b")).await, 2, "both events of one turn");
    bench.sick.sick.lock().unwrap().clear();
    assert_eq!(bench.work(&messages[..2]).await, Vec::<String>::new());
    assert_eq!((bench.version(&user("a")).await, bench.version(&user("b")).await), (2, 2), "nothing twice");
}

#[tokio::test]
async fn behind_a_fault_nothing_of_the_group_is_begun_in_a_later_round() {
    let bench = Bench::new();
    bench.work(&[bench.message("0", "g", &[view("m0", "a")])]).await;
    bench.falls_sick(&user("a")).await;
    let many = |name: &str| (0..400).map(|n| view(&format!("{name}{n}"), name)).collect::<Vec<_>>();
    let messages = [
        bench.message("sick", "g", &[view("m1", "a")]),
        bench.message("large", "g", &many("b")),
        bench.message("next", "g", &many("c")),
        bench.message("behind", "g", &[view("m2", "d")]),
        bench.message("free", "h", &many("e")),
    ];
    assert_eq!(bench.work(&messages).await, ["sick", "next", "behind"]);
    assert_eq!(bench.version(&user("c")).await, 0);
    assert_eq!(bench.version(&user("d")).await, 0, "it would have fitted, but not before what stands before it");
    assert!(bench.version(&user("b")).await > 0 && bench.version(&user("e")).await > 0);
}

#[tokio::test]
async fn without_time_nothing_is_begun() {
    let bench = Bench::new();
    let many: Vec<Say> = (0..400).map(|n| view(&format!("m{n}"), "a")).collect();
    let messages = [
        bench.message("1", "g", &many),
        bench.message("2", "h", &[(0..400).map(|n| view(&format!("n{n}"), "b")).collect::<Vec<_>>()].concat()),
        bench.poke("3", 1, 0),
    ];
    assert_eq!(bench.worker.work(&messages, || false).await, ["1", "2", "3"]);
    assert_eq!((bench.turns(), bench.sick.pokes.load(Ordering::SeqCst)), (0, 0));
    let asked = Cell::new(0);
    let once = || {
        asked.set(asked.get() + 1);
        asked.get() == 1
    };
    assert_eq!(bench.worker.work(&messages, once).await, ["2", "3"]);
    assert!(bench.version(&user("a")).await > 0 && bench.version(&user("b")).await == 0);
}

#[tokio::test]
async fn tenants_are_served_apart() {
    let bench = Bench::new();
    let theirs = bench.rig.speaking_for(roadbook_kernel::TenantId::from_u128(9));
    let events = vec![view("m1", "a").accept(&theirs.keys(), 0)];
    let body = Envelope::Events { tenant: theirs.tenant, events }.text().unwrap();
    let other = Incoming { id: "2".into(), group: Some("h".into()), body };
    let messages = [bench.message("1", "g", &[view("m1", "a")]), other];
    assert_eq!(bench.work(&messages).await, Vec::<String>::new());
    assert_eq!((bench.rig.live().await.len(), theirs.live().await.len()), (1, 1));
}

#[tokio::test]
async fn an_actor_is_poked_once_and_an_early_poke_comes_again_with_the_rest_of_its_delay() {
    let bench = Bench::new();
    let messages = [bench.poke("1", 7, 0), bench.poke("2", 7, -5_000), bench.poke("3", 8, 2_500)];
    assert_eq!(bench.work(&messages).await, Vec::<String>::new());
    assert_eq!(bench.sick.pokes.load(Ordering::SeqCst), 1);
    bench.rig.at(T0.plus_ms(2_999));
    assert_eq!(bench.queue.waiting(QueueName::Pokes).await, Ok(0), "not before its instant");
    bench.rig.at(T0.plus_ms(3_000));
    let [again] = &bench.queue.receive(QueueName::Pokes)[..] else { panic!("one poke") };
    assert!(matches!(Envelope::read(&again.body), Ok(Envelope::Poke(poke)) if poke.at == T0.plus_ms(2_500)));
}

#[tokio::test]
async fn a_poke_that_fails_comes_again_and_the_others_are_done() {
    let bench = Bench::new();
    bench.sick.sick.lock().unwrap().insert(CustomerId::from_u128(7));
    let messages = [bench.poke("1", 7, 0), bench.poke("2", 8, 0), bench.poke("3", 7, 0)];
    assert_eq!(bench.work(&messages).await, ["1", "3"]);
}

#[tokio::test]
async fn a_poke_fires_what_is_due() {
    let bench = Bench::new();
    let pause = serde_json::json!({
        "entry": { "event": "model_viewed" }, "reentry": "once", "start": "pause",
        "nodes": { "pause": { "type": "wait", "duration": "PT2S", "next": "over" }, "over": { "type": "exit" } },
    });
    bench.rig.journey("pause", pause).await;
    bench.work(&[bench.message("1", "g", &[view("m1", "a")])]).await;
    let row = bench.rig.row(&user("a")).await.unwrap();
    let due = row.due.unwrap();
    assert_eq!(due, T0.plus_ms(2_000));
    bench.rig.at(due);
    let id = row.state.id;
    assert_eq!(bench.work(&[bench.poke("2", id.as_u128(), 2_000)]).await, Vec::<String>::new());
    assert_eq!(bench.rig.row(&user("a")).await.unwrap().due, None);
}

#[tokio::test]
async fn a_hint_in_the_wrong_queue_is_not_swallowed() {
    let bench = Bench::new();
    let send = roadbook_kernel::SendKey::from_u128(1);
    let body = Envelope::Send { tenant: bench.rig.tenant, send, due: T0 }.text().unwrap();
    assert_eq!(bench.work(&[Incoming { id: "1".into(), group: None, body }]).await, ["1"]);
}
