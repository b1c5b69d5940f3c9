//! Work over all customers, tenant by tenant in pieces, so that live traffic has its turn between them.

use super::{FAULT_PAUSE, Loops};
use roadbook_app::Tenants;
use roadbook_kernel::TenantId;
use roadbook_runtime::advance_backfill;
use roadbook_runtime::ports::Fault;
use std::time::Duration;

/// Customers a segment sweep looks at between two looks at the clock.
const BACKFILL_CUSTOMERS: usize = 500;
/// Events of one piece of a job: a few milliseconds of work, between which live traffic has its turn.
const JOB_EVENTS: usize = 256;
/// The longest the jobs sleep without looking: files whose upload was given up are removed on the way.
const JOBS_LOOK: Duration = Duration::from_secs(600);

/// What is done in pieces.
#[derive(Clone, Copy)]
enum Work {
    /// Segments count past events.
    Sweep,
    /// Imports and replays.
    Job,
}

impl Work {
    const fn name(self) -> &'static str {
        match self {
            Work::Sweep => "a segment sweep",
            Work::Job => "a job",
        }
    }
}

impl Loops {
    pub(super) async fn sweeps(self) {
        loop {
            let seen = self.engine.journal.last();
            match self.each_tenant(Work::Sweep).await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => {
                    self.engine.journal.wait(seen).await;
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
                Err(fault) => {
                    tracing::warn!(%fault, "a segment sweep stopped; it goes on where it was");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    pub(super) async fn jobs(self) {
        loop {
            let (seen, begun) = (self.engine.journal.last(), tokio::time::Instant::now());
            match self.each_tenant(Work::Job).await {
                // As long a pause as the piece took: jobs have half of one thread's time at most, however slow the disk.
                Ok(true) => tokio::time::sleep(begun.elapsed()).await,
                Ok(false) => {
                    let _woken_or_late = tokio::time::timeout(JOBS_LOOK, self.engine.journal.wait(seen)).await;
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
                Err(fault) => {
                    tracing::warn!(%fault, "a job stopped; it goes on where it was");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    /// Does a piece for every tenant; whether any of them has more.
    async fn each_tenant(&self, work: Work) -> Result<bool, Fault> {
        let mut more = false;
        for tenant in Tenants::new(self.engine.store.clone()).list().await? {
            // One tenant's trouble must not hold up the others.
            match self.piece(work, tenant.id).await {
                Ok(one) => more |= one,
                Err(fault) => {
                    tracing::warn!(tenant.id = %tenant.id, %fault, "{} stopped; it goes on where it was", work.name());
                }
            }
        }
        Ok(more)
    }

    async fn piece(&self, work: Work, tenant: TenantId) -> Result<bool, Fault> {
        match work {
            Work::Sweep => advance_backfill(&self.engine, self.deliver.as_ref(), tenant, BACKFILL_CUSTOMERS).await,
            Work::Job => roadbook_jobs::advance(&self.router, tenant, JOB_EVENTS).await,
        }
    }
}
