//! From the stream of the items table to whatever its turns intend. What is carried twice counts once. Whoever works on it
//! is told by the queues.

use crate::deadline::{Deadline, TURN};
use crate::product::Product;
use crate::repair::{self, Order};
use aws_lambda_events::dynamodb::{Event, EventRecord};
use lambda_runtime::{Error, LambdaEvent};
use roadbook_aws::{Dynamo, stream};
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::Turn;
use roadbook_runtime::{in_order, relay};
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
    let timers = records.iter().filter_map(stream::timer);
    product.poked.tell(product.queues.as_ref(), &handed.into_inner(), timers, now).await;
    let failures: Vec<Value> =
        stopped.iter().map(|place| json!({ "itemIdentifier": sequence(&records[*place]) })).collect();
    Ok(json!({ "batchItemFailures": failures }))
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

fn sequence(record: &EventRecord) -> &str {
    record.change.sequence_number.as_deref().unwrap_or_default()
}
