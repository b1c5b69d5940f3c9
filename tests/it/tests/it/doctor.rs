//! Every kind of damage, done on purpose: found, planned, repaired, and found sound. In memory and in a folder.

use bytes::Bytes;
use roadbook_customer::{Command, Customer, Life, SendStatus};
use roadbook_embedded::{Embedded, Options};
use roadbook_identity::IdentifierKey;
use roadbook_it::Backend;
use roadbook_it::rig::{Rig, T0, TENANT};
use roadbook_it::say::{Say, Who, anon, email, user};
use roadbook_journey::RunState;
use roadbook_kernel::{ActorKey, CustomerId, DAY_MS, HOUR_MS, JourneyId, MINUTE_MS, Moment, SegmentId, SendKey};
use roadbook_runtime::doctor::{Mended, Report, Scope, examine, mend};
use roadbook_runtime::ports::{Commit, Due, DueKind, Expect, Item, ItemKey, Put, Store};
use roadbook_runtime::relay::SYSTEM;
use roadbook_runtime::sends::{Held, JobState, read};
use roadbook_runtime::{Claim, Memory, Row, load_row, revision_name};
use serde_json::json;
use std::sync::Arc;

/// A small tenant in which everything an examination looks at occurs.
struct World<S> {
    rig: Rig<S>,
    segment: SegmentId,
    journey: JourneyId,
    /// Waits in the journey, is inside the segment.
    ann: CustomerId,
    /// A message for them is in the queue.
    bea: CustomerId,
    /// Merged away, and the survivor.
    lost: CustomerId,
    kept: CustomerId,
}

/// Until when the store was served in these tests.
const SERVED: Moment = T0.plus_ms(3 * HOUR_MS);

async fn world<S: Backend>(store: Arc<S>) -> World<S> {
    let rig = Rig::over(store);
    let twice = json!({"event": "page_viewed", "count": {"op": "gte", "value": 2}, "within_days": 7});
    let segment = rig.segment("engaged", twice).await;
    let journey = json!({
        "entry": {"event": "lead_submitted"}, "reentry": "once", "start": "settle",
        "nodes": {
            "settle": {"type": "wait", "duration": "PT1H", "next": "tell"},
            "tell": {"type": "send", "channel": "recording", "purpose": "service",
                     "content": {"text": "hello"}, "next": "rest"},
            "rest": {"type": "wait", "duration": "P30D", "next": "over"},
            "over": {"type": "exit"}
        }
    });
    let journey = rig.journey("lead", journey).await;
    let say =
        |id: &str, name: &str, who: &Who, ms: i64| Say::track(id, name, std::slice::from_ref(who)).at(T0.plus_ms(ms));
    for (n, name) in ["ann", "bea", "one", "two"].iter().enumerate() {
        let who = [user(name), email(name), anon(name)];
        let at = i64::try_from(n).unwrap_or(0);
        rig.observe(&[Say::identify(format!("{name}/id"), &who).set("city", "上海").at(T0.plus_ms(at))]).await;
    }
    let (ann, bea) = (user("ann"), user("bea"));
    rig.observe(&[say("b1", "lead_submitted", &bea, MINUTE_MS)]).await;
    rig.observe(&[say("a1", "page_viewed", &ann, 100), say("a2", "page_viewed", &ann, 200)]).await;
    let two = rig.customer(&user("two")).await.id;
    let merge = Command::MergeWith { other: two };
    rig.tell(&user("one"), "merge", merge, T0.plus_ms(2 * MINUTE_MS)).await;
    // Ann's lead is younger: she still settles when Bea's message is intended.
    rig.drain(T0.plus_ms(2 * HOUR_MS)).await;
    rig.observe(&[say("a3", "lead_submitted", &ann, 2 * HOUR_MS + MINUTE_MS)]).await;
    rig.finish_backfill(100).await;
    rig.relay().await;
    let id = async |name: &str| rig.customer(&user(name)).await.id;
    let (ann, bea, kept) = (id("ann").await, id("bea").await, id("one").await);
    let lost = rig.rows().await.into_iter().find(|row| row.state.merged_into().is_some()).expect("a tombstone");
    World { segment, journey, ann, bea, lost: lost.state.id, kept, rig }
}

impl<S: Backend> World<S> {
    async fn examined(&self) -> Report {
        let scope = Scope { tenants: vec![TENANT], served_until: SERVED };
        examine(&self.rig.engine, &scope).await.expect("it can be examined")
    }

