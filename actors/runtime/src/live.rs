//! The customer an id leads to now, whatever it was merged into.

use crate::engine::Engine;
use crate::ports::Fault;
use crate::row::Row;
use crate::working::load_row;
use roadbook_customer::{Customer, Life};
use roadbook_kernel::{ActorKey, CustomerId, TenantId};

/// Tombstones a chain may have before something must be wrong.
const CHAIN_MAX: u32 = 64;

/// The live customer an id leads to, as last committed; `None` where the tenant has no such customer.
///
/// # Errors
/// A fault of the store, or [`Fault::Corrupt`] where the tombstones do not end.
pub async fn live(engine: &Engine, tenant: TenantId, mut id: CustomerId) -> Result<Option<Row<Customer>>, Fault> {
    for _ in 0..CHAIN_MAX {
        let row = load_row::<Customer>(engine, &ActorKey::customer(tenant, id)).await?;
        match &row.state.life {
            Life::Live(_) => return Ok(Some(row)),
            Life::Merged { into, .. } => id = *into,
            Life::Unborn => return Ok(None),
        }
    }
    Err(Fault::Corrupt(format!("the tombstones behind {id} do not end")))
}
