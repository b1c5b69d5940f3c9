//! From hints to providers and endpoints. A hint only says where to look: what is due stands in the due index, so one
//! that is lost costs a minute, and one that comes twice finds nothing to do.

use crate::deadline::{CALL, Deadline};
use crate::messages::{Messages, again, incoming};
use crate::metrics;
use crate::product::Product;
use futures_util::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use roadbook_runtime::Envelope;
use roadbook_runtime::ports::{DueEntry, Space};
use roadbook_send::{Announcer, Sender};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Works on a batch of hints.
///
/// # Errors
/// Secrets that cannot be had, credentials of a tenant that does not exist, or a store that does not answer: the whole
/// batch comes again.
pub async fn work(product: &Product, event: LambdaEvent<Messages>) -> Result<Value, Error> {
    let deadline = Deadline::at_ms(event.context.deadline);
    let messages = incoming(event);
    // A hint may come twice in one batch.
    let (mut sends, mut announcements) = (BTreeSet::new(), BTreeSet::new());
    let mut failed = Vec::new();
    for message in &messages {
        match Envelope::read(&message.body).map(|envelope| envelope.entry()) {
            Ok(Some(entry)) => {
                let of_its_kind = if entry.key.space() == Space::Send { &mut sends } else { &mut announcements };
                of_its_kind.insert(entry);
            }
            Ok(None) => failed.push(message.id.clone()),
            Err(fault) => {
                tracing::error!(message = message.id, %fault, "a hint cannot be read; it goes to the dead letters");
                failed.push(message.id.clone());
            }
        }
    }
    if !deadline.leaves(CALL) {
        return Ok(again(&messages.into_iter().map(|one| one.id).collect::<Vec<_>>()));
    }
    let app = product.app().await?.app;
    let outside = product.lending(&app).await?;
    let sender = Sender::new(app.engine.clone(), app.router.deliver().clone(), outside.channel.clone());
    let announcer = Announcer::new(app.engine.clone(), outside.hooks.clone());
    let worked = sender.work_on(sends.into_iter().collect()).await?;
    let told = announcements.len();
    announce(&announcer, announcements.into_iter().collect(), deadline).await;
    if worked.taken + told > 0 {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let numbers = [("Sends", "Count", count(worked.taken)), ("Announcements", "Count", count(told))];
        metrics::tell(&product.environment.stack, app.engine.wall.now().millis(), &numbers);
    }
    Ok(again(&failed))
}

/// As many rounds as the places of an endpoint need.
async fn announce(announcer: &Arc<Announcer>, entries: Vec<DueEntry>, deadline: Deadline) {
    loop {
        let round = announcer.take_these(entries.clone());
        let is_over = round.work.is_empty() || !round.waiting;
        join_all(round.work).await;
        if is_over || !deadline.leaves(CALL) {
            return;
        }
    }
}
