//! A segment saved today counts last month's events.

use bytes::Bytes;
use roadbook_audience::Occurrence;
use roadbook_customer::Command;
use roadbook_it::Backend;
use roadbook_it::faulty::Faulty;
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, anon, user};
use roadbook_kernel::{ActorKey, DAY_MS, MINUTE_MS, Moment, SegmentId};
use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put, Store};
use roadbook_runtime::projections::segment_stats;
use roadbook_runtime::{Memory, advance_backfill, backfill_progress};
use serde_json::json;
use std::slice::from_ref;
use std::sync::Arc;

const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

const fn day(n: i64) -> Moment {
    at(n * DAY_MS)
}

/// Customer n buys n times in the first days of the month.
async fn a_month<S: Backend>(rig: &Rig<S>, customers: i64) {
    for n in 0..customers {
        let who = [user(&format!("{n:02}"))];
        rig.observe(&[Say::track(format!("begin{n}"), "visit", &who).at(day(n).plus_ms(1))]).await;
        for buy in 0..n {
            let say = Say::track(format!("buy{n}/{buy}"), "purchase", &who)
                .with("amount", 100 * buy)
                .at(day(n).plus_ms(10 + buy));
            rig.observe(&[say]).await;
        }
    }
}

async fn inside<S: Backend>(rig: &Rig<S>, segment: SegmentId) -> Vec<String> {
    let live = rig.live().await;
    let inside = live.iter().filter(|one| one.memberships.get(&segment).is_some_and(|membership| membership.inside));
    inside.map(|one| one.links[0].identifier.value.reveal().clone()).collect()
}

async fn members<S: Backend>(rig: &Rig<S>, segment: SegmentId) -> i64 {
    rig.relay().await;
    segment_stats::read(rig.engine.store.as_ref(), rig.tenant, segment).await.expect("no fault")
}

fn at_least(count: u32, days: u32) -> serde_json::Value {
    json!({"event": "purchase", "count": {"op": "gte", "value": count}, "within_days": days})
}

/// One damaged row is one customer's trouble: those behind it in the store are looked at all the same.
#[tokio::test]
async fn a_row_that_cannot_be_read_stops_no_sweep() {
    let rig = Rig::memory();
    a_month(&rig, 4).await;
    rig.at(day(10));
    let key = ItemKey::actor(&ActorKey::customer(rig.tenant, rig.rows().await[0].state.id));
    let sound = rig.store.load(&key).await.expect("no fault").expect("a row");
    let write = async |body: Bytes| {
        let item = Some(Item { version: sound.version, body });
        let puts = vec![Put { key: key.clone(), expect: Expect::Anything, item }];
        rig.store.commit(Commit { puts, ..Commit::default() }).await.expect("it is written");
    };
    write(Bytes::from_static(b"garbled")).await;
    let never = rig.segment("never", json!({"event": "purchase", "count": {"op": "lte", "value": 2}})).await;
    rig.backfill(never, 1).await;
    write(sound.body.clone()).await;
    assert_eq!(inside(&rig, never).await, ["user-01", "user-02"]);
}

#[tokio::test]
async fn last_months_events_count() {
    let rig = Rig::memory();
    a_month(&rig, 6).await;
    rig.at(day(10));
    let three = rig.segment("three", at_least(3, 30)).await;
    let large = json!({"event": "purchase", "count": {"op": "gte", "value": 1}, "where": [{"property": "amount", "op": "gte", "value": 300}]});
    let large = rig.segment("large", large).await;
    let never = rig.segment("never", json!({"event": "purchase", "count": {"op": "eq", "value": 0}})).await;
    let both = json!({"all": [{"segment": three.to_string()}, {"not": {"segment": large.to_string()}}]});
    let both = rig.segment("both", both).await;
    assert_eq!(inside(&rig, three).await, [""; 0], "nobody has looked yet");
    for segment in [three, large, never, both] {
        rig.backfill(segment, 4).await;
    }
    assert_eq!(inside(&rig, three).await, ["user-03", "user-04", "user-05"]);
    assert_eq!(inside(&rig, large).await, ["user-04", "user-05"]);
    assert_eq!(inside(&rig, never).await, ["user-00"]);
    assert_eq!(inside(&rig, both).await, ["user-03"]);
    for (segment, count) in [(three, 3), (large, 2), (never, 1), (both, 1)] {
        assert_eq!(members(&rig, segment).await, count);
    }
    // What was found grows old like what was seen live: each leaves in its own millisecond.
    rig.drain(day(33).plus_ms(10)).await;
    assert_eq!(inside(&rig, three).await, ["user-03", "user-04", "user-05"]);
    rig.drain(day(33).plus_ms(11)).await;
    assert_eq!(inside(&rig, three).await, ["user-04", "user-05"]);
    assert_eq!(inside(&rig, both).await, [""; 0], "and takes those along that refer to it");
}

#[tokio::test]
async fn a_sweep_goes_on_where_a_process_ended() {
    let rig = Rig::memory();
    a_month(&rig, 9).await;
    rig.at(day(10));
    let three = rig.segment("three", at_least(3, 30)).await;
    for step in 1..=2 {
        assert!(advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, 2).await.expect("no fault"));
        let progress = backfill_progress(&rig.engine, rig.tenant, three).await.expect("no fault").expect("begun");
        assert_eq!((progress.scanned, progress.done), (2 * step, false));
    }
    let rig = rig.restart();
    rig.finish_backfill(2).await;
    let progress = backfill_progress(&rig.engine, rig.tenant, three).await.expect("no fault").expect("begun");
    assert!(progress.done && progress.scanned == 9 && progress.changed >= 6, "{progress:?}");
    assert_eq!(members(&rig, three).await, 6);
    assert!(
        !advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, 2).await.expect("no fault"),
        "done stays done"
    );
}

