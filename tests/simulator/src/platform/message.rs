//! `message/send`: an app message to members of the corporation.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Request;
use crate::errcode::{self, Refused};
use crate::journal::Medium;
use crate::tokens::Account;
use crate::world::{Done, World};

/// Message types whose content the simulator accepts; each has a field of its own name.
const MSGTYPES: [&str; 6] = ["text", "markdown", "textcard", "news", "miniprogram_notice", "template_card"];
const USERS_MAX: usize = 1000;
/// The platform cuts longer texts silently.
const TEXT_BYTES_MAX: usize = 2048;
const DUPLICATE_SECONDS_DEFAULT: u64 = 1800;
const DUPLICATE_SECONDS_MAX: u64 = 4 * 3600;

pub(super) fn send(world: &mut World, account: &Account, request: &Request) -> Result<Done, Refused> {
    let body = &request.body;
    if body.get("agentid").and_then(Value::as_u64) != Some(account.agentid) {
        return Err(Refused::new(errcode::BAD_AGENT, ""));
    }
    let users = split_users(body.get("touser").and_then(Value::as_str).unwrap_or_default());
    if users.is_empty() {
        return Err(Refused::new(errcode::NO_RECIPIENT, ""));
    }
    if users.len() > USERS_MAX {
        return Err(Refused::new(errcode::BAD_PARAMETER, format!("touser names more than {USERS_MAX}")));
    }
    let (msgtype, content) = content(body)?;
    let (known, unknown): (Vec<String>, Vec<String>) = users.into_iter().partition(|id| world.people.is_member(id));
    if known.is_empty() {
        return Err(Refused::new(errcode::ALL_RECIPIENTS_INVALID, ""));
    }
    let window_ms = duplicate_window_ms(body)?;
    let now_ms = world.clock.now_ms();
    let fingerprint = fingerprint(account, &known, msgtype, &content);
    let earlier = world.sent.get(&fingerprint).cloned();
    if let (Some(window_ms), Some((at_ms, msgid))) = (window_ms, earlier)
        && now_ms < at_ms.saturating_add(window_ms)
    {
        let fields = answer(&msgid, &unknown);
        return Ok(Done { fields, msgid: Some(msgid), delivered: false, deduplicated: true });
    }
    let msgid = world.next_msgid();
    for who in &known {
        world.journal.deliver(now_ms, Medium::WecomMember, who, request.key.as_deref(), &msgid, &content);
    }
    world.sent.insert(fingerprint, (now_ms, msgid.clone()));
    Ok(Done { fields: answer(&msgid, &unknown), msgid: Some(msgid), delivered: true, deduplicated: false })
}

/// Splits `a|b|c`.
pub(super) fn split_users(touser: &str) -> Vec<String> {
    touser.split('|').filter(|user| !user.is_empty()).map(str::to_owned).collect()
}

fn answer(msgid: &str, unknown: &[String]) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("msgid".into(), json!(msgid));
    if !unknown.is_empty() {
        fields.insert("invaliduser".into(), json!(unknown.join("|")));
    }
    fields
}

fn content(body: &Value) -> Result<(&str, Value), Refused> {
    let msgtype = body.get("msgtype").and_then(Value::as_str).unwrap_or_default();
    if !MSGTYPES.contains(&msgtype) {
        return Err(Refused::new(errcode::BAD_MSGTYPE, ""));
    }
    let Some(content) = body.get(msgtype).filter(|content| content.is_object()) else {
        return Err(Refused::new(errcode::BAD_PARAMETER, format!("the field {msgtype} is missing")));
    };
    if msgtype != "text" {
        return Ok((msgtype, json!({ msgtype: content })));
    }
    match content.get("content").and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok((msgtype, json!({ "text": { "content": cut(text, TEXT_BYTES_MAX) } }))),
        Some(_) | None => Err(Refused::new(errcode::EMPTY_TEXT, "")),
    }
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// The window in milliseconds; `None`: the caller asked for no duplicate check.
fn duplicate_window_ms(body: &Value) -> Result<Option<u64>, Refused> {
    match body.get("enable_duplicate_check").and_then(Value::as_u64) {
        None | Some(0) => return Ok(None),
        Some(1) => {}
        Some(_) => return Err(Refused::new(errcode::BAD_PARAMETER, "enable_duplicate_check is 0 or 1")),
    }
    let seconds = body.get("duplicate_check_interval").and_then(Value::as_u64).unwrap_or(DUPLICATE_SECONDS_DEFAULT);
    if seconds > DUPLICATE_SECONDS_MAX {
        return Err(Refused::new(errcode::BAD_PARAMETER, "duplicate_check_interval is over 14400"));
    }
    Ok(Some(seconds * 1000))
}

fn fingerprint(account: &Account, users: &[String], msgtype: &str, content: &Value) -> String {
    let users: BTreeSet<&String> = users.iter().collect();
    json!([account.id, account.agentid, users, msgtype, content]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("车车", 4), "车");
        assert_eq!(cut("abc", 4), "abc");
    }
}
