//! A message counts once, however many others came since and however long ago it was.

use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, anon, user};
use roadbook_kernel::{DAY_MS, Moment};
use roadbook_runtime::Outcome;
use std::slice::from_ref;
use std::sync::atomic::Ordering;

const fn at(ms: i64) -> Moment {
    T0.plus_ms(ms)
}

#[tokio::test]
async fn a_duplicate_is_known_after_ten_thousand_other_messages() {
    let rig = Rig::memory();
    let message = |n: i64| Say::track(format!("m{n}"), "visit", &[user("al")]).at(at(n * 1_000)).add("sum", 1_000_000);
    for batch in 0..50 {
        let says: Vec<Say> = (batch * 200..(batch + 1) * 200).map(message).collect();
        let outcomes = rig.observe(&says).await;
        assert!(outcomes.iter().all(|one| matches!(one, Outcome::Applied { .. })));
    }
    // Some one by one, so that small pages are written too.
    for n in 10_000..10_060 {
        rig.observe(&[message(n)]).await;
    }
    let before = rig.row(&user("al")).await.expect("a row");
    let again: Vec<Say> = (0..10_060).step_by(97).map(message).collect();
    let outcomes = rig.restart().observe(&again).await;
    assert!(outcomes.iter().all(|one| matches!(one, Outcome::Duplicate { .. })));
    let after = rig.row(&user("al")).await.expect("a row");
    assert_eq!((after.version, &after.state), (before.version, &before.state), "a duplicate writes nothing");
    let sum = after.state.traits["sum"].value().map(|value| value.into_owned());
    assert_eq!(sum, Some(10_060.into()));
}

#[tokio::test]
async fn a_busy_customer_does_not_read_every_page_for_each_new_message() {
    let rig = Rig::memory();
    let message = |n: i64| Say::track(format!("m{n}"), "visit", &[user("al")]).at(at(n * 1_000));
    for n in 0..2_500 {
        rig.observe(&[message(n)]).await;
    }
    let pages = rig.row(&user("al")).await.expect("a row").inbox.pages().count();
    assert!(
        pages <= 2_500 / 1_024 + 20,
        "{pages} pages hold 2,500 ids; a full filter makes each message read them all"
    );
}

#[tokio::test]
async fn a_message_older_than_the_window_is_looked_up_in_history() {
    let rig = Rig::memory();
    let old = Say::track("old", "visit", &[anon("a")]).at(at(0));
    rig.observe(&[old.clone(), Say::track("m1", "visit", &[user("bo")]).at(at(1))]).await;
    rig.observe(&[Say::identify("m2", &[user("al"), anon("a")]).at(at(2))]).await;
    rig.observe(&[Say::alias("m3", &user("al"), &user("bo")).at(at(3))]).await;
    // So many that a page of the inbox is full of that day, and leaves the window as a whole.
    let that_day: Vec<Say> = (0..400).map(|n| Say::track(format!("d{n}"), "visit", &[user("al")]).at(at(4))).collect();
    rig.observe(&that_day).await;
    rig.relay().await;
    let later = at(20 * DAY_MS);
    let many: Vec<Say> =
        (0..200).map(|n| Say::track(format!("n{n}"), "visit", &[user("al")]).at(later.plus_ms(n))).collect();
    rig.observe(&many).await;
    rig.relay().await;
    let lookups = &rig.engine.tally.history_lookups;
    let before = lookups.load(Ordering::SeqCst);
    let again = rig.observe(&[old, Say::track("m1", "visit", &[user("bo")]).at(at(1))]).await;
    assert!(
        again.iter().all(|one| matches!(one, Outcome::Duplicate { .. })),
        "under every id of this customer: {again:?}"
    );
    assert_eq!(
        lookups.load(Ordering::SeqCst),
        before + 1,
        "no inbox knows the first; the second is in the tombstone's"
    );
    let before = lookups.load(Ordering::SeqCst);
    // An import of last year's events is new, however old.
    let import = Say::track("import", "visit", &[user("al")]).at(at(-300 * DAY_MS)).accepted(later.plus_ms(300));
    assert!(matches!(rig.observe(from_ref(&import)).await[..], [Outcome::Applied { .. }]));
    assert!(matches!(rig.observe(&[import]).await[..], [Outcome::Duplicate { .. }]));
    assert!(lookups.load(Ordering::SeqCst) > before, "History was asked");
}
