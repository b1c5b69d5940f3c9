//! Where the document of a tenant lies: whoever names a tenant in a token names one that is there.

use roadbook_kernel::TenantId;
use roadbook_runtime::ports::ItemKey;
use roadbook_runtime::relay::SYSTEM;

/// The key of a tenant's document.
pub fn tenant_key(id: TenantId) -> ItemKey {
    ItemKey::document(SYSTEM, &format!("tenant/{id}"))
}
