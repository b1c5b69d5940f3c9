//! `message/send`: an app message to a seller.

use roadbook_kernel::{Moment, SendKey};
use roadbook_runtime::ports::{Outbound, SendAnswer};
use serde_json::{Value, json};

use crate::accounts::CorpAccount;
use crate::answer::{Attempt, failed, message_id, unknown};
use crate::gateway::{Gateway, Login, Trouble};
use crate::http::{Lost, Reply};

const PATH: &str = "/cgi-bin/message/send";
/// The platform cuts longer texts silently, and with them the reference that tells two messages apart.
const TEXT_BYTES_MAX: usize = 2048;
/// The longest window the platform grants, in seconds.
const DUPLICATE_WINDOW_S: u32 = 4 * 3600;
/// Tries of one send whose answers are lost, before we say that we do not know.
const TRIES_MAX: u32 = 3;

/// Sends, and repeats at once after a lost answer: within the duplicate window the platform delivers the same content
/// to the same member once.
pub(crate) async fn send(
    gateway: &Gateway,
    outbound: &Outbound,
    (corp, member): (&str, &str),
    (number, maybe_sent): (u32, bool),
    now: Moment,
) -> SendAnswer {
    let Some(account) = gateway.accounts.corp(outbound.tenant, corp) else { return failed("no_account", 0) };
    let Some(text) = super::text(outbound) else { return failed("content_invalid", 0) };
    let text = with_reference(text, outbound.key);
    if text.len() > TEXT_BYTES_MAX {
        return failed("text_too_long", 0);
    }
    let body = body(&account, member, &text);
    let login = Login::Corp(account);
    let attempt = Attempt::new(gateway, &login, (outbound.tenant, PATH), (outbound.key, number), now);
    let young = if maybe_sent { gateway.doubt(outbound.key, now) } else { gateway.may_repeat(outbound.key, now) };
    if !young {
        gateway.settled(outbound.key, now);
        return unknown("duplicate_window_over");
    }
    if let Some(answer) = attempt.blocked() {
        return answer;
    }
    let answer = until_answered(gateway, &attempt, &login, &body, outbound).await;
    match &answer {
        SendAnswer::RetryAfter { .. } => {}
        SendAnswer::Sent { .. }
        | SendAnswer::HandedOver { .. }
        | SendAnswer::Failed { .. }
        | SendAnswer::Unknown { .. } => gateway.settled(outbound.key, now),
    }
    answer
}

async fn until_answered(
    gateway: &Gateway,
    attempt: &Attempt<'_>,
    login: &Login,
    body: &Value,
    outbound: &Outbound,
) -> SendAnswer {
    let mut tries = 1;
    loop {
        match gateway.call(outbound.tenant, login, PATH, body, outbound.key).await {
            Ok(reply) if reply.errcode == 0 => return accepted(attempt, &reply, body),
            Ok(reply) => return attempt.refused(reply.errcode),
            Err(Trouble::NoToken(why)) => return attempt.no_token(why),
            Err(Trouble::Lost(Lost::NotSent(reason))) => return attempt.retry(reason, true),
            Err(Trouble::Lost(Lost::Ambiguous(reason))) => {
                gateway.doubt(outbound.key, attempt.now);
                if tries == TRIES_MAX {
                    return unknown(reason);
                }
                tokio::time::sleep(gateway.pause(tries)).await;
                tries += 1;
            }
        }
    }
}

fn accepted(attempt: &Attempt<'_>, reply: &Reply, body: &Value) -> SendAnswer {
    attempt.succeeded();
    // The platform answers 0 although it dropped a recipient; there was only this one.
    let dropped = reply.fields.get("invaliduser").and_then(Value::as_str).unwrap_or_default();
    if dropped.split('|').any(|user| body.get("touser").and_then(Value::as_str) == Some(user)) {
        return failed("member_unknown", 0);
    }
    SendAnswer::Sent { provider_id: message_id(reply).unwrap_or_default() }
}

fn body(account: &CorpAccount, member: &str, text: &str) -> Value {
    json!({
        "touser": member, "agentid": account.agentid, "msgtype": "text", "text": { "content": text },
        "enable_duplicate_check": 1, "duplicate_check_interval": DUPLICATE_WINDOW_S,
    })
}

/// Adds a short reference of this send. Without it the duplicate check would swallow the second of two sends that
/// happen to say the same to the same seller, for example about two customers.
fn with_reference(text: &str, key: SendKey) -> String {
    let key = key.to_string();
    let tail = key.get(key.len().saturating_sub(8)..).unwrap_or(&key);
    format!("{text}\n#{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_one_text_and_two_keys_give_two() {
        let first = with_reference("hello", SendKey::from_u128(1));
        assert_eq!(first, with_reference("hello", SendKey::from_u128(1)));
        assert_eq!(first, "hello\n#00000001");
        assert_ne!(first, with_reference("hello", SendKey::from_u128(2)));
    }
}
