//! Commands to actors: their message id, their delivery, their answer after the commit.

use crate::api::{Api, random};
use crate::failure::Failure;
use crate::secret::Secret;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use roadbook_customer::Command;
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Message, Outcome};
use std::sync::Arc;

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
pub(crate) struct CommandId(pub(crate) MessageId);

impl FromRequestParts<Arc<Api>> for CommandId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let secret = Secret::from_request_parts(parts, api).await?;
        let keys = secret.keys(api);
        let source = secret.0.source().as_bytes();
        let Some(key) = parts.headers.get("idempotency-key").map(|key| key.as_bytes()) else {
            let drawn = random::<16>()?;
            return Ok(Self(MessageId::from_u128(keys.derived(&[b"command", source, &drawn]).0)));
        };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            let detail = format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} bytes");
            return Err(Failure::invalid("invalid_idempotency_key", "", detail));
        }
        let (method, path) = (parts.method.as_str().as_bytes(), parts.uri.path().as_bytes());
        let named: [&[u8]; 5] = [b"idempotent command", source, method, path, key];
        Ok(Self(MessageId::from_u128(keys.derived(&named).0)))
    }
}

/// Delivers a command to a customer, following tombstones. Says on whom it was decided.
pub(crate) async fn to_customer(
    api: &Api,
    secret: &Secret,
    customer: CustomerId,
    id: MessageId,
    command: Command,
    occurred: Moment,
) -> Result<CustomerId, Failure> {
    let engine = api.engine();
    let accepted = engine.clock.now();
    let mut to = ActorKey::customer(secret.tenant(), customer);
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
