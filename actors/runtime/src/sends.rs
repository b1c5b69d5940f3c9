//! The send queue: one item per send, from the relay's hand-over to the last word about it.
//!
//! ```text
//! queued -> attempting -> queued (not before) | handed over -> answered -> done
//! ```
//! Before a provider is called the attempt is durable, so a host that dies in the call knows afterwards that the call
//! may have been made. The answer is durable before it is reported, so it is never asked for again.

use crate::engine::Engine;
use crate::live::live;
use crate::message::{Message, Outcome};
use crate::mutants::mutant;
use crate::ports::{
    Commit, CommitError, Due, DueEntry, DueKind, Expect, Fault, Item, ItemKey, PollAnswer, Put, SendAnswer,
};
use crate::router::Deliver;
use roadbook_customer::{Command, Outbound, SendOutcome, SendReport};
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment, SECOND_MS};
use roadbook_tenancy::SuppressReason;
use serde::{Deserialize, Serialize};

/// How long an attempt may take before another host may look after it: longer than any channel's own time-out.
pub const ATTEMPT_LEASE_MS: i64 = 60 * SECOND_MS;
/// The word for a task that waits for its seller.
pub const HANDED_OVER: SendOutcome = SendOutcome::HandedOver;
/// Tries of one send that certainly did not get through.
pub const ATTEMPTS_MAX: u32 = 12;

/// Where a send stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum JobState {
    /// To be tried, not before.
    Queued {
        /// The earliest instant.
        not_before: Moment,
    },
    /// A provider call was begun.
    Attempting {
        /// When another host may look after it.
        lease_until: Moment,
    },
    /// A task waits for a seller's confirmation.
    HandedOver {
        /// The provider's id of the task.
        task: String,
        /// When it was created.
        created: Moment,
        /// When to ask again.
        poll_at: Moment,
        /// Whether the customer's actor has been told.
        reported: bool,
    },
    /// The last word is known, and not yet reported.
    Answered {
        /// The outcome.
        outcome: SendOutcome,
        /// When it was learned.
        at: Moment,
    },
    /// Reported.
    Done {
        /// The outcome.
        outcome: SendOutcome,
    },
}

/// A send in the queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendJob {
    /// What to send.
    pub outbound: Outbound,
    /// The customer it is for, as of the hand-over: reports follow their tombstones.
    pub customer: CustomerId,
    /// The version whose turn intended it.
    pub version: u64,
    /// When the relay handed it over.
    pub queued_at: Moment,
    /// Provider calls begun.
    pub attempts: u32,
    /// Whether a host died in one of them: then that call may have been made. Never unlearned.
    #[serde(default)]
    pub doubtful: bool,
    /// Where it stands.
    pub state: JobState,
}

/// A send as read, with its fence.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its key.
    pub key: ItemKey,
    /// The version it was read at.
    pub version: u64,
    /// The send.
    pub job: SendJob,
}

impl SendJob {
    pub(crate) fn new(outbound: Outbound, actor: ActorKey, version: u64, now: Moment) -> Self {
        let customer = CustomerId::from_u128(actor.id.0);
        Self {
            outbound,
            customer,
            version,
            queued_at: now,
            attempts: 0,
            doubtful: false,
            state: JobState::Queued { not_before: now },
        }
    }

    /// When somebody must look at it again; never, once it is done.
    pub fn due(&self) -> Moment {
        match &self.state {
            JobState::Queued { not_before } => *not_before,
            JobState::Attempting { lease_until } => *lease_until,
            JobState::HandedOver { poll_at, reported, .. } => {
                if *reported {
                    *poll_at
                } else {
                    Moment::MIN.plus_ms(1)
                }
            }
            JobState::Answered { at, .. } => *at,
            JobState::Done { .. } => Moment::MAX,
        }
    }

    /// When somebody must look at it again; `None` once it is done.
    pub(crate) fn waits_until(&self) -> Option<Moment> {
        let due = self.due();
        (due != Moment::MAX).then_some(due)
    }

