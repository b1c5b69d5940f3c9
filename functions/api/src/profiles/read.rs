//! The row of a customer, whatever id they are asked for by.

use crate::api::Api;
use crate::failure::Failure;
use crate::secret::Secret;
use roadbook_customer::{Customer, Life};
use roadbook_kernel::{ActorKey, CustomerId};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Row, load_row};

/// Tombstones a chain may have before something must be wrong.
const CHAIN_MAX: u32 = 64;

/// The live customer an id leads to.
///
/// # Errors
/// Not found, where this tenant has no such customer.
pub(crate) async fn live(api: &Api, secret: &Secret, mut id: CustomerId) -> Result<Row<Customer>, Failure> {
    for _ in 0..CHAIN_MAX {
        let row = load_row::<Customer>(api.engine(), &ActorKey::customer(secret.tenant(), id)).await?;
        match &row.state.life {
            Life::Live(_) => return Ok(row),
            Life::Merged { into, .. } => id = *into,
            Life::Unborn => return Err(Failure::not_found("profile")),
        }
    }
    Err(Fault::Corrupt(format!("the tombstones behind {id} do not end")).into())
}
