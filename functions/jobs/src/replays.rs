//! Many dead letters, sent again one after another.

use crate::job::{self, Counts, Job, JobError, Work};
use crate::letters::{ReplayError, replay};
use roadbook_kernel::{DeadLetterId, JobId, MessageId, TenantId};
use roadbook_runtime::ports::{Fault, ItemKey, Space};
use roadbook_runtime::{Engine, Letter, LetterStatus, Outcome, Router};
use serde::{Deserialize, Serialize};

/// Letters that one request may name.
pub const LETTERS_MAX: usize = 1_000;

/// Which letters, and how far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replays {
    /// Only those refused with this code.
    pub code: Option<String>,
    /// Only these; without, all that wait and came before the job.
    pub ids: Option<Vec<DeadLetterId>>,
    /// The last letter that was looked at.
    after: Option<DeadLetterId>,
}

/// Begins a job. `message` is what the request was: asked again with the same key it is the same job.
///
/// # Errors
/// Too many jobs that are not finished, or a fault.
pub async fn begin(
    engine: &Engine,
    tenant: TenantId,
    by: String,
    message: MessageId,
    code: Option<String>,
    ids: Option<Vec<DeadLetterId>>,
) -> Result<Job, JobError> {
    let id = engine.keys.of(tenant).derived(&[b"replay job", &message.as_u128().to_be_bytes()]);
    // In the order of the store: the place is one letter, and none comes twice.
    let ids = ids.map(|mut ids| {
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids.dedup();
        ids
    });
    let total = ids.as_ref().map(|ids| ids.len() as u64);
    let job = Job {
        id: JobId::from_u128(id.0),
        tenant,
        by,
        created_at: engine.clock.now(),
        finished_at: None,
        counts: Counts { total, ..Counts::default() },
        work: Work::Replay(Replays { code, ids, after: None }),
    };
    Ok(job::create(engine, job, Vec::new()).await?.0)
}

/// Sends the next letters, newest first. A letter that a replay of this job writes is newer than every place.
pub(crate) async fn step(router: &Router, job: &mut Job, replays: &mut Replays, limit: usize) -> Result<(), Fault> {
    let store = &router.engine().store;
    let (found, last) = match &replays.ids {
        Some(ids) => {
            let rest = ids.iter().filter(|id| replays.after.is_none_or(|after| **id < after));
            let next: Vec<DeadLetterId> = rest.take(limit).copied().collect();
            let mut found = Vec::new();
            for id in &next {
                found.push((*id, store.load(&ItemKey::letter(job.tenant, *id)).await?));
            }
            (found, next.len() < limit)
        }
        None => {
            let place = replays.after.map(|id| ItemKey::letter(job.tenant, id).local().to_vec());
            let items = store.scan(Space::Letter, job.tenant, b"l", place.as_deref(), limit).await?;
            let last = items.len() < limit;
            let found = items.into_iter().filter_map(|(key, item)| Some((named(&key)?, Some(item))));
            (found.collect(), last)
        }
    };
    for (id, item) in found {
        replays.after = Some(id);
        let Some(item) = item else {
            // Named, and not there.
            job.counts.note(&Outcome::Defect);
            continue;
        };
        let mut letter = match Letter::read(&item) {
            Ok(letter) => letter,
            Err(fault) => {
                // What it said is known to a backup only; the others must not wait for that.
                tracing::error!(letter = %id, %fault, "a dead letter cannot be read");
                job.counts.note(&Outcome::Defect);
                continue;
            }
        };
        // A letter whose replay was refused has left another letter, and that one is what waits: sending both would
        // apply the same event twice.
        let waits = match letter.status {
            LetterStatus::Open | LetterStatus::Corrected => letter.accepted <= job.created_at,
            LetterStatus::Replayed => false,
        };
        if (waits || replays.ids.is_some()) && replays.code.as_deref().is_none_or(|code| code == letter.reason.code) {
            match replay(router, &mut letter).await {
                Ok(replayed) => job.counts.note(&replayed.outcome),
                Err(ReplayError::Fault(fault)) => return Err(fault),
                // It stays a letter as it is.
                Err(ReplayError::StillWrong(_) | ReplayError::NoEvent) => job.counts.note(&Outcome::Defect),
            }
        }
    }
    if last {
        job.finished_at = Some(router.engine().clock.now());
    }
    Ok(())
}

/// The letter that lies at a key: its id, whose bits are inverted there.
fn named(key: &ItemKey) -> Option<DeadLetterId> {
    let id = key.local().strip_prefix(b"l")?.try_into().ok()?;
    Some(DeadLetterId::from_u128(!u128::from_be_bytes(id)))
}
