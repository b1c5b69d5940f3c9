//! From the stream of the items table to whatever its turns intend. What is carried twice counts once. Whoever works on it
//! is told by the queues.

use crate::deadline::{Deadline, TURN};
use crate::product::Product;
use crate::repair::{self, Order};
use aws_lambda_events::dynamodb::{Event, EventRecord};
use lambda_runtime::{Error, LambdaEvent};
use roadbook_aws::{Dynamo, stream};
use roadbook_kernel::{ActorKey, Moment};
use roadbook_runtime::ports::{DueEntry, Fault, Poke, Queue, Turn};
use roadbook_runtime::relay;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What the relay is given: a batch of the stream, or an operator's word.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Given {
    /// Somebody invoked it.
    Order(Order),
    /// The stream brought records.
    Batch(Event),
}

/// Does what it is given.
///
/// # Errors
/// Secrets that cannot be had, or a fault that stopped a repair: asked again, it goes on.
pub async fn work(product: &Product, event: LambdaEvent<Given>) -> Result<Value, Error> {
    let deadline = Deadline::at_ms(event.context.deadline);
    match event.payload {
        Given::Order(order) => repair::carry_out(product, order, deadline).await,
        Given::Batch(event) => carry(product, &event.records, deadline).await,
    }
}

/// Carries a batch. Answers which record is to be brought again: it, and all behind it, so that order holds.
async fn carry(product: &Product, records: &[EventRecord], deadline: Deadline) -> Result<Value, Error> {
    let app = product.app().await?.app;
    let (turns, unreadable) = read(&product.store, records).await;
    let handed = RefCell::new(Vec::new());
    let carried = async |turns| {
        let entries = relay::carry(&app.engine, product.store.as_ref(), turns).await?;
        handed.borrow_mut().extend(entries);
        Ok(())
    };
    let stopped = in_order(turns, carried, || deadline.leaves(TURN)).await.or(unreadable);
    release(&product.store, &records[..stopped.unwrap_or(records.len())]).await;
    let now = app.engine.clock.now();
    tell(product, &handed.into_inner(), &product.poked.among(records, now), now).await;
    let failures: Vec<Value> =
        stopped.iter().map(|place| json!({ "itemIdentifier": sequence(&records[*place]) })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}

/// Tells the queues what is due now and who will be in a moment. What is not told is found by the sweep.
pub async fn tell(product: &Product, handed: &[DueEntry], pokes: &[Poke], now: Moment) {
    let due: Vec<DueEntry> = handed.iter().filter(|entry| entry.due <= now).cloned().collect();
    if let Err(fault) = product.queues.hint(&due).await {
        tracing::warn!(%fault, "hints were not sent; the sweep finds what is due");
    }
    if let Err(fault) = product.queues.poke(pokes, now).await {
        product.poked.forget(pokes);
        tracing::warn!(%fault, "pokes were not sent; the sweep finds who is due");
    }
}

/// The turns of a batch with their places, up to the first record that cannot be read, and its place.
async fn read(store: &Dynamo, records: &[EventRecord]) -> (Vec<(usize, Turn)>, Option<usize>) {
    let mut turns = Vec::with_capacity(records.len());
    for (place, record) in records.iter().enumerate() {
        match store.brought(record).await {
            Ok(turn) => turns.extend(turn.map(|turn| (place, turn))),
            Err(fault) => {
                tracing::error!(sequence = sequence(record), %fault, "a record of the stream cannot be read");
                return (turns, Some(place));
            }
        }
    }
    (turns, None)
}

/// Removes what had spilled from the rows of these records and is carried now. What fails is left for the actor's next
/// record, or the repair scan: it costs storage, and nothing else.
async fn release(store: &Dynamo, records: &[EventRecord]) {
    let spilled = records.iter().filter_map(|record| stream::spilled(record).ok().flatten());
    let actors: BTreeSet<ActorKey> = spilled.filter(|one| !one.names.is_empty()).map(|one| one.actor).collect();
    for actor in actors {
        if let Err(fault) = store.release(&actor).await {
            tracing::warn!(?actor, %fault, "spilled records that were carried are still there");
        }
    }
}

/// The place of the first turn that was not carried. At first all go together; where that fails, one by one, so that
/// what stands before the one that cannot be carried is done.
async fn in_order<C>(
    turns: Vec<(usize, Turn)>,
    carry: impl Fn(Vec<Turn>) -> C,
    in_time: impl Fn() -> bool,
) -> Option<usize>
where
    C: Future<Output = Result<(), Fault>>,
{
    if turns.is_empty() || carry(turns.iter().map(|(_, turn)| turn.clone()).collect()).await.is_ok() {
        return None;
    }
    for (place, turn) in turns {
        if !in_time() {
            return Some(place);
        }
        let version = turn.version;
        if let Err(fault) = carry(vec![turn]).await {
            tracing::warn!(version, %fault, "a turn was not carried; it and all behind it come again");
            return Some(place);
        }
    }
    None
}

fn sequence(record: &EventRecord) -> &str {
    record.change.sequence_number.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::TenantId;

    fn turns(versions: std::ops::RangeInclusive<u64>) -> Vec<(usize, Turn)> {
        let actor = ActorKey::catalog(TenantId::from_u128(7));
        let turn = |version| Turn { actor, version, record: Vec::new().into() };
        versions.map(|version| (10 + version as usize, turn(version))).collect()
    }

    /// Which versions were carried in which calls, where `poison` cannot be, and where the batch stopped.
    async fn carried(poison: u64, in_time: bool) -> (Vec<Vec<u64>>, Option<usize>) {
        let calls = RefCell::new(Vec::new());
        let carry = async |turns: Vec<Turn>| {
            let versions: Vec<u64> = turns.iter().map(|turn| turn.version).collect();
            let is_poisoned = versions.contains(&poison);
            calls.borrow_mut().push(versions);
            if is_poisoned { Err(Fault::Overloaded) } else { Ok(()) }
        };
        let stopped = in_order(turns(1..=5), carry, || in_time).await;
        (calls.into_inner(), stopped)
    }

    #[tokio::test]
    async fn a_turn_that_cannot_be_carried_stops_all_behind_it_and_none_before_it() {
        let (calls, stopped) = carried(3, true).await;
        assert_eq!(calls, [vec![1, 2, 3, 4, 5], vec![1], vec![2], vec![3]]);
        assert_eq!(stopped, Some(13), "by its place in the batch");
        assert_eq!(carried(9, true).await, (vec![vec![1, 2, 3, 4, 5]], None));
    }

    #[tokio::test]
    async fn without_time_nothing_more_is_begun() {
        assert_eq!(carried(5, false).await, (vec![vec![1, 2, 3, 4, 5]], Some(11)));
    }
}
