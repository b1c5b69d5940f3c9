//! Who is whom, while it changes.

use crate::{at, sum};
use roadbook_customer::{Command, ConsentWord, Customer, SendStatus};
use roadbook_it::faulty::Faulty;
use roadbook_it::rig::{Rig, TENANT};
use roadbook_it::say::{Say, anon, device, user};
use roadbook_kernel::{ActorKey, MINUTE_MS};
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::{Deliver, Memory, Message, Outcome, Work, deliver, load_row};
use roadbook_tenancy::{Purpose, SuppressReason, Verdict};
use serde_json::json;
use std::slice::from_ref;
use std::sync::Arc;

#[tokio::test]
async fn two_merges_of_three_at_once_with_events_to_all_three() {
    for seed in 1..40u64 {
        let store = Arc::new(Faulty::restless(Arc::new(Memory::new()), seed));
        let rig = Rig::over(store);
        let of = |id: &str, who: &str, n: i64| Say::track(id, "visit", &[user(who)]).at(at(n)).add("sum", 1_000_000);
        rig.observe(&[of("a1", "a", 1), of("b1", "b", 2), of("c1", "c", 3)]).await;
        rig.at(at(MINUTE_MS));
        let (one, other) = (rig.restart(), rig.restart());
        let ab = [Say::alias("ab", &user("a"), &user("b")).at(at(4))];
        let bc = [Say::alias("bc", &user("b"), &user("c")).at(at(4))];
        let events = [of("a2", "a", 5), of("b2", "b", 5), of("c2", "c", 5)];
        let (ab, bc, events) = tokio::join!(one.observe(&ab), other.observe(&bc), rig.observe(&events));
        let applied = |one: &Outcome| matches!(one, Outcome::Applied { .. });
        assert!(ab.iter().chain(&bc).chain(&events).all(applied), "seed {seed}: {ab:?} {bc:?} {events:?}");
        let live = rig.live().await;
        assert_eq!(live.len(), 1, "seed {seed}: {} people", live.len());
        assert_eq!(sum(&live[0]), Some(6.into()), "seed {seed}");
    }
}

#[tokio::test]
async fn a_claim_moves_while_a_message_waits_for_its_former_owner() {
    let rig = Rig::memory();
    rig.observe(&[Say::identify("i1", &[user("al"), device("t")]).at(at(1))]).await;
    let former = rig.customer(&user("al")).await.id;
    // Resolved to the former owner, and waiting in the mailbox, while somebody else logs in on the tablet.
    let accepted = Say::track("waits", "visit", &[device("t")]).at(at(3)).accept(&rig.keys(), 0);
    rig.observe(&[Say::identify("i2", &[user("bo"), device("t")]).at(at(2))]).await;
    let message = Message {
        id: accepted.id,
        accepted: accepted.accepted,
        occurred: accepted.occurred,
        position: 0,
        via: Some(device("t").identifier(&rig.keys()).key()),
        founding: false,
        command: Command::Observe(accepted.observation),
    };
    let outcomes = rig.direct.customer(ActorKey::customer(TENANT, former), vec![message]).await.expect("no fault");
    assert!(matches!(outcomes[..], [Outcome::NotMine { .. }]), "{outcomes:?}");
    // The router, whose cache still names the former owner, brings it to the new one.
    let say = Say::track("waits", "visit", &[device("t")]).at(at(3)).add("sum", 1_000_000);
    rig.observe(from_ref(&say)).await;
    assert_eq!(sum(&rig.customer(&user("bo")).await), Some(1.into()));
    assert_eq!(sum(&rig.customer(&user("al")).await), None);
}

