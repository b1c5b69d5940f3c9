//! The row of a customer, whatever id they are asked for by.

use super::data_scope::may_see;
use crate::api::Api;
use crate::failure::Failure;
use crate::secret::Secret;
use roadbook_customer::Customer;
use roadbook_kernel::CustomerId;
use roadbook_runtime::Row;

/// The live customer an id leads to.
///
/// # Errors
/// Not found, where this tenant has no such customer, and where the one who asks may not see them: in the same words.
pub(crate) async fn live(api: &Api, secret: &Secret, id: CustomerId) -> Result<Row<Customer>, Failure> {
    let row = roadbook_runtime::live(api.engine(), secret.tenant(), id).await?;
    row.filter(|row| may_see(&secret.0, &row.state)).ok_or_else(|| Failure::not_found("profile"))
}

/// Whether a command may be sent to a customer. Free for those who may see everybody: their command finds out itself
/// whether there is such a customer.
///
/// # Errors
/// Not found, as from [`live`].
pub(crate) async fn reach(api: &Api, secret: &Secret, id: CustomerId) -> Result<(), Failure> {
    if secret.0.stores().is_none() {
        return Ok(());
    }
    live(api, secret, id).await.map(drop)
}
