//! Access tokens: one per (tenant, platform, account), fetched by one caller while the others wait for it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roadbook_kernel::TenantId;
use tokio::time::Instant;

use crate::http::Lost;
use crate::reaction::{Class, Platform, reaction};
use crate::secret::Secret;

/// Whose token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    pub(crate) tenant: TenantId,
    pub(crate) platform: Platform,
    /// Corp id or appid.
    pub(crate) account: String,
}

/// A token, and which fetch it came from.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) value: Secret,
    version: u64,
}

/// What a fetch returns: the token and its life.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) value: Secret,
    pub(crate) life: Duration,
}

/// Why there is no token. Nothing of the send itself has left yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoToken {
    /// The platform refused, with this code.
    Refused(i64),
    /// No answer. A repeated fetch does no harm, so it does not matter whether the request arrived.
    Lost(&'static str),
}

impl From<Lost> for NoToken {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NotSent(reason) | Lost::Ambiguous(reason) => Self::Lost(reason),
        }
    }
}

#[derive(Debug, Default)]
struct Slot {
    /// Counts fetches, so that a late refusal of an old token cannot drop a newer one.
    version: u64,
    token: Option<(Secret, Instant)>,
    /// The last token the platform refused.
    refused: Option<Secret>,
    failed: Option<(NoToken, Instant)>,
}

/// All tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<TokenKey, Arc<tokio::sync::Mutex<Slot>>>>,
}

impl Tokens {
    /// The current token, or a new one by `fetch`, which is given the last refused value. Concurrent callers share
    /// one fetch, its failure too: wrong credentials asked for by a thousand sends would get our address blocked.
    pub(crate) async fn get<F, W>(&self, platform: Platform, key: &TokenKey, fetch: F) -> Result<Token, NoToken>
    where
        F: FnOnce(Option<Secret>) -> W,
        W: Future<Output = Result<Fetched, NoToken>>,
    {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        let now = Instant::now();
        if let Some((value, good_until)) = &slot.token
            && now < *good_until
        {
            return Ok(Token { value: value.clone(), version: slot.version });
        }
        if let Some((why, until)) = slot.failed
            && now < until
        {
            return Err(why);
        }
        slot.token = None;
        match fetch(slot.refused.clone()).await {
            Ok(fetched) => {
                slot.version += 1;
                slot.failed = None;
                slot.token = Some((fetched.value.clone(), now + usable(fetched.life)));
                Ok(Token { value: fetched.value, version: slot.version })
            }
            Err(why) => {
                slot.failed = Some((why, Instant::now() + silence(platform, why)));
                Err(why)
            }
        }
    }

    /// The platform refused this token: drop it, unless somebody has already fetched a newer one.
    pub(crate) async fn drop_refused(&self, key: &TokenKey, token: &Token) {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        if slot.version == token.version {
            slot.token = None;
            slot.refused = Some(token.value.clone());
        }
    }

    fn slot(&self, key: &TokenKey) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(key.clone()).or_default().clone()
    }
}

/// How long a token is used: it is renewed a tenth of its life early, at most 5 minutes.
fn usable(life: Duration) -> Duration {
    life.saturating_sub((life / 10).min(Duration::from_secs(300)))
}

/// How long nobody asks again after a failed fetch.
fn silence(platform: Platform, why: NoToken) -> Duration {
    match why {
        NoToken::Lost(_) => Duration::from_millis(500),
        NoToken::Refused(code) => match reaction(platform, code).0 {
            Class::Retry | Class::RefreshToken => Duration::from_millis(500),
            Class::WaitForTicket
            | Class::Rate
            | Class::Configuration
            | Class::AuthorisationGone
            | Class::Item
            | Class::WindowLost
            | Class::AntiSpam => Duration::from_secs(60),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn key() -> TokenKey {
        TokenKey { tenant: TenantId::from_u128(1), platform: Platform::Wecom, account: "corp".to_owned() }
    }

    async fn fetch(tokens: &Tokens, fetches: &AtomicU32) -> Result<Token, NoToken> {
        let fetch = |_| async {
            let number = fetches.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            Ok(Fetched { value: Secret::new(format!("token-{number}")), life: Duration::from_secs(7200) })
        };
        tokens.get(Platform::Wecom, &key(), fetch).await
    }

    #[tokio::test]
    async fn concurrent_callers_share_one_fetch() {
        let (tokens, fetches) = (Tokens::default(), AtomicU32::new(0));
        let all = futures_util::future::join_all((0..20).map(|_| fetch(&tokens, &fetches))).await;
        assert!(all.iter().all(|token| token.as_ref().is_ok_and(|token| token.value.expose() == "token-1")));
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_late_refusal_of_an_old_token_keeps_the_newer_one() {
        let (tokens, fetches) = (Tokens::default(), AtomicU32::new(0));
        let old = fetch(&tokens, &fetches).await.expect("a token");
        tokens.drop_refused(&key(), &old).await;
        let new = fetch(&tokens, &fetches).await.expect("a token");
        tokens.drop_refused(&key(), &old).await;
        assert_eq!(fetch(&tokens, &fetches).await.expect("a token").value, new.value);
        assert_eq!(fetches.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_failed_fetch_is_shared_too() {
        let (tokens, fetches) = (Tokens::default(), AtomicU32::new(0));
        for _ in 0..3 {
            let fetch = |_| async {
                fetches.fetch_add(1, Ordering::Relaxed);
                Err(NoToken::Refused(40001))
            };
            let refused = tokens.get(Platform::Wecom, &key(), fetch).await;
            assert_eq!(refused.map(|_| ()), Err(NoToken::Refused(40001)));
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_token_is_renewed_before_it_dies() {
        assert_eq!(usable(Duration::from_secs(7200)), Duration::from_secs(6900));
        assert_eq!(usable(Duration::from_secs(10)), Duration::from_secs(9));
    }
}
