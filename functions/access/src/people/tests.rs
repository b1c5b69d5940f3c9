//! Tokens signed with our own key that still must not open anything: what only somebody with the key could make, and
//! what a later version of ours might.

use super::*;
use crate::org::OrgScope;
use crate::scope::Scope;
use async_trait::async_trait;
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{Commit, Expect, Fetch, FetchFailed, Item, Put};
use serde_json::{Value, json};

const NOW: Moment = Moment::from_millis(1_767_225_600_000);
const TENANT: TenantId = TenantId::from_u128(1);

struct NoFetch;

#[async_trait]
impl Fetch for NoFetch {
    async fn fetch(&self, _: &str) -> Result<Vec<u8>, FetchFailed> {
        Err(FetchFailed("not_connected"))
    }
}

async fn people() -> (People, User) {
    let store = Arc::new(Memory::new());
    let item = Some(Item { version: 1, body: b"{}".to_vec().into() });
    let put = Put { key: tenant_key(TENANT), expect: Expect::Absent, item };
    store.commit(Commit { puts: vec![put], ..Commit::default() }).await.unwrap();
    let people = People::new(store, &[7; 32]).trusting(Vec::new(), &(Arc::new(NoFetch) as Arc<dyn Fetch>));
    let membership = Membership {
        name: Personal::new("Test Person".into()),
        roles: vec![Role::OemMarketing],
        org_scope: Some("/oem/brand".parse::<OrgScope>().unwrap()),
        status: Status::Active,
        since: NOW,
    };
    // The password is never looked at here, so it need not be hashed.
    let password = Personal::new("unused".into());
    let user = people.users.create(TENANT, "one".parse().unwrap(), password, membership, [1; 16]).await.unwrap();
    (people, user)
}

fn claims(user: &User) -> Value {
    let iat = NOW.millis() / 1_000;
    json!({
        "iss": "roadbook", "aud": "roadbook-api", "sub": user.id, "tid": TENANT, "roles": [], "scope": "segments:read",
        "gen": user.generation, "iat": iat, "exp": iat + 3_600, "jti": "1",
    })
}

fn but(user: &User, member: &str, value: Value) -> Value {
    let mut claims = claims(user);
    claims[member] = value;
    claims
}

#[tokio::test]
async fn a_token_narrows_what_the_roles_of_today_allow() {
    let (people, user) = people().await;
    let token = people.signer.sign(&claims(&user));
    let proven = people.verify(&token, NOW).await.unwrap().expect("a good token");
    assert_eq!(proven.scopes(), Scopes::of(&[Scope::SegmentsRead]));
    assert_eq!((proven.roles(), proven.source()), (&[Role::OemMarketing][..], user.id.to_string().as_str()));
    let wide = people.signer.sign(&but(&user, "scope", json!(Scopes::ALL.to_string())));
    let proven = people.verify(&wide, NOW).await.unwrap().expect("a good token");
    assert_eq!(proven.scopes(), Role::OemMarketing.scopes(), "never more than the roles");
    assert_eq!(proven.org_scope().map(OrgScope::as_str), Some("/oem/brand"));
    assert!(!format!("{proven:?}").contains("Test Person"));
}

#[tokio::test]
async fn our_own_signature_is_not_enough() {
    let (people, user) = people().await;
    let iat = NOW.millis() / 1_000;
    let stranger = UserId::from_u128(99);
    for (member, value) in [
        ("exp", json!(iat - 31)),
        ("exp", json!(iat + 3_601)),
        ("exp", json!(null)),
        ("iat", json!(iat + 31)),
        ("nbf", json!(iat + 31)),
        ("aud", json!("another")),
        ("tid", json!(TenantId::from_u128(2))),
        ("tid", json!("tn_1")),
        ("sub", json!(stranger)),
        ("sub", json!("somebody")),
        ("gen", json!(user.generation + 1)),
        ("gen", json!(user.generation - 1)),
        ("gen", json!("1")),
        ("scope", json!("everything")),
    ] {
        let token = people.signer.sign(&but(&user, member, value.clone()));
        assert!(people.verify(&token, NOW).await.unwrap().is_none(), "{member} {value}");
    }
    for member in ["exp", "iat", "aud", "sub", "tid", "gen", "scope", "jti"] {
        let mut claims = claims(&user);
        claims.as_object_mut().unwrap().remove(member);
        let token = people.signer.sign(&claims);
        assert!(people.verify(&token, NOW).await.unwrap().is_none(), "no {member}");
    }
    let elsewhere = People::new(Arc::new(Memory::new()), &[8; 32]);
    let token = elsewhere.signer.sign(&claims(&user));
    assert!(people.verify(&token, NOW).await.unwrap().is_none(), "another installation's key");
}

#[tokio::test]
async fn a_token_of_a_tenant_that_is_gone_opens_nothing() {
    let (people, user) = people().await;
    let token = people.signer.sign(&claims(&user));
    assert!(people.verify(&token, NOW).await.unwrap().is_some());
    let put = Put { key: tenant_key(TENANT), expect: Expect::Anything, item: None };
    people.store.commit(Commit { puts: vec![put], ..Commit::default() }).await.unwrap();
    assert!(people.verify(&token, NOW).await.unwrap().is_none());
}

#[test]
fn one_customer_of_a_network_is_one_peer() {
    let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
    assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9") && !same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert!(same("192.0.2.1", "::ffff:192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
}
