//! Pauses and what crosses them: turns that had read an older catalog, merges, merges that are undone.

use roadbook_catalog::Command as Define;
use roadbook_customer::{Command, Customer};
use roadbook_it::Backend;
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, user};
use roadbook_journey::{Run, RunState};
use roadbook_kernel::{HOUR_MS, JourneyId, MINUTE_MS, Moment, SECOND_MS};
use roadbook_runtime::projections::journey_stats::{self, JourneyStats};
use roadbook_runtime::{Outcome, advance_backfill};
use serde_json::json;

const fn hour(n: i64) -> Moment {
    T0.plus_ms(n * HOUR_MS)
}

/// An hour's wait, then a day's.
async fn journey<S: Backend>(rig: &Rig<S>) -> JourneyId {
    let definition = json!({
        "entry": {"event": "lead_submitted"}, "reentry": "once", "start": "settle",
        "nodes": {
            "settle": {"type": "wait", "duration": "PT1H", "next": "mark"},
            "mark": {"type": "set_tag", "tag": "marked", "next": "linger"},
            "linger": {"type": "wait", "duration": "P1D", "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("lead", definition).await
}

async fn define<S: Backend>(rig: &Rig<S>, id: &str, command: Define) {
    let outcome = rig.try_define(id, command).await.expect("no fault");
    assert!(matches!(outcome, Outcome::Applied { .. }), "{id}: {outcome:?}");
}

async fn enter<S: Backend>(rig: &Rig<S>, names: &[&str]) {
    for (n, name) in (0..).zip(names) {
        let say = Say::track(format!("enter/{name}"), "lead_submitted", &[user(name)]);
        rig.observe(&[say.at(T0.plus_ms(n))]).await;
    }
}

async fn stats<S: Backend>(rig: &Rig<S>, journey: JourneyId) -> JourneyStats {
    rig.relay().await;
    journey_stats::read(rig.engine.store.as_ref(), rig.tenant, journey).await.expect("no fault")
}

async fn runs<S: Backend>(rig: &Rig<S>, who: &Who) -> Vec<Run> {
    rig.customer(who).await.runs.into_values().collect()
}

fn is_marked(customer: &Customer) -> bool {
    customer.tags.get("marked").is_some_and(|tag| tag.value.is_some())
}

#[tokio::test]
async fn a_run_that_was_held_too_late_looks_again_and_goes_on() {
    let rig = Rig::memory();
    let id = journey(&rig).await;
    enter(&rig, &["al"]).await;
    define(&rig, "pause", Define::PauseJourney { id }).await;
    // Another process resumes and has told everybody, while this one still decides under what it read a moment ago.
    rig.at(hour(1).minus_ms(SECOND_MS));
    rig.observe(&[Say::track("look", "visit", &[user("bo")]).at(hour(1).minus_ms(SECOND_MS))]).await;
    let other = rig.restart();
    define(&other, "resume", Define::ResumeJourney { id }).await;
    other.finish_backfill(10).await;
    rig.drain(hour(1)).await;
    let held = runs(&rig, &user("al")).await.remove(0).held.expect("held by what is past");
    assert_eq!((held.since, held.look_at), (hour(1), Some(hour(1).plus_ms(MINUTE_MS))));
    let rig = rig.restart();
    rig.drain(hour(1).plus_ms(MINUTE_MS)).await;
    let run = runs(&rig, &user("al")).await.remove(0);
    assert_eq!((run.node.as_str(), run.held), ("linger", None));
    assert!(is_marked(&rig.customer(&user("al")).await));
    assert_eq!(stats(&rig, id).await.held(), 0);
}

#[tokio::test]
async fn a_run_looks_once_more_and_then_costs_nothing() {
    let rig = Rig::memory();
    let id = journey(&rig).await;
    enter(&rig, &["al", "bo"]).await;
    define(&rig, "pause", Define::PauseJourney { id }).await;
    assert!(rig.drain(hour(1).plus_ms(MINUTE_MS + 1)).await > 0);
    for name in ["al", "bo"] {
        assert_eq!(rig.row(&user(name)).await.expect("somebody").due, None, "out of the due index");
    }
    assert_eq!(rig.drain(hour(24 * 365)).await, 0, "a year, and nobody wakes");
    assert_eq!(stats(&rig, id).await.held(), 2);
    define(&rig, "resume", Define::ResumeJourney { id }).await;
    rig.finish_backfill(1).await;
    let run = runs(&rig, &user("bo")).await.remove(0);
    let until = hour(24 * 365).plus_ms(24 * HOUR_MS);
    assert_eq!((run.node.as_str(), run.state), ("linger", RunState::Waiting { until }), "waits begin at the resume");
}

#[tokio::test]
async fn a_pause_again_before_the_sweep_came_by_holds_on() {
    let rig = Rig::memory();
    let id = journey(&rig).await;
    enter(&rig, &["al", "bo", "cy"]).await;
    define(&rig, "p1", Define::PauseJourney { id }).await;
    rig.drain(hour(2)).await;
    define(&rig, "r1", Define::ResumeJourney { id }).await;
    assert!(advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, 1).await.expect("no fault"));
    define(&rig, "p2", Define::PauseJourney { id }).await;
    rig.finish_backfill(1).await;
    assert_eq!(stats(&rig, id).await.held(), 2, "one had been let go");
    rig.drain(hour(3)).await;
    define(&rig, "r2", Define::ResumeJourney { id }).await;
    rig.finish_backfill(1).await;
    assert_eq!(stats(&rig, id).await.held(), 0);
    assert_eq!(stats(&rig, id).await.nodes["mark"].entered, 3, "each once");
}

#[tokio::test]
async fn a_held_run_that_a_merge_brings_behind_the_sweep_goes_on_too() {
    let rig = Rig::memory();
    let id = journey(&rig).await;
    enter(&rig, &["al", "bo"]).await;
    define(&rig, "pause", Define::PauseJourney { id }).await;
    rig.drain(hour(2)).await;
    define(&rig, "resume", Define::ResumeJourney { id }).await;
    // The sweep has passed the elder one when the other's run comes to them.
    assert!(advance_backfill(&rig.engine, rig.direct.as_ref(), rig.tenant, 1).await.expect("no fault"));
    let other = rig.customer(&user("bo")).await.id;
    rig.tell(&user("al"), "merge", Command::MergeWith { other }, hour(2)).await;
    assert_eq!(runs(&rig, &user("al")).await.iter().filter(|run| run.held.is_some()).count(), 1);
    rig.finish_backfill(1).await;
    let runs = runs(&rig, &user("al")).await;
    assert!(runs.len() == 2 && runs.iter().all(|run| run.held.is_none() && run.node == "linger"), "{runs:?}");
    assert_eq!(stats(&rig, id).await.held(), 0);
}

#[tokio::test]
async fn a_merge_undone_in_a_pause_leaves_each_their_held_run() {
    let rig = Rig::memory();
    let id = journey(&rig).await;
    enter(&rig, &["al", "bo"]).await;
    let other = rig.customer(&user("bo")).await.id;
    rig.tell(&user("al"), "merge", Command::MergeWith { other }, T0.plus_ms(MINUTE_MS)).await;
    rig.at(T0.plus_ms(2 * MINUTE_MS));
    define(&rig, "pause", Define::PauseJourney { id }).await;
    rig.drain(hour(2)).await;
    assert_eq!(stats(&rig, id).await.held(), 2);
    rig.tell(&user("al"), "unmerge", Command::Unmerge { other }, hour(3)).await;
    for name in ["al", "bo"] {
        let run = runs(&rig, &user(name)).await.remove(0);
        assert_eq!((run.node.as_str(), run.held.map(|held| held.since >= hour(1))), ("settle", Some(true)), "{name}");
    }
    rig.drain(hour(4)).await;
    assert_eq!(stats(&rig, id).await.held(), 2);
    define(&rig, "resume", Define::ResumeJourney { id }).await;
    rig.finish_backfill(1).await;
    for name in ["al", "bo"] {
        assert!(is_marked(&rig.customer(&user(name)).await), "{name}");
    }
    let stats = stats(&rig, id).await;
    assert_eq!((stats.held(), stats.active()), (0, 2));
}
