//! Timers, level-triggered: whoever is due stays in the index until their own turn takes them out, so a lost poke, a
//! lost tick or a crash costs time and nothing else. A poke carries no payload and may come early, late or twice.

use crate::engine::Engine;
#[cfg(feature = "mutants")]
use crate::mutants::mutant;
use crate::ports::{DueEntry, DueKind, Fault};
use crate::router::Deliver;
use futures_util::stream::{self, StreamExt};
use roadbook_kernel::{ActorKey, Moment};

/// Pokes under way at once.
const POKES_MAX: usize = 256;

/// What a sweep found.
#[derive(Debug, Default, Clone, Copy)]
pub struct Swept {
    /// Actors poked.
    pub poked: usize,
    /// Pokes that failed: the actors stay due.
    pub failed: usize,
}

/// Pokes every actor that is due at or before `until`, `lane_max` of each lane, so that a tenant with a million due
/// customers leaves room for the others.
///
/// # Errors
/// A fault of the store while the index is read.
pub async fn sweep(engine: &Engine, deliver: &dyn Deliver, until: Moment, lane_max: usize) -> Result<Swept, Fault> {
    let entries = engine.store.due(DueKind::Actor, until, lane_max).await?;
    #[cfg(feature = "mutants")]
    let entries = behind_cursor(entries, until);
    Ok(poke(deliver, &entries).await)
}

/// What [`crate::mutants::Mutant::CursorTimers`] leaves of what is due.
#[cfg(feature = "mutants")]
fn behind_cursor(mut entries: Vec<DueEntry>, until: Moment) -> Vec<DueEntry> {
    if mutant!(CursorTimers) {
        let reached = crate::mutants::CURSOR.replace(until.millis());
        entries.retain(|entry| entry.due.millis() > reached);
    }
    entries
}

async fn poke(deliver: &dyn Deliver, entries: &[DueEntry]) -> Swept {
    let actors: Vec<ActorKey> = entries.iter().filter_map(actor_of).collect();
    let poked = actors.len();
    let failed = stream::iter(actors)
        .map(|actor| async move {
            let result = deliver.poke(actor).await;
            if let Err(fault) = &result {
                tracing::warn!(?actor, %fault, "a poke failed; the actor stays due");
            }
            usize::from(result.is_err())
        })
        .buffer_unordered(POKES_MAX)
        .fold(0, |sum, one| async move { sum + one })
        .await;
    Swept { poked, failed }
}

/// Sweeps until nothing is due at `until`. For replay and tests, where time stands still meanwhile.
///
/// # Errors
/// A fault; or [`Fault::Contended`] where actors stay due although their pokes succeed.
pub async fn drain(engine: &Engine, deliver: &dyn Deliver, until: Moment) -> Result<usize, Fault> {
    let mut total = 0;
    let mut before = Vec::new();
    loop {
        let entries = engine.store.due(DueKind::Actor, until, 4_096).await?;
        // Whoever was poked stands elsewhere in the index now, or nowhere; if nobody moved, nobody ever will.
        if !entries.is_empty() && entries == before {
            return Err(Fault::Contended(1));
        }
        let swept = poke(deliver, &entries).await;
        total += swept.poked;
        match swept {
            Swept { poked: 0, .. } => return Ok(total),
            Swept { poked, failed } if poked == failed => return Err(Fault::Contended(1)),
            Swept { .. } => before = entries,
        }
    }
}

fn actor_of(entry: &DueEntry) -> Option<ActorKey> {
    ActorKey::from_bytes(entry.key.bytes())
}
