//! What comes in over the wire, and what becomes of it.

mod bad;
mod clients;
mod events;
mod import;
mod laws;

use roadbook_identity::TenantKeys;
use roadbook_kernel::{Moment, TenantId};
use roadbook_wire::{Inbound, Outcome, Rejected, read_batch};
use serde_json::{Value, json};

/// Beside the client bodies' own `sentAt`, so that corrections stay small numbers.
const RECEIVED: Moment = Moment::from_millis(1_795_293_700_000);

fn keys() -> TenantKeys {
    TenantKeys::derive(&[1; 32], TenantId::from_u128(1))
}

/// Reads a batch as the key `key-1` at [`RECEIVED`].
fn batch(body: &[u8]) -> Vec<Outcome> {
    read_batch(body).expect("the body is a batch").into_inbound(&keys(), "key-1", RECEIVED)
}

/// Reads a batch of this one event.
fn one(event: Value) -> Outcome {
    batch(json!({"batch": [event]}).to_string().as_bytes()).remove(0)
}

fn taken(event: Value) -> Inbound {
    one(event).expect("the event is taken")
}

fn refused(event: Value) -> Rejected {
    one(event).expect_err("the event is not taken").0
}

/// `kind:value` of every identifier, in order; `kind@scope:value` where there is a scope.
fn who(inbound: &Inbound) -> Vec<String> {
    let show = |identifier: &roadbook_identity::Identifier| {
        let scope = if identifier.scope.is_empty() { String::new() } else { format!("@{}", identifier.scope) };
        format!("{}{scope}:{}", identifier.kind, identifier.value.reveal())
    };
    inbound.observation.identifiers.iter().map(show).collect()
}

/// The traits an event sets, as JSON.
fn set(inbound: &Inbound) -> Value {
    serde_json::to_value(inbound.observation.traits.set.as_ref().map(|set| set.reveal())).expect("JSON")
}

fn properties(inbound: &Inbound) -> Value {
    Value::Object(inbound.observation.properties.reveal().clone())
}