#[tokio::test]
async fn a_merge_ahead_of_three_queued_turns_takes_all_of_them_along() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("a0", "visit", &[user("a")]).at(at(0))]).await;
    rig.observe(&[Say::track("b0", "visit", &[user("b")]).at(at(1))]).await;
    let (a, b) = (rig.customer(&user("a")).await.id, rig.customer(&user("b")).await.id);
    let loser = ActorKey::customer(TENANT, a.max(b));
    let kept = load_row::<Customer>(&rig.engine, &loser).await.expect("a row");
    let command = Command::MergeWith { other: a.min(b) };
    let told = rig.tell(&user("b"), "merge", command, at(2)).await;
    assert!(matches!(told, Outcome::Applied { .. }), "{told:?}");
    // Three turns were resolved to the loser before; its mailbox still keeps the row of before.
    let says = [3, 4, 5].map(|n| Say::track(format!("b{n}"), "visit", &[user("b")]).at(at(n)).add("sum", 1_000_000));
    let messages = says.iter().map(|say| {
        let accepted = say.accept(&rig.keys(), 0);
        Message {
            id: accepted.id,
            accepted: accepted.accepted,
            occurred: accepted.occurred,
            position: 0,
            via: Some(user("b").identifier(&rig.keys()).key()),
            founding: false,
            command: Command::Observe(accepted.observation),
        }
    });
    let delivered =
        deliver(&rig.engine, loser, Some(kept), Work::Messages(messages.collect())).await.expect("no fault");
    let survivor = a.min(b);
    let forwarded =
        |one: &Outcome| matches!(one, Outcome::NotMine { forward: Some(to), exists: true } if *to == survivor);
    assert!(delivered.outcomes.iter().all(forwarded), "{:?}", delivered.outcomes);
    rig.observe(&says).await;
    assert_eq!(sum(&rig.customer(&user("b")).await), Some(3.into()));
}

