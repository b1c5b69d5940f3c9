//! From hints to providers and endpoints.

use crate::deadline::{CALL, Deadline};
use crate::messages::{Messages, again, incoming};
use crate::metrics;
use crate::product::Product;
use lambda_runtime::{Error, LambdaEvent};
use roadbook_send::{Announcer, Hints, Sender};
use serde_json::Value;

/// Works on a batch of hints.
///
/// # Errors
/// Secrets that cannot be had, credentials of a tenant that does not exist, or a store that does not answer: the whole
/// batch comes again.
pub async fn work(product: &Product, event: LambdaEvent<Messages>) -> Result<Value, Error> {
    let deadline = Deadline::at_ms(event.context.deadline);
    let messages = incoming(event);
    if !deadline.leaves(CALL) {
        return Ok(again(&messages.into_iter().map(|one| one.id).collect::<Vec<_>>()));
    }
    let app = product.app().await?.app;
    let outside = product.lending(&app).await?;
    let sender = Sender::new(app.engine.clone(), app.router.deliver().clone(), outside.channel.clone());
    let announcer = Announcer::new(app.engine.clone(), outside.hooks.clone());
    let mut hints = Hints::read(messages.iter().map(|one| (one.id.as_str(), one.body.as_str())));
    let failed = std::mem::take(&mut hints.failed);
    let (worked, told) = hints.work(&sender, &announcer, || deadline.leaves(CALL)).await?;
    if worked.taken + told > 0 {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let numbers = [("Sends", "Count", count(worked.taken)), ("Announcements", "Count", count(told))];
        metrics::tell(&product.environment.stack, app.engine.wall.now().millis(), &numbers);
    }
    Ok(again(&failed))
}
