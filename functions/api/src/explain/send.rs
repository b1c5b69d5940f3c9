//! Why somebody got a message, or did not.

use super::began::{self, Began};
use super::texts::{Said, Text, day, minute, say};
use super::{Because, Both, Names, answer, channel, number, purpose};
use crate::api::Api;
use crate::failure::Failure;
use crate::past;
use crate::profiles;
use crate::secret::Secret;
use axum::Json;
use axum::extract::State;
use roadbook_customer::{Customer, Event, SendOutcome, SendRecord, SendStatus};
use roadbook_kernel::{SendKey, TenantId};
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::record::Entry;
use roadbook_runtime::sends::{JobState, SendJob, read};
use roadbook_tenancy::{ChannelKind, ConsentLedger, Purpose, Standing, SuppressReason, Verdict};
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::Arc;

/// `GET /v1/profiles/{id}/explain/sends/{snd}`: the newest sends from the row, older ones from History.
pub(crate) async fn send(
    State(api): State<Arc<Api>>,
    secret: Secret,
    Both(id, key): Both<SendKey>,
) -> Result<Json<Value>, Failure> {
    let tenant = secret.tenant();
    let customer = profiles::live(&api, &secret, id).await?.state;
    let known = customer.sends.iter().find(|record| record.key == key).cloned();
    let job = if known.is_none() { job(&api, tenant, key).await? } else { None };
    let mut search = Search::new(key, known, &customer.consents);
    let from = job.as_ref().filter(|job| is_theirs(&customer, job));
    let from = from.map(|job| past::From { actor: job.customer, version: job.version });
    past::back(&api, tenant, &customer, from, |entry| search.see(entry)).await?;
    let Some(mut record) = search.record.take() else { return Err(Failure::not_found("send")) };
    if let Some(job) = job {
        told_by(&mut record, &job.state);
    }
    if let Some(status) = search.reported.take() {
        record.status.advance(status);
    }
    let consents = search.consents(&record);
    let names = Names::load(&api, tenant).await?;
    let word = consents.deciding(record.purpose, record.channel);
    let because = because(&customer, &record, word, search.began.as_ref(), &names);
    let (word, sentence) = outcome(&customer, &record, word);
    Ok(Json(answer(word, &sentence, &because)))
}

async fn job(api: &Api, tenant: TenantId, key: SendKey) -> Result<Option<SendJob>, Failure> {
    let item = api.engine().store.load(&ItemKey::send(tenant, key)).await?;
    Ok(item.map(|item| read(&item)).transpose()?)
}

/// Whether a send in the queue was for this customer, under any id they had: another's is not to be told.
fn is_theirs(customer: &Customer, job: &SendJob) -> bool {
    job.customer == customer.id || customer.absorbed.contains_key(&job.customer)
}

/// What the queue knows of a send that the row has forgotten.
fn told_by(record: &mut SendRecord, state: &JobState) {
    let outcome = match state {
        JobState::Queued { .. } | JobState::Attempting { .. } => return,
        JobState::HandedOver { .. } => SendOutcome::HandedOver,
        JobState::Answered { outcome, .. } | JobState::Done { outcome } => outcome.clone(),
    };
    record.status.advance(SendStatus::Reported { outcome, at: record.asked_at });
}

/// What is looked for in the past, newest first.
struct Search<'c> {
    key: SendKey,
    record: Option<SendRecord>,
    reported: Option<SendStatus>,
    began: Option<Began>,
    now: &'c ConsentLedger,
    /// Words learned after the send was asked for: they were not known then.
    later: Vec<(Purpose, Option<ChannelKind>, Standing)>,
    earlier: ConsentLedger,
    asked: bool,
}

impl<'c> Search<'c> {
    fn new(key: SendKey, record: Option<SendRecord>, now: &'c ConsentLedger) -> Self {
        let (reported, began, later, earlier) = (None, None, Vec::new(), ConsentLedger::default());
        Self { key, record, reported, began, now, later, earlier, asked: false }
    }

