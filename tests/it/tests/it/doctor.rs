//! Every kind of damage, done on purpose: found, planned, repaired, and found sound. In memory and in a folder.

mod damages;
mod world;

use damages::DAMAGES;
use roadbook_customer::{Command, SendStatus};
use roadbook_embedded::{Embedded, Options};
use roadbook_it::Backend;
use roadbook_it::rig::{T0, TENANT};
use roadbook_it::say::{Say, email, user};
use roadbook_kernel::{DAY_MS, MINUTE_MS, SendKey};
use roadbook_runtime::Memory;
use roadbook_runtime::doctor::{Mended, Scope, examine, mend};
use roadbook_runtime::ports::{ItemKey, Store};
use roadbook_runtime::sends::JobState;
use serde_json::json;
use std::sync::Arc;
use world::{SERVED, world};

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
