//! `add_msg_template` and `get_groupmsg_send_result`: group messages that a member must confirm.

use serde_json::{Map, Value, json};

use super::Request;
use crate::errcode::{self, Refused};
use crate::people::is_external_userid;
use crate::tasks::{Recipient, Task};
use crate::tokens::Account;
use crate::world::{Done, World};

const CUSTOMERS_MAX: usize = 10_000;
const TEXT_BYTES_MAX: usize = 4000;
const ATTACHMENTS_MAX: usize = 9;
const PAGE_MAX: u64 = 1000;
const PAGE_DEFAULT: u64 = 500;

pub(super) fn add_msg_template(world: &mut World, account: &Account, request: &Request) -> Result<Done, Refused> {
    let body = &request.body;
    if !matches!(body.get("chat_type").and_then(Value::as_str), None | Some("single")) {
        return Err(Refused::new(errcode::BAD_PARAMETER, "the simulator knows chat_type single only"));
    }
    let customers = customers(body).ok_or_else(|| Refused::new(errcode::BAD_PARAMETER, "external_userid"))?;
    if customers.len() > CUSTOMERS_MAX {
        return Err(Refused::new(errcode::BAD_PARAMETER, format!("external_userid names more than {CUSTOMERS_MAX}")));
    }
    if customers.is_empty() {
        return Err(Refused::new(errcode::NOBODY_TO_SEND_TO, ""));
    }
    if customers.iter().any(|id| !is_external_userid(id)) {
        return Err(Refused::new(errcode::BAD_EXTERNAL_USER, ""));
    }
    let sender = request.text("sender")?.to_owned();
    if !world.people.is_member(&sender) {
        return Err(Refused::new(errcode::BAD_USER, "sender"));
    }
    let content = content(body)?;
    let (friends, others): (Vec<String>, Vec<String>) =
        customers.into_iter().partition(|id| world.people.is_friend(id));
    if friends.is_empty() {
        return Err(Refused::new(errcode::NO_RELATION, ""));
    }
    let msgid = world.next_msgid();
    let unsent = |external_userid| Recipient { external_userid, status: 0, send_time_s: 0 };
    let task = Task {
        account: account.id.clone(),
        sender,
        created_at_ms: world.clock.now_ms(),
        key: request.key.clone(),
        content,
        recipients: friends.into_iter().map(unsent).collect(),
        open: true,
    };
    world.tasks.add(&msgid, task);
    let fields = Map::from_iter([("fail_list".into(), json!(others)), ("msgid".into(), json!(msgid))]);
    Ok(Done { fields, msgid: Some(msgid), ..Done::default() })
}

pub(super) fn send_result(world: &mut World, account: &Account, request: &Request) -> Result<Done, Refused> {
    let (msgid, userid) = (request.text("msgid")?, request.text("userid")?);
    let known = world.tasks.get(msgid).filter(|task| task.account == account.id);
    let task = known.ok_or_else(|| Refused::new(errcode::BAD_GROUP_MESSAGE_ID, ""))?;
    let limit = request.body.get("limit").and_then(Value::as_u64).unwrap_or(PAGE_DEFAULT);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Refused::new(errcode::BAD_PARAMETER, "limit is 1 to 1000"));
    }
    let from = match request.body.get("cursor").and_then(Value::as_str) {
        None | Some("") => 0,
        Some(cursor) => read_cursor(cursor).ok_or_else(|| Refused::new(errcode::BAD_PARAMETER, "cursor"))?,
    };
    // The list holds what this one member was asked to send.
    let recipients: &[Recipient] = if task.sender == userid { &task.recipients } else { &[] };
    let to = from.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX)).min(recipients.len());
    let page = recipients.get(from..to).unwrap_or_default();
    let line = |one: &Recipient| {
        let mut line = json!({ "external_userid": one.external_userid, "userid": userid, "status": one.status });
        if one.send_time_s > 0 {
            line["send_time"] = json!(one.send_time_s);
        }
        line
    };
    let next = if to < recipients.len() { write_cursor(to) } else { String::new() };
    let lines: Vec<Value> = page.iter().map(line).collect();
    let fields = Map::from_iter([("send_list".into(), json!(lines)), ("next_cursor".into(), json!(next))]);
    Ok(Done { fields, ..Done::default() })
}

/// The customers a request names; `None`: not a list of texts.
pub(super) fn customers(body: &Value) -> Option<Vec<String>> {
    let list = body.get("external_userid")?.as_array()?;
    list.iter().map(|id| id.as_str().map(str::to_owned)).collect()
}

fn content(body: &Value) -> Result<Value, Refused> {
    let text = body.pointer("/text/content").and_then(Value::as_str).unwrap_or_default();
    let none = Vec::new();
    let attachments = body.get("attachments").and_then(Value::as_array).unwrap_or(&none);
    if text.is_empty() && attachments.is_empty() {
        return Err(Refused::new(errcode::BAD_PARAMETER, "text and attachments are both empty"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refused::new(errcode::BAD_PARAMETER, format!("text.content is over {TEXT_BYTES_MAX} bytes")));
    }
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(Refused::new(errcode::BAD_PARAMETER, format!("more than {ATTACHMENTS_MAX} attachments")));
    }
    Ok(json!({ "text": { "content": text }, "attachments": attachments }))
}

fn write_cursor(from: usize) -> String {
    format!("CUR{from:x}")
}

fn read_cursor(cursor: &str) -> Option<usize> {
    usize::from_str_radix(cursor.strip_prefix("CUR")?, 16).ok()
}
