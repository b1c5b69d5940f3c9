//! The tenants of an installation.

use roadbook_access::tenant_key;
use roadbook_kernel::{Hash128, Moment, TenantId, sortable};
use roadbook_runtime::ports::{Commit, CommitError, Expect, Fault, Item, Put, Space, Store};
use roadbook_runtime::relay::SYSTEM;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One tenant: an OEM or a dealer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: Moment,
}

/// The list of tenants.
pub struct Tenants {
    store: Arc<dyn Store>,
}

impl Tenants {
    /// Tenants kept in a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Creates a tenant. Its id is the time and 80 random bits that the caller drew: there is no message to derive
    /// it from.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn create(&self, name: &str, random: [u8; 16], now: Moment) -> Result<Tenant, CommitError> {
        let id = TenantId::from_u128(sortable(now, Hash128(u128::from_be_bytes(random))));
        let tenant = Tenant { id, name: name.to_owned(), created_at: now };
        let body = serde_json::to_vec(&tenant).map_err(|error| Fault::Corrupt(error.to_string()))?;
        let put =
            Put { key: tenant_key(id), expect: Expect::Absent, item: Some(Item { version: 1, body: body.into() }) };
        self.store.commit(Commit { puts: vec![put], ..Commit::default() }).await?;
        Ok(tenant)
    }

    /// One tenant.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn get(&self, id: TenantId) -> Result<Option<Tenant>, Fault> {
        self.store.load(&tenant_key(id)).await?.map(|item| read(&item)).transpose()
    }

    /// Every tenant, oldest first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn list(&self) -> Result<Vec<Tenant>, Fault> {
        let items = self.store.scan(Space::Document, SYSTEM, b"tenant/", None, 10_000).await?;
        items.iter().map(|(_, item)| read(item)).collect()
    }
}

fn read(item: &Item) -> Result<Tenant, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a tenant", &error))
}
