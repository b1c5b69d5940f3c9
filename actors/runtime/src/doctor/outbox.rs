//! Outbox: the relay's cursor stands inside the commit log, and what a turn intended is in the send queue, unless the
//! turn still waits in the log.

use crate::doctor::Repair;
use crate::doctor::repair::{Guard, Step};
use crate::doctor::report::Finding;
use crate::doctor::{Exam, Seen};
use crate::ports::{Fault, ItemKey};
use crate::record::{Front, Record};
use crate::relay::{CURSOR, SYSTEM};
use crate::sends::{self, JobState};
use roadbook_customer::{Customer, Effect, SendStatus};
use roadbook_kernel::{ActorKind, Durable, SendKey, TenantId};
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "outbox";
/// Log entries read at a time.
const LOG_PAGE: usize = 512;
/// Turns of the log that are read to know what is still to be carried: minutes of work for a relay, and what bounds
/// the memory of this check.
const WAITING_MAX: u64 = 200_000;

/// What waits in the log.
pub(crate) struct Outbox {
    sends: BTreeSet<SendKey>,
    adds: BTreeMap<ItemKey, i64>,
    /// Whether all of the log that waits was read.
    whole: bool,
}

impl Outbox {
    /// Reads the cursor and the part of the log behind it.
    pub(crate) async fn read(exam: &mut Exam<'_>) -> Result<Self, Fault> {
        let mut outbox = Self { sends: BTreeSet::new(), adds: BTreeMap::new(), whole: true };
        let mut place = cursor(exam).await?;
        let mut waiting = 0;
        loop {
            let page = exam.engine.journal.read(place, LOG_PAGE).await?;
            let Some(last) = page.last() else { break };
            place = last.sequence;
            waiting += page.len() as u64;
            for committed in &page {
                exam.report.looked(NAME, 1);
                let turn = &committed.turn;
                if outbox.note(turn).is_err() {
                    let name = format!("{:?} version {}", turn.actor, turn.version);
                    exam.report.note(NAME, format!("the relay will set {name} aside: its record cannot be read"));
                }
            }
            if waiting >= WAITING_MAX {
                outbox.whole = false;
                break;
            }
        }
        if waiting > 0 {
            let more = if outbox.whole { "" } else { " or more" };
            let text = format!("{waiting}{more} turns of the log wait for the relay; it carries them when it runs");
            exam.report.note(NAME, text);
        }
        if !outbox.whole {
            exam.report.note("counters", "not compared: too much of the log waits for the relay".to_owned());
        }
        Ok(outbox)
    }

    fn note(&mut self, turn: &crate::ports::Turn) -> Result<(), Fault> {
        let front = match turn.actor.kind {
            ActorKind::Customer => Record::new(&turn.record)?.front::<<Customer as Durable>::Effect>()?,
            ActorKind::Catalog => None,
        };
        let Some(Front { effects, adds }) = front else { return Ok(()) };
        for effect in effects {
            let outbound = match effect {
                Effect::Send(outbound) => outbound,
                Effect::Announce(_) => continue,
            };
            self.sends.insert(outbound.key);
        }
        for (name, amount) in adds {
            *self.adds.entry(ItemKey::counter(turn.actor.tenant, &name)).or_default() += amount;
        }
        Ok(())
    }

    /// Whether all of the log that waits is known.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// What the log still adds to the counters of a tenant.
    pub(crate) fn to_come(&self, tenant: TenantId) -> impl Iterator<Item = (&ItemKey, i64)> {
        self.adds.iter().filter(move |(key, _)| key.tenant() == tenant).map(|(key, amount)| (key, *amount))
    }

    /// Every message this customer waits for is in the queue, or still in the log.
    pub(crate) async fn row(&self, exam: &mut Exam<'_>, seen: &Seen) -> Result<(), Fault> {
        if !seen.row.state.is_live() || !self.whole {
            return Ok(());
        }
        for record in seen.row.state.sends.iter().filter(|record| record.status == SendStatus::Intended) {
            exam.report.looked(NAME, 1);
            if self.sends.contains(&record.key) {
                continue;
            }
            let key = ItemKey::send(seen.actor.tenant, record.key);
            let item = exam.engine.store.load(&key).await?;
            let found = match item {
                None => Some((
                    "send_missing",
                    format!("{} was intended for {} and is not in the send queue", record.key, seen.name()),
                    "the customer never gets this message",
                    Step::Enqueue { send: record.key, row: seen.guard(), actor: seen.actor },
                )),
                Some(item) => match sends::read(&item).map(|job| job.state) {
                    Ok(JobState::Done { outcome }) => Some((
                        "report_lost",
                        format!("{} is done, and {} was not told", record.key, seen.name()),
                        "the customer's page shows the message as still on its way",
                        Step::Tell { actor: seen.actor, send: record.key, outcome, row: seen.guard() },
                    )),
                    // What cannot be read is found where all sends are read.
                    Ok(_) | Err(_) => None,
                },
            };
            if let Some((code, detail, means, repair)) = found {
                let (tenant, subject) = (Some(seen.actor.tenant), record.key.to_string());
                exam.report.add(Finding {
                    check: NAME,
                    code,
                    tenant,
                    subject,
                    detail,
                    means,
                    repair: Some(Repair(repair)),
                });
            }
        }
        Ok(())
    }
}

/// How far the log was certainly carried: the relay indexes the messages of a turn in the commit that carries it. What
/// lies behind is carried again: sends are recognised by their key, and what the counters get twice the recount finds.
async fn carried(exam: &Exam<'_>) -> Result<u64, Fault> {
    let (mut place, mut read, mut certain) = (0, 0, None);
    loop {
        let page = exam.engine.journal.read(place, LOG_PAGE).await?;
        for committed in &page {
            let turn = &committed.turn;
            certain = certain.or(Some(committed.sequence.saturating_sub(1)));
            let message = Record::new(&turn.record).ok().and_then(|record| record.messages().next());
            let Some(message) = message else { continue };
            if exam.engine.history.find(&turn.actor, message).await? == Some(turn.version) {
                certain = Some(committed.sequence);
            }
        }
        read += page.len() as u64;
        match page.last() {
            Some(last) if read < WAITING_MAX => place = last.sequence,
            Some(_) | None => return Ok(certain.unwrap_or(exam.engine.journal.last())),
        }
    }
}

/// Where the relay goes on; where a damaged cursor would have to stand.
async fn cursor(exam: &mut Exam<'_>) -> Result<u64, Fault> {
    let (journal, key) = (&exam.engine.journal, ItemKey::document(SYSTEM, CURSOR));
    let item = exam.engine.store.load(&key).await?;
    let stored = item.as_ref().map(|item| <[u8; 8]>::try_from(item.body.as_ref()).map(u64::from_be_bytes));
    let last = journal.last();
    let detail = match stored {
        None => return Ok(0),
        Some(Ok(place)) if place <= last => return Ok(place),
        Some(Ok(place)) => format!("the relay stands at {place}, and the log ends at {last}"),
        Some(Err(_)) => "the place of the relay cannot be read".to_owned(),
    };
    let place = carried(exam).await?;
    let guard = Guard { item: CURSOR.to_owned(), key, version: item.map(|item| item.version) };
    exam.report.add(Finding {
        check: NAME,
        code: "cursor_astray",
        tenant: None,
        subject: CURSOR.to_owned(),
        detail,
        means: "messages, counters and history of every turn from now on are not carried out of the log",
        repair: Some(Repair(Step::Cursor { place, guard })),
    });
    Ok(place)
}
