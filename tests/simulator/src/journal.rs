//! What happened: every call, and apart from it what really reached a person.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::FaultKind;

/// One call to the platform, in the order in which the platform took it up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// 1, 2, 3 ... since the start or the last reset.
    pub seq: u64,
    /// When it was taken up, milliseconds since the Unix epoch on the platform's clock.
    pub at_ms: u64,
    /// Path of the interface.
    pub path: String,
    /// The account whose token or secret was used, if it was known.
    pub account: Option<String>,
    /// Recipients named by the request: userids, external_userids or one openid.
    pub who: Vec<String>,
    /// The caller's own key for this piece of business: the request header `x-request-id`, if sent.
    pub key: Option<String>,
    /// The errcode of the platform's answer, also where a fault kept the answer from the caller; `None`: no work done.
    pub errcode: Option<i64>,
    /// Whether an answer left the platform.
    pub answered: bool,
    /// The scripted fault that hit this call.
    pub fault: Option<FaultKind>,
    /// Whether this call made something reach at least one person.
    pub delivered: bool,
    /// Whether it was answered as sent, but swallowed as a repetition of an earlier message.
    pub deduplicated: bool,
    /// The platform's id of the message or task.
    pub msgid: Option<String>,
    /// The request body; absent for token calls, which carry secrets.
    pub body: Option<Value>,
}

/// By which road a message reached a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// An app message to a member (员工) of the corporation.
    WecomMember,
    /// A group message (企业群发) that a member has confirmed, to a customer.
    WecomCustomer,
    /// A mini-program subscription message (订阅消息).
    MiniProgram,
}

/// One message that reached one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// 1, 2, 3 ... since the start or the last reset.
    pub seq: u64,
    /// When it reached the person, milliseconds on the platform's clock.
    pub at_ms: u64,
    /// By which road.
    pub medium: Medium,
    /// The one person.
    pub who: String,
    /// The caller's key of the call that caused it.
    pub key: Option<String>,
    /// The platform's id of the message or task.
    pub msgid: String,
    /// What the person sees.
    pub content: Value,
}

/// Both lists. They grow until a reset: a test reads all of it, and a demo's traffic is small.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) calls: Vec<Call>,
    pub(crate) deliveries: Vec<Delivery>,
}

impl Journal {
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.len() as u64 + 1
    }

    pub(crate) fn deliver(
        &mut self,
        at_ms: u64,
        medium: Medium,
        who: &str,
        key: Option<&str>,
        msgid: &str,
        content: &Value,
    ) {
        self.deliveries.push(Delivery {
            seq: self.deliveries.len() as u64 + 1,
            at_ms,
            medium,
            who: who.to_owned(),
            key: key.map(str::to_owned),
            msgid: msgid.to_owned(),
            content: content.clone(),
        });
    }
}
