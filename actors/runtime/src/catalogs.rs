//! Compiled catalogs, shared by all turns of a tenant.

use crate::ports::{Fault, ItemKey, Store};
use crate::row::Row;
use roadbook_catalog::{Catalog, Document, Published};
use roadbook_journey::Revision;
use roadbook_kernel::{ActorKey, JourneyId, TenantId};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// The cache. One entry per tenant: the newest edition this process has seen.
#[derive(Default)]
pub struct Catalogs {
    known: RwLock<HashMap<TenantId, Arc<Published>>>,
}

/// The name of the document that keeps a published journey revision.
pub fn revision_name(journey: JourneyId, number: u32) -> String {
    format!("journey/{journey}/{number}")
}

impl Catalogs {
    /// The catalog of a tenant at `edition` or newer. A host that is behind fetches first.
    ///
    /// # Errors
    /// A fault of the store, or a stored catalog that does not compile or is older than a customer has already seen.
    pub async fn at_least(&self, store: &dyn Store, tenant: TenantId, edition: u64) -> Result<Arc<Published>, Fault> {
        if let Some(known) = self.get(tenant)
            && known.edition >= edition
        {
            return Ok(known);
        }
        let fetched = self.fetch(store, tenant).await?;
        if fetched.edition < edition {
            let detail = format!("the catalog of {tenant} is at edition {}, {edition} was seen", fetched.edition);
            return Err(Fault::Corrupt(detail));
        }
        Ok(fetched)
    }

    /// Reads the catalog anew: after a publish, or when a customer has seen a newer one.
    ///
    /// # Errors
    /// As [`Catalogs::at_least`].
    pub async fn fetch(&self, store: &dyn Store, tenant: TenantId) -> Result<Arc<Published>, Fault> {
        let key = ActorKey::catalog(tenant);
        let published = match store.load(&ItemKey::actor(&key)).await? {
            None => Published::empty(),
            Some(item) => Published::compile(&Row::<Catalog>::read(&key, &item)?.state).map_err(|problems| {
                let first = problems.first().map(|problem| problem.code).unwrap_or_default();
                Fault::Corrupt(format!("the catalog of {tenant} does not compile: {first}"))
            })?,
        };
        Ok(self.keep(tenant, Arc::new(published)))
    }

    /// The same catalog with an older journey revision that a run is pinned to.
    ///
    /// # Errors
    /// A fault of the store, or [`Fault::Corrupt`] where the revision is missing: never an exit of the run.
    pub async fn with_revision(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        catalog: &Arc<Published>,
        journey: JourneyId,
        number: u32,
    ) -> Result<Arc<Published>, Fault> {
        let name = revision_name(journey, number);
        let missing = || Fault::Corrupt(format!("revision {number} of {journey}, which a run is pinned to"));
        let item = store.load(&ItemKey::document(tenant, &name)).await?.ok_or_else(missing)?;
        let document: Document = serde_json::from_slice(&item.body).map_err(|_| missing())?;
        let revision = Revision::parse(&document.definition).map_err(|_| missing())?;
        let next = Arc::new(catalog.with_pinned(journey, number, Arc::new(revision)));
        Ok(self.keep(tenant, next))
    }

    fn get(&self, tenant: TenantId) -> Option<Arc<Published>> {
        self.known.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&tenant).cloned()
    }

    fn keep(&self, tenant: TenantId, published: Arc<Published>) -> Arc<Published> {
        let mut known = self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let newest = known.get(&tenant).is_none_or(|known| known.edition <= published.edition);
        if newest {
            known.insert(tenant, published.clone());
        }
        published
    }
}
