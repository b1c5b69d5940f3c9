//! From the inbox and the pokes' queue to customers.

use crate::deadline::{Deadline, TURN};
use crate::messages::{Messages, again, incoming};
use crate::metrics::Trouble;
use crate::product::Product;
use lambda_runtime::{Error, LambdaEvent};
use roadbook_inbox::Worker;
use serde_json::Value;

/// Works on a batch of either queue.
///
/// # Errors
/// Secrets that cannot be had: the whole batch comes again.
pub async fn work(product: &Product, event: LambdaEvent<Messages>) -> Result<Value, Error> {
    let deadline = Deadline::at_ms(event.context.deadline);
    let app = product.app().await?.app;
    let before = Trouble::of(&app.engine.tally);
    let worker = Worker::new(app.router.clone(), product.queues.clone());
    let failed = worker.work(&incoming(event), || deadline.leaves(TURN)).await;
    let now_ms = app.engine.wall.now().millis();
    Trouble::of(&app.engine.tally).since(before).tell(&product.environment.stack, now_ms);
    Ok(again(&failed))
}
