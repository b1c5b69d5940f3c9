//! A customer as one line of a list.

use super::view::identifier;
use crate::mask;
use roadbook_customer::Customer;
use roadbook_wire::time::write;
use serde_json::{Value, json};

/// The short profile: enough to recognise somebody, personal values masked.
pub(crate) fn short(customer: &Customer) -> Value {
    let last = customer.activity.values().map(|activity| activity.last).max();
    let name = customer.traits.get("name").and_then(|known| known.value());
    json!({
        "id": customer.id,
        "name": name.map(|name| mask::value("name", &name)),
        "identifiers": customer.links.iter().map(identifier).collect::<Vec<_>>(),
        "stage": customer.position().map(|at| at.stage),
        "last_seen_at": last.map(write),
    })
}