    pub(crate) fn item(&self, version: u64) -> Result<Item, Fault> {
        let body = serde_json::to_vec(self).map_err(|error| Fault::Corrupt(error.to_string()))?;
        Ok(Item { version, body: body.into() })
    }
}

impl Held {
    /// Writes the next state, if nobody else has. `false` where somebody was faster.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn advance(&mut self, engine: &Engine, state: JobState) -> Result<bool, Fault> {
        let was = self.job.due();
        let mut job = self.job.clone();
        let (before, after) = (&self.job.state, &state);
        job.attempts += u32::from(matches!(after, JobState::Attempting { .. }));
        let doubt = matches!((before, after), (JobState::Attempting { .. }, JobState::Attempting { .. }));
        job.doubtful |= doubt && !mutant!(DoubtForgotten);
        job.state = state;
        let now = job.waits_until();
        let item = Some(job.item(self.version + 1)?);
        let put = Put { key: self.key.clone(), expect: Expect::Version(self.version), item };
        let due = Due { kind: DueKind::Send, key: self.key.clone(), was: Some(was), now };
        match engine.store.commit(Commit { puts: vec![put], dues: vec![due], ..Commit::default() }).await {
            Ok(()) => {
                (self.job, self.version) = (job, self.version + 1);
                Ok(true)
            }
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault),
        }
    }

    /// The last question before a provider is called: whether the customer still allows it. `None` = send it.
    ///
    /// The customer may have withdrawn, or turned out to be somebody who had, since the journey asked; so this reads
    /// what is committed now. A send of which an earlier call may have got through (`maybe_sent`) ends as unknown: that
    /// it was withheld would be a claim nobody can make.
    ///
    /// # Errors
    /// A fault: nothing is known, so nothing may be sent.
    pub async fn withheld(&self, engine: &Engine, maybe_sent: bool) -> Result<Option<SendOutcome>, Fault> {
        let Outbound { tenant, purpose, channel, .. } = &self.job.outbound;
        let row = live(engine, *tenant, self.job.customer).await?;
        if mutant!(ConsentNotAsked) || row.is_some_and(|row| row.state.consents.allows(*purpose, *channel)) {
            return Ok(None);
        }
        Ok(Some(if maybe_sent {
            SendOutcome::Unknown { reason: "withdrawn_in_doubt".into() }
        } else {
            SendOutcome::Withheld { reason: SuppressReason::NoConsent }
        }))
    }

    /// What a provider's answer makes of this send.
    pub fn after(&self, answer: SendAnswer, now: Moment) -> JobState {
        let answered = |outcome| JobState::Answered { outcome, at: now };
        match answer {
            SendAnswer::Sent { .. } => answered(SendOutcome::Sent),
            SendAnswer::HandedOver { task, poll_at } => {
                JobState::HandedOver { task, created: now, poll_at, reported: false }
            }
            SendAnswer::Failed { reason, .. } => answered(SendOutcome::Failed { reason }),
            SendAnswer::Unknown { reason } => answered(SendOutcome::Unknown { reason }),
            SendAnswer::RetryAfter { reason, .. } if self.job.attempts >= ATTEMPTS_MAX => {
                answered(SendOutcome::Failed { reason: format!("gave_up_{reason}") })
            }
            SendAnswer::RetryAfter { wait_ms, .. } => JobState::Queued { not_before: now.plus_ms(wait_ms) },
        }
    }

    /// What a poll's answer makes of this send. One that still waits only moves its time.
    pub fn after_poll(&self, answer: PollAnswer, now: Moment) -> JobState {
        let answered = |outcome| JobState::Answered { outcome, at: now };
        match (answer, &self.job.state) {
            (PollAnswer::Sent, _) => answered(SendOutcome::Sent),
            (PollAnswer::Refused { reason }, _) => answered(SendOutcome::Refused { reason }),
            (PollAnswer::Expired, _) => answered(SendOutcome::Expired),
            (PollAnswer::Waiting { poll_at }, JobState::HandedOver { task, created, .. }) => {
                JobState::HandedOver { task: task.clone(), created: *created, poll_at, reported: true }
            }
            (PollAnswer::Waiting { poll_at }, _) => JobState::Queued { not_before: poll_at },
        }
    }

    /// Tells the customer's actor what is known. The message id follows from the send and the outcome, so telling it
    /// twice is telling it once.
    ///
    /// # Errors
    /// A fault: tell it again later.
    pub async fn report(&self, engine: &Engine, deliver: &dyn Deliver, outcome: &SendOutcome) -> Result<(), Fault> {
        let tenant = self.job.outbound.tenant;
        let word = serde_json::to_vec(outcome).map_err(|error| Fault::Corrupt(error.to_string()))?;
        let key = self.job.outbound.key;
        let id = engine.keys.of(tenant).derived(&[b"send report", &key.as_u128().to_be_bytes(), &word]);
        let now = engine.clock.now();
        let report = SendReport { key, outcome: outcome.clone(), at: now };
        let id = MessageId::from_u128(id.0);
        tell(engine, deliver, ActorKey::customer(tenant, self.job.customer), id, Command::ReportSend(report), now)
            .await?;
        Ok(())
    }
}

