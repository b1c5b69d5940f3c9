//! `message/subscribe/send`: a subscription message (订阅消息). One grant of the user is one send.

use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Outbound, SendAnswer};
use serde_json::{Value, json};

use crate::answer::{Attempt, failed, message_id, unknown};
use crate::gateway::{Gateway, Login, Trouble};
use crate::http::Lost;

const PATH: &str = "/cgi-bin/message/subscribe/send";

/// Sends. Never repeated: a second call would use up a second grant, or be refused for want of one although the first
/// arrived.
pub(crate) async fn send(
    gateway: &Gateway,
    outbound: &Outbound,
    (appid, openid): (&str, &str),
    (number, maybe_sent): (u32, bool),
    now: Moment,
) -> SendAnswer {
    if maybe_sent {
        return unknown("not_repeated");
    }
    let Some(account) = gateway.accounts.mini_program(outbound.tenant, appid) else { return failed("no_account", 0) };
    let data = outbound.content.reveal();
    if outbound.template.is_empty() || data.as_object().is_none_or(|fields| fields.is_empty()) {
        return failed("content_invalid", 0);
    }
    let login = Login::MiniProgram(account);
    let attempt = Attempt::new(gateway, &login, (outbound.tenant, PATH), (outbound.key, number), now);
    if let Some(answer) = attempt.blocked() {
        return answer;
    }
    let body = body(openid, outbound, data, &gateway.settings.miniprogram_state);
    match gateway.call(outbound.tenant, &login, PATH, &body, outbound.key).await {
        Ok(reply) if reply.errcode == 0 => {
            attempt.succeeded();
            SendAnswer::Sent { provider_id: message_id(&reply).unwrap_or_default() }
        }
        Ok(reply) => attempt.refused(reply.errcode),
        Err(Trouble::NoToken(why)) => attempt.no_token(why),
        Err(Trouble::Lost(Lost::NotSent(reason))) => attempt.retry(reason, true),
        Err(Trouble::Lost(Lost::Ambiguous(reason))) => unknown(reason),
    }
}

fn body(openid: &str, outbound: &Outbound, data: &Value, state: &str) -> Value {
    json!({
        "touser": openid, "template_id": outbound.template, "data": data, "miniprogram_state": state, "lang": "zh_CN",
    })
}
