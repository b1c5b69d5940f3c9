//! `add_msg_template` and its result: a message to a customer that leaves only when the seller confirms it.

use roadbook_kernel::{DAY_MS, Moment};
use roadbook_runtime::ports::{Outbound, PollAnswer, SendAnswer};
use serde_json::{Value, json};

use crate::answer::{Attempt, failed, message_id, unknown};
use crate::gateway::{Gateway, Login, Trouble};
use crate::http::Lost;
use crate::reaction::{Class, Platform, reaction};
use crate::settings::Settings;

const ADD: &str = "/cgi-bin/externalcontact/add_msg_template";
const RESULT: &str = "/cgi-bin/externalcontact/get_groupmsg_send_result";
const TEXT_BYTES_MAX: usize = 4000;
/// A task of ours names one customer, so the first page holds its line.
const PAGE: u32 = 1000;
/// How long after its end a task may stay unanswered because the platform cannot be asked.
const GRACE_MS: i64 = DAY_MS;
/// Polls are never closer than this, whatever the settings say: a setting of 0 must not spin.
const INTERVAL_FLOOR_MS: i64 = 50;

/// One customer and the seller who is their contact.
pub(crate) struct Pair<'a> {
    pub(crate) corp: &'a str,
    pub(crate) member: &'a str,
    pub(crate) customer: &'a str,
}

/// Creates the task. Never repeated: a second call would ask the seller to send a second message.
pub(crate) async fn create(
    gateway: &Gateway,
    outbound: &Outbound,
    pair: &Pair<'_>,
    (number, maybe_sent): (u32, bool),
    now: Moment,
) -> SendAnswer {
    if maybe_sent {
        return unknown("not_repeated");
    }
    let Some(account) = gateway.accounts.corp(outbound.tenant, pair.corp) else { return failed("no_account", 0) };
    let Some(text) = super::text(outbound) else { return failed("content_invalid", 0) };
    if text.len() > TEXT_BYTES_MAX {
        return failed("text_too_long", 0);
    }
    let login = Login::Corp(account);
    let attempt = Attempt::new(gateway, &login, (outbound.tenant, ADD), (outbound.key, number), now);
    if let Some(answer) = attempt.blocked() {
        return answer;
    }
    let body = json!({
        "chat_type": "single", "external_userid": [pair.customer], "sender": pair.member, "text": { "content": text },
    });
    match gateway.call(outbound.tenant, &login, ADD, &body, outbound.key).await {
        Ok(reply) if reply.errcode == 0 => {
            attempt.succeeded();
            let left_out = reply
                .fields
                .get("fail_list")
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(|id| id.as_str() == Some(pair.customer)));
            if left_out {
                return failed("not_a_friend", 0);
            }
            let poll_at = now.plus_ms(millis(gateway.settings.poll_interval_min));
            message_id(&reply)
                .map_or_else(|| unknown("task_id_missing_in_answer"), |task| SendAnswer::HandedOver { task, poll_at })
        }
        Ok(reply) => attempt.refused(reply.errcode),
        Err(Trouble::NoToken(why)) => attempt.no_token(why),
        Err(Trouble::Lost(Lost::NotSent(reason))) => attempt.retry(reason, true),
        Err(Trouble::Lost(Lost::Ambiguous(reason))) => unknown(reason),
    }
}