/// Delivers a command by customer id, following tombstones.
///
/// # Errors
/// A fault, or [`Fault::Contended`] where the tombstones do not end within the hops allowed.
pub async fn tell(
    engine: &Engine,
    deliver: &dyn Deliver,
    key: ActorKey,
    id: MessageId,
    command: Command,
    now: Moment,
) -> Result<Outcome, Fault> {
    tell_as_of(engine, deliver, key, id, command, now, now).await
}

/// The same about something that happened at `occurred`.
///
/// # Errors
/// As [`tell`].
pub async fn tell_as_of(
    engine: &Engine,
    deliver: &dyn Deliver,
    mut key: ActorKey,
    id: MessageId,
    command: Command,
    now: Moment,
    occurred: Moment,
) -> Result<Outcome, Fault> {
    for _ in 0..=engine.limits.hops_max {
        let message =
            Message { id, accepted: now, occurred, position: 0, via: None, founding: false, command: command.clone() };
        let outcome = deliver.customer(key, vec![message]).await?.into_iter().next();
        match outcome {
            Some(Outcome::NotMine { forward: Some(next), .. }) => key = ActorKey::customer(key.tenant, next),
            Some(outcome) => return Ok(outcome),
            None => return Ok(Outcome::Defect),
        }
    }
    Err(Fault::Contended(engine.limits.hops_max))
}

/// Reads the sends that are due.
///
/// # Errors
/// A fault of the store.
pub async fn due(engine: &Engine, now: Moment, limit: usize) -> Result<Vec<Held>, Fault> {
    let entries = engine.store.due(DueKind::Send, now, limit).await?;
    let mut held = Vec::with_capacity(entries.len());
    for entry in entries {
        held.extend(hold(engine, entry).await?);
    }
    Ok(held)
}

/// Reads one. One that cannot be read leaves the queue, loudly, and stays in the store.
///
/// # Errors
/// A fault of the store.
pub async fn hold(engine: &Engine, entry: DueEntry) -> Result<Option<Held>, Fault> {
    let Some(item) = engine.store.load(&entry.key).await? else { return Ok(None) };
    match read(&item) {
        Ok(job) => Ok(Some(Held { key: entry.key, version: item.version, job })),
        Err(fault) => set_aside(engine, entry, &fault).await.map(|()| None),
    }
}

/// A send that cannot be read must not hold up all the others: it leaves the queue, loudly, and stays in the store.
async fn set_aside(engine: &Engine, entry: DueEntry, fault: &Fault) -> Result<(), Fault> {
    tracing::error!(%fault, "a send is set aside; its item stays in the store");
    let due = Due { kind: DueKind::Send, key: entry.key, was: Some(entry.due), now: None };
    match engine.store.commit(Commit { dues: vec![due], ..Commit::default() }).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(CommitError::Fault(fault)) => Err(fault),
    }
}

/// Reads a stored send.
///
/// # Errors
/// [`Fault::Corrupt`] where it is not one.
pub fn read(item: &Item) -> Result<SendJob, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a send", &error))
}
