//! What both platforms share: one authorised call, with its token renewed once if the platform refuses it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roadbook_kernel::{HOUR_MS, Moment, SendKey, TenantId};
use serde_json::{Value, json};

use crate::accounts::{Accounts, CorpAccount, MiniProgramAccount};
use crate::http::{Http, Lost, Reply};
use crate::lanes::Lanes;
use crate::reaction::{Class, Platform, reaction};
use crate::secret::Secret;
use crate::settings::{Settings, SettingsError, base_url};
use crate::tokens::{Fetched, NoToken, TokenKey, Tokens};

const GET_TOKEN: &str = "/cgi-bin/gettoken";
const STABLE_TOKEN: &str = "/cgi-bin/stable_token";
/// Both platforms say 7200 s; taken where the answer leaves it out.
const TOKEN_LIFE_S: u64 = 7200;
/// The platform's longest duplicate window is 4 h; the margin covers clocks and a slow call.
const REPEAT_WINDOW_MS: i64 = 4 * HOUR_MS - HOUR_MS / 4;

/// As whom a call is made.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    Corp(CorpAccount),
    MiniProgram(MiniProgramAccount),
}

impl Login {
    pub(crate) fn platform(&self) -> Platform {
        match self {
            Self::Corp(_) => Platform::Wecom,
            Self::MiniProgram(_) => Platform::Wechat,
        }
    }

    pub(crate) fn account(&self) -> &str {
        match self {
            Self::Corp(account) => &account.corp,
            Self::MiniProgram(account) => &account.appid,
        }
    }
}

/// Why a call has no answer of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It was never made.
    NoToken(NoToken),
    /// It was made, or attempted.
    Lost(Lost),
}

/// The shared parts of all channels.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) lanes: Lanes,
    /// Sends that may have arrived, and since when: beyond the provider's duplicate window they are not repeated.
    doubtful: Mutex<HashMap<SendKey, Moment>>,
    http: Http,
    tokens: Tokens,
}

impl Gateway {
    pub(crate) fn new(mut settings: Settings, accounts: Arc<Accounts>) -> Result<Self, SettingsError> {
        settings.wecom_base = base_url("wecom_base", &settings.wecom_base)?;
        settings.wechat_base = base_url("wechat_base", &settings.wechat_base)?;
        let http = Http::new(&settings)?;
        Ok(Self {
            settings,
            accounts,
            lanes: Lanes::default(),
            doubtful: Mutex::default(),
            http,
            tokens: Tokens::default(),
        })
    }

    /// One call. A refused token is dropped, fetched anew and tried once more: the refusal says the call was not
    /// carried out, so this is no repetition.
    pub(crate) async fn call(
        &self,
        tenant: TenantId,
        login: &Login,
        path: &'static str,
        body: &Value,
        key: SendKey,
    ) -> Result<Reply, Trouble> {
        let reply = self.call_twice_at_most(tenant, login, path, body, key).await;
        match &reply {
            Ok(reply) => {
                tracing::debug!(tenant.id = %tenant, send.key = %key, api = path, errcode = reply.errcode, "provider answered");
            }
            Err(trouble) => {
                tracing::debug!(tenant.id = %tenant, send.key = %key, api = path, ?trouble, "provider did not answer");
            }
        }
        reply
    }

    async fn call_twice_at_most(
        &self,
        tenant: TenantId,
        login: &Login,
        path: &'static str,
        body: &Value,
        key: SendKey,
    ) -> Result<Reply, Trouble> {
        let platform = login.platform();
        let slot = TokenKey { tenant, platform, account: login.account().to_owned() };
        let url = format!("{}{path}", self.base(platform));
        let request_id = key.to_string();
        let mut renewed = false;
        loop {
            let token = self.tokens.get(platform, &slot, |refused| self.fetch(login, refused)).await;
            let token = token.map_err(Trouble::NoToken)?;
            let query = [("access_token", token.value.expose())];
            let reply = self.http.post(&url, &query, body, Some(&request_id)).await.map_err(Trouble::Lost)?;
            let dead = reply.errcode != 0 && reaction(platform, reply.errcode).0 == Class::RefreshToken;
            if !dead {
                return Ok(reply);
            }
            self.tokens.drop_refused(&slot, &token).await;
            if renewed {
                return Ok(reply);
            }
            renewed = true;
        }
    }

