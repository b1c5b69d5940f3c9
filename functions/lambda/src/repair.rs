//! What the stream has forgotten: turns that stand on their rows and that nobody has carried. An operator invokes the relay
//! with `{"do": "repair"}` after it stood still longer than the stream keeps, which is 24 hours.

use crate::deadline::{Deadline, TURN};
use crate::product::Product;
use lambda_runtime::Error;
use roadbook_kernel::TenantId;
use roadbook_runtime::relay;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Actors looked at between two looks at the clock.
const ACTORS: usize = 100;

/// What an operator asks of the relay.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Carry what nobody has carried.
    Repair {
        /// Where the last answer stopped.
        #[serde(default)]
        from: Option<Place>,
    },
}

/// A place in the repair scan.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    tenant: TenantId,
    /// The last actor looked at, as its bytes.
    #[serde(default)]
    after: Option<Vec<u8>>,
}

/// Looks at the rows of every tenant until its time is over. `next` in the answer is where to go on; null at the end.
///
/// # Errors
/// A fault of the store: what was carried stays carried, ask again.
pub async fn carry_out(product: &Product, order: Order, deadline: Deadline) -> Result<Value, Error> {
    let Order::Repair { from } = order;
    let app = product.app().await?.app;
    let (first, mut after) = from.map_or((None, None), |place| (Some(place.tenant), place.after));
    let mut carried = 0;
    for tenant in app.tenants.list().await?.iter().map(|tenant| tenant.id).filter(|id| Some(*id) >= first) {
        loop {
            if !deadline.leaves(TURN) {
                return Ok(json!({ "carried": carried, "next": Place { tenant, after } }));
            }
            let (turns, next) = product.store.outstanding(tenant, after.as_deref(), ACTORS).await?;
            carried += turns.len();
            let actors: BTreeSet<_> = turns.iter().map(|turn| turn.actor).collect();
            let handed = relay::carry(&app.engine, product.store.as_ref(), turns).await?;
            let now = app.engine.clock.now();
            product.poked.tell(product.queues.as_ref(), &handed, std::iter::empty(), now).await;
            for actor in actors {
                product.store.release(&actor).await?;
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(json!({ "carried": carried, "next": null }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_where_to_go_on() {
        let place = Place { tenant: TenantId::from_u128(7), after: Some(vec![1, 2]) };
        let order = json!({ "do": "repair", "from": place });
        let Order::Repair { from } = serde_json::from_value(order).unwrap();
        assert_eq!(from, Some(place));
        assert!(serde_json::from_value::<Order>(json!({ "do": "repair", "form": null })).is_err());
    }
}