/// Asks where the task stands. Only reads, so it may be repeated at will.
pub(crate) async fn poll(
    gateway: &Gateway,
    outbound: &Outbound,
    pair: &Pair<'_>,
    task: &str,
    (created, now): (Moment, Moment),
) -> PollAnswer {
    let Some(account) = gateway.accounts.corp(outbound.tenant, pair.corp) else {
        return later(&gateway.settings, created, now, GRACE_MS, 0);
    };
    let login = Login::Corp(account);
    let attempt = Attempt::new(gateway, &login, (outbound.tenant, RESULT), (outbound.key, 1), now);
    if let Some((wait_ms, _)) = gateway.lanes.blocked(&attempt.lane, now) {
        return later(&gateway.settings, created, now, GRACE_MS, wait_ms);
    }
    let body = json!({ "msgid": task, "userid": pair.member, "limit": PAGE });
    let reply = match gateway.call(outbound.tenant, &login, RESULT, &body, outbound.key).await {
        Ok(reply) => reply,
        Err(Trouble::NoToken(_) | Trouble::Lost(_)) => return later(&gateway.settings, created, now, GRACE_MS, 0),
    };
    if reply.errcode != 0 {
        return refused(gateway, &attempt, reply.errcode, (created, now));
    }
    attempt.succeeded();
    match status_of(&reply.fields, pair.customer) {
        Some(1) => PollAnswer::Sent,
        Some(2) => PollAnswer::Refused { reason: "not_a_friend".to_owned() },
        Some(3) => PollAnswer::Refused { reason: "over_limit".to_owned() },
        // 0 is "not sent yet"; no line: the platform has not dealt the task out yet. A status we do not know may
        // still turn into one we do.
        Some(_) | None => later(&gateway.settings, created, now, 0, 0),
    }
}

fn refused(gateway: &Gateway, attempt: &Attempt<'_>, code: i64, (created, now): (Moment, Moment)) -> PollAnswer {
    let (class, reason) = reaction(Platform::Wecom, code);
    match (class, reason) {
        (Class::Item, "cancelled") => PollAnswer::Refused { reason: reason.to_owned() },
        (Class::Item, "task_unknown") => PollAnswer::Expired,
        _ => {
            // Blocks the lane where the code asks for it; the answer itself is for sends.
            let wait_ms = match attempt.refused(code) {
                SendAnswer::RetryAfter { wait_ms, .. } => wait_ms,
                SendAnswer::Sent { .. }
                | SendAnswer::HandedOver { .. }
                | SendAnswer::Failed { .. }
                | SendAnswer::Unknown { .. } => 0,
            };
            later(&gateway.settings, created, now, GRACE_MS, wait_ms)
        }
    }
}

/// The status of the customer's line in a page of results.
fn status_of(fields: &Value, customer: &str) -> Option<i64> {
    let lines = fields.get("send_list")?.as_array()?;
    let line = lines.iter().find(|line| line.get("external_userid").and_then(Value::as_str) == Some(customer))?;
    line.get("status")?.as_i64()
}

/// Ask again, at intervals that grow with the age of the task and not before `wait_ms`; or its life is over.
fn later(settings: &Settings, created: Moment, now: Moment, grace_ms: i64, wait_ms: i64) -> PollAnswer {
    let age_ms = now.since_ms(created).max(0);
    let life_ms = millis(settings.task_life);
    if age_ms >= life_ms.saturating_add(grace_ms) {
        return PollAnswer::Expired;
    }
    let (min_ms, max_ms) = (millis(settings.poll_interval_min), millis(settings.poll_interval_max));
    let interval_ms = (age_ms / 4).min(max_ms).max(min_ms).max(wait_ms).max(INTERVAL_FLOOR_MS);
    PollAnswer::Waiting { poll_at: now.plus_ms(interval_ms) }
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::HOUR_MS;

    #[test]
    fn polls_grow_apart_and_end_with_the_life_of_the_task() {
        let settings = Settings::default();
        let at = |ms| later(&settings, Moment::from_millis(0), Moment::from_millis(ms), 0, 0);
        let waits = |now, wait| PollAnswer::Waiting { poll_at: Moment::from_millis(now + wait) };
        assert_eq!(at(0), waits(0, 60_000));
        assert_eq!(at(HOUR_MS), waits(HOUR_MS, HOUR_MS / 4));
        assert_eq!(at(3 * DAY_MS), waits(3 * DAY_MS, 2 * HOUR_MS));
        assert_eq!(at(7 * DAY_MS - 1), waits(7 * DAY_MS - 1, 2 * HOUR_MS));
        assert_eq!(at(7 * DAY_MS), PollAnswer::Expired);
    }
}