    async fn commit(&self, commit: Commit) {
        self.rig.store.commit(commit).await.expect("a commit");
    }

    async fn put(&self, key: ItemKey, item: Option<Item>) {
        let puts = vec![Put { key, expect: Expect::Anything, item }];
        self.commit(Commit { puts, ..Commit::default() }).await;
    }

    async fn row(&self, id: CustomerId) -> Row<Customer> {
        load_row(&self.rig.engine, &ActorKey::customer(TENANT, id)).await.expect("a row")
    }

    /// Writes a row as no turn would. The due index stays as it is.
    async fn spoil(&self, id: CustomerId, change: impl FnOnce(&mut Row<Customer>)) {
        let mut row = self.row(id).await;
        change(&mut row);
        let item = Item { version: row.version + 1, body: row.write().expect("bytes") };
        self.put(ItemKey::actor(&ActorKey::customer(TENANT, id)), Some(item)).await;
    }

    async fn garble(&self, key: ItemKey) {
        self.put(key, Some(Item { version: 9, body: Bytes::from_static(b"planted-content") })).await;
    }

    fn claim(&self, who: &Who) -> IdentifierKey {
        who.identifier(&self.rig.keys()).key()
    }

    async fn claim_for(&self, who: &Who, owner: CustomerId) {
        let body = serde_json::to_vec(&Claim { owner, past: Vec::new(), released: false }).expect("json");
        let item = Item { version: 7, body: body.into() };
        self.put(ItemKey::claim(TENANT, &self.claim(who)), Some(item)).await;
    }

    /// The send of Bea's message.
    async fn send(&self) -> Held {
        let key = self.row(self.bea).await.state.sends[0].key;
        let key = ItemKey::send(TENANT, key);
        let item = self.rig.store.load(&key).await.expect("no fault").expect("the send");
        Held { job: read(&item).expect("a send"), version: item.version, key }
    }

    async fn advance(&self, state: JobState) {
        assert!(self.send().await.advance(&self.rig.engine, state).await.expect("no fault"));
    }

    async fn index(&self, kind: DueKind, key: ItemKey, was: Option<Moment>, now: Option<Moment>) {
        self.commit(Commit { dues: vec![Due { kind, key, was, now }], ..Commit::default() }).await;
    }
}

/// Every damage, and the codes it is found by.
const DAMAGES: &[(&str, &[&str], bool)] = &[
    ("claim removed", &["claim_missing"], true),
    ("claim garbled", &["claim_unreadable"], true),
    ("claim to nobody", &["claim_astray"], true),
    ("claim stolen", &["claim_astray"], true),
    ("link copied", &["claim_two_owners"], true),
    ("claim of nobody", &["claim_without_owner"], true),
    ("link lost", &["claim_without_owner"], true),
    ("absorbed forgotten", &["tombstone_unknown"], true),
    ("merge half done", &["merge_half_done", "claim_two_owners", "counter_differs"], true),
    ("tombstone emptied", &["tombstone_empty"], false),
    ("tombstones in a circle", &["tombstone_astray", "claim_astray"], false),
    ("index entry lost", &["not_in_index"], true),
    ("index entry twice", &["entry_stale"], true),
    ("index entry of nobody", &["entry_without_item"], true),
    ("due instant wrong", &["due_differs", "entry_stale"], true),
    ("parked", &["parked"], true),
    ("run at rest", &["run_at_rest", "counter_differs"], true),
    ("run overdue", &["run_overdue"], true),
    ("held for nothing", &["held_for_nothing"], true),
    ("revision lost", &["revision_missing"], true),
    ("revision garbled", &["revision_unreadable", "document_unreadable"], true),
    ("run nowhere", &["node_missing", "counter_differs"], false),
    ("send lost", &["send_missing", "entry_without_item"], true),
    ("report lost", &["report_lost"], true),
    ("cursor beyond the log", &["cursor_astray"], true),
    ("cursor garbled", &["cursor_astray"], true),
    ("send out of the index", &["send_not_in_index"], true),
    ("attempt abandoned", &["attempt_stuck"], true),
    ("answer kept", &["answer_not_reported"], true),
    ("members miscounted", &["counter_differs"], true),
    ("runs miscounted", &["counter_differs"], true),
    ("sweep lost", &["backfill_missing"], true),
    ("sweep stopped", &["backfill_unfinished"], true),
    ("row garbled", &["row_unreadable", "claim_without_owner", "entry_unreadable"], false),
    ("send garbled", &["send_unreadable", "entry_unreadable"], false),
    ("letter garbled", &["letter_unreadable"], false),
];

