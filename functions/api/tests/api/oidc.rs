//! A tenant's sign-in provider: a real HTTP server that publishes keys, and everything that can go wrong between.

use crate::forge::{Key, b64, hs256, signed};
use crate::people::with;
use crate::rig::{Rig, START};
use crate::tokens::all_refused;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use roadbook_app::{Config, Oidc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the provider publishes, and how often it was asked for.
#[derive(Default)]
struct Published {
    issuer: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
    down: AtomicBool,
}

async fn keys(State(published): State<Arc<Published>>) -> Result<Json<Value>, StatusCode> {
    published.fetches.fetch_add(1, Ordering::SeqCst);
    if published.down.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(Json(json!({ "keys": *published.keys.lock().unwrap() })))
}

async fn discovery(State(published): State<Arc<Published>>) -> Json<Value> {
    let issuer = published.issuer.lock().unwrap().clone();
    Json(json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") }))
}

/// A provider on this machine; it ends with the test.
struct Provider {
    published: Arc<Published>,
    issuer: String,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Provider {
    async fn new(keys_published: Vec<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let published = Arc::new(Published::default());
        *published.issuer.lock().unwrap() = issuer.clone();
        *published.keys.lock().unwrap() = keys_published;
        let router = Router::new()
            .route("/keys", get(keys))
            .route("/.well-known/openid-configuration", get(discovery))
            .with_state(published.clone());
        Self { published, issuer, served: tokio::spawn(axum::serve(listener, router).into_future()) }
    }

    fn settings(&self, tenant: roadbook_kernel::TenantId) -> Oidc {
        let roles = [("crm-audit", "auditor"), ("crm-dcc", "dcc_agent"), ("crm-admin", "tenant_admin")];
        Oidc {
            issuer: self.issuer.clone(),
            audience: "roadbook".into(),
            jwks_uri: None,
            tenant: tenant.to_string(),
            roles_claim: "realm_access.roles".into(),
            org_scope_claim: None,
            roles: BTreeMap::from(roles.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()))),
        }
    }

    async fn rig(&self) -> Rig {
        let one = |tenants: &[roadbook_kernel::TenantId; 2]| vec![self.settings(tenants[0])];
        Rig::started(|tenants| Config { oidc: one(tenants), ..Config::default() }).await
    }

    fn claims(&self) -> Value {
        let now = START.millis() / 1_000;
        json!({
            "iss": self.issuer, "aud": ["account", "roadbook"], "sub": "248289761001", "name": "Test Person",
            "iat": now, "exp": now + 600, "realm_access": { "roles": ["crm-audit", "unknown"] },
        })
    }

    fn claims_but(&self, member: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[member] = value;
        claims
    }

    fn fetches(&self) -> usize {
        self.published.fetches.load(Ordering::SeqCst)
    }
}

async fn status(rig: &Rig, token: &str) -> u16 {
    with(rig, token, "get", "/v1/me", Value::Null).await.status.as_u16()
}

#[tokio::test]
async fn a_provider_vouches_for_people_of_its_tenant_with_each_algorithm() {
    let all = [Key::rsa(), Key::p256(), Key::ed25519(1)];
    let jwks = all.iter().map(|key| key.jwk(key.alg())).collect();
    let provider = Provider::new(jwks).await;
    let rig = provider.rig().await;
    let mut ids = Vec::new();
    for key in &all {
        let token = key.good(key.alg(), &provider.claims());
        let me = with(&rig, &token, "get", "/v1/me", Value::Null).await.ok();
        assert_eq!((&me["kind"], &me["tenant"]["id"]), (&json!("user"), &json!(rig.mine.id)), "{}", key.alg());
        assert_eq!((&me["roles"], &me["name"]), (&json!(["auditor"]), &json!("Test Person")));
        ids.push(me["id"].as_str().unwrap().to_owned());
        assert!(with(&rig, &token, "get", "/v1/segments", Value::Null).await.status.is_success());
        with(&rig, &token, "post", "/v1/segments", json!({})).await.is_problem(403, "missing_scope");
    }
    assert!(ids[0].starts_with("usr_") && ids.iter().all(|id| *id == ids[0]), "one person, one id: {ids:?}");
    let nobody = all[0].good("RS256", &provider.claims_but("realm_access", json!({ "roles": ["unknown"] })));
    with(&rig, &nobody, "get", "/v1/segments", Value::Null).await.is_problem(403, "missing_scope");
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn what_is_not_for_us_now_is_refused() {
    let key = Key::p256();
    let provider = Provider::new(vec![key.jwk("k1")]).await;
    let rig = provider.rig().await;
    let now = START.millis() / 1_000;
    assert_eq!(status(&rig, &key.good("k1", &provider.claims())).await, 200);
    let mut tokens = Vec::new();
    for (member, value) in [
        ("exp", json!(now - 31)),
        ("exp", json!("later")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("nbf", json!(now + 31)),
        ("nbf", json!("now")),
        ("iat", json!(now + 31)),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("aud", json!([])),
        ("aud", json!(7)),
        ("aud", json!("roadbook-api")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("s".repeat(300))),
        ("iss", json!("roadbook")),
        ("iss", json!("https://login.example.com")),
        ("iss", json!(format!("{}/", provider.issuer))),
        // A role of a store needs the store.
        ("realm_access", json!({ "roles": ["crm-dcc"] })),
    ] {
        tokens.push((format!("{member} {value}"), key.good("k1", &provider.claims_but(member, value))));
    }
    for member in ["exp", "aud", "sub", "iss"] {
        let mut claims = provider.claims();
        claims.as_object_mut().unwrap().remove(member);
        tokens.push((format!("no {member}"), key.good("k1", &claims)));
    }
    all_refused(&rig, &tokens).await;
    for (member, value) in [("exp", json!(now - 29)), ("nbf", json!(now + 29)), ("exp", json!(now as f64 + 0.5))] {
        assert_eq!(status(&rig, &key.good("k1", &provider.claims_but(member, value))).await, 200, "{member}");
    }
}

#[tokio::test]
async fn a_key_is_used_with_its_own_algorithm_and_for_its_own_issuer() {
    let (rsa, p256, stranger) = (Key::rsa(), Key::p256(), Key::p256());
    let provider = Provider::new(vec![rsa.jwk("rsa"), p256.jwk("p256")]).await;
    let second = Provider::new(vec![stranger.jwk("theirs")]).await;
    let rig = Rig::started(|tenants| Config {
        oidc: vec![provider.settings(tenants[0]), second.settings(tenants[1])],
        ..Config::default()
    })
    .await;
    let claims = provider.claims().to_string();
    assert_eq!(status(&rig, &rsa.good("rsa", &provider.claims())).await, 200);
    let own = with(&rig, &stranger.good("theirs", &second.claims()), "get", "/v1/me", Value::Null).await.ok();
    assert_eq!(own["tenant"]["id"], json!(rig.other.id), "each provider vouches for its own tenant");

    let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid, "typ": "JWT" }).to_string();
    let jwk = rsa.jwk("rsa").to_string();
    let mut tokens = vec![
        ("the kid of another issuer".to_owned(), stranger.good("theirs", &provider.claims())),
        ("a stranger under a known kid".into(), stranger.good("p256", &provider.claims())),
        ("no kid where there are two keys".into(), rsa.token(r#"{"alg":"RS256"}"#, &claims)),
        ("EC key said to be RSA".into(), p256.token(&header("RS256", "p256"), &claims)),
        ("RSA key said to be EC".into(), rsa.token(&header("ES256", "rsa"), &claims)),
        ("PSS".into(), rsa.token(&header("PS256", "rsa"), &claims)),
        ("embedded key".into(), {
            let header = json!({ "alg": "ES256", "kid": "p256", "jwk": stranger.jwk("p256") });
            stranger.token(&header.to_string(), &claims)
        }),
        ("none".into(), format!("{}.{}.", b64(header("none", "rsa")), b64(&claims))),
        ("half a signature".into(), signed(&header("ES256", "p256"), &claims, |text| p256.sign(text)[..32].to_vec())),
        ("zeroes".into(), signed(&header("ES256", "p256"), &claims, |_| vec![0; 64])),
    ];
    for (name, secret, kid) in [
        ("RSA key as a secret", rsa.public(), "rsa"),
        ("the text of the RSA key as a secret", jwk.into_bytes(), "rsa"),
        ("EC key as a secret", p256.public(), "p256"),
    ] {
        for alg in ["HS256", "RS256", "ES256"] {
            tokens.push((format!("{name}, alg {alg}"), hs256(&secret, &header(alg, kid), &claims)));
        }
    }
    all_refused(&rig, &tokens).await;
}

/// Neither another alg nor a stranger's kid makes us call the provider again and again.
#[tokio::test]
async fn a_storm_of_unknown_keys_is_one_fetch() {
    let (key, next) = (Key::p256(), Key::ed25519(2));
    let provider = Provider::new(vec![key.jwk("k1")]).await;
    let rig = provider.rig().await;
    let storm: Vec<String> = (0..100).map(|number| next.good(&format!("k-{number}"), &provider.claims())).collect();
    let asked = futures_util::future::join_all(storm.iter().map(|token| status(&rig, token))).await;
    assert!(asked.iter().all(|status| *status == 401));
    assert_eq!(provider.fetches(), 1, "a hundred unknown keys at once");
    assert_eq!(status(&rig, &key.good("k1", &provider.claims())).await, 200);

    // A new key is found at the first use after the pause, and not before.
    provider.published.keys.lock().unwrap().push(next.jwk("k2"));
    let rotated = next.good("k2", &provider.claims());
    assert_eq!(status(&rig, &rotated).await, 401);
    rig.wait(30_000).await;
    assert_eq!((status(&rig, &rotated).await, provider.fetches()), (200, 2));
}

#[tokio::test]
async fn known_keys_stay_while_the_provider_is_down_and_withdrawn_ones_go() {
    let (key, next) = (Key::p256(), Key::ed25519(2));
    let provider = Provider::new(vec![key.jwk("k1")]).await;
    let rig = provider.rig().await;
    let later = START.millis() / 1_000 + 86_400;
    let (token, rotated) = (
        key.good("k1", &provider.claims_but("exp", json!(later))),
        next.good("k2", &provider.claims_but("exp", json!(later))),
    );
    assert_eq!(status(&rig, &token).await, 200);
    provider.published.down.store(true, Ordering::SeqCst);
    rig.wait(600_000).await;
    assert_eq!((status(&rig, &token).await, provider.fetches()), (200, 2), "an old answer is better than none");
    assert_eq!((status(&rig, &token).await, provider.fetches()), (200, 2), "and nobody asks again at once");
    provider.published.down.store(false, Ordering::SeqCst);
    *provider.published.keys.lock().unwrap() = vec![next.jwk("k2")];
    rig.wait(30_000).await;
    assert_eq!((status(&rig, &token).await, status(&rig, &rotated).await), (401, 200));
}

#[tokio::test]
async fn a_place_that_is_asked_for_must_be_said() {
    let key = Key::p256();
    let provider = Provider::new(vec![key.jwk("k1")]).await;
    let rig = Rig::started(|tenants| {
        let one = Oidc { org_scope_claim: Some("place".into()), ..provider.settings(tenants[0]) };
        Config { oidc: vec![one], ..Config::default() }
    })
    .await;
    let at = |place: Value| {
        let mut claims = provider.claims_but("realm_access", json!({ "roles": ["crm-dcc"] }));
        claims["place"] = place;
        key.good("k1", &claims)
    };
    let me = with(&rig, &at(json!("/oem/brand/east/sh/4S001")), "get", "/v1/me", Value::Null).await.ok();
    assert_eq!(me["org_scope"], "/oem/brand/east/sh/4S001");
    let refused = [json!(null), json!("/"), json!("4S001"), json!(["/oem"]), json!("/oem/brand/east")];
    let refused: Vec<_> = refused.into_iter().map(|place| (place.to_string(), at(place))).collect();
    all_refused(&rig, &refused).await;
    all_refused(&rig, &[("no place".into(), key.good("k1", &provider.claims()))]).await;
}

#[tokio::test]
async fn odd_sets_of_keys_do_no_harm() {
    let key = Key::p256();
    let odd = vec![
        json!({ "kty": "oct", "kid": "k1", "k": b64("secret"), "alg": "HS256" }),
        json!({ "kty": "RSA", "kid": "weak", "n": b64([0xff; 128]), "e": "AQAB" }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "point", "x": "AA", "y": "AA" }),
        json!({ "kty": "EC", "crv": "P-521", "kid": "curve", "x": "AA", "y": "AA" }),
        json!("not an object"),
        json!({ "kid": "k1" }),
        {
            let mut jwk = key.jwk("sealing");
            jwk["use"] = json!("enc");
            jwk
        },
        {
            let mut jwk = key.jwk("other-alg");
            jwk["alg"] = json!("ES384");
            jwk
        },
        key.jwk("k1"),
    ];
    let provider = Provider::new(odd).await;
    let rig = provider.rig().await;
    assert_eq!(status(&rig, &key.good("k1", &provider.claims())).await, 200);
    let claims = provider.claims().to_string();
    let mut tokens = vec![
        ("a secret of the set".to_owned(), hs256(b"secret", r#"{"alg":"HS256","kid":"k1"}"#, &claims)),
        ("a weak key".into(), signed(r#"{"alg":"RS256","kid":"weak"}"#, &claims, |_| vec![1; 128])),
    ];
    for kid in ["sealing", "other-alg", "point", "curve"] {
        tokens.push((kid.to_owned(), key.good(kid, &provider.claims())));
    }
    all_refused(&rig, &tokens).await;
}

/// Discovery that speaks of somebody else is no discovery.
#[tokio::test]
async fn discovery_of_another_issuer_is_refused() {
    let key = Key::p256();
    let provider = Provider::new(vec![key.jwk("k1")]).await;
    let rig = provider.rig().await;
    *provider.published.issuer.lock().unwrap() = "http://127.0.0.1:1".into();
    assert_eq!((status(&rig, &key.good("k1", &provider.claims())).await, provider.fetches()), (401, 0));
}
