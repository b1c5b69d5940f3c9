//! A send loop as small as one can be, and a provider that only remembers.

use async_trait::async_trait;
use roadbook_customer::SendOutcome;
use roadbook_kernel::{MINUTE_MS, Moment, SendKey};
use roadbook_runtime::Deliver;
use roadbook_runtime::engine::Engine;
use roadbook_runtime::ports::{Channel, Fault, Outbound, PollAnswer, SendAnswer};
use roadbook_runtime::sends::{ATTEMPT_LEASE_MS, Held, JobState, due};
use roadbook_tenancy::ChannelKind;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// One provider call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which send.
    pub key: SendKey,
    /// Its rendered content.
    pub content: String,
    /// Which channel.
    pub channel: ChannelKind,
    /// Whether the caller said that an earlier call may have got through.
    pub maybe_sent: bool,
}

/// A provider that recognises a repeated key, as WeCom's duplicate check does. It outlives every restart.
#[derive(Default)]
pub struct Provider {
    calls: Mutex<Vec<Call>>,
}

impl Provider {
    /// Every call, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("not poisoned").clone()
    }

    /// What people got: each key once, however often it was called.
    pub fn delivered(&self) -> BTreeMap<SendKey, (ChannelKind, String)> {
        self.calls().into_iter().map(|call| (call.key, (call.channel, call.content))).collect()
    }
}

impl Clone for Provider {
    fn clone(&self) -> Self {
        Self { calls: Mutex::new(self.calls()) }
    }
}

#[async_trait]
impl Channel for Provider {
    async fn send(&self, outbound: &Outbound, _attempt: u32, maybe_sent: bool, now: Moment) -> SendAnswer {
        let call = Call {
            key: outbound.key,
            content: outbound.content.reveal().to_string(),
            channel: outbound.channel,
            maybe_sent,
        };
        self.calls.lock().expect("not poisoned").push(call);
        match outbound.channel {
            ChannelKind::WecomGroupTask => {
                SendAnswer::HandedOver { task: "task-1".into(), poll_at: now.plus_ms(5 * MINUTE_MS) }
            }
            ChannelKind::WecomSeller | ChannelKind::MiniprogramSubscribe | ChannelKind::Recording => {
                SendAnswer::Sent { provider_id: String::new() }
            }
        }
    }

    async fn poll(&self, _: &Outbound, _: &str, _: Moment, _: Moment) -> PollAnswer {
        PollAnswer::Sent
    }
}

/// Takes every send that is due now as far as it goes.
///
/// # Errors
/// A fault of the store: the sends stay where they are.
pub async fn pass(engine: &Engine, deliver: &dyn Deliver, channel: &dyn Channel) -> Result<usize, Fault> {
    let held = due(engine, engine.clock.now(), 1_000).await?;
    let count = held.len();
    for one in held {
        carry(engine, deliver, channel, one).await?;
    }
    Ok(count)
}

async fn carry(engine: &Engine, deliver: &dyn Deliver, channel: &dyn Channel, mut one: Held) -> Result<(), Fault> {
    loop {
        let now = engine.clock.now();
        let next = match one.job.state.clone() {
            JobState::Queued { not_before } if not_before > now => return Ok(()),
            JobState::Queued { .. } => {
                if !attempt(engine, channel, &mut one, false, now).await? {
                    return Ok(());
                }
                continue;
            }
            JobState::Attempting { lease_until } if lease_until > now => return Ok(()),
            JobState::Attempting { .. } => {
                if !attempt(engine, channel, &mut one, true, now).await? {
                    return Ok(());
                }
                continue;
            }
            JobState::HandedOver { task, created, poll_at, reported: false } => {
                one.report(engine, deliver, &SendOutcome::HandedOver).await?;
                JobState::HandedOver { task, created, poll_at, reported: true }
            }
            JobState::HandedOver { poll_at, .. } if poll_at > now => return Ok(()),
            JobState::HandedOver { task, created, .. } => {
                let answer = channel.poll(&one.job.outbound, &task, created, now).await;
                one.after_poll(answer, now)
            }
            JobState::Answered { outcome, .. } => {
                one.report(engine, deliver, &outcome).await?;
                JobState::Done { outcome }
            }
            JobState::Done { .. } => return Ok(()),
        };
        if !one.advance(engine, next).await? {
            return Ok(());
        }
    }
}

/// One provider call, made durable before it is begun and when it is answered. `false` where somebody was faster.
async fn attempt(
    engine: &Engine,
    channel: &dyn Channel,
    one: &mut Held,
    maybe_sent: bool,
    now: Moment,
) -> Result<bool, Fault> {
    if let Some(outcome) = one.withheld(engine, maybe_sent || one.job.doubtful).await? {
        return one.advance(engine, JobState::Answered { outcome, at: now }).await;
    }
    let lease_until = now.plus_ms(ATTEMPT_LEASE_MS);
    if !one.advance(engine, JobState::Attempting { lease_until }).await? {
        return Ok(false);
    }
    let answer = channel.send(&one.job.outbound, one.job.attempts, maybe_sent, now).await;
    let next = one.after(answer, now);
    one.advance(engine, next).await
}
