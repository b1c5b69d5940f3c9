//! The public keys of a provider: fetched when needed, remembered, and never fetched because somebody asks often.

use super::Denied;
use super::check;
use jsonwebtoken::{Algorithm, DecodingKey};
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Fetch, FetchFailed};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use tokio::sync::Mutex;

/// Between two fetches, whatever is asked for meanwhile.
const PAUSE_MS: i64 = 30_000;
/// After this the set is fetched again, so that a key the provider has withdrawn ends here too.
const AGE_MS: i64 = 10 * 60_000;
/// Keys of a set that are looked at.
const KEYS_MAX: usize = 64;

/// A key and the one algorithm it is for.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) key: DecodingKey,
    pub(super) algorithm: Algorithm,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, Key>,
    fetched_at: Option<Moment>,
}

impl Known {
    /// The key of an id; without an id the only one there is.
    fn select(&self, kid: Option<&str>) -> Option<Key> {
        match kid {
            Some(kid) => self.keys.get(kid).cloned(),
            None => self.keys.values().next().filter(|_| self.keys.len() == 1).cloned(),
        }
    }

    fn is_fresh(&self, now: Moment) -> bool {
        self.fetched_at.is_some_and(|at| now.since_ms(at) < AGE_MS)
    }
}

/// Where the keys of a provider are.
pub(super) enum Source {
    /// The address of the set.
    Set(String),
    /// The issuer, whose discovery document names that address.
    Discovery(String),
}

/// The keys of one provider.
pub(super) struct Keys {
    source: Source,
    fetch: Arc<dyn Fetch>,
    known: RwLock<Arc<Known>>,
    /// When a fetch was last begun. Held while one runs: there is never a second one beside it.
    begun: Mutex<Option<Moment>>,
}

impl Keys {
    pub(super) fn new(source: Source, fetch: Arc<dyn Fetch>) -> Self {
        Self { source, fetch, known: RwLock::default(), begun: Mutex::new(None) }
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// The key of an id. An unknown one makes the set be fetched again, at most once in 30 s for everybody together.
    pub(super) async fn key(&self, kid: Option<&str>, now: Moment) -> Result<Key, Denied> {
        let known = self.known();
        match known.select(kid) {
            Some(key) if known.is_fresh(now) => return Ok(key),
            Some(key) => {
                // Nobody waits for a provider that is slow while an older answer is at hand.
                if let Ok(mut begun) = self.begun.try_lock() {
                    self.refresh(&mut begun, now).await;
                    return self.known().select(kid).ok_or(Denied);
                }
                return Ok(key);
            }
            None => {}
        }
        let mut begun = self.begun.lock().await;
        self.refresh(&mut begun, now).await;
        drop(begun);
        self.known().select(kid).ok_or(Denied)
    }

    async fn refresh(&self, begun: &mut Option<Moment>, now: Moment) {
        if begun.is_some_and(|at| now.since_ms(at) < PAUSE_MS) {
            return;
        }
        *begun = Some(now);
        match self.load().await {
            Ok(keys) => {
                let known = Arc::new(Known { keys, fetched_at: Some(now) });
                *self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = known;
            }
            Err(FetchFailed(reason)) => {
                tracing::warn!(reason, "the keys of a sign-in provider cannot be fetched; the known ones stay");
            }
        }
    }

    async fn load(&self) -> Result<HashMap<String, Key>, FetchFailed> {
        let set = match &self.source {
            Source::Set(url) => self.fetch.fetch(url).await?,
            Source::Discovery(issuer) => {
                let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let found = discovered(issuer, &self.fetch.fetch(&url).await?)?;
                self.fetch.fetch(&found).await?
            }
        };
        keys(&set)
    }
}

/// The address of the set. A document that speaks of another issuer is not ours, and keys do not come in the clear
/// where the issuer does not.
fn discovered(issuer: &str, document: &[u8]) -> Result<String, FetchFailed> {
    #[derive(Deserialize)]
    struct Configuration {
        issuer: String,
        jwks_uri: String,
    }
    let found: Configuration = serde_json::from_slice(document).map_err(|_| FetchFailed("discovery_unreadable"))?;
    if found.issuer != issuer {
        return Err(FetchFailed("discovery_of_another_issuer"));
    }
    if issuer.starts_with("https://") && !found.jwks_uri.starts_with("https://") {
        return Err(FetchFailed("keys_in_the_clear"));
    }
    Ok(found.jwks_uri)
}

/// The members of a JSON Web Key that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set. One of another kind, or damaged, is passed over: it must not take the others with it.
fn keys(set: &[u8]) -> Result<HashMap<String, Key>, FetchFailed> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(set).map_err(|_| FetchFailed("keys_unreadable"))?;
    let mut keys = HashMap::new();
    for jwk in set.keys.into_iter().take(KEYS_MAX) {
        let Ok(jwk) = serde_json::from_value::<Jwk>(jwk) else { continue };
        let kid = jwk.kid.clone().unwrap_or_default();
        if let Some(key) = key(&jwk) {
            keys.entry(kid).or_insert(key);
        }
    }
    Ok(keys)
}

fn key(jwk: &Jwk) -> Option<Key> {
    if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let (key, algorithm) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", None) => (DecodingKey::from_rsa_components(jwk.n.as_deref()?, jwk.e.as_deref()?), Algorithm::RS256),
        ("EC", Some("P-256")) => {
            (DecodingKey::from_ec_components(jwk.x.as_deref()?, jwk.y.as_deref()?), Algorithm::ES256)
        }
        ("OKP", Some("Ed25519")) => (DecodingKey::from_ed_components(jwk.x.as_deref()?), Algorithm::EdDSA),
        _ => return None,
    };
    // A set may say what a key is for; it cannot make it something else than its kind.
    let fits = jwk.alg.as_deref().is_none_or(|alg| Some(alg) == check::name(algorithm));
    key.ok().filter(|_| fits).map(|key| Key { key, algorithm })
}
