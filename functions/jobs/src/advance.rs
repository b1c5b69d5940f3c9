//! The next piece of every job that is not finished.

use crate::job::{self, Work};
use crate::{import, replays, upload};
use roadbook_kernel::{JobId, TenantId};
use roadbook_runtime::Router;
use roadbook_runtime::ports::Fault;

/// Does the next piece of each of a tenant's jobs: at most `limit` events each. True while there is more to do. Files
/// whose upload was never finished are removed on the way.
///
/// # Errors
/// The first fault of any job; its piece is done again. The other jobs have gone on.
pub async fn advance(router: &Router, tenant: TenantId, limit: usize) -> Result<bool, Fault> {
    let engine = router.engine();
    upload::remove_abandoned(engine, tenant).await?;
    let (mut more, mut trouble) = (false, None);
    for id in job::open(engine, tenant).await? {
        match step(router, tenant, id, limit).await {
            Ok(one) => more |= one,
            Err(fault) => trouble = trouble.or(Some(fault)),
        }
    }
    trouble.map_or(Ok(more), Err)
}

/// The next piece of one job. True while it has another.
async fn step(router: &Router, tenant: TenantId, id: JobId, limit: usize) -> Result<bool, Fault> {
    let engine = router.engine();
    let Some((mut job, version)) = job::load(engine, tenant, id).await? else { return Ok(false) };
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
    Ok(job.finished_at.is_none())
}
