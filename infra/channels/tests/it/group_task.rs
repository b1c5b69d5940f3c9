//! Group message tasks: handed over, then sent, refused or expired.

use std::sync::Arc;
use std::time::Duration;

use roadbook_channels::Channels;
use roadbook_kernel::{DAY_MS, MINUTE_MS, Moment};
use roadbook_runtime::ports::{Channel, PollAnswer, SendAnswer};
use roadbook_simulator::{Config, Fault, FaultKind, Medium, PeopleChange, Refusal};

use crate::rig::{ADD, NOW, RESULT, Rig, is_sent, reason, settings, to_customer, to_seller};

async fn hand_over(rig: &Rig, key: u128) -> String {
    let answer = rig.send(&to_customer(key)).await;
    let SendAnswer::HandedOver { task, poll_at } = answer else { panic!("{answer:?}") };
    assert_eq!(poll_at, NOW.plus_ms(MINUTE_MS));
    task
}

async fn poll(rig: &Rig, key: u128, task: &str, now: Moment) -> PollAnswer {
    rig.channels.poll(&to_customer(key), task, NOW, now).await
}

#[tokio::test]
async fn a_task_waits_until_the_seller_confirms_it() {
    let rig = Rig::new().await;
    let task = hand_over(&rig, 1).await;
    let soon = NOW.plus_ms(MINUTE_MS);
    assert_eq!(poll(&rig, 1, &task, soon).await, PollAnswer::Waiting { poll_at: soon.plus_ms(MINUTE_MS) });
    assert!(rig.platform.deliveries().is_empty());
    rig.platform.confirm(&task).expect("an open task");
    assert_eq!(poll(&rig, 1, &task, soon).await, PollAnswer::Sent);
    let reached = rig.platform.deliveries();
    assert_eq!(reached.len(), 1);
    assert_eq!((reached[0].medium, reached[0].who.as_str()), (Medium::WecomCustomer, "wm-customer-1"));
    assert_eq!(reached[0].key, Some(to_customer(1).key.to_string()));
}

#[tokio::test]
async fn a_task_is_refused_for_the_reasons_the_platform_gives() {
    let rig = Rig::new().await;
    for (key, refusal, reason) in [(1, Refusal::NotFriend, "not_a_friend"), (2, Refusal::OverLimit, "over_limit")] {
        let task = hand_over(&rig, key).await;
        rig.platform.refuse(&task, refusal).expect("an open task");
        let answer = poll(&rig, key, &task, NOW.plus_ms(MINUTE_MS)).await;
        assert_eq!(answer, PollAnswer::Refused { reason: reason.into() });
    }
    let task = hand_over(&rig, 3).await;
    rig.platform.fault(Fault::errcode(RESULT, 41093, 1));
    let answer = poll(&rig, 3, &task, NOW.plus_ms(MINUTE_MS)).await;
    assert_eq!(answer, PollAnswer::Refused { reason: "cancelled".into() });
}

#[tokio::test]
async fn a_task_nobody_confirms_expires_and_one_the_platform_forgot_too() {
    let rig = Rig::new().await;
    let task = hand_over(&rig, 1).await;
    rig.platform.expire(&task).expect("an open task");
    assert!(matches!(poll(&rig, 1, &task, NOW.plus_ms(DAY_MS)).await, PollAnswer::Waiting { .. }));
    assert_eq!(poll(&rig, 1, &task, NOW.plus_ms(7 * DAY_MS)).await, PollAnswer::Expired);
    assert_eq!(poll(&rig, 1, "forgotten", NOW.plus_ms(MINUTE_MS)).await, PollAnswer::Expired);
}

#[tokio::test]
async fn sellers_who_confirm_by_themselves_are_noticed() {
    let config = Config { auto_confirm: Some(Duration::from_secs(30)), ..Config::default() };
    let rig = Rig::with(config).await;
    let task = hand_over(&rig, 1).await;
    rig.platform.advance(Duration::from_secs(30));
    assert_eq!(poll(&rig, 1, &task, NOW.plus_ms(MINUTE_MS)).await, PollAnswer::Sent);
}

#[tokio::test]
async fn a_poll_that_fails_is_only_a_later_poll() {
    let rig = Rig::new().await;
    let task = hand_over(&rig, 1).await;
    rig.platform.confirm(&task).expect("an open task");
    let soon = NOW.plus_ms(MINUTE_MS);
    rig.platform.fault(Fault::errcode(RESULT, -1, 1));
    rig.platform.fault(Fault::once(RESULT, FaultKind::Http500));
    rig.platform.fault(Fault::once(RESULT, FaultKind::Close));
    rig.platform.fault(Fault::errcode(RESULT, 45009, 1));
    for _ in 0..4 {
        assert!(matches!(poll(&rig, 1, &task, soon).await, PollAnswer::Waiting { .. }));
    }
    let calls = rig.calls(RESULT);
    assert!(matches!(poll(&rig, 1, &task, soon).await, PollAnswer::Waiting { .. }), "the lane is silent");
    assert_eq!(rig.calls(RESULT), calls);
    assert!(is_sent(&rig.send(&to_seller(2, "hello")).await), "other interfaces of the account are open");
    assert_eq!(poll(&rig, 1, &task, soon.plus_ms(MINUTE_MS)).await, PollAnswer::Sent);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_no_second_task_is_made() {
    for kind in [FaultKind::TimeoutAfterSend, FaultKind::CloseAfterSend, FaultKind::Http500] {
        let rig = Rig::new().await;
        rig.platform.fault(Fault::once(ADD, kind));
        let answer = rig.send(&to_customer(1)).await;
        assert!(matches!(answer, SendAnswer::Unknown { .. }), "{kind:?}: {answer:?}");
        let again = rig.channels.send(&to_customer(1), 2, true, NOW).await;
        assert_eq!(again, SendAnswer::Unknown { reason: "not_repeated".into() });
        assert_eq!(rig.calls(ADD), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn our_own_time_out_is_unknown_too() {
    let rig = Rig::with(Config { hold: Duration::from_secs(600), ..Config::default() }).await;
    let mut impatient = settings(&rig.platform.base_url());
    impatient.answer_timeout = Duration::from_millis(300);
    let channels = Channels::new(impatient, Arc::clone(&rig.accounts)).expect("valid settings");
    rig.platform.fault(Fault::once(ADD, FaultKind::TimeoutAfterSend));
    let answer = channels.send(&to_customer(1), 1, false, NOW).await;
    assert_eq!(answer, SendAnswer::Unknown { reason: "timed_out".into() });
    assert_eq!(rig.calls(ADD), 1);
}

#[tokio::test]
async fn a_customer_who_is_no_contact_fails() {
    let rig = Rig::new().await;
    rig.platform.people(PeopleChange { not_friends: vec!["wm-customer-1".into()], ..PeopleChange::default() });
    let answer = rig.send(&to_customer(1)).await;
    assert_eq!(answer, SendAnswer::Failed { reason: "not_a_friend".into(), code: 84061 });
    rig.platform.fault(Fault::errcode(ADD, 40201, 1));
    assert_eq!(reason(&rig.send(&to_customer(2)).await), "anti_spam");
}
