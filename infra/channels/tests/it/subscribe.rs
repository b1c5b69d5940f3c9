//! Subscription messages: one grant, one send. And the recording channel, which needs neither.

use roadbook_channels::{Recorded, Recording};
use roadbook_runtime::ports::{Channel, SendAnswer};
use roadbook_simulator::{Fault, FaultKind, PeopleChange};
use roadbook_tenancy::{Address, ChannelKind};

use crate::rig::{NOW, Rig, SUBSCRIBE, TENANT, is_sent, to_seller, to_user};

fn failed(reason: &str, code: i64) -> SendAnswer {
    SendAnswer::Failed { reason: reason.into(), code }
}

#[tokio::test]
async fn one_grant_is_one_send() {
    let rig = Rig::new().await;
    assert_eq!(rig.send(&to_user(1)).await, failed("no_grant", 43101));
    rig.platform.grant("openid-1", "template-1", 1);
    assert!(is_sent(&rig.send(&to_user(2)).await));
    assert_eq!(rig.send(&to_user(3)).await, failed("no_grant", 43101));
    assert_eq!(rig.platform.deliveries().len(), 1);
    let body = rig.platform.calls_to(SUBSCRIBE)[0].body.clone().expect("a body");
    assert_eq!(body["miniprogram_state"], "formal");
}

#[tokio::test]
async fn wrong_data_and_unknown_people_are_final() {
    let rig = Rig::new().await;
    rig.platform.grant("openid-1", "template-1", 1);
    let mut long = to_user(1);
    long.content = roadbook_kernel::Personal::new(serde_json::json!({ "thing1": { "value": "长".repeat(21) } }));
    assert_eq!(rig.send(&long).await, failed("data_refused", 47003));
    let mut bare = to_user(2);
    bare.template = String::new();
    assert_eq!(rig.send(&bare).await, failed("content_invalid", 0));
    let change = PeopleChange { unknown_openids: vec!["openid-1".into()], ..PeopleChange::default() };
    rig.platform.people(change);
    assert_eq!(rig.send(&to_user(3)).await, failed("openid_unknown", 40003));
}

#[tokio::test]
async fn a_lost_answer_uses_up_one_grant_and_not_two() {
    for kind in [FaultKind::TimeoutAfterSend, FaultKind::CloseAfterSend, FaultKind::Http500] {
        let rig = Rig::new().await;
        rig.platform.grant("openid-1", "template-1", 2);
        rig.platform.fault(Fault::once(SUBSCRIBE, kind));
        let answer = rig.send(&to_user(1)).await;
        assert!(matches!(answer, SendAnswer::Unknown { .. }), "{kind:?}: {answer:?}");
        let again = rig.channels.send(&to_user(1), 2, true, NOW).await;
        assert_eq!(again, SendAnswer::Unknown { reason: "not_repeated".into() });
        assert_eq!(rig.calls(SUBSCRIBE), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn an_address_of_another_channel_goes_nowhere() {
    let rig = Rig::new().await;
    let mut crossed = to_user(1);
    crossed.channel = ChannelKind::WecomSeller;
    assert_eq!(rig.send(&crossed).await, failed("address_of_another_channel", 0));
    assert!(rig.platform.calls().is_empty());
}

#[tokio::test]
async fn the_recording_channel_says_sent_and_calls_nobody() {
    let rig = Rig::new().await;
    let mut dry = to_user(1);
    (dry.channel, dry.to) = (ChannelKind::Recording, Address::Nowhere);
    assert!(is_sent(&rig.send(&dry).await));
    assert_eq!(rig.channels.recording().newest(), [Recorded { tenant: TENANT, key: dry.key, at: NOW }]);
    assert!(rig.platform.calls().is_empty());

    let all = Recording::keeping(2);
    for key in 1..=3 {
        assert!(is_sent(&all.send(&to_seller(key, "hello"), 1, false, NOW).await));
    }
    let kept: Vec<u128> = all.newest().iter().map(|one| one.key.as_u128()).collect();
    assert_eq!((all.total(), kept), (3, vec![2, 3]));
}
