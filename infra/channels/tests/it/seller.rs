//! Messages to a seller: once delivered, whatever the platform does.

use std::sync::Arc;
use std::time::Duration;

use roadbook_channels::{Accounts, Channels};
use roadbook_kernel::{HOUR_MS, MINUTE_MS, SECOND_MS};
use roadbook_runtime::ports::{Channel, SendAnswer};
use roadbook_simulator::{Config, Fault, FaultKind, PeopleChange};

use crate::rig::{GET_TOKEN, NOW, Rig, SEND, TENANT, corp_account, is_sent, reason, settings, to_seller};

#[tokio::test]
async fn a_message_carries_its_key_and_asks_for_the_duplicate_check() {
    let rig = Rig::new().await;
    let outbound = to_seller(1, "Call back: 试驾\u{1}");
    let answer = rig.send(&outbound).await;
    let call = rig.platform.calls_to(SEND).pop().expect("one call");
    assert_eq!(answer, SendAnswer::Sent { provider_id: call.msgid.expect("an id") });
    assert_eq!(call.key, Some(outbound.key.to_string()));
    let body = call.body.expect("a body");
    assert_eq!(body["enable_duplicate_check"], 1);
    assert_eq!(body["duplicate_check_interval"], 14_400);
    assert_eq!(body["text"]["content"], "Call back: 试驾\n#00000001");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_delivered_once() {
    for kind in [FaultKind::TimeoutAfterSend, FaultKind::CloseAfterSend, FaultKind::TimeoutBefore, FaultKind::Http500] {
        let rig = Rig::new().await;
        rig.platform.fault(Fault::once(SEND, kind));
        let answer = rig.send(&to_seller(1, "hello")).await;
        assert!(is_sent(&answer), "{kind:?}: {answer:?}");
        assert_eq!(rig.calls(SEND), 2, "{kind:?}");
        assert_eq!(rig.platform.deliveries().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn an_answer_later_than_our_patience_counts_as_lost() {
    let rig = Rig::with(Config { hold: Duration::from_secs(600), ..Config::default() }).await;
    let mut impatient = settings(&rig.platform.base_url());
    impatient.answer_timeout = Duration::from_millis(300);
    let channels = Channels::new(impatient, Arc::clone(&rig.accounts)).expect("valid settings");
    rig.platform.fault(Fault::once(SEND, FaultKind::TimeoutAfterSend));
    let answer = channels.send(&to_seller(1, "hello"), 1, false, NOW).await;
    assert!(is_sent(&answer), "{answer:?}");
    assert_eq!((rig.calls(SEND), rig.platform.deliveries().len()), (2, 1));
}

#[tokio::test]
async fn three_lost_answers_are_unknown() {
    let rig = Rig::new().await;
    rig.platform.fault(Fault { path: SEND.into(), kind: FaultKind::CloseAfterSend, errcode: None, times: 9 });
    let answer = rig.send(&to_seller(1, "hello")).await;
    assert_eq!(answer, SendAnswer::Unknown { reason: "connection_lost".into() });
    assert_eq!((rig.calls(SEND), rig.platform.deliveries().len()), (3, 1));
}

#[tokio::test]
async fn a_send_begun_by_a_host_that_died_is_delivered_once() {
    let rig = Rig::new().await;
    assert!(is_sent(&rig.send(&to_seller(1, "hello")).await));
    let again = rig.channels.send(&to_seller(1, "hello"), 2, true, NOW.plus_ms(MINUTE_MS)).await;
    assert!(is_sent(&again));
    assert_eq!((rig.calls(SEND), rig.platform.deliveries().len()), (2, 1));
}

#[tokio::test]
async fn a_doubtful_send_is_not_repeated_once_the_platform_has_forgotten_it() {
    let rig = Rig::new().await;
    rig.platform.fault(Fault::once(SEND, FaultKind::CloseAfterSend));
    rig.platform.fault(Fault::errcode(SEND, 45009, 1));
    let first = rig.send(&to_seller(1, "hello")).await;
    assert_eq!(reason(&first), "rate_limited", "{first:?}");
    let late = rig.channels.send(&to_seller(1, "hello"), 2, false, NOW.plus_ms(4 * HOUR_MS)).await;
    assert_eq!(late, SendAnswer::Unknown { reason: "duplicate_window_over".into() });
    assert_eq!(rig.platform.deliveries().len(), 1);
}

#[tokio::test]
async fn two_sends_that_say_the_same_to_one_seller_are_two_messages() {
    let rig = Rig::new().await;
    assert!(is_sent(&rig.send(&to_seller(1, "hello")).await));
    assert!(is_sent(&rig.send(&to_seller(2, "hello")).await));
    assert_eq!(rig.platform.deliveries().len(), 2);
}

#[tokio::test]
async fn a_busy_platform_is_tried_again_after_growing_pauses() {
    let rig = Rig::new().await;
    rig.platform.fault(Fault::errcode(SEND, -1, 3));
    let mut patient = settings(&rig.platform.base_url());
    patient.pause_base = Duration::from_secs(1);
    let channels = Channels::new(patient, Arc::clone(&rig.accounts)).expect("valid settings");
    for (attempt, least_ms) in [(1, SECOND_MS), (2, 2 * SECOND_MS), (3, 4 * SECOND_MS)] {
        let answer = channels.send(&to_seller(9, "hello"), attempt, false, NOW).await;
        let SendAnswer::RetryAfter { wait_ms, reason, lane } = answer else { panic!("{answer:?}") };
        assert_eq!((reason.as_str(), lane), ("platform_busy", false));
        assert!((least_ms..=least_ms * 5 / 4).contains(&wait_ms), "attempt {attempt}: {wait_ms} ms");
    }
    assert!(is_sent(&channels.send(&to_seller(9, "hello"), 4, false, NOW).await));
}

#[tokio::test]
async fn a_rate_limit_silences_the_lane_for_a_minute_then_an_hour() {
    let rig = Rig::new().await;
    rig.platform.fault(Fault::errcode(SEND, 45009, 2));
    let limited = rig.send(&to_seller(1, "hello")).await;
    assert!(matches!(limited, SendAnswer::RetryAfter { wait_ms: 60_000..=75_000, lane: true, .. }), "{limited:?}");
    for ms in [1, 30_000, 59_999] {
        let silent = rig.channels.send(&to_seller(2, "hello"), 1, false, NOW.plus_ms(ms)).await;
        assert!(matches!(silent, SendAnswer::RetryAfter { lane: true, .. }), "{silent:?}");
    }
    assert_eq!(rig.calls(SEND), 1, "no request during the block");
    let second = rig.channels.send(&to_seller(1, "hello"), 2, false, NOW.plus_ms(MINUTE_MS)).await;
    assert!(matches!(second, SendAnswer::RetryAfter { wait_ms: 3_600_000..=4_500_000, lane: true, .. }), "{second:?}");
    assert!(is_sent(&rig.channels.send(&to_seller(1, "hello"), 3, false, NOW.plus_ms(2 * HOUR_MS)).await));
    assert_eq!(rig.platform.deliveries().len(), 1);
}

#[tokio::test]
async fn refusals_of_one_item_are_final_and_leave_the_lane_open() {
    let rig = Rig::new().await;
    rig.platform.people(PeopleChange { unknown_members: vec!["seller-1".into()], ..PeopleChange::default() });
    let gone = rig.send(&to_seller(1, "hello")).await;
    assert_eq!(gone, SendAnswer::Failed { reason: "member_unknown".into(), code: 81013 });
    rig.platform.people(PeopleChange { restored: vec!["seller-1".into()], ..PeopleChange::default() });
    assert_eq!(reason(&rig.send(&to_seller(2, " ")).await), "content_invalid");
    assert_eq!(reason(&rig.send(&to_seller(3, &"车".repeat(700))).await), "text_too_long");
    rig.platform.fault(Fault::errcode(SEND, 987_654, 1));
    let strange = rig.send(&to_seller(4, "hello")).await;
    assert_eq!(strange, SendAnswer::Failed { reason: "platform_refused".into(), code: 987_654 });
    assert!(is_sent(&rig.send(&to_seller(5, "hello")).await));
}

#[tokio::test]
async fn a_problem_for_the_administrator_holds_the_lane() {
    let rig = Rig::new().await;
    rig.platform.fault(Fault::errcode(SEND, 60020, 1));
    let held = rig.send(&to_seller(1, "hello")).await;
    assert!(matches!(held, SendAnswer::RetryAfter { wait_ms: 600_000..=750_000, lane: true, .. }), "{held:?}");
    assert_eq!(reason(&held), "ip_not_trusted");
    assert_eq!(reason(&rig.send(&to_seller(2, "hello")).await), "ip_not_trusted");
    assert_eq!(rig.calls(SEND), 1);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        listener.local_addr().expect("an address")
    };
    let accounts = Arc::new(Accounts::default());
    accounts.set_corp(TENANT, corp_account("sim-corp-secret"));
    let channels = Channels::new(settings(&format!("http://{address}")), accounts).expect("valid settings");
    let answer = channels.send(&to_seller(1, "hello"), 1, false, NOW).await;
    assert!(matches!(&answer, SendAnswer::RetryAfter { lane: true, .. }), "{answer:?}");
    assert_eq!(reason(&answer), "not_connected");
}

#[tokio::test]
async fn a_lost_token_answer_is_no_doubt_about_the_send() {
    let rig = Rig::new().await;
    rig.platform.fault(Fault::once(GET_TOKEN, FaultKind::CloseAfterSend));
    let answer = rig.send(&to_seller(1, "hello")).await;
    assert!(matches!(&answer, SendAnswer::RetryAfter { .. }), "{answer:?}");
    assert_eq!(rig.calls(SEND), 0);
}