impl<S: Backend> World<S> {
    async fn inflict(&self, damage: &str) {
        let (ann, bea) = (self.ann, self.bea);
        let row_of = |id| ItemKey::actor(&ActorKey::customer(TENANT, id));
        let due_of = async |id| self.row(id).await.due;
        match damage {
            "claim removed" => self.put(ItemKey::claim(TENANT, &self.claim(&email("ann"))), None).await,
            "claim garbled" => self.garble(ItemKey::claim(TENANT, &self.claim(&email("ann")))).await,
            "claim to nobody" => self.claim_for(&email("ann"), CustomerId::from_u128(5)).await,
            "claim stolen" => self.claim_for(&email("ann"), bea).await,
            "link copied" => {
                let link = self.row(ann).await.state.links[1].clone();
                self.spoil(bea, |row| row.state.links.push(link)).await;
            }
            "claim of nobody" => self.claim_for(&user("ghost"), CustomerId::from_u128(5)).await,
            "link lost" => self.spoil(ann, |row| drop(row.state.links.pop())).await,
            "absorbed forgotten" => self.spoil(self.kept, |row| row.state.absorbed.clear()).await,
            "merge half done" => {
                self.spoil(self.lost, |row| {
                    let Life::Merged { founded, .. } = row.state.life else { panic!("a tombstone") };
                    row.state.life = Life::Live(founded);
                })
                .await;
            }
            "tombstone emptied" => {
                self.spoil(self.lost, |row| {
                    row.state.links.clear();
                    row.state.activity.clear();
                    row.state.traits.clear();
                })
                .await;
            }
            "tombstones in a circle" => {
                let lost = self.lost;
                self.spoil(lost, |row| {
                    if let Life::Merged { into, .. } = &mut row.state.life {
                        *into = lost;
                    }
                })
                .await;
            }
            "index entry lost" => self.index(DueKind::Actor, row_of(ann), due_of(ann).await, None).await,
            "index entry twice" => self.index(DueKind::Actor, row_of(ann), None, Some(SERVED)).await,
            "index entry of nobody" => {
                self.index(DueKind::Actor, row_of(CustomerId::from_u128(5)), None, Some(SERVED)).await;
            }
            "due instant wrong" => self.spoil(ann, |row| row.due = Some(T0.plus_ms(90 * DAY_MS))).await,
            "parked" => {
                let due = due_of(ann).await;
                self.spoil(ann, |row| (row.parked, row.due) = (true, None)).await;
                self.index(DueKind::Actor, row_of(ann), due, None).await;
            }
            "run at rest" => self.rerun(RunState::Ready, "tell").await,
            "run overdue" => self.rerun(RunState::Waiting { until: T0.plus_ms(HOUR_MS) }, "settle").await,
            "run nowhere" => self.rerun(RunState::Waiting { until: SERVED.plus_ms(HOUR_MS) }, "no-such-node").await,
            "held for nothing" => self.hold().await,
            "revision lost" => self.put(ItemKey::document(TENANT, &revision_name(self.journey, 1)), None).await,
            "revision garbled" => self.garble(ItemKey::document(TENANT, &revision_name(self.journey, 1))).await,
            "send lost" => self.put(self.send().await.key, None).await,
            "report lost" => {
                let outcome = roadbook_customer::SendOutcome::Sent;
                self.advance(JobState::Done { outcome }).await;
            }
            "cursor beyond the log" => {
                let body = Bytes::copy_from_slice(&99_999u64.to_be_bytes());
                self.put(ItemKey::document(SYSTEM, "relay/cursor"), Some(Item { version: 50, body })).await;
            }
            "cursor garbled" => self.garble(ItemKey::document(SYSTEM, "relay/cursor")).await,
            "send out of the index" => {
                let held = self.send().await;
                let JobState::Queued { not_before } = held.job.state else { panic!("it waits to be tried") };
                self.index(DueKind::Send, held.key, Some(not_before), None).await;
            }
            "attempt abandoned" => self.advance(JobState::Attempting { lease_until: T0.plus_ms(HOUR_MS) }).await,
            "answer kept" => {
                let (outcome, at) = (roadbook_customer::SendOutcome::Sent, T0.plus_ms(HOUR_MS));
                self.advance(JobState::Answered { outcome, at }).await;
            }
            "members miscounted" => self.miscount(&format!("segment/{}/members", self.segment), -3).await,
            "runs miscounted" => {
                self.miscount(&format!("journey/{}/entered", self.journey), 4).await;
                self.miscount(&format!("journey/{}/node/rest/left", self.journey), 2).await;
            }
            "sweep lost" => self.put(ItemKey::document(TENANT, &format!("backfill/{}", self.segment)), None).await,
            "sweep stopped" => {
                let body = json!({"segment": self.segment, "edition": self.rig.edition().await, "started_at": T0,
                                  "after": null, "scanned": 1, "changed": 0, "done": false});
                let item = Item { version: 2, body: body.to_string().into() };
                self.put(ItemKey::document(TENANT, &format!("backfill/{}", self.segment)), Some(item)).await;
            }
            "row garbled" => self.garble(row_of(ann)).await,
            "send garbled" => self.garble(self.send().await.key).await,
            "letter garbled" => {
                let id = roadbook_kernel::DeadLetterId::from_u128(3);
                self.garble(ItemKey::letter(TENANT, id)).await;
            }
            other => panic!("no damage is called {other}"),
        }
    }

