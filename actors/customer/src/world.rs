//! What a customer's decision may look at besides the state.

use roadbook_catalog::Published;
use roadbook_identity::TenantKeys;
use roadbook_kernel::{MessageId, Moment, TenantId};

/// The world of one decision. Nothing in it is read during the decision: it was all loaded before.
pub struct World<'a> {
    /// Whose customer.
    pub tenant: TenantId,
    /// What the tenant has published, at one version; it holds every revision this customer's runs are pinned to.
    pub catalog: &'a Published,
    /// Derives run and send ids.
    pub keys: &'a TenantKeys,
    /// The message being decided; for a timer an id derived from the customer and the due instant.
    pub message: MessageId,
    /// When it happened: business rules use this.
    pub at: Moment,
    /// The latest instant this customer has reached, at or after `at`. Segments are judged here: at a late event's own
    /// time the newer occurrences would lie ahead and not count, and the customer would leave and enter for nothing.
    pub reached: Moment,
}
