//! Attacks on tokens made here. None opens anything, and the answer never says how close it came.

use crate::forge::{Key, b64, hs256, signed};
use crate::people::{person, token, with};
use crate::rig::{Answer, Rig};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What can be told apart in two refusals.
fn told(answer: &Answer) -> Value {
    let mut problem = answer.is_problem(401, "invalid_token");
    for member in ["trace_id", "instance"] {
        problem[member] = Value::Null;
    }
    problem
}

/// Every one of these is refused, in the same words.
pub async fn all_refused(rig: &Rig, tokens: &[(String, String)]) {
    let mut first: Option<Value> = None;
    for (name, token) in tokens {
        let answer = with(rig, token, "get", "/v1/me", Value::Null).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
        let told = told(&answer);
        let first = first.get_or_insert_with(|| told.clone());
        assert_eq!(*first, told, "{name}");
    }
}

struct Mine {
    rig: Rig,
    token: String,
    header: Value,
    claims: Value,
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

impl Mine {
    async fn new() -> Self {
        let rig = Rig::new().await;
        rig.post("/v1/users", person("admin@example.com", "auditor")).await.ok();
        let token = token(&rig, "admin@example.com").await;
        let (header, claims) = (part(&token, 0), part(&token, 1));
        Self { rig, token, header, claims }
    }

    /// The same token with other parts and the old signature.
    fn with_parts(&self, header: &Value, claims: &Value) -> String {
        let signature = self.token.rsplit('.').next().unwrap();
        format!("{}.{}.{signature}", b64(header.to_string()), b64(claims.to_string()))
    }

    fn header(&self, member: &str, value: Value) -> Value {
        let mut header = self.header.clone();
        header[member] = value;
        header
    }

