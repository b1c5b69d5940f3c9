//! From the stream of the items table to whatever its turns intend. What is carried twice counts once.

use crate::deadline::{Deadline, TURN};
use crate::product::Product;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use lambda_runtime::{Error, LambdaEvent};
use roadbook_runtime::ports::{Fault, Turn};
use roadbook_runtime::relay;
use serde_json::{Value, json};

/// Carries a batch. Answers which record is to be brought again: it, and all behind it, so that order holds.
///
/// # Errors
/// Secrets that cannot be had: the whole batch is brought again.
pub async fn carry(product: &Product, event: LambdaEvent<Event>) -> Result<Value, Error> {
    let app = product.app().await?.app;
    let records = event.payload.records;
    let deadline = Deadline::at_ms(event.context.deadline);
    let carried = |turns| relay::carry(&app.engine, product.store.as_ref(), turns);
    let stopped = in_order(&records, carried, || deadline.leaves(TURN)).await;
    let failures: Vec<Value> = stopped.iter().map(|place| json!({ "itemIdentifier": sequence(&records[*place]) })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}

/// The place of the first record that was not carried. At first all go together; where that fails, one by one, so that
/// what stands before the one that cannot be carried is done.
async fn in_order<C>(records: &[EventRecord], carry: impl Fn(Vec<Turn>) -> C, in_time: impl Fn() -> bool) -> Option<usize>
where
    C: Future<Output = Result<(), Fault>>,
{
    let mut turns = Vec::with_capacity(records.len());
    let mut unreadable = None;
    for (place, record) in records.iter().enumerate() {
        match roadbook_aws::stream::turn(record) {
            Ok(turn) => turns.extend(turn.map(|turn| (place, turn))),
            Err(fault) => {
                tracing::error!(sequence = sequence(record), %fault, "a record of the stream cannot be read");
                unreadable = Some(place);
                break;
            }
        }
    }
    if turns.is_empty() || carry(turns.iter().map(|(_, turn)| turn.clone()).collect()).await.is_ok() {
        return unreadable;
    }
    for (place, turn) in turns {
        if !in_time() {
            return Some(place);
        }
        if let Err(fault) = carry(vec![turn]).await {
            tracing::warn!(sequence = sequence(&records[place]), %fault, "a turn was not carried; it comes again");
            return Some(place);
        }
    }
    unreadable
}

fn sequence(record: &EventRecord) -> &str {
    record.change.sequence_number.as_deref().unwrap_or_default()
}
