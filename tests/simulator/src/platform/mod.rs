//! The six interfaces of the two platforms, one file each family.

mod groupmsg;
mod message;
mod subscribe;
mod token;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::errcode::{self, Refused};
use crate::journal::Call;
use crate::tokens::{Account, Family};
use crate::world::{Done, World};

/// An interface of the platform. To add one: a variant, its path, its arm in `call`, its route in `server.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    GetToken,
    StableToken,
    MessageSend,
    AddMsgTemplate,
    GroupMsgSendResult,
    SubscribeSend,
}

impl Interface {
    pub(crate) const ALL: [Self; 6] = [
        Self::GetToken,
        Self::StableToken,
        Self::MessageSend,
        Self::AddMsgTemplate,
        Self::GroupMsgSendResult,
        Self::SubscribeSend,
    ];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::GetToken => "/cgi-bin/gettoken",
            Self::StableToken => "/cgi-bin/stable_token",
            Self::MessageSend => "/cgi-bin/message/send",
            Self::AddMsgTemplate => "/cgi-bin/externalcontact/add_msg_template",
            Self::GroupMsgSendResult => "/cgi-bin/externalcontact/get_groupmsg_send_result",
            Self::SubscribeSend => "/cgi-bin/message/subscribe/send",
        }
    }

    pub(crate) fn is_get(self) -> bool {
        self == Self::GetToken
    }

    /// The family whose token opens it; `None`: it is opened by a secret.
    pub(crate) fn family(self) -> Option<Family> {
        match self {
            Self::GetToken | Self::StableToken => None,
            Self::MessageSend | Self::AddMsgTemplate | Self::GroupMsgSendResult => Some(Family::Wecom),
            Self::SubscribeSend => Some(Family::MiniProgram),
        }
    }

    pub(crate) fn carries_secrets(self) -> bool {
        self.family().is_none()
    }
}

/// A request as the interfaces see it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) query: BTreeMap<String, String>,
    /// The JSON body; null if there is none.
    pub(crate) body: Value,
    /// The caller's business key.
    pub(crate) key: Option<String>,
    /// Why the body cannot be read.
    pub(crate) unreadable: Option<Refused>,
}

impl Request {
    /// Reads a body as the platform does: UTF-8 JSON object, no `\u` escapes.
    pub(crate) fn read(query: BTreeMap<String, String>, key: Option<String>, body: &[u8]) -> Self {
        let empty = Self { query, key, ..Self::default() };
        if body.is_empty() {
            return empty;
        }
        if has_unicode_escape(body) {
            return Self { unreadable: Some(Refused::new(errcode::ESCAPED_CHARACTERS, "")), ..empty };
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(body @ Value::Object(_)) => Self { body, ..empty },
            Ok(_) => Self { unreadable: Some(Refused::new(errcode::BAD_JSON, "not an object")), ..empty },
            Err(error) => Self { unreadable: Some(Refused::new(errcode::BAD_JSON, error.to_string())), ..empty },
        }
    }

    /// A text field that must be there and must not be empty.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Refused> {
        match self.body.get(name).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) | None => Err(Refused::new(errcode::BAD_PARAMETER, format!("{name} is missing or not text"))),
        }
    }
}

/// Whether JSON text spells a character as `\uXXXX`. A backslash that is itself escaped does not count.
fn has_unicode_escape(body: &[u8]) -> bool {
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' && bytes.next() == Some(&b'u') {
            return true;
        }
    }
    false
}

/// Whom a request names, without judging it.
pub(crate) fn recipients(interface: Interface, body: &Value) -> Vec<String> {
    match interface {
        Interface::GetToken | Interface::StableToken | Interface::GroupMsgSendResult => Vec::new(),
        Interface::MessageSend => message::split_users(body.get("touser").and_then(Value::as_str).unwrap_or_default()),
        Interface::AddMsgTemplate => groupmsg::customers(body).unwrap_or_default(),
        Interface::SubscribeSend => body.get("touser").and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
    }
}

/// An interface that is opened by a secret.
pub(crate) fn token_call(
    interface: Interface,
    world: &mut World,
    request: &Request,
    call: &mut Call,
) -> Result<Done, Refused> {
    if interface == Interface::GetToken {
        token::gettoken(world, request, call)
    } else {
        token::stable_token(world, request, call)
    }
}

/// An interface that is opened by a token.
pub(crate) fn call(
    interface: Interface,
    world: &mut World,
    account: &Account,
    request: &Request,
) -> Result<Done, Refused> {
    match interface {
        Interface::MessageSend => message::send(world, account, request),
        Interface::AddMsgTemplate => groupmsg::add_msg_template(world, account, request),
        Interface::GroupMsgSendResult => groupmsg::send_result(world, account, request),
        Interface::SubscribeSend => subscribe::send(world, request),
        Interface::GetToken | Interface::StableToken => Err(Refused::new(errcode::BAD_PARAMETER, "not a token call")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_told_from_escaped_backslashes() {
        assert!(has_unicode_escape(br#"{"a":"\u4f60"}"#));
        assert!(has_unicode_escape(br#"{"a":"\\\u4f60"}"#));
        assert!(!has_unicode_escape(br#"{"a":"\\u4f60\n"}"#));
    }
}
