//! A small tenant to be damaged, and the hands to do it.

use bytes::Bytes;
use roadbook_customer::{Command, Customer};
use roadbook_identity::IdentifierKey;
use roadbook_it::Backend;
use roadbook_it::rig::{Rig, T0, TENANT};
use roadbook_it::say::{Say, Who, anon, email, user};
use roadbook_kernel::{ActorKey, CustomerId, HOUR_MS, JourneyId, MINUTE_MS, Moment, SegmentId};
use roadbook_runtime::doctor::{Mended, Report, Scope, examine, mend};
use roadbook_runtime::ports::{Commit, Due, DueKind, Expect, Item, ItemKey, Put};
use roadbook_runtime::sends::{Held, JobState, read};
use roadbook_runtime::{Claim, Row, load_row};
use serde_json::json;
use std::sync::Arc;

/// A small tenant in which everything an examination looks at occurs.
pub struct World<S> {
    pub rig: Rig<S>,
    pub segment: SegmentId,
    pub journey: JourneyId,
    /// Waits in the journey, is inside the segment.
    pub ann: CustomerId,
    /// A message for them is in the queue.
    pub bea: CustomerId,
    /// Merged away, and the survivor.
    pub lost: CustomerId,
    pub kept: CustomerId,
}

/// Until when the store was served in these tests.
pub const SERVED: Moment = T0.plus_ms(3 * HOUR_MS);

pub async fn world<S: Backend>(store: Arc<S>) -> World<S> {
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
    pub async fn examined(&self) -> Report {
        let scope = Scope { tenants: vec![TENANT], served_until: SERVED };
        examine(&self.rig.engine, &scope).await.expect("it can be examined")
    }

    pub async fn commit(&self, commit: Commit) {
        self.rig.store.commit(commit).await.expect("a commit");
    }

    pub async fn put(&self, key: ItemKey, item: Option<Item>) {
        let puts = vec![Put { key, expect: Expect::Anything, item }];
        self.commit(Commit { puts, ..Commit::default() }).await;
    }

    pub async fn row(&self, id: CustomerId) -> Row<Customer> {
        load_row(&self.rig.engine, &ActorKey::customer(TENANT, id)).await.expect("a row")
    }

    /// Writes a row as no turn would. The due index stays as it is.
    pub async fn spoil(&self, id: CustomerId, change: impl FnOnce(&mut Row<Customer>)) {
        let mut row = self.row(id).await;
        change(&mut row);
        let item = Item { version: row.version + 1, body: row.write().expect("bytes") };
        self.put(ItemKey::actor(&ActorKey::customer(TENANT, id)), Some(item)).await;
    }

    pub async fn garble(&self, key: ItemKey) {
        self.put(key, Some(Item { version: 9, body: Bytes::from_static(b"planted-content") })).await;
    }

    pub fn claim(&self, who: &Who) -> IdentifierKey {
        who.identifier(&self.rig.keys()).key()
    }

    pub async fn claim_for(&self, who: &Who, owner: CustomerId) {
        let body = serde_json::to_vec(&Claim { owner, past: Vec::new(), released: false }).expect("json");
        let item = Item { version: 7, body: body.into() };
        self.put(ItemKey::claim(TENANT, &self.claim(who)), Some(item)).await;
    }

    /// The send of Bea's message.
    pub async fn send(&self) -> Held {
        let key = self.row(self.bea).await.state.sends[0].key;
        let key = ItemKey::send(TENANT, key);
        let item = self.rig.store.load(&key).await.expect("no fault").expect("the send");
        Held { job: read(&item).expect("a send"), version: item.version, key }
    }

    pub async fn advance(&self, state: JobState) {
        assert!(self.send().await.advance(&self.rig.engine, state).await.expect("no fault"));
    }

    pub async fn index(&self, kind: DueKind, key: ItemKey, was: Option<Moment>, now: Option<Moment>) {
        self.commit(Commit { dues: vec![Due { kind, key, was, now }], ..Commit::default() }).await;
    }

    /// Repairs in rounds, as `roadbook doctor --repair` does: what one round uncovers the next one takes up.
    pub async fn repaired(&self) -> Report {
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
