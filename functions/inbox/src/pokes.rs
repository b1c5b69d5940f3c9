//! Pokes: whoever is poked looks what is due, in as many turns as it takes. A poke carries nothing else, so one that comes
//! late or twice does no harm, and one that comes early comes again.

use crate::Worker;
use crate::batch::Batch;
use futures_util::stream::{self, StreamExt};
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::{Fault, Poke};
use std::collections::BTreeMap;

/// Actors poked at once.
const POKES_MAX: usize = 10;

/// Fires pokes, each actor once.
pub(crate) async fn fire(worker: &Worker, pokes: &[(usize, Poke)], batch: &mut Batch<'_>, in_time: &impl Fn() -> bool) {
    let now = worker.router.engine().clock.now();
    let mut actors = BTreeMap::<ActorKey, Vec<usize>>::new();
    let mut early = Vec::new();
    for (place, poke) in pokes {
        if poke.at > now {
            early.push((*place, *poke));
        } else {
            actors.entry(poke.actor).or_default().push(*place);
        }
    }
    let deliver = worker.router.deliver();
    let fired = actors.into_iter().map(|(actor, places)| async move {
        if !in_time() {
            return places;
        }
        match deliver.poke(actor).await {
            Ok(()) => Vec::new(),
            Err(fault) => {
                tracing::warn!(?actor, %fault, "a poke failed; it comes again");
                places
            }
        }
    });
    let failed: Vec<Vec<usize>> = stream::iter(fired).buffer_unordered(POKES_MAX).collect().await;
    failed.into_iter().flatten().for_each(|place| batch.fail(place));
    if let Err(fault) = again(worker, &early).await {
        tracing::warn!(%fault, "pokes that came early were not sent again; they come again by themselves");
        early.iter().for_each(|(place, _)| batch.fail(*place));
    }
}

/// Sends early ones again, with the rest of their delay.
async fn again(worker: &Worker, early: &[(usize, Poke)]) -> Result<(), Fault> {
    if early.is_empty() {
        return Ok(());
    }
    let pokes: Vec<Poke> = early.iter().map(|(_, poke)| *poke).collect();
    worker.queue.poke(&pokes, worker.router.engine().clock.now()).await.map(drop)
}