    fn see(&mut self, entry: &Entry<Event>) -> ControlFlow<()> {
        for fact in entry.facts.iter().rev() {
            if let Event::Messaged { record } = fact
                && record.key == self.key
            {
                self.asked = true;
                self.record.get_or_insert_with(|| record.clone());
            } else if let Event::SendReported { key, outcome, at } = fact
                && *key == self.key
            {
                let status = SendStatus::Reported { outcome: outcome.clone(), at: *at };
                self.reported.get_or_insert(status);
            } else if let Event::ConsentNoted { purpose, channel, standing, .. } = fact {
                if self.asked {
                    self.earlier.note(*purpose, *channel, standing);
                } else {
                    self.later.push((*purpose, *channel, standing.clone()));
                }
            }
        }
        if let (None, Some(record)) = (&self.began, &self.record) {
            self.began = began::find(entry, record.run);
        }
        let found = self.asked && self.began.is_some();
        let settled = self.record.as_ref().is_some_and(|record| {
            let word = self.consents(record);
            let unsaid = self.now.deciding(record.purpose, record.channel).is_none();
            unsaid || word.deciding(record.purpose, record.channel).is_some()
        });
        if found && settled { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// What was known of a purpose on a channel when the send was asked for.
    fn consents(&self, record: &SendRecord) -> ConsentLedger {
        let (purpose, channel, mut known) = (record.purpose, record.channel, self.earlier.clone());
        for about in [None, Some(channel)] {
            let Some(word) = self.now.standing(purpose, about) else { continue };
            let learned_later =
                self.later.iter().any(|(one, way, standing)| (*one, *way) == (purpose, about) && standing == word);
            if !learned_later && word.as_of <= record.asked_at {
                known.note(purpose, about, word);
            }
        }
        known
    }
}

fn outcome(customer: &Customer, record: &SendRecord, word: Option<&Standing>) -> (&'static str, Said) {
    let way = ("channel", channel(record.channel));
    let reason = |reason: &str| say_reason(reason);
    match &record.status {
        SendStatus::Intended => ("waiting", say(Text::Waiting, &[way])),
        SendStatus::Suppressed { reason } => ("not_sent", suppressed(record, *reason, word)),
        SendStatus::Reported { outcome, at } => match outcome {
            SendOutcome::Sent => ("sent", say(Text::Sent, &[way, ("at", minute(*at))])),
            SendOutcome::HandedOver => ("handed_over", say(Text::HandedOver, &[])),
            SendOutcome::Refused { reason: why } => ("not_sent", say(Text::NotSentRefused, &[("reason", reason(why))])),
            SendOutcome::Expired => ("not_sent", say(Text::NotSentExpired, &[])),
            SendOutcome::Failed { reason: why } => ("not_sent", say(Text::NotSentFailed, &[("reason", reason(why))])),
            SendOutcome::Unknown { reason: why } => ("unknown", say(Text::NotKnown, &[("reason", reason(why))])),
            // It was asked again when its turn came: what counts is the word since.
            SendOutcome::Withheld { reason } => {
                let since = customer.consents.deciding(record.purpose, record.channel);
                ("not_sent", suppressed(record, *reason, since))
            }
        },
    }
}

/// Reasons are stable codes of ours or of a provider.
fn say_reason(code: &str) -> Said {
    Said::same(code)
}

fn suppressed(record: &SendRecord, reason: SuppressReason, word: Option<&Standing>) -> Said {
    let about = ("purpose", purpose(record.purpose));
    match reason {
        SuppressReason::NoConsent => match word {
            Some(word) if word.verdict == Verdict::Withdrawn => {
                say(Text::NotSentWithdrawn, &[about, ("day", day(word.as_of))])
            }
            Some(_) | None => say(Text::NotSentNotGranted, &[about]),
        },
        SuppressReason::NoAddress => say(Text::NotSentNoAddress, &[("channel", channel(record.channel))]),
        SuppressReason::NoGrant => say(Text::NotSentNoGrant, &[]),
        SuppressReason::Unmerged => say(Text::NotSentUnmerged, &[]),
    }
}

fn because(
    customer: &Customer,
    record: &SendRecord,
    word: Option<&Standing>,
    began: Option<&Began>,
    names: &Names,
) -> Vec<Because> {
    let asked = [
        ("journey", names.journey(record.journey)),
        ("node", Said::same(&record.node)),
        ("at", minute(record.asked_at)),
    ];
    let mut because =
        vec![Because::told("journey", say(Text::AskedBy, &asked)), began::because(began), consent(record, word)];
    let refused = match &record.status {
        SendStatus::Suppressed { reason } => Some(*reason),
        SendStatus::Intended | SendStatus::Reported { .. } => None,
    };
    // Who said no is not looked up.
    if refused == Some(SuppressReason::NoConsent) || refused == Some(SuppressReason::Unmerged) {
        return because;
    }
    let found = refused != Some(SuppressReason::NoAddress);
    let text = if found { Text::AddressFound } else { Text::AddressMissing };
    because.push(Because::judged("address", found, say(text, &[("channel", channel(record.channel))])));
    if found && !record.grant.is_empty() {
        let left = customer.grants.get(&record.grant).map_or(0, roadbook_customer::Grants::left);
        let used = refused != Some(SuppressReason::NoGrant);
        let said = if used { say(Text::GrantUsed, &[("count", number(left))]) } else { say(Text::GrantMissing, &[]) };
        because.push(Because { have: left.into(), ..Because::judged("grant", used, said) });
    }
    because
}

fn consent(record: &SendRecord, word: Option<&Standing>) -> Because {
    let about = ("purpose", purpose(record.purpose));
    let (holds, said) = match word {
        Some(word) => {
            let granted = word.verdict == Verdict::Granted;
            let text = if granted { Text::ConsentGranted } else { Text::ConsentWithdrawn };
            (granted, say(text, &[about, ("day", day(word.as_of))]))
        }
        None => {
            let open = record.purpose.is_open_unsaid();
            let standing = say(if open { Text::Open } else { Text::Closed }, &[]);
            (open, say(Text::ConsentUnsaid, &[about, ("open", standing)]))
        }
    };
    Because::judged("consent", holds, said)
}
