//! The provider: takes calls, sometimes answers badly, and remembers everything. It outlives every host.

use crate::ports::Aside;
use crate::world::{Life, World};
use async_trait::async_trait;
use roadbook_channels::reaction::{Class, Platform, reaction};
use roadbook_kernel::{ActorKey, HOUR_MS, MINUTE_MS, Moment, SECOND_MS, SendKey};
use roadbook_runtime::ports::{Channel, History, ItemKey, Outbound, PollAnswer, SendAnswer, Store};
use roadbook_runtime::sends::{JobState, read};
use roadbook_tenancy::{ChannelKind, Purpose};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What may have become of a call at the provider's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Got {
    /// The person has it.
    Delivered,
    /// The person certainly has it not.
    Nothing,
}

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which send.
    pub key: SendKey,
    /// The true time.
    pub at: Moment,
    /// What it said.
    pub text: String,
    /// Which way.
    pub channel: ChannelKind,
    /// Why it was sent.
    pub purpose: Purpose,
    /// Whether the caller said that an earlier call may have got through.
    pub maybe_sent: bool,
    /// What became of it.
    pub got: Got,
}

/// All calls of all hosts.
#[derive(Default)]
pub struct Sink {
    calls: Mutex<Vec<Call>>,
    /// The earliest instant at which a throttled send may come again.
    not_before: Mutex<BTreeMap<SendKey, Moment>>,
}

impl Sink {
    /// Every call, in order.
    pub fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn not_before(&self) -> MutexGuard<'_, BTreeMap<SendKey, Moment>> {
        self.not_before.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A host's line to the provider.
pub struct Line {
    /// The host.
    pub life: Life,
    /// The provider.
    pub sink: Arc<Sink>,
}

/// Codes of the platform, one of each class of reaction.
const CODES: [i64; 9] = [-1, 40014, 40085, 45009, 60020, 40084, 84061, 41050, 40201];

/// What a provider's code makes of a send: the class of the table, answered as the channel answers it.
fn answer_to(code: i64) -> SendAnswer {
    let (class, reason) = reaction(Platform::Wecom, code);
    let retry = |wait_ms, lane| SendAnswer::RetryAfter { wait_ms, reason: reason.to_owned(), lane };
    match class {
        Class::Retry | Class::RefreshToken => retry(2 * SECOND_MS, false),
        Class::WaitForTicket | Class::Rate => retry(MINUTE_MS, true),
        Class::Configuration | Class::AuthorisationGone => retry(HOUR_MS, true),
        Class::Item | Class::WindowLost | Class::AntiSpam => SendAnswer::Failed { reason: reason.to_owned(), code },
    }
}

impl Line {
    fn world(&self) -> &Arc<World> {
        &self.life.world
    }

    /// What must hold at the very instant of a call: its turn is committed, its attempt is durable, nobody called it
    /// away, and it does not come before the time it was given.
    async fn check(&self, outbound: &Outbound, maybe_sent: bool) {
        let world = self.world();
        let item = world.memory.load(&ItemKey::send(outbound.tenant, outbound.key)).await.ok().flatten();
        let Some(job) = item.as_ref().and_then(|item| read(item).ok()) else {
            return world.broken(|| format!("sink: {} was sent, and is no send of the store", outbound.key));
        };
        let actor = ActorKey::customer(outbound.tenant, job.customer);
        let turns = world.memory.turns(&actor, job.version.saturating_sub(1), 1).await.unwrap_or_default();
        if turns.first().is_none_or(|turn| turn.version != job.version) {
            world.broken(|| format!("sink: {} left before its turn {actor:?} v{}", outbound.key, job.version));
        }
        if !matches!(job.state, JobState::Attempting { .. }) {
            world.broken(|| format!("sink: {} was called while it was {:?}", outbound.key, job.state));
        }
        let early = self.sink.not_before().get(&outbound.key).is_some_and(|earliest| world.now() < *earliest);
        // Whoever died with the answer was never told.
        if early && !maybe_sent {
            world.broken(|| format!("sink: {} was told to wait and came too early", outbound.key));
        }
        let before = self.sink.calls().iter().any(|call| call.key == outbound.key && call.got == Got::Delivered);
        if before && !maybe_sent {
            world.broken(|| format!("twice: {} was delivered, and called again as if it had not been", outbound.key));
        }
    }
}

fn text_of(outbound: &Outbound) -> String {
    let content = outbound.content.reveal();
    match content.get("text").and_then(|text| text.as_str()) {
        Some(text) => text.to_owned(),
        None => content.to_string(),
    }
}

#[async_trait]
impl Channel for Line {
    async fn send(&self, outbound: &Outbound, _attempt: u32, maybe_sent: bool, _now: Moment) -> SendAnswer {
        if self.life.is_over() {
            return std::future::pending().await;
        }
        let world = self.world();
        self.check(outbound, maybe_sent).await;
        let (dice, code, wait_ms, dies) = {
            let inner = &mut *world.inner();
            let bad = inner.chance.happens(inner.weather.provider);
            let dice = if bad { 1 + inner.chance.below(4) } else { 0 };
            let dies = inner.chance.happens(inner.weather.dies_after);
            (dice, inner.chance.pick(&CODES), inner.chance.between(1, 8 * SECOND_MS), dies)
        };
        let (answer, got) = match dice {
            0 if outbound.channel == ChannelKind::WecomGroupTask => {
                let poll_at = world.now().plus_ms(5 * MINUTE_MS);
                (SendAnswer::HandedOver { task: "task".into(), poll_at }, Got::Delivered)
            }
            0 => (SendAnswer::Sent { provider_id: String::new() }, Got::Delivered),
            1 | 2 => (answer_to(code), Got::Nothing),
            3 => (SendAnswer::Unknown { reason: "no_answer".into() }, Got::Delivered),
            _ => (SendAnswer::Unknown { reason: "no_answer".into() }, Got::Nothing),
        };
        if let SendAnswer::RetryAfter { wait_ms, .. } = &answer {
            // Measured by the caller's clock, which may be off; a second is kept in hand for it.
            let earliest = world.now().plus_ms(wait_ms - 10 * SECOND_MS);
            self.sink.not_before().insert(outbound.key, earliest);
        }
        let call = Call {
            key: outbound.key,
            at: world.now(),
            text: text_of(outbound),
            channel: outbound.channel,
            purpose: outbound.purpose,
            maybe_sent,
            got,
        };
        world.tell(Some(self.life.host), || format!("calls the provider: {} {:?} -> {answer:?}", call.key, call.text));
        self.sink.calls().push(call);
        if dies {
            self.life.end();
            return std::future::pending().await;
        }
        if dice > 0 {
            world.inner().wait_ms = wait_ms;
            Aside::default().await;
        }
        answer
    }

    async fn poll(&self, outbound: &Outbound, _: &str, created: Moment, now: Moment) -> PollAnswer {
        if self.life.is_over() {
            return std::future::pending().await;
        }
        let dice = (outbound.key.as_u128() % 5) as u8;
        match dice {
            0 => PollAnswer::Expired,
            1 => PollAnswer::Refused { reason: "declined".into() },
            _ if now.since_ms(created) < HOUR_MS => PollAnswer::Waiting { poll_at: now.plus_ms(20 * MINUTE_MS) },
            _ => PollAnswer::Sent,
        }
    }
}
