//! Commands to actors: their message id, their delivery, their answer after the commit.

use crate::api::{Api, random};
use crate::failure::Failure;
use crate::secret::Secret;
use axum::http::{HeaderMap, Method, Uri};
use roadbook_customer::Command;
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Message, Outcome};

/// Longest `Idempotency-Key`.
pub(crate) const KEY_BYTES_MAX: usize = 255;

/// What a command was decided to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decided {
    /// Now, by this request.
    Applied,
    /// Before, by a request with the same `Idempotency-Key`.
    Duplicate,
}

/// The id of a command: derived from its `Idempotency-Key`, within this key and this resource, or drawn here at the
/// edge where it has none.
pub(crate) fn message_id(
    api: &Api,
    secret: &Secret,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<MessageId, Failure> {
    let keys = secret.keys(api);
    let source = secret.0.source().as_bytes();
    let Some(key) = headers.get("idempotency-key").map(|key| key.as_bytes()) else {
        let drawn = random::<16>()?;
        return Ok(MessageId::from_u128(keys.derived(&[b"command", source, &drawn]).0));
    };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        let detail = format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} bytes");
        return Err(Failure::invalid("invalid_idempotency_key", "", detail));
    }
    let parts: [&[u8]; 5] = [b"idempotent command", source, method.as_str().as_bytes(), uri.path().as_bytes(), key];
    Ok(MessageId::from_u128(keys.derived(&parts).0))
}

/// Delivers a command to a customer, following tombstones. Says on whom it was decided.
pub(crate) async fn to_customer(
    api: &Api,
    mut to: ActorKey,
    id: MessageId,
    command: Command,
    occurred: Moment,
) -> Result<CustomerId, Failure> {
    let engine = api.engine();
    let accepted = engine.clock.now();
    for _ in 0..=engine.limits.hops_max {
        let command = command.clone();
        let message = Message { id, accepted, occurred, position: 0, via: None, founding: false, command };
        let outcome = api.app.router.deliver().customer(to, vec![message]).await?.into_iter().next();
        match outcome {
            Some(Outcome::NotMine { forward: Some(next), .. }) => to = ActorKey::customer(to.tenant, next),
            Some(Outcome::Applied { customer, .. } | Outcome::Duplicate { customer }) => {
                return Ok(customer.unwrap_or(CustomerId::from_u128(to.id.0)));
            }
            Some(Outcome::Refused(refusal)) => return Err(Failure::refused(refusal)),
            Some(Outcome::NotMine { forward: None, .. }) => break,
            Some(Outcome::Defect) | None => return Err(Failure::defect()),
        }
    }
    Err(Fault::Contended(engine.limits.hops_max).into())
}

/// Delivers a command to the tenant's catalog.
pub(crate) async fn to_catalog(
    api: &Api,
    secret: &Secret,
    id: MessageId,
    accepted: Moment,
    command: roadbook_catalog::Command,
) -> Result<Decided, Failure> {
    let message = Message { id, accepted, occurred: accepted, position: 0, via: None, founding: false, command };
    let key = ActorKey::catalog(secret.tenant());
    match api.app.router.deliver().catalog(key, message).await? {
        Outcome::Applied { .. } => Ok(Decided::Applied),
        Outcome::Duplicate { .. } => Ok(Decided::Duplicate),
        Outcome::Refused(refusal) => Err(Failure::refused(refusal)),
        Outcome::Defect | Outcome::NotMine { .. } => Err(Failure::defect()),
    }
}
