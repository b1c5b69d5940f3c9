//! A customer's past, read backwards and never without a bound: an answer about one thing must not read a life.

use crate::api::Api;
use crate::failure::Failure;
use roadbook_customer::{Customer, Event};
use roadbook_kernel::{ActorKey, CustomerId, MessageId, TenantId};
use roadbook_runtime::record::{Entry, Record, Trigger};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Turns read at once.
const TURNS_READ: usize = 64;
/// Turns whose facts one answer reads. Reading one costs up to 0.1 ms; an answer has 50 ms.
pub(crate) const TURNS_MAX: usize = 256;
/// Bytes of turns whose facts one answer reads: a turn of a hundred events is as long as a hundred turns.
const TURN_BYTES_MAX: usize = 1_000_000;
/// Turns of which an answer reads the message ids alone: a hundredth of the cost.
const TURNS_OF_IDS_MAX: usize = 2_048;

/// Where to begin, besides the newest turn.
pub(crate) struct From {
    /// Whose turn.
    pub(crate) actor: CustomerId,
    /// Its version.
    pub(crate) version: u64,
}

/// Shows the facts of the newest turns, cause by cause, newest first, under every id the customer has had. Says
/// whether that was all there is, or all that was wanted.
pub(crate) async fn back(
    api: &Api,
    tenant: TenantId,
    customer: &Customer,
    from: Option<From>,
    mut visit: impl FnMut(&Entry<Event>) -> ControlFlow<()>,
) -> Result<bool, Failure> {
    let (mut left, mut bytes_left) = (TURNS_MAX, TURN_BYTES_MAX);
    // The id a search begins under comes first; the rest follows from their newest turns.
    let begin = from.as_ref().map(|from| from.actor);
    let others = std::iter::once(customer.id).chain(customer.absorbed.keys().copied());
    for actor in begin.into_iter().chain(others.filter(|id| Some(*id) != begin)) {
        let key = ActorKey::customer(tenant, actor);
        let first = from.as_ref().filter(|from| from.actor == actor).map(|from| from.version.saturating_add(1));
        let mut before = first.unwrap_or(u64::MAX);
        loop {
            if left == 0 {
                return Ok(false);
            }
            let turns = api.engine().history.turns_before(&key, before, TURNS_READ.min(left)).await?;
            let Some(last) = turns.last() else { break };
            (before, left) = (last.version, left - turns.len());
            for turn in &turns {
                let Some(rest) = bytes_left.checked_sub(turn.record.len()) else { return Ok(false) };
                bytes_left = rest;
                let body = Record::new(&turn.record)?.body::<Event>()?;
                if body.entries.iter().rev().try_for_each(&mut visit).is_break() {
                    return Ok(true);
                }
            }
        }
    }
    Ok(true)
}

/// The message a cause came by.
pub(crate) fn message(cause: &Trigger) -> Option<MessageId> {
    match cause {
        Trigger::Message { id, .. } | Trigger::Beside { id } => Some(*id),
        Trigger::Due { .. } => None,
    }
}

/// The whole ids of messages of which the state keeps 64 bits; those that lie too far back are not found.
pub(crate) async fn messages(
    api: &Api,
    tenant: TenantId,
    customer: &Customer,
    wanted: &[u64],
) -> Result<BTreeMap<u64, MessageId>, Failure> {
    let mut found = BTreeMap::new();
    let mut left = TURNS_OF_IDS_MAX;
    for actor in std::iter::once(customer.id).chain(customer.absorbed.keys().copied()) {
        let key = ActorKey::customer(tenant, actor);
        let mut before = u64::MAX;
        while found.len() < wanted.len() && left > 0 {
            let turns = api.engine().history.turns_before(&key, before, TURNS_READ).await?;
            let Some(last) = turns.last() else { break };
            (before, left) = (last.version, left.saturating_sub(turns.len()));
            for turn in &turns {
                let record = Record::new(&turn.record)?;
                let known = record.messages().filter(|id| wanted.contains(&id.short()));
                found.extend(known.map(|id| (id.short(), id)));
            }
        }
    }
    Ok(found)
}
