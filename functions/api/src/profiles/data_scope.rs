//! Which customers somebody may see: those tied to their store. One rule, here, for every door that shows customers.

use roadbook_access::Authority;
use roadbook_customer::Customer;

/// Whether an authority includes this customer. A customer whom no store ever named is seen by those with the whole
/// tenant only.
pub(crate) fn may_see(authority: &Authority, customer: &Customer) -> bool {
    authority.stores().is_none_or(|stores| stores.iter().any(|store| customer.stores.has(store)))
}