    fn claims(&self, member: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        claims[member] = value;
        claims
    }
}

#[tokio::test]
async fn a_token_says_who_what_where_and_for_how_long() {
    let mine = Mine::new().await;
    assert_eq!(mine.header["alg"], "EdDSA");
    let claims = mine.claims.as_object().unwrap();
    let names: Vec<&str> = claims.keys().map(String::as_str).collect();
    assert_eq!(names, ["aud", "exp", "gen", "iat", "iss", "jti", "roles", "scope", "sub", "tid"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
    assert_eq!((&claims["tid"], &claims["roles"]), (&json!(mine.rig.mine.id), &json!(["auditor"])));
    assert!(!mine.claims.to_string().contains("example.com"), "no login in a token");
    assert!(with(&mine.rig, &mine.token, "get", "/v1/me", Value::Null).await.status.is_success());
}

#[tokio::test]
async fn nothing_unsigned_or_signed_otherwise_is_believed() {
    let mine = Mine::new().await;
    let (header, claims) = (mine.header.to_string(), mine.claims.to_string());
    let mut tokens = Vec::new();
    for none in ["none", "None", "NONE", "nOnE", "none ", ""] {
        let header = mine.header("alg", json!(none)).to_string();
        tokens.push((format!("alg {none:?}, no signature"), format!("{}.{}.", b64(&header), b64(&claims))));
        tokens.push((
            format!("alg {none:?}, a signature"),
            mine.with_parts(&mine.header("alg", json!(none)), &mine.claims),
        ));
    }
    // Our public key is no secret: whoever treats it as one signs with it.
    let stranger = Key::ed25519(9);
    for alg in ["HS256", "HS384", "HS512"] {
        let header = mine.header("alg", json!(alg)).to_string();
        for secret in [&b""[..], b"secret", &stranger.public(), mine.header["kid"].as_str().unwrap().as_bytes()] {
            tokens.push((format!("{alg} under {secret:?}"), hs256(secret, &header, &claims)));
        }
    }
    for key in [Key::rsa(), Key::p256(), stranger] {
        let claimed = mine.header("alg", json!(key.alg())).to_string();
        tokens.push((format!("{} of a stranger", key.alg()), key.token(&claimed, &claims)));
        tokens.push((format!("{} said to be ours", key.alg()), key.token(&header, &claims)));
    }
    for alg in ["RS256", "ES256", "PS256", "ES384", "eddsa", "Ed25519"] {
        tokens.push((format!("alg {alg}"), mine.with_parts(&mine.header("alg", json!(alg)), &mine.claims)));
    }
    tokens.push(("no alg".into(), signed(r#"{"typ":"JWT"}"#, &claims, |_| vec![0; 64])));
    tokens.push(("alg is a list".into(), mine.with_parts(&mine.header("alg", json!(["EdDSA"])), &mine.claims)));
    tokens.push(("an empty signature".into(), signed(&header, &claims, |_| Vec::new())));
    tokens.push(("zeroes".into(), signed(&header, &claims, |_| vec![0; 64])));
    all_refused(&mine.rig, &tokens).await;
}

#[tokio::test]
async fn a_changed_token_is_no_token() {
    let mine = Mine::new().await;
    let mut tokens = Vec::new();
    for (member, value) in [
        ("tid", json!(mine.rig.other.id)),
        ("scope", json!("admin:write")),
        ("roles", json!(["tenant_admin"])),
        ("org_scope", json!("/oem")),
        ("exp", json!(4_000_000_000_u64)),
        ("gen", json!(99)),
        ("iss", json!("https://login.example.com")),
        ("aud", json!("another")),
    ] {
        tokens.push((format!("{member} changed"), mine.with_parts(&mine.header, &mine.claims(member, value))));
    }
    mine.rig.post("/v1/users", person("second@example.com", "tenant_admin")).await.ok();
    let second = token(&mine.rig, "second@example.com").await;
    let (head, signature) = (mine.token.rsplit_once('.').unwrap().0, second.rsplit('.').next().unwrap());
    tokens.push(("the signature of another token".into(), format!("{head}.{signature}")));
    let mut bytes = URL_SAFE_NO_PAD.decode(mine.token.rsplit('.').next().unwrap()).unwrap();
    bytes[63] ^= 1;
    tokens.push(("one bit".into(), format!("{head}.{}", b64(bytes))));
    tokens.push(("a signature with padding".into(), format!("{}==", mine.token)));
    all_refused(&mine.rig, &tokens).await;
}

#[tokio::test]
async fn a_header_brings_no_key_and_asks_for_nothing() {
    let mine = Mine::new().await;
    let stranger = Key::p256();
    let (claims, mut tokens) = (mine.claims.to_string(), Vec::new());
    for (member, value) in [
        ("jwk", stranger.jwk("x")),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/chain")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let header = mine.header(member, value);
        tokens.push((format!("{member}, our signature"), mine.with_parts(&header, &mine.claims)));
        let mut header = header;
        header["alg"] = json!("ES256");
        tokens.push((format!("{member}, their signature"), stranger.token(&header.to_string(), &claims)));
    }
    for kid in [
        json!("../../../../dev/null"),
        json!("/etc/passwd"),
        json!("' OR '1'='1"),
        json!("x' UNION SELECT 'key"),
        json!("http://127.0.0.1:1/key"),
        json!("key/../master.key"),
        json!(""),
        json!(null),
        json!(7),
        json!("k".repeat(300)),
    ] {
        let mut header = mine.header("kid", kid.clone());
        tokens.push((format!("kid {kid}, our signature"), mine.with_parts(&header, &mine.claims)));
        header["alg"] = json!("HS256");
        tokens.push((format!("kid {kid}, an empty secret"), hs256(b"", &header.to_string(), &claims)));
    }
    // Two readers of one header must not see two algorithms.
    for twice in [r#"{"alg":"none","alg":"EdDSA"}"#, r#"{"alg":"EdDSA","alg":"none"}"#] {
        let signature = mine.token.rsplit('.').next().unwrap();
        tokens.push((twice.to_owned(), format!("{}.{}.{signature}", b64(twice), b64(&claims))));
    }
    all_refused(&mine.rig, &tokens).await;
}

#[tokio::test]
async fn garbage_is_refused_like_everything_else() {
    let mine = Mine::new().await;
    let parts: Vec<&str> = mine.token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three parts") };
    let huge = b64(format!(r#"{{"iss":"roadbook","x":"{}"}}"#, "x".repeat(5_000)));
    let texts = [
        "..".to_owned(),
        ".".to_owned(),
        "a.b".to_owned(),
        "a.b.c".to_owned(),
        "....".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{}.{}", mine.token, signature),
        format!("{header}.{claims}.{signature}.{signature}.{signature}"),
        format!("%%.{claims}.{signature}"),
        format!("{header}.%%.{signature}"),
        format!("{header}.{claims}.%%"),
        format!("{}.{claims}.{signature}", b64("[]")),
        format!("{}.{claims}.{signature}", b64("not json")),
        format!("{}.{claims}.{signature}", b64([0xff, 0xfe])),
        format!("{}.{claims}.{signature}", b64(r#"{"alg":"EdDSA"} "#.to_owned() + "{}")),
        format!("{header}.{}.{signature}", b64("null")),
        format!("{header}.{}.{signature}", b64(r#"{"iss":["roadbook"]}"#)),
        format!("{header}.{}.{signature}", b64(r#"{"iss":"roadbook","iss":"other"}"#)),
        format!("{header}.{}.{signature}", b64("[".repeat(2_000))),
        format!("{header}.{huge}.{signature}"),
    ];
    let named: Vec<(String, String)> = texts.into_iter().map(|text| (text.clone(), text)).collect();
    all_refused(&mine.rig, &named).await;
    let too_long = format!("{header}.{}.{signature}", "A".repeat(9_000));
    with(&mine.rig, &too_long, "get", "/v1/me", Value::Null).await.is_problem(401, "unreadable_authorization");
}

#[tokio::test]
async fn an_hour_later_it_is_over() {
    let mine = Mine::new().await;
    mine.rig.wait(3_600_000 + 29_000).await;
    assert!(with(&mine.rig, &mine.token, "get", "/v1/me", Value::Null).await.status.is_success(), "within the leeway");
    mine.rig.wait(1_000).await;
    all_refused(&mine.rig, &[("expired".into(), mine.token.clone())]).await;
}
