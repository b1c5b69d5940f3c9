//! Access tokens: one valid token per account; asking again within its life returns the same one.

use std::collections::BTreeMap;

/// Which family of interfaces a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Wecom,
    MiniProgram,
}

/// The account behind a token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Account {
    pub(crate) family: Family,
    /// corpid or appid.
    pub(crate) id: String,
    /// The app's number; 0 for a mini-program.
    pub(crate) agentid: u64,
}

#[derive(Debug, Clone)]
struct Issued {
    account: Account,
    expires_at_ms: u64,
    revoked: bool,
}

/// What a presented token is worth.
pub(crate) enum Presented<'a> {
    Valid(&'a Account),
    Expired(&'a Account),
    Unknown,
}

/// All tokens ever issued, so that an expired one is told from one that never was.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: BTreeMap<String, Issued>,
    current: BTreeMap<Account, String>,
}

impl Tokens {
    /// The account's current token and its remaining life in milliseconds; a new one if it has run out or `fresh`.
    pub(crate) fn issue(&mut self, account: Account, fresh: bool, now_ms: u64, life_ms: u64) -> (String, u64) {
        if !fresh
            && let Some(token) = self.current.get(&account)
            && let Some(known) = self.issued.get(token)
            && !known.revoked
            && known.expires_at_ms > now_ms
        {
            return (token.clone(), known.expires_at_ms - now_ms);
        }
        let token = format!("sim-token-{:06}", self.issued.len() + 1);
        self.current.insert(account.clone(), token.clone());
        let expires_at_ms = now_ms.saturating_add(life_ms);
        self.issued.insert(token.clone(), Issued { account, expires_at_ms, revoked: false });
        (token, life_ms)
    }

    pub(crate) fn present(&self, token: &str, now_ms: u64) -> Presented<'_> {
        match self.issued.get(token) {
            None => Presented::Unknown,
            Some(known) if known.revoked => Presented::Unknown,
            Some(known) if known.expires_at_ms <= now_ms => Presented::Expired(&known.account),
            Some(known) => Presented::Valid(&known.account),
        }
    }

    /// Every token is past its life from now on: 42001.
    pub(crate) fn expire_all(&mut self) {
        self.issued.values_mut().for_each(|known| known.expires_at_ms = 0);
    }

    /// Every token is withdrawn: 40014.
    pub(crate) fn revoke_all(&mut self) {
        self.issued.values_mut().for_each(|known| known.revoked = true);
    }
}