    /// Puts Ann's run elsewhere, with the index in step: only the run is wrong.
    async fn rerun(&self, state: RunState, node: &str) {
        let was = self.row(self.ann).await.due;
        self.spoil(self.ann, |row| {
            let run = row.state.runs.values_mut().next().expect("a run");
            (run.state, run.node) = (state, node.to_owned());
            row.due = row.state.next_due();
            row.last_turn = T0.plus_ms(HOUR_MS);
        })
        .await;
        let now = self.row(self.ann).await.due;
        self.index(DueKind::Actor, ItemKey::actor(&ActorKey::customer(TENANT, self.ann)), was, now).await;
    }

    /// Holds Ann's run although its journey goes on, with the index and the counter in step.
    async fn hold(&self) {
        let was = self.row(self.ann).await.due;
        self.spoil(self.ann, |row| {
            let run = row.state.runs.values_mut().next().expect("a run");
            run.held = Some(roadbook_journey::Held { since: T0.plus_ms(HOUR_MS), look_at: None });
            row.due = row.state.next_due();
        })
        .await;
        let row = self.row(self.ann).await;
        let node = &row.state.runs.values().next().expect("a run").node;
        self.index(DueKind::Actor, ItemKey::actor(&ActorKey::customer(TENANT, self.ann)), was, row.due).await;
        self.miscount(&format!("journey/{}/node/{node}/held", self.journey), 1).await;
    }

    async fn miscount(&self, counter: &str, amount: i64) {
        let adds = vec![(ItemKey::counter(TENANT, counter), amount)];
        self.commit(Commit { adds, ..Commit::default() }).await;
    }

    /// Repairs in rounds, as `roadbook doctor --repair` does: what one round uncovers the next one takes up.
    async fn repaired(&self) -> Report {
        for _ in 0..4 {
            let report = self.examined().await;
            let mut done = 0;
            for repair in report.plan() {
                let mended = mend(&self.rig.engine, self.rig.direct.as_ref(), repair).await.expect("no fault");
                assert!(!matches!(mended, Mended::Impossible(_)), "{repair}: {mended:?}");
                done += usize::from(mended == Mended::Done);
            }
            if done == 0 {
                return report;
            }
        }
        self.examined().await
    }
}

