//! The next piece of every job that is not finished.

use crate::job::{self, Work};
use crate::{import, replays, upload};
use roadbook_kernel::TenantId;
use roadbook_runtime::Router;
use roadbook_runtime::ports::Fault;

/// Does the next piece of each of a tenant's jobs: at most `limit` events each. True while there is more to do. Files
/// whose upload was never finished are removed on the way.
///
/// # Errors
/// A fault; the piece is done again.
pub async fn advance(router: &Router, tenant: TenantId, limit: usize) -> Result<bool, Fault> {
    let engine = router.engine();
    upload::remove_abandoned(engine, tenant).await?;
    let mut more = false;
    for id in job::open(engine, tenant).await? {
        let Some((mut job, version)) = job::load(engine, tenant, id).await? else { continue };
        let (work, puts) = match job.work.clone() {
            Work::Import(mut import) => {
                let puts = import::step(router, &mut job, &mut import, limit).await?;
                (Work::Import(import), puts)
            }
            Work::Replay(mut replays) => {
                replays::step(router, &mut job, &mut replays, limit).await?;
                (Work::Replay(replays), Vec::new())
            }
        };
        job.work = work;
        job::advanced(engine, &job, version, puts).await?;
        more |= job.finished_at.is_none();
    }
    Ok(more)
}