    async fn fetch(&self, login: &Login, refused: Option<Secret>) -> Result<Fetched, NoToken> {
        match login {
            Login::Corp(account) => {
                let url = format!("{}{GET_TOKEN}", self.settings.wecom_base);
                let query = [("corpid", account.corp.as_str()), ("corpsecret", account.secret.expose())];
                read_token(self.http.get(&url, &query).await?)
            }
            Login::MiniProgram(account) => {
                let fetched = self.stable_token(account, false).await?;
                // The platform repeats a token within its life. If that is the very one it has just refused, only a
                // forced renewal helps; those are few a day, hence not the first thing to try.
                if refused == Some(fetched.value.clone()) {
                    self.stable_token(account, true).await
                } else {
                    Ok(fetched)
                }
            }
        }
    }

    async fn stable_token(&self, account: &MiniProgramAccount, force: bool) -> Result<Fetched, NoToken> {
        let url = format!("{}{STABLE_TOKEN}", self.settings.wechat_base);
        let body = json!({
            "grant_type": "client_credential", "appid": account.appid, "secret": account.secret.expose(),
            "force_refresh": force,
        });
        read_token(self.http.post(&url, &[], &body, None).await?)
    }

    fn base(&self, platform: Platform) -> &str {
        match platform {
            Platform::Wecom => &self.settings.wecom_base,
            Platform::Wechat => &self.settings.wechat_base,
        }
    }

    /// Notes that this send may have arrived; false: it may have arrived so long ago that the provider would no
    /// longer recognise a repetition.
    pub(crate) fn doubt(&self, key: SendKey, now: Moment) -> bool {
        let mut doubtful = self.doubtful.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *doubtful.entry(key).or_insert(now);
        now.since_ms(since) < REPEAT_WINDOW_MS
    }

    /// Whether this send may be made (again) now: it never was in doubt, or its doubt is young enough.
    pub(crate) fn may_repeat(&self, key: SendKey, now: Moment) -> bool {
        let doubtful = self.doubtful.lock().unwrap_or_else(PoisonError::into_inner);
        doubtful.get(&key).is_none_or(|since| now.since_ms(*since) < REPEAT_WINDOW_MS)
    }

    /// The send has its final answer. Doubts that nobody came back to are forgotten a day later.
    pub(crate) fn settled(&self, key: SendKey, now: Moment) {
        let mut doubtful = self.doubtful.lock().unwrap_or_else(PoisonError::into_inner);
        if doubtful.remove(&key).is_some() {
            doubtful.retain(|_, since| now.since_ms(*since) < 24 * HOUR_MS);
        }
    }

    /// The pause before try `number` + 1: base, twice, four times the base.
    pub(crate) fn pause(&self, number: u32) -> Duration {
        self.settings.pause_base.saturating_mul(1 << number.saturating_sub(1).min(2))
    }
}

fn read_token(reply: Reply) -> Result<Fetched, NoToken> {
    if reply.errcode != 0 {
        return Err(NoToken::Refused(reply.errcode));
    }
    let value = reply.fields.get("access_token").and_then(Value::as_str).filter(|value| !value.is_empty());
    let value = value.ok_or(NoToken::Lost("token_missing_in_answer"))?;
    let life_s = reply.fields.get("expires_in").and_then(Value::as_u64).unwrap_or(TOKEN_LIFE_S);
    Ok(Fetched { value: Secret::new(value), life: Duration::from_secs(life_s) })
}
