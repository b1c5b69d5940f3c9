//! Two hosts over one store, and a relay that stands still.

use crate::at;
use roadbook_it::rig::{Rig, TENANT};
use roadbook_it::say::{Say, user};
use roadbook_it::sender::{Provider, pass};
use roadbook_kernel::{HOUR_MS, MINUTE_MS, SECOND_MS};
use roadbook_runtime::doctor::{Scope, examine};
use roadbook_runtime::{CATALOG_AGE_MS_MAX, ManualClock, Outcome};
use serde_json::{Value, json};
use std::sync::Arc;

fn greets(text: &str) -> Value {
    json!({
        "entry": {"event": "begin"}, "reentry": "after_exit", "start": "greet",
        "nodes": {
            "greet": {"type": "send", "channel": "recording", "purpose": "service", "content": {"text": text}, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

#[tokio::test]
async fn the_relay_down_for_25_hours_with_50_turns_of_one_actor() {
    let rig = Rig::memory();
    rig.journey("greets", greets("turn {{ entry.n }}")).await;
    for n in 0..50i64 {
        let say = Say::track(format!("m{n}"), "begin", &[user("al")]).at(at(n * 30 * MINUTE_MS)).with("n", n);
        rig.observe(&[say]).await;
    }
    rig.at(at(25 * HOUR_MS));
    let rig = rig.restart();
    let provider = Provider::default();
    for _ in 0..3 {
        rig.relay().await;
        pass(&rig.engine, rig.direct.as_ref(), &provider).await.expect("no fault");
    }
    let mut texts: Vec<String> = provider.delivered().into_values().map(|(_, text)| text).collect();
    texts.sort();
    texts.dedup();
    assert_eq!((texts.len(), provider.calls().len()), (50, 50), "each once");
    let scope = Scope { tenants: vec![TENANT], served_until: at(25 * HOUR_MS) };
    let report = examine(&rig.engine, &scope).await.expect("no fault");
    assert!(report.is_sound(), "{:#?}", report.findings);
}

/// A host learns of a newer catalog from customers who were decided under it, at once; from the store after a while.
#[tokio::test]
async fn two_hosts_with_different_catalogs() {
    let one = Rig::memory();
    let other = {
        let clock = Arc::new(ManualClock::at(at(0)));
        Rig::build(one.store.clone(), clock.clone(), clock, one.engine.limits.clone())
    };
    let begin = |id: &str, who: &str, ms: i64| [Say::track(id, "begin", &[user(who)]).at(at(ms))];
    // Both know the empty catalog; then one of them publishes.
    one.observe(&begin("m1", "al", 0)).await;
    other.observe(&begin("m2", "bo", 0)).await;
    one.journey("greets", greets("hello")).await;
    one.observe(&begin("m3", "al", SECOND_MS)).await;
    let sends = async |rig: &Rig<_>, who: &str| rig.customer(&user(who)).await.sends.len();
    assert_eq!(sends(&one, "al").await, 1);
    other.observe(&begin("m4", "al", 2 * SECOND_MS)).await;
    assert_eq!(sends(&other, "al").await, 2, "nobody is decided under an older catalog than before");
}

/// Found by the simulator: a host that met only new people never learned that anything had been published.
#[tokio::test]
async fn a_host_that_meets_only_new_people_learns_of_a_newer_catalog() {
    let one = Rig::memory();
    let other = {
        let clock = Arc::new(ManualClock::at(at(0)));
        Rig::build(one.store.clone(), clock.clone(), clock, one.engine.limits.clone())
    };
    other.observe(&[Say::track("m1", "begin", &[user("al")]).at(at(0))]).await;
    one.journey("greets", greets("hello")).await;
    let outcomes = other.observe(&[Say::track("m2", "begin", &[user("bo")]).at(at(CATALOG_AGE_MS_MAX))]).await;
    assert!(matches!(outcomes[..], [Outcome::Applied { .. }]));
    assert_eq!(other.customer(&user("bo")).await.sends.len(), 1);
}
