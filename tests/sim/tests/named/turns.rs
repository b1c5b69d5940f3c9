//! Turns and timers.

use crate::{at, sum};
use roadbook_catalog::Command as Define;
use roadbook_customer::Command;
use roadbook_it::rig::{Rig, TENANT};
use roadbook_it::say::{Say, user};
use roadbook_kernel::{ActorKey, DAY_MS, HOUR_MS, MINUTE_MS};
use roadbook_runtime::ports::DueKind;
#[cfg(feature = "mutants")]
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::{Deliver, Memory, Message, Outcome};
use serde_json::{Value, json};

fn waits(duration: &str) -> Value {
    json!({
        "entry": {"event": "begin"}, "reentry": "once", "start": "rest",
        "nodes": {
            "rest": {"type": "wait", "duration": duration, "next": "listen"},
            "listen": {"type": "wait_for", "event": "answer", "timeout": "PT1H", "on_event": "yes", "on_timeout": "no"},
            "yes": {"type": "set_tag", "tag": "answered", "value": "yes", "next": "over"},
            "no": {"type": "set_tag", "tag": "answered", "value": "no", "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

/// A timer of the same instant as an event: the event comes first, whichever of the two wakes the customer.
#[tokio::test]
async fn an_event_and_a_timer_at_the_same_instant() {
    for poked_first in [false, true] {
        let rig = Rig::memory();
        rig.journey("waits", waits("PT1H")).await;
        rig.observe(&[Say::track("m1", "begin", &[user("al")]).at(at(0))]).await;
        let over = 2 * HOUR_MS;
        let answer = Say::track("m2", "answer", &[user("al")]).at(at(over));
        if poked_first {
            // A poke that is early by one millisecond fires what is due before, and nothing of that instant.
            rig.drain(at(over - 1)).await;
        }
        rig.observe(&[answer]).await;
        rig.drain(at(over)).await;
        let tags = rig.customer(&user("al")).await.tags;
        assert_eq!(tags["answered"].value.as_deref(), Some("yes"), "poked first: {poked_first}");
    }
}

/// A command to the customer at hand.
fn message(rig: &Rig<Memory>, id: &str, n: i64, command: Command) -> Message<Command> {
    Message { id: rig.message(id), accepted: at(n), occurred: at(n), position: 0, via: None, founding: false, command }
}

/// Somebody's visit, which adds one to a sum.
fn visit(rig: &Rig<Memory>, id: &str, n: i64) -> Message<Command> {
    let say = Say::track(id, "visit", &[user("al")]).at(at(n)).add("sum", 1_000_000);
    message(rig, id, n, Command::Observe(say.accept(&rig.keys(), 0).observation))
}

/// What cannot be carried out: nobody has such an identifier.
fn refused(rig: &Rig<Memory>, id: &str, n: i64) -> Message<Command> {
    message(rig, id, n, Command::Unbind { identifier: user("nobody").identifier(&rig.keys()).key() })
}

#[tokio::test]
async fn a_turn_with_a_refusal_between_two_successes_keeps_both() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("m0", "visit", &[user("al")]).at(at(0))]).await;
    let actor = ActorKey::customer(TENANT, rig.customer(&user("al")).await.id);
    let three = || vec![visit(&rig, "m1", 1), refused(&rig, "m2", 2), visit(&rig, "m3", 3)];
    let outcomes = rig.direct.customer(actor, three()).await.expect("no fault");
    assert!(matches!(&outcomes[0], Outcome::Applied { version: 2, .. }), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Outcome::Refused(refusal) if refusal.code == "no_such_identifier"), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Outcome::Applied { version: 2, .. }), "one turn: {outcomes:?}");
    assert_eq!(sum(&rig.customer(&user("al")).await), Some(2.into()));
    let again = rig.direct.customer(actor, three()).await.expect("no fault");
    assert!(again.iter().all(|one| matches!(one, Outcome::Duplicate { .. })), "the refusal is known too: {again:?}");
}

/// Needs the feature `mutants`, with which a message can be made to fail: the suite's step `sim` has it.
#[cfg(feature = "mutants")]
#[tokio::test]
async fn a_turn_with_one_refusal_one_panic_and_one_success_keeps_the_success() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("m0", "visit", &[user("al")]).at(at(0))]).await;
    let actor = ActorKey::customer(TENANT, rig.customer(&user("al")).await.id);
    roadbook_runtime::mutants::POISONED.set([rig.message("m2")].into());
    let three = || vec![refused(&rig, "m1", 1), visit(&rig, "m2", 2), visit(&rig, "m3", 3)];
    let outcomes = rig.direct.customer(actor, three()).await.expect("no fault");
    assert!(matches!(&outcomes[0], Outcome::Refused(refusal) if refusal.code == "no_such_identifier"), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Outcome::Defect), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Outcome::Applied { version: 2, .. }), "one turn: {outcomes:?}");
    assert_eq!(sum(&rig.customer(&user("al")).await), Some(1.into()), "the panic left nothing behind");
    let letter = rig.engine.store.load(&ItemKey::letter_of(TENANT, rig.message("m2"))).await.expect("no fault");
    assert!(letter.is_some(), "it can be replayed after a fix");
    // The fix is here, and the message comes again: it was decided, and is replayed under a number of its own only.
    roadbook_runtime::mutants::POISONED.set(Default::default());
    let again = rig.direct.customer(actor, three()).await.expect("no fault");
    assert!(again.iter().all(|one| matches!(one, Outcome::Duplicate { .. })), "{again:?}");
}

/// How many wait in the journey that is paused: `ROADBOOK_SIM_WAITING`, where somebody asks for more.
fn waiting() -> usize {
    std::env::var("ROADBOOK_SIM_WAITING").map_or(1_500, |given| given.parse().expect("a number of customers"))
}

#[tokio::test]
async fn a_journey_with_very_many_waiting_is_paused_and_goes_on() {
    let waiting = waiting();
    let rig = Rig::memory();
    let journey = rig.journey("waits", waits("P1D")).await;
    for batch in 0..waiting / 100 {
        let says: Vec<Say> = (batch * 100..(batch + 1) * 100)
            .map(|n| Say::track(format!("m{n}"), "begin", &[user(&n.to_string())]).at(at(MINUTE_MS)))
            .collect();
        rig.observe(&says).await;
    }
    let told = rig.try_define("pause", Define::PauseJourney { id: journey }).await;
    assert!(matches!(told, Ok(Outcome::Applied { .. })), "{told:?}");
    rig.drain(at(3 * DAY_MS)).await;
    let held = |customer: &roadbook_customer::Customer| customer.runs.values().all(|run| run.held.is_some());
    let live = rig.live().await;
    let all_held = live.iter().filter(|one| held(one)).count();
    assert_eq!((live.len(), all_held), (waiting, waiting), "everybody is held where they were");
    drop(live);
    assert_eq!(rig.engine.store.next_due(DueKind::Actor).await, Ok(None), "and costs nothing");
    let told = rig.try_define("resume", Define::ResumeJourney { id: journey }).await;
    assert!(matches!(told, Ok(Outcome::Applied { .. })), "{told:?}");
    rig.finish_backfill(256).await;
    rig.drain(at(6 * DAY_MS)).await;
    let done =
        |customer: &roadbook_customer::Customer| customer.runs.is_empty() && customer.tags.contains_key("answered");
    assert!(rig.live().await.iter().filter(|one| done(one)).count() == waiting, "everybody came to the end");
}
