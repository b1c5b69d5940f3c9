//! A tenant begins with two keys.

use crate::app::App;
use crate::random::{NoRandomness, random};
use roadbook_access::KeyKind;
use roadbook_kernel::TenantId;
use roadbook_runtime::ports::CommitError;
use serde::Serialize;

/// A tenant that was just made. The only place where its keys are told.
#[derive(Serialize)]
pub struct NewTenant {
    /// Its id.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// The key for everything.
    pub admin_key: String,
    /// The key that may only send events.
    pub write_key: String,
}

/// Why there is no new tenant.
#[derive(Debug, thiserror::Error)]
pub enum NoTenant {
    /// The name is empty.
    #[error("a tenant needs a name")]
    NoName,
    /// The machine gives no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl App {
    /// Creates a tenant with an admin key and a write key.
    ///
    /// # Errors
    /// An empty name, no randomness, a fault of the store.
    pub async fn create_tenant(&self, name: &str) -> Result<NewTenant, NoTenant> {
        if name.trim().is_empty() {
            return Err(NoTenant::NoName);
        }
        let now = self.engine.clock.now();
        let tenant = self.tenants.create(name, random()?, now).await?;
        let admin = self.access.create(tenant.id, KeyKind::Secret, "admin", random()?, now).await?;
        let write = self.access.create(tenant.id, KeyKind::Write, "write", random()?, now).await?;
        Ok(NewTenant { tenant: tenant.id, name: tenant.name, admin_key: admin.text, write_key: write.text })
    }
}