async fn every_damage<S: Backend>(fresh: impl Fn() -> Arc<S>) {
    for (damage, codes, repairable) in DAMAGES {
        let world = world(fresh()).await;
        let before = world.examined().await;
        assert!(before.is_sound(), "before any damage: {:#?}", before.findings);
        world.inflict(damage).await;
        let report = world.examined().await;
        let found: Vec<&str> = report.by_code.keys().copied().collect();
        let mut expected = codes.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{damage}: {:#?}", report.findings);
        let shown = serde_json::to_string(&report).expect("json");
        assert!(!shown.contains("planted") && !shown.contains("@example.com"), "{damage}: {shown}");
        let after = world.repaired().await;
        if *repairable {
            assert!(after.is_sound(), "{damage}, after the repair: {:#?}", after.findings);
        } else {
            assert!(!after.is_sound(), "{damage}: what only a backup knows cannot be made up");
        }
    }
}

#[tokio::test]
async fn every_damage_in_memory_is_found_and_repaired() {
    every_damage(|| Arc::new(Memory::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_damage_in_a_folder_is_found_and_repaired() {
    let folder = tempfile::tempdir().expect("a folder");
    let next = std::sync::atomic::AtomicU32::new(0);
    every_damage(|| {
        let name = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string();
        Arc::new(Embedded::open(&folder.path().join(name), &Options::default()).expect("the folder opens"))
    })
    .await;
}

#[tokio::test]
async fn a_merge_undone_and_an_identifier_unbound_are_no_damage() {
    let world = world(Arc::new(Memory::new())).await;
    let rig = &world.rig;
    for (n, name) in ["one", "two", "one"].into_iter().enumerate() {
        let at = T0.plus_ms(150 * MINUTE_MS + i64::try_from(n).unwrap_or(0));
        rig.observe(&[Say::track(format!("since{n}"), "page_viewed", &[user(name)]).at(at)]).await;
    }
    let at = T0.plus_ms(160 * MINUTE_MS);
    rig.tell(&user("one"), "unmerge", Command::Unmerge { other: world.lost }, at).await;
    let identifier = world.claim(&email("ann"));
    rig.tell(&user("ann"), "unbind", Command::Unbind { identifier }, at.plus_ms(1)).await;
    assert!(world.row(world.lost).await.state.is_live());
    for carried in [false, true] {
        if carried {
            rig.relay().await;
        }
        let report = world.examined().await;
        assert!(report.is_sound(), "carried: {carried}: {:#?}", report.findings);
    }
}

#[tokio::test]
async fn what_a_repair_does_is_what_would_have_happened() {
    let world = world(Arc::new(Memory::new())).await;
    let job = world.send().await.job;
    world.inflict("send lost").await;
    world.repaired().await;
    let again = world.send().await.job;
    assert_eq!((again.outbound.content.reveal(), again.customer), (job.outbound.content.reveal(), job.customer));

    world.inflict("answer kept").await;
    world.repaired().await;
    assert!(matches!(world.send().await.job.state, JobState::Done { .. }));
    let status = world.row(world.bea).await.state.sends[0].status.clone();
    assert!(matches!(status, SendStatus::Reported { .. }), "{status:?}");

    world.inflict("run overdue").await;
    world.repaired().await;
    let ann = world.row(world.ann).await.state;
    assert_eq!(ann.runs.values().next().map(|run| run.node.as_str()), Some("rest"), "the poke carried it on");
    assert_eq!(ann.sends.len(), 1, "and its message was intended, once");
}

#[tokio::test]
async fn nothing_is_repaired_on_grounds_that_have_changed() {
    let world = world(Arc::new(Memory::new())).await;
    world.inflict("claim removed").await;
    let report = world.examined().await;
    let plan = report.plan();
    assert_eq!(plan.len(), 1);
    let conditions: Vec<String> = plan[0].conditions().into_iter().map(|guard| guard.item).collect();
    assert_eq!(conditions.len(), 2, "the claim and the row: {conditions:?}");
    world.spoil(world.ann, |_| {}).await;
    let mended = mend(&world.rig.engine, world.rig.direct.as_ref(), plan[0]).await.expect("no fault");
    assert_eq!(mended, Mended::Stale);
    let key = ItemKey::claim(TENANT, &world.claim(&email("ann")));
    assert_eq!(world.rig.store.load(&key).await, Ok(None));
}

#[tokio::test]
async fn what_goes_on_by_itself_is_a_note_and_no_finding() {
    let world = world(Arc::new(Memory::new())).await;
    world.rig.observe(&[Say::track("late", "page_viewed", &[user("bea")]).at(SERVED)]).await;
    world.rig.segment("later", json!({"event": "x", "count": {"op": "gte", "value": 1}, "within_days": 7})).await;
    let report = world.examined().await;
    assert!(report.is_sound(), "{:#?}", report.findings);
    let notes: Vec<&str> = report.checks.iter().flat_map(|check| &check.notes).map(String::as_str).collect();
    assert!(notes.iter().any(|note| note.contains("wait for the relay")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("sweep for seg_")), "{notes:?}");
    let scope = Scope { tenants: vec![TENANT], served_until: T0.plus_ms(60 * DAY_MS) };
    let later = examine(&world.rig.engine, &scope).await.expect("it can be examined");
    let codes: Vec<&str> = later.by_code.keys().copied().collect();
    assert_eq!(codes, ["backfill_unfinished", "run_overdue"], "served for two months, it should have been done");
    assert!(SendKey::from_u128(1).to_string().starts_with("snd_"), "sends are named by their key");
}