/// Found by the simulator: a send that the other's withdrawal had suppressed while the two were one was decided again
/// when they were parted, and stood there as on its way for ever. It is too late for it.
#[tokio::test]
async fn what_was_suppressed_together_is_too_late_when_two_are_parted() {
    let rig = Rig::memory();
    let greets = json!({
        "entry": {"event": "begin"}, "reentry": "once", "start": "hello",
        "nodes": {
            "hello": {"type": "send", "channel": "recording", "purpose": "marketing",
                      "content": {"text": "hello"}, "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("greets", greets).await;
    for (n, name, verdict) in [(1, "bo", Verdict::Granted), (2, "al", Verdict::Withdrawn)] {
        rig.observe(&[Say::track(name, "visit", &[user(name)]).at(at(n))]).await;
        let word = Command::NoteConsent(ConsentWord::general(Purpose::Marketing, verdict));
        rig.tell(&user(name), &format!("{name} says"), word, at(n + 2)).await;
    }
    rig.observe(&[Say::alias("one", &user("al"), &user("bo")).at(at(5))]).await;
    rig.observe(&[Say::track("begins", "begin", &[user("bo")]).at(at(6))]).await;
    let together = rig.customer(&user("bo")).await;
    assert!(matches!(together.sends[0].status, SendStatus::Suppressed { .. }), "{:?}", together.sends[0].status);
    let other = *together.absorbed.keys().next().expect("one was merged");
    let told = rig.tell(&user("al"), "unmerge", Command::Unmerge { other }, at(7)).await;
    assert!(matches!(told, Outcome::Applied { .. }), "{told:?}");
    let statuses: Vec<_> = rig.customer(&user("bo")).await.sends.iter().map(|record| record.status.clone()).collect();
    assert_eq!(statuses, [SendStatus::Suppressed { reason: SuppressReason::Unmerged }]);
}

/// Found by the simulator: one message made three people one, and the middle one went with the one who was taken out;
/// the number of customers fell once more for it.
#[tokio::test]
async fn who_goes_with_one_who_is_taken_out_is_counted_out_once() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("a", "visit", &[user("a")]).at(at(0))]).await;
    for (n, name) in [(1, "b"), (2, "c")] {
        rig.observe(&[Say::track(name, "visit", &[anon(name)]).at(at(n * MINUTE_MS))]).await;
    }
    let all = [user("a"), anon("b"), anon("c")];
    rig.observe(&[Say::identify("all", &all).at(at(3 * MINUTE_MS))]).await;
    let absorbed: Vec<_> = rig.customer(&user("a")).await.absorbed.keys().copied().collect();
    assert_eq!(absorbed.len(), 2);
    let first = Command::Unmerge { other: absorbed[1] };
    let told = rig.tell(&user("a"), "one out", first, at(4 * MINUTE_MS)).await;
    if matches!(told, Outcome::Refused(_)) {
        let other = Command::Unmerge { other: absorbed[0] };
        let told = rig.tell(&user("a"), "the other out", other, at(5 * MINUTE_MS)).await;
        assert!(matches!(told, Outcome::Applied { .. }), "{told:?}");
    }
    rig.relay().await;
    let counted = rig.engine.store.load(&ItemKey::counter(TENANT, "customers")).await.expect("no fault");
    let counted = counted.map_or(0, |item| item.amount());
    assert_eq!(usize::try_from(counted), Ok(rig.live().await.len()), "customers");
}

/// Found by the simulator: whoever undid a merge loaded the revisions of the one who came back, and not those that runs
/// were begun under since, nor those of others who had been merged meanwhile. Deciding those again panicked.
#[tokio::test]
async fn a_merge_is_undone_after_its_journeys_were_published_again() {
    let waits = |node: &str| {
        json!({
            "entry": {"event": "begin"}, "reentry": "once", "start": node,
            "nodes": {node: {"type": "wait", "duration": "P30D", "next": "over"}, "over": {"type": "exit"}}
        })
    };
    let rig = Rig::memory();
    let journey = rig.journey("waits", waits("first")).await;
    let later = json!({
        "entry": {"event": "later"}, "reentry": "once", "start": "rest",
        "nodes": {"rest": {"type": "wait", "duration": "P30D", "next": "over"}, "over": {"type": "exit"}}
    });
    let since = rig.journey("since", later.clone()).await;
    let begin = |id: &str, name: &str, who: &str, n: i64| Say::track(id, name, &[user(who)]).at(at(n));
    // Three people, each in a revision of their own.
    rig.observe(&[begin("a1", "begin", "al", 1)]).await;
    rig.republish(journey, "second", waits("second")).await;
    rig.observe(&[begin("b1", "begin", "bo", 2)]).await;
    rig.republish(journey, "third", waits("third")).await;
    rig.observe(&[begin("c1", "begin", "ci", 3)]).await;
    rig.observe(&[Say::alias("ab", &user("al"), &user("bo")).at(at(4))]).await;
    let bo = *rig.customer(&user("al")).await.absorbed.keys().next().expect("bo was merged");
    rig.observe(&[Say::alias("ac", &user("al"), &user("ci")).at(at(5))]).await;
    // What is begun since is begun under a revision that nothing names afterwards.
    rig.observe(&[begin("a2", "later", "al", 6)]).await;
    for edit in ["fourth", "fifth"] {
        rig.republish(journey, edit, waits(edit)).await;
        let mut edited = later.clone();
        edited["nodes"]["rest"]["duration"] = json!(if edit == "fifth" { "P31D" } else { "P32D" });
        rig.republish(since, &format!("since {edit}"), edited).await;
    }
    // A host that has none of them in memory.
    let told = rig.restart().tell(&user("al"), "unmerge", Command::Unmerge { other: bo }, at(7)).await;
    assert!(matches!(told, Outcome::Applied { .. }), "{told:?}");
    let pins = async |who: &str| {
        let customer = rig.customer(&user(who)).await;
        customer.runs.values().map(|run| (run.journey, run.revision)).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(pins("bo").await, [(journey, 2)].into(), "who comes back goes on where they were");
    assert!(pins("al").await.contains(&(since, 1)), "and what was begun since is begun again as it was");
    rig.restart().drain(at(40 * roadbook_kernel::DAY_MS)).await;
    assert!(rig.live().await.iter().all(|one| one.runs.is_empty()), "everybody comes to the end");
}

/// Found by the simulator: a segment was published while two were one, and what the one did made both a member, so that
/// nobody ever looked at what the other had.
#[tokio::test]
async fn who_comes_back_is_judged_by_what_was_published_meanwhile() {
    let rig = Rig::memory();
    let scored = |id: &str, who: &str, score: i64, n: i64| {
        Say::track(id, "visit", &[user(who)]).at(at(n)).add("score", score * 1_000_000)
    };
    rig.observe_each(&[scored("a1", "al", 0, 1), scored("b1", "bo", 3, 2)]).await;
    let bo = rig.customer(&user("bo")).await.id;
    rig.observe(&[Say::alias("m", &user("al"), &user("bo")).at(at(3))]).await;
    let keen = rig.segment("keen", json!({"trait": "score", "op": "gte", "value": 2})).await;
    rig.observe(&[scored("a2", "al", 5, 4)]).await;
    rig.tell(&user("al"), "part", Command::Unmerge { other: bo }, at(5)).await;
    for who in ["al", "bo"] {
        let customer = rig.customer(&user(who)).await;
        assert!(customer.memberships.get(&keen).is_some_and(|membership| membership.inside), "{who}");
    }
}
