//! Compiled catalogs, shared by all turns of a tenant.

use crate::engine::Engine;
use crate::mutants::mutant;
use crate::ports::{Fault, ItemKey, Store};
use crate::row::Row;
use crate::sync::RwLock;
use roadbook_catalog::{Catalog, Document, Published};
use roadbook_journey::Revision;
use roadbook_kernel::{ActorKey, JourneyId, Moment, SECOND_MS, TenantId};
use std::collections::HashMap;
use std::sync::Arc;

/// How long a catalog is believed unseen. A process learns of a newer one from customers who have been decided under
/// it; one who is new has not, and a process that meets only such people would never learn.
pub const CATALOG_AGE_MS_MAX: i64 = 10 * SECOND_MS;

/// The cache. One entry per tenant: the newest edition this process has seen.
#[derive(Default)]
pub struct Catalogs {
    known: RwLock<HashMap<TenantId, Known>>,
}

#[derive(Clone)]
struct Known {
    published: Arc<Published>,
    /// When the store last said that it is the newest.
    seen: Moment,
    /// The version of the catalog's row it was made of; 0 where that is not known. A row of the same version says the
    /// same, and need not be read: a catalog is long, and is asked for again every few seconds.
    row: u64,
}

/// The name of the document that keeps a published journey revision.
pub fn revision_name(journey: JourneyId, number: u32) -> String {
    format!("journey/{journey}/{number}")
}

impl Catalogs {
    /// The catalog of a tenant at `edition` or newer. A host that is behind fetches first, and so does one that has not
    /// looked for [`CATALOG_AGE_MS_MAX`] of the wall clock.
    ///
    /// # Errors
    /// A fault of the store, or a stored catalog that does not compile or is older than a customer has already seen.
    pub async fn at_least(&self, engine: &Engine, tenant: TenantId, edition: u64) -> Result<Arc<Published>, Fault> {
        let now = engine.wall.now();
        if let Some(Known { published, seen, .. }) = self.get(tenant)
            && (published.edition >= edition || mutant!(OlderCatalog))
            && (now.since_ms(seen) < CATALOG_AGE_MS_MAX || mutant!(OlderCatalog))
        {
            return Ok(published);
        }
        let fetched = self.fetch(engine, tenant).await?;
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
    pub async fn fetch(&self, engine: &Engine, tenant: TenantId) -> Result<Arc<Published>, Fault> {
        // Before the read: what is published while the answer travels counts as not seen.
        let seen = engine.wall.now();
        let key = ActorKey::catalog(tenant);
        let mut version = 0;
        let published = match engine.store.load(&ItemKey::actor(&key)).await? {
            None => Published::empty(),
            Some(item) => {
                version = item.version;
                let known = self.get(tenant);
                if let Some(known) = known.clone().filter(|known| known.row == version) {
                    return Ok(self.keep(tenant, Known { seen, ..known }));
                }
                let row = Row::<Catalog>::read(&key, &item)?;
                if let Some(known) = known.filter(|known| known.published.edition == row.state.edition) {
                    return Ok(self.keep(tenant, Known { seen, row: version, ..known }));
                }
                Published::compile(&row.state).map_err(|problems| {
                    let first = problems.first().map(|problem| problem.code).unwrap_or_default();
                    Fault::Corrupt(format!("the catalog of {tenant} does not compile: {first}"))
                })?
            }
        };
        Ok(self.keep(tenant, Known { published: Arc::new(published), seen, row: version }))
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
        let published = Arc::new(catalog.with_pinned(journey, number, Arc::new(revision)));
        // A revision says nothing about how new the catalog around it is.
        let known = self.get(tenant);
        let seen = known.as_ref().map_or(Moment::MIN, |known| known.seen);
        let row = known.filter(|known| known.published.edition == published.edition).map_or(0, |known| known.row);
        Ok(self.keep(tenant, Known { published, seen, row }))
    }

    fn get(&self, tenant: TenantId) -> Option<Known> {
        self.known.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&tenant).cloned()
    }

    fn keep(&self, tenant: TenantId, found: Known) -> Arc<Published> {
        let published = found.published.clone();
        let mut known = self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let newest = known
            .get(&tenant)
            .is_none_or(|known| known.published.edition <= published.edition || mutant!(OlderCatalogKept));
        if newest {
            known.insert(tenant, found);
        }
        published
    }
}
