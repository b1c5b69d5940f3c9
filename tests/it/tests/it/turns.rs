//! Turns: order, refusals, timers, parking, rows that a mailbox kept.

use roadbook_catalog::Command as Define;
use roadbook_customer::{Command, ConsentWord, Customer, Event, SendOutcome, SendReport};
use roadbook_it::canon;
use roadbook_it::rig::{Rig, T0, TENANT};
use roadbook_it::say::{Say, user};
use roadbook_kernel::{ActorKey, DAY_MS, HOUR_MS, JourneyId, MINUTE_MS, Moment, SendKey};
use roadbook_runtime::ports::{Commit, Expect, Fault, History, Item, ItemKey, Put, Store};
use roadbook_runtime::record::{Record, Trigger};
use roadbook_runtime::{Deliver, Limits, Memory, Message, Outcome, Work, deliver, load_row, sends, sweep};
use roadbook_tenancy::{Purpose, Verdict};
use serde_json::{Value, json};
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

fn waiting(duration: &str, tag: &str) -> Value {
    json!({
        "entry": {"event": "begin"},
        "reentry": "after_exit",
        "start": "rest",
        "nodes": {
            "rest": {"type": "wait", "duration": duration, "next": "mark"},
            "mark": {"type": "set_tag", "tag": tag, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

/// Rests an hour, for ever.
fn hourly() -> Value {
    json!({
        "entry": {"event": "begin"},
        "reentry": "once",
        "start": "rest",
        "nodes": {
            "rest": {"type": "wait", "duration": "PT1H", "next": "mark"},
            "mark": {"type": "set_trait", "trait": "beat", "value": true, "next": "rest"}
        }
    })
}

fn key_of(customer: &Customer) -> ActorKey {
    ActorKey::customer(TENANT, customer.id)
}

#[tokio::test]
async fn a_run_pinned_to_an_older_revision_wakes_on_time() {
    let rig = Rig::memory();
    let journey = rig.journey("pinned", waiting("P1D", "old")).await;
    rig.observe(&[Say::track("m1", "begin", &[user("al")]).at(at(0))]).await;
    rig.republish(journey, "second", waiting("P9D", "new")).await;

    // A process that never saw the old revision.
    let rig = rig.restart();
    rig.drain(at(2 * DAY_MS)).await;
    let row = rig.row(&user("al")).await.expect("a row");
    assert!(!row.parked, "the revision is stored; that this process had not loaded it is no defect of the timer");
    assert!(row.state.tags.contains_key("old") && row.state.runs.is_empty());
    assert_eq!(rig.engine.tally.parked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_run_pinned_to_an_older_revision_goes_on_beside_a_message() {
    let rig = Rig::memory();
    let journey = rig.journey("pinned", waiting("P1D", "old")).await;
    rig.observe(&[Say::track("m1", "begin", &[user("al")]).at(at(0))]).await;
    rig.republish(journey, "second", waiting("P9D", "new")).await;
    let rig = rig.restart();
    rig.observe(&[Say::track("m2", "visit", &[user("al")]).at(at(2 * DAY_MS))]).await;
    let row = rig.row(&user("al")).await.expect("a row");
    assert!(!row.parked && row.state.tags.contains_key("old") && row.state.runs.is_empty());
}

/// A stored run at a node its revision lacks: what a defect of an older program could leave behind.
async fn break_a_timer(rig: &Rig<Memory>) {
    rig.journey("broken", waiting("P1D", "done")).await;
    rig.observe(&[Say::track("m1", "begin", &[user("al")]).at(at(0))]).await;
    let mut row = rig.row(&user("al")).await.expect("a row");
    row.state.runs.values_mut().for_each(|run| run.node = "nowhere".into());
    let key = ItemKey::actor(&key_of(&row.state));
    let expect = Expect::Version(row.version);
    let item = Item { version: row.version + 1, body: row.write().expect("a row") };
    let puts = vec![Put { key, expect, item: Some(item) }];
    rig.store.commit(Commit { puts, ..Commit::default() }).await.expect("a commit");
}

#[tokio::test]
async fn an_actor_whose_timer_cannot_fire_is_parked_and_still_takes_messages() {
    let rig = Rig::memory();
    break_a_timer(&rig).await;
    assert_eq!(rig.drain(at(2 * DAY_MS)).await, 1);
    let row = rig.row(&user("al")).await.expect("a row");
    assert!(row.parked && row.due.is_none(), "out of the index, or it would be swept for ever");

    let outcomes = rig.try_observe(&[Say::track("m2", "visit", &[user("al")]).at(at(2 * DAY_MS + 1))]).await;
    assert!(matches!(outcomes[..], [Ok(Outcome::Applied { .. })]), "{outcomes:?}");
    assert_eq!(rig.drain(at(3 * DAY_MS)).await, 0);
    let row = rig.row(&user("al")).await.expect("a row");
    assert_eq!((row.state.events(), row.due), (2, None));
}

#[tokio::test]
async fn an_actor_with_a_broken_timer_takes_messages_before_any_poke() {
    let rig = Rig::memory();
    break_a_timer(&rig).await;
    let late: Vec<Say> =
        (0..3).map(|n| Say::track(format!("n{n}"), "visit", &[user("al")]).at(at(2 * DAY_MS + n))).collect();
    let outcomes = rig.try_observe(&late).await;
    assert!(outcomes.iter().all(|one| matches!(one, Ok(Outcome::Applied { .. }))), "{outcomes:?}");
    assert!(rig.row(&user("al")).await.is_some_and(|row| row.parked && row.due.is_none()));
}

#[tokio::test]
async fn as_many_refusals_as_one_turn_has_messages_are_each_answered() {
    let limits = Limits { customer_bytes_max: 2_000, ..Limits::default() };
    let rig = Rig::bounded(Arc::new(Memory::new()), limits);
    rig.observe(&[Say::track("m0", "visit", &[user("al")]).at(at(0)).set("note", "x".repeat(3_000))]).await;
    let before = rig.customer(&user("al")).await;
    let many: Vec<Say> = (0..60).map(|n| Say::track(format!("n{n}"), "visit", &[user("al")]).at(at(n))).collect();
    let outcomes = rig.try_observe(&many).await;
    let refused = |one: &Result<Outcome, Fault>| matches!(one, Ok(Outcome::Refused(no)) if no.code == "customer_full");
    assert!(outcomes.iter().all(refused), "{:?}", outcomes.first());
    assert_eq!(rig.customer(&user("al")).await, before, "a refusal changes nothing");
    assert_eq!(canon::letters(&rig).await.len(), 60, "each event is kept whole");
    let again = rig.observe(&many).await;
    assert!(again.iter().all(|one| matches!(one, Outcome::Duplicate { .. })), "a refusal is recorded");
}

#[tokio::test]
async fn withdrawing_consent_is_possible_for_a_full_customer() {
    let limits = Limits { customer_bytes_max: 2_000, ..Limits::default() };
    let rig = Rig::bounded(Arc::new(Memory::new()), limits);
    rig.observe(&[Say::track("m0", "visit", &[user("al")]).at(at(0)).set("note", "x".repeat(3_000))]).await;
    let no = Command::NoteConsent(ConsentWord::general(Purpose::Marketing, Verdict::Withdrawn));
    assert!(matches!(rig.tell(&user("al"), "c1", no, at(1)).await, Outcome::Applied { .. }));
}

#[tokio::test]
async fn timers_that_are_due_earlier_fire_before_a_message_however_many() {
    let rig = Rig::memory();
    rig.journey("hourly", hourly()).await;
    rig.observe(&[Say::track("m1", "begin", &[user("al")]).at(at(0))]).await;
    // The host was away for a week; then a message comes.
    let week = 7 * DAY_MS;
    rig.observe(&[Say::track("m2", "visit", &[user("al")]).at(at(week))]).await;
    let customer = rig.customer(&user("al")).await;
    let turns = rig.store.turns(&key_of(&customer), 0, 1_000).await.expect("no fault");
    let mut line = Vec::new();
    for turn in &turns {
        let body = Record::new(&turn.record).and_then(|record| record.body::<Event>()).expect("a record");
        line.extend(body.entries.into_iter().map(|entry| match entry.cause {
            Trigger::Message { occurred, .. } => occurred,
            Trigger::Due { at } => at,
            Trigger::Beside { .. } => Moment::MIN,
        }));
    }
    assert!(line.is_sorted(), "causes stand on one time line");
    assert_eq!(line.len(), 2 + 7 * 24);
    assert_eq!(rig.engine.store.next_due(roadbook_runtime::ports::DueKind::Actor).await, Ok(Some(at(week + HOUR_MS))));
}

#[tokio::test]
async fn a_message_comes_before_a_timer_of_the_same_instant() {
    let rig = Rig::memory();
    let definition = json!({
        "entry": {"event": "begin"}, "reentry": "once", "start": "listen",
        "nodes": {
            "listen": {"type": "wait_for", "event": "answer", "timeout": "P1D", "on_event": "yes", "on_timeout": "no"},
            "yes": {"type": "set_tag", "tag": "answer", "value": "yes", "next": "over"},
            "no": {"type": "set_tag", "tag": "answer", "value": "no", "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("listen", definition).await;
    for (who, offset, expected) in [("al", 0, "yes"), ("bo", 1, "no"), ("cy", -1, "yes")] {
        rig.observe(&[Say::track(format!("{who}1"), "begin", &[user(who)]).at(at(0))]).await;
        // Delivered a day late, long after the instant itself.
        let answer = Say::track(format!("{who}2"), "answer", &[user(who)]).at(at(DAY_MS + offset));
        rig.observe(&[answer.accepted(at(3 * DAY_MS))]).await;
        let customer = rig.customer(&user(who)).await;
        assert_eq!(customer.tags["answer"].value.as_deref(), Some(expected), "{who}");
    }
}

#[tokio::test]
async fn a_kept_row_that_is_behind_costs_a_second_try_and_nothing_else() {
    let rig = Rig::memory();
    rig.journey("waiting", waiting("P1D", "done")).await;
    rig.observe(&[Say::track("m1", "visit", &[user("al")]).at(at(0))]).await;
    let kept = rig.row(&user("al")).await.expect("a row");
    let key = key_of(&kept.state);
    // Behind the mailbox's back another actor's turn changes this row: here a message and what follows from it.
    rig.observe(&[Say::identify("m2", &[user("al"), roadbook_it::say::email("al")]).at(at(1))]).await;
    rig.observe(&[Say::track("m3", "begin", &[user("al")]).at(at(2))]).await;
    rig.at(at(2 * DAY_MS));

    deliver::<Customer>(&rig.engine, key, Some(kept.clone()), Work::Poke).await.expect("no fault");
    assert!(rig.customer(&user("al")).await.tags.contains_key("done"), "what is due fires, whatever row was kept");

    let mail = roadbook_it::say::email("al").identifier(&rig.keys());
    let accepted =
        Say::track("m4", "visit", &[roadbook_it::say::email("al")]).at(at(2 * DAY_MS)).accept(&rig.keys(), 0);
    let message = Message {
        id: accepted.id,
        accepted: accepted.accepted,
        occurred: accepted.occurred,
        position: 0,
        via: Some(mail.key()),
        founding: false,
        command: Command::Observe(accepted.observation),
    };
    let work = Work::Messages(vec![message]);
    let delivered = deliver::<Customer>(&rig.engine, key, Some(kept), work).await.expect("no fault");
    assert!(matches!(delivered.outcomes[..], [Outcome::Applied { .. }]), "{:?}", delivered.outcomes);
}

#[tokio::test]
async fn a_sweep_that_cannot_come_to_an_end_says_so() {
    let rig = Rig::memory();
    rig.journey("waiting", waiting("P1D", "done")).await;
    rig.observe(&[Say::track("m1", "begin", &[user("al")]).at(at(0))]).await;
    // The clock stands before `until`: the actor stays due although its pokes succeed. A loop that never ends would
    // never give the runtime back, so it runs on a thread of its own.
    let (told, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let result = runtime.block_on(sweep::drain(&rig.engine, rig.direct.as_ref(), at(2 * DAY_MS)));
        told.send(result).ok();
    });
    let ended = ended.recv_timeout(std::time::Duration::from_secs(20));
    assert!(matches!(ended, Ok(Err(Fault::Contended(_)))), "{ended:?}");
}

#[tokio::test]
async fn a_report_reaches_the_survivor_however_long_the_chain() {
    let rig = Rig::memory();
    chain_of_tombstones(&rig, 12).await;
    let youngest = youngest(&rig).await;
    let report = SendReport { key: SendKey::from_u128(1), outcome: SendOutcome::Sent, at: at(0) };
    let id = rig.message("report");
    let told =
        sends::tell(&rig.engine, rig.direct.as_ref(), youngest, id, Command::ReportSend(report), at(HOUR_MS)).await;
    assert!(matches!(told, Ok(Outcome::Applied { .. })), "{told:?}");
}

#[tokio::test]
async fn an_event_reaches_the_survivor_however_long_the_chain() {
    let rig = Rig::memory();
    chain_of_tombstones(&rig, 12).await;
    let outcome = rig.observe(&[Say::track("late", "visit", &[user("12")]).at(at(HOUR_MS))]).await;
    assert!(matches!(outcome[..], [Outcome::Applied { .. }]), "{outcome:?}");
    assert_eq!(rig.live().await.len(), 1);
}

/// The youngest is merged into the next older one, that one into the next, and so on: the longest chain there can be.
async fn chain_of_tombstones(rig: &Rig<Memory>, length: usize) {
    for n in 0..=length {
        let say = Say::track(format!("m{n}"), "visit", &[user(&n.to_string())]);
        rig.observe(&[say.at(at(i64::try_from(n).unwrap_or(0)))]).await;
    }
    for n in (1..=length).rev() {
        let (one, other) = (user(&(n - 1).to_string()), rig.customer(&user(&n.to_string())).await.id);
        let outcome = rig.tell(&one, &format!("merge{n}"), Command::MergeWith { other }, at(MINUTE_MS)).await;
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    }
    let rows = rig.rows().await;
    assert_eq!((rows.len(), rig.live().await.len()), (length + 1, 1));
}

async fn youngest(rig: &Rig<Memory>) -> ActorKey {
    let rows = rig.rows().await;
    key_of(&rows.iter().max_by_key(|row| row.state.id).expect("rows").state)
}

#[tokio::test]
async fn each_revision_published_in_one_turn_is_stored_as_it_was() {
    let rig = Rig::memory();
    let id = JourneyId::from_u128(1);
    let message = |n: u32, command| Message {
        id: rig.message(&format!("d{n}")),
        accepted: at(0),
        occurred: at(0),
        position: n,
        via: None,
        founding: false,
        command,
    };
    let edit = |tag| Define::EditJourney {
        id,
        name: "j".into(),
        definition: waiting("P1D", tag),
        expected: roadbook_kernel::Expected::Any,
    };
    let create = Define::CreateJourney { id, name: "j".into(), definition: waiting("P1D", "first") };
    // What a mailbox gathers while the former turn commits.
    let messages = vec![
        message(0, create),
        message(1, Define::PublishJourney { id }),
        message(2, edit("second")),
        message(3, Define::PublishJourney { id }),
    ];
    let key = ActorKey::catalog(TENANT);
    let delivered = deliver::<roadbook_catalog::Catalog>(&rig.engine, key, None, Work::Messages(messages)).await;
    let outcomes = delivered.expect("no fault").outcomes;
    assert!(outcomes.iter().all(|one| matches!(one, Outcome::Applied { .. })), "{outcomes:?}");
    for (revision, tag) in [(1, "first"), (2, "second")] {
        let name = roadbook_runtime::revision_name(id, revision);
        let item = rig.store.load(&ItemKey::document(TENANT, &name)).await.expect("no fault").expect("stored");
        let document: roadbook_catalog::Document = serde_json::from_slice(&item.body).expect("a document");
        assert_eq!(document.definition["nodes"]["mark"]["tag"], tag, "revision {revision}");
    }
}

#[tokio::test]
async fn a_merge_survives_the_largest_sums() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("m1", "visit", &[user("al")]).at(at(0)).add("score", i64::MIN)]).await;
    rig.observe(&[Say::track("m2", "visit", &[user("bo")]).at(at(1)).add("score", i64::MIN)]).await;
    let outcome = rig.observe(&[Say::alias("m3", &user("al"), &user("bo")).at(at(2))]).await;
    assert!(matches!(outcome[..], [Outcome::Applied { .. }]), "{outcome:?}");
    // Twice through one founding id: three rows that share a part.
    rig.observe(&[Say::track("m4", "visit", &[user("cy")]).at(at(3)).add("score", 1)]).await;
    rig.observe(&[Say::alias("m5", &user("cy"), &user("bo")).at(at(4))]).await;
    assert_eq!(rig.live().await.len(), 1);
}

#[tokio::test]
async fn the_version_grows_by_one_with_each_turn_and_history_has_no_gap() {
    let rig = Rig::memory();
    for n in 0..20 {
        let say = Say::track(format!("m{n}"), "visit", &[user("al")]).at(at(n));
        rig.observe(from_ref(&say)).await;
        rig.observe(&[say]).await;
        let row = rig.row(&user("al")).await.expect("a row");
        assert_eq!(row.version, u64::try_from(n).unwrap_or(0) + 1, "a duplicate writes nothing");
    }
    let customer = rig.customer(&user("al")).await;
    let turns = rig.store.turns(&key_of(&customer), 0, 100).await.expect("no fault");
    assert_eq!(turns.iter().map(|turn| turn.version).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_poke_without_work_writes_nothing() {
    let rig = Rig::memory();
    rig.observe(&[Say::track("m1", "visit", &[user("al")]).at(at(0))]).await;
    let before = rig.store.items();
    let key = key_of(&rig.customer(&user("al")).await);
    rig.at(at(DAY_MS));
    rig.direct.poke(key).await.expect("no fault");
    rig.direct.poke(ActorKey::customer(TENANT, roadbook_kernel::CustomerId::from_u128(99))).await.expect("no fault");
    assert_eq!(rig.store.items(), before);
}

#[tokio::test]
async fn a_command_to_nobody_is_refused_and_leaves_nothing() {
    let rig = Rig::memory();
    let nobody = ActorKey::customer(TENANT, roadbook_kernel::CustomerId::from_u128(99));
    let command = Command::NoteConsent(ConsentWord::general(Purpose::Marketing, Verdict::Granted));
    let told = sends::tell(&rig.engine, rig.direct.as_ref(), nobody, rig.message("c"), command, at(0)).await;
    assert!(matches!(told, Ok(Outcome::Refused(ref no)) if no.code == "no_such_customer"), "{told:?}");
    assert!(rig.store.items().is_empty());
    assert_eq!(load_row::<Customer>(&rig.engine, &nobody).await.expect("no fault").version, 0);
}
