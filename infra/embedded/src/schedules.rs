//! What the schedules of `tests/sched` need to see of this crate, and nobody else: it exists in their build alone.

use crate::sync::{DEATH, Failure, begin, died, fail};
use crate::tables::Tables;
use crate::{Embedded, OpenError, Options};
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::ports::store::lane;
use roadbook_runtime::ports::{DueEntry, DueKind, Fault};
use std::path::{Path, PathBuf};

/// A folder that outlives the processes that are played over it: opening one costs more than a schedule.
pub struct Folder {
    tables: Tables,
    path: PathBuf,
}

impl Folder {
    /// Opens it.
    ///
    /// # Errors
    /// What fjall says.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let tables = Tables::open(path, 1 << 20, 8 << 20).map_err(crate::store::store_fault)?;
        Ok(Self { tables, path: path.to_owned() })
    }

    /// Removes everything in it.
    ///
    /// # Errors
    /// What fjall says.
    pub fn empty(&self) -> Result<(), Fault> {
        let mut batch = self.tables.database.batch();
        for (_, table) in self.tables.named() {
            for guard in table.iter() {
                batch.remove(table, guard.key().map_err(crate::store::store_fault)?);
            }
        }
        batch.commit().map_err(crate::store::store_fault)
    }

    /// A process over it. Call it inside a schedule.
    ///
    /// # Errors
    /// As [`Embedded::open`].
    pub fn process(&self) -> Result<Embedded, OpenError> {
        begin();
        Embedded::over(self.tables.clone(), &self.path, &Options { disk_free_bytes_min: 0, ..Options::default() })
    }
}

/// Whether the process has ended itself.
pub fn has_died() -> bool {
    died()
}

/// What a future gives; `None` if the process ends first.
pub async fn until_death<T>(future: impl Future<Output = T>) -> Option<T> {
    let death = DEATH.notified();
    tokio::pin!(death);
    death.as_mut().enable();
    if died() {
        return None;
    }
    tokio::select! {
        biased;
        given = future => Some(given),
        () = death => None,
    }
}

/// Lets a write fail after so many that do not; the disk may have it all the same.
pub fn fail_after(writes: u32, written: bool) {
    fail(Some(Failure { after: writes, written }));
}

/// A search of one lane, without the others around it: sixteen of them would only hide where the threads meet.
///
/// # Errors
/// What fjall says.
pub fn search(
    store: &Embedded,
    kind: DueKind,
    tenant: TenantId,
    until: Moment,
    limit: usize,
) -> Result<Vec<DueEntry>, Fault> {
    store.fronts().search(store.tables(), kind, lane(tenant), until, limit)
}
