//! From a platform's code or silence to the port's closed answers.

use roadbook_kernel::{MINUTE_MS, Moment, SendKey, TenantId};
use roadbook_runtime::ports::SendAnswer;
use serde_json::Value;

use crate::gateway::{Gateway, Login};
use crate::http::Reply;
use crate::lanes::Lane;
use crate::reaction::{Class, Platform, reaction};
use crate::tokens::NoToken;

/// After the third transient failure in a row the pauses are this long.
const LONG_PAUSE_MS: i64 = MINUTE_MS;

/// One try of one send on its lane.
pub(crate) struct Attempt<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) platform: Platform,
    pub(crate) lane: Lane,
    pub(crate) key: SendKey,
    pub(crate) number: u32,
    pub(crate) now: Moment,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        gateway: &'a Gateway,
        login: &Login,
        (tenant, path): (TenantId, &'static str),
        (key, number): (SendKey, u32),
        now: Moment,
    ) -> Self {
        let lane = (tenant, login.account().to_owned(), path);
        Self { gateway, platform: login.platform(), lane, key, number, now }
    }

    /// The answer while the lane waits; `None`: it is free.
    pub(crate) fn blocked(&self) -> Option<SendAnswer> {
        let (wait_ms, reason) = self.gateway.lanes.blocked(&self.lane, self.now)?;
        Some(self.wait(wait_ms, reason))
    }

    pub(crate) fn succeeded(&self) {
        self.gateway.lanes.succeeded(&self.lane, self.now);
    }

    /// The platform refused the send itself.
    pub(crate) fn refused(&self, code: i64) -> SendAnswer {
        let (class, reason) = reaction(self.platform, code);
        match class {
            Class::Retry => self.retry(reason, false),
            // It refused a token it had given out a moment before.
            Class::RefreshToken => self.retry(reason, true),
            Class::Rate => self.wait(self.gateway.lanes.rate(&self.lane, reason, self.now), reason),
            Class::WaitForTicket | Class::Configuration => self.administrator(reason),
            Class::AuthorisationGone | Class::Item | Class::WindowLost | Class::AntiSpam => failed(reason, code),
        }
    }

    /// There is no token, so the send was not tried. No refusal of a token is the fault of this one send.
    pub(crate) fn no_token(&self, why: NoToken) -> SendAnswer {
        match why {
            NoToken::Lost(reason) => self.retry(reason, true),
            NoToken::Refused(code) => {
                let (class, reason) = reaction(self.platform, code);
                match class {
                    Class::Retry | Class::RefreshToken => self.retry(reason, true),
                    Class::Rate => self.wait(self.gateway.lanes.rate(&self.lane, reason, self.now), reason),
                    Class::WaitForTicket | Class::Configuration | Class::Item | Class::WindowLost | Class::AntiSpam => {
                        self.administrator(reason)
                    }
                    Class::AuthorisationGone => failed(reason, code),
                }
            }
        }
    }

    /// Nothing was sent, and there is no reason to think that it will not go the next time.
    pub(crate) fn retry(&self, reason: &'static str, lane: bool) -> SendAnswer {
        let wait_ms = if self.number > 3 {
            LONG_PAUSE_MS
        } else {
            i64::try_from(self.gateway.pause(self.number).as_millis()).unwrap_or(LONG_PAUSE_MS)
        };
        SendAnswer::RetryAfter { wait_ms: wait_ms + self.jitter(wait_ms), reason: reason.to_owned(), lane }
    }

    fn wait(&self, wait_ms: i64, reason: &'static str) -> SendAnswer {
        SendAnswer::RetryAfter { wait_ms: wait_ms + self.jitter(wait_ms), reason: reason.to_owned(), lane: true }
    }

    fn administrator(&self, reason: &'static str) -> SendAnswer {
        self.wait(self.gateway.lanes.configuration(&self.lane, reason, self.now), reason)
    }

    /// Up to a quarter more, derived from the key: sends that failed together do not come back together, and the same
    /// send waits the same time on every host.
    fn jitter(&self, wait_ms: i64) -> i64 {
        let lot = i64::try_from(self.key.as_u128().rotate_left(self.number) % 1000).unwrap_or(0);
        (wait_ms / 4).saturating_mul(lot) / 1000
    }
}

pub(crate) fn failed(reason: &str, code: i64) -> SendAnswer {
    SendAnswer::Failed { reason: reason.to_owned(), code }
}

pub(crate) fn unknown(reason: &str) -> SendAnswer {
    SendAnswer::Unknown { reason: reason.to_owned() }
}

/// The platform's id of a message or task: WeCom gives text, the mini-program platform a number.
pub(crate) fn message_id(reply: &Reply) -> Option<String> {
    match reply.fields.get("msgid")? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