#[tokio::test]
async fn live_events_beside_a_sweep_count_once() {
    let rig = Rig::memory();
    a_month(&rig, 8).await;
    rig.at(day(10));
    let exactly = |n: u32| json!({"event": "purchase", "count": {"op": "eq", "value": n}});
    let five = rig.segment("five", exactly(5)).await;
    let mut more = true;
    let mut step = 0;
    while more {
        // Everybody buys once more between two steps, whether the sweep has passed them or not.
        for n in 0..8 {
            let say = Say::track(format!("live{step}/{n}"), "purchase", &[user(&format!("{n:02}"))])
                .at(day(10).plus_ms(step));
            rig.observe(from_ref(&say)).await;
            rig.observe(&[say]).await;
        }
        step += 1;
        more = advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, 3).await.expect("no fault");
    }
    assert_eq!(step, 3);
    assert_eq!(inside(&rig, five).await, ["user-02"], "two of last month and three live ones");
    assert_eq!(members(&rig, five).await, 1);
}

#[tokio::test]
async fn a_sweep_and_live_events_at_once_count_once() {
    for seed in 0..30 {
        let store = Arc::new(Faulty::restless(Arc::new(Memory::new()), seed));
        let rig = Rig::over(store);
        a_month(&rig, 5).await;
        rig.at(day(10));
        let segment = rig.segment("many", json!({"event": "purchase", "count": {"op": "gte", "value": 100}})).await;
        let sweeping = rig.finish_backfill(2);
        let living = async {
            for n in 0..5 {
                let say = Say::track(format!("live{n}"), "purchase", &[user(&format!("{n:02}"))]).at(day(10));
                rig.observe(&[say]).await;
            }
        };
        futures_util::future::join(sweeping, living).await;
        for n in 0..5 {
            let customer = rig.customer(&user(&format!("{n:02}"))).await;
            let seen: &[Occurrence] = customer.trackers.values().next().map_or(&[], |one| one.occurrences());
            assert_eq!(seen.len(), n + 1, "seed {seed}, customer {n}");
        }
        assert_eq!(members(&rig, segment).await, 0);
    }
}

#[tokio::test]
async fn what_happened_under_a_former_id_counts_for_who_it_became() {
    let rig = Rig::memory();
    let buy = |id: &str, who, n| Say::track(id, "purchase", &[who]).at(day(n));
    rig.observe(&[buy("m1", user("al"), 0), buy("m2", user("bo"), 1), buy("m3", anon("a"), 2)]).await;
    rig.observe(&[Say::identify("m4", &[user("bo"), anon("a")]).at(day(3))]).await;
    let other = rig.customer(&user("bo")).await.id;
    rig.tell(&user("al"), "merge", Command::MergeWith { other }, day(4)).await;
    rig.at(day(5));
    let three = rig.segment("three", at_least(3, 30)).await;
    rig.finish_backfill(1).await;
    assert_eq!(inside(&rig, three).await.len(), 1);
    assert_eq!(members(&rig, three).await, 1);
    let trackers = rig.customer(&user("al")).await.trackers;
    assert_eq!(trackers.values().map(|tracker| tracker.occurrences().len()).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn two_who_were_members_are_one_member_after_their_merge() {
    let rig = Rig::memory();
    let any = rig.segment("any", at_least(1, 30)).await;
    let outer = rig.segment("outer", json!({"segment": any.to_string()})).await;
    for (n, name) in ["al", "bo", "cy"].into_iter().enumerate() {
        let event = if name == "cy" { "visit" } else { "purchase" };
        rig.observe(&[Say::track(format!("m{n}"), event, &[user(name)]).at(day(0))]).await;
    }
    assert_eq!((members(&rig, any).await, members(&rig, outer).await), (2, 2));
    rig.observe(&[Say::alias("a1", &user("al"), &user("bo")).at(day(1))]).await;
    assert_eq!((members(&rig, any).await, members(&rig, outer).await), (1, 1));
    rig.observe(&[Say::alias("a2", &user("cy"), &user("bo")).at(day(2))]).await;
    assert_eq!((members(&rig, any).await, members(&rig, outer).await), (1, 1));
    rig.drain(day(40)).await;
    assert_eq!((members(&rig, any).await, members(&rig, outer).await), (0, 0));
}

/// When "at least `least` within the last `window`" changes, found by trying every instant at which it could.
pub(super) fn edges_of(times: &[i64], least: u32, window: i64) -> Vec<(i64, bool)> {
    let times: Vec<i64> = times.iter().map(|time| time * MINUTE_MS).collect();
    let mut instants: Vec<i64> = times.iter().flat_map(|time| [*time, time + window + 1]).collect();
    instants.sort_unstable();
    instants.dedup();
    let mut inside = false;
    let mut edges = Vec::new();
    for now in instants {
        let count = times.iter().filter(|time| (now - window..=now).contains(time)).count();
        if (count >= least as usize) != inside {
            inside = !inside;
            edges.push((now, inside));
        }
    }
    edges
}
