//! The customer an id leads to now, whatever it was merged into.

use crate::engine::Engine;
use crate::ports::Fault;
use crate::row::Row;
use crate::working::load_row;
use roadbook_customer::{Customer, Life};
use roadbook_kernel::{ActorKey, CustomerId, TenantId};

/// Tombstones a chain may have before something must be wrong.
pub(crate) const CHAIN_MAX: u32 = 64;

/// The live customer an id leads to, as last committed; `None` where the tenant has no such customer.
///
/// # Errors
/// A fault of the store, or [`Fault::Corrupt`] where the tombstones do not end.
pub async fn live(engine: &Engine, tenant: TenantId, id: CustomerId) -> Result<Option<Row<Customer>>, Fault> {
    let row = end(engine, tenant, id).await?;
    Ok((row.state.life != Life::Unborn).then_some(row))
}

/// The last row of an id's chain, whether there is a customer or not.
pub(crate) async fn end(engine: &Engine, tenant: TenantId, from: CustomerId) -> Result<Row<Customer>, Fault> {
    let mut key = ActorKey::customer(tenant, from);
    for _ in 0..CHAIN_MAX {
        let row = load_row::<Customer>(engine, &key).await?;
        match row.state.merged_into() {
            Some(next) => key = ActorKey::customer(tenant, next),
            None => return Ok(row),
        }
    }
    Err(endless(from))
}

pub(crate) fn endless(from: CustomerId) -> Fault {
    Fault::Corrupt(format!("the tombstones behind {from} do not end"))
}
