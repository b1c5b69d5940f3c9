//! The row of a customer, whatever id they are asked for by.

use crate::api::Api;
use crate::failure::Failure;
use roadbook_customer::Customer;
use roadbook_kernel::{CustomerId, TenantId};
use roadbook_runtime::Row;

/// The live customer an id leads to.
///
/// # Errors
/// Not found, where this tenant has no such customer.
pub(crate) async fn live(api: &Api, tenant: TenantId, id: CustomerId) -> Result<Row<Customer>, Failure> {
    roadbook_runtime::live(api.engine(), tenant, id).await?.ok_or_else(|| Failure::not_found("profile"))
}
