//! One damage after another, each as no turn would leave it behind.

use super::world::{SERVED, World};
use bytes::Bytes;
use roadbook_customer::Life;
use roadbook_it::Backend;
use roadbook_it::rig::{T0, TENANT};
use roadbook_it::say::{email, user};
use roadbook_journey::RunState;
use roadbook_kernel::{ActorKey, CustomerId, DAY_MS, HOUR_MS};
use roadbook_runtime::ports::{Commit, DueKind, Item, ItemKey};
use roadbook_runtime::relay::SYSTEM;
use roadbook_runtime::revision_name;
use roadbook_runtime::sends::JobState;
use serde_json::json;

/// Every damage, and the codes it is found by.
pub const DAMAGES: &[(&str, &[&str], bool)] = &[
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
    ("job garbled", &["job_unreadable"], false),
];

impl<S: Backend> World<S> {
    pub async fn inflict(&self, damage: &str) {
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
            "job garbled" => self.garble(ItemKey::document(TENANT, "job/garbled")).await,
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
}
