//! Tokens that die while sends are under way.

use futures_util::future::join_all;
use roadbook_kernel::MINUTE_MS;
use roadbook_runtime::ports::{Channel, SendAnswer};
use roadbook_simulator::Fault;

use crate::rig::{
    GET_TOKEN, NOW, Rig, SEND, STABLE_TOKEN, SUBSCRIBE, corp_account, is_sent, reason, to_seller, to_user,
};

#[tokio::test]
async fn twenty_sends_that_find_the_token_expired_renew_it_once() {
    let rig = Rig::new().await;
    assert!(is_sent(&rig.send(&to_seller(1, "first")).await));
    rig.platform.expire_tokens();
    let sends: Vec<_> = (2..22).map(|key| to_seller(key, "again")).collect();
    let answers = join_all(sends.iter().map(|outbound| rig.send(outbound))).await;
    assert!(answers.iter().all(is_sent), "{answers:?}");
    assert_eq!(rig.calls(GET_TOKEN), 2, "the first token and one renewal");
    assert_eq!(rig.platform.deliveries().len(), 21);
    let refused = rig.platform.calls_to(SEND).iter().filter(|call| call.errcode == Some(42001)).count();
    assert!((1..=20).contains(&refused), "no send used the dead token twice: {refused}");
}

#[tokio::test]
async fn a_revoked_token_is_renewed_on_both_platforms() {
    let rig = Rig::new().await;
    rig.platform.grant("openid-1", "template-1", 2);
    assert!(is_sent(&rig.send(&to_seller(1, "first")).await));
    assert!(is_sent(&rig.send(&to_user(2)).await));
    rig.platform.revoke_tokens();
    assert!(is_sent(&rig.send(&to_seller(3, "second")).await));
    assert!(is_sent(&rig.send(&to_user(4)).await));
    assert_eq!((rig.calls(GET_TOKEN), rig.calls(STABLE_TOKEN)), (2, 2));
    assert_eq!(rig.platform.deliveries().len(), 4);
}

#[tokio::test]
async fn a_stable_token_that_is_refused_while_alive_is_renewed_by_force() {
    let rig = Rig::new().await;
    rig.platform.grant("openid-1", "template-1", 1);
    rig.platform.fault(Fault::errcode(SUBSCRIBE, 40001, 1));
    assert!(is_sent(&rig.send(&to_user(1)).await));
    let forced = rig.calls(STABLE_TOKEN);
    assert_eq!(forced, 3, "the first, the same again, and a forced one");
}

#[tokio::test]
async fn a_token_refused_fresh_from_the_platform_is_not_tried_a_third_time() {
    let rig = Rig::new().await;
    rig.platform.fault(Fault::errcode(SEND, 42001, 5));
    let answer = rig.send(&to_seller(1, "first")).await;
    assert!(matches!(&answer, SendAnswer::RetryAfter { reason, .. } if reason == "token_refused"), "{answer:?}");
    assert_eq!(rig.calls(SEND), 2);
}

#[tokio::test]
async fn a_wrong_secret_stops_the_lane_until_it_is_put_right() {
    let rig = Rig::new().await;
    rig.accounts.set_corp(crate::rig::TENANT, corp_account("wrong"));
    let sends: Vec<_> = (1..11).map(|key| to_seller(key, "hello")).collect();
    let answers = join_all(sends.iter().map(|outbound| rig.send(outbound))).await;
    for answer in &answers {
        assert!(matches!(answer, SendAnswer::RetryAfter { lane: true, .. }), "{answer:?}");
        assert_eq!(reason(answer), "secret_refused");
    }
    assert_eq!(rig.calls(GET_TOKEN), 1, "wrong credentials asked for again and again get an address blocked");
    let later = rig.channels.send(&to_seller(1, "hello"), 2, false, NOW.plus_ms(9 * MINUTE_MS)).await;
    assert_eq!(reason(&later), "secret_refused");
    assert_eq!((rig.calls(GET_TOKEN), rig.calls(SEND)), (1, 0));
}

#[tokio::test]
async fn tokens_of_two_tenants_are_apart() {
    let rig = Rig::new().await;
    let other = roadbook_kernel::TenantId::from_u128(8);
    let mut foreign = to_seller(1, "hello");
    foreign.tenant = other;
    assert_eq!(rig.send(&foreign).await, SendAnswer::Failed { reason: "no_account".into(), code: 0 });
    assert!(rig.platform.calls().is_empty(), "another tenant's credentials are not borrowed");
    rig.accounts.set_corp(other, corp_account("sim-corp-secret"));
    assert!(is_sent(&rig.send(&foreign).await));
    assert!(is_sent(&rig.send(&to_seller(2, "hello")).await));
    assert_eq!(rig.calls(GET_TOKEN), 2);
}
