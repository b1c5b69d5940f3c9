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
/// The longest either sleeps without looking: what stopped on a fault is tried again, and files whose upload was given
/// up are removed on the way.
const LOOK: Duration = Duration::from_secs(600);
/// The same while something is stopped by a fault: seldom enough for a log that somebody must read.
const FAULT_LOOK: Duration = Duration::from_secs(30);

/// What is done in pieces.
#[derive(Clone, Copy)]
enum Work {
    /// Segments count past events.
    Sweep,
    /// Imports and replays.
    Job,
}

/// How a round over all tenants ended.
#[derive(Clone, Copy, Default)]
struct Round {
    /// Whether one of them has more to do.
    more: bool,
    /// Whether the work of one of them was stopped by a fault.
    stopped: bool,
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
                Ok(Round { more: true, .. }) => tokio::task::yield_now().await,
                Ok(round) => self.idle(seen, round).await,
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
                Ok(Round { more: true, .. }) => tokio::time::sleep(begun.elapsed()).await,
                Ok(round) => self.idle(seen, round).await,
                Err(fault) => {
                    tracing::warn!(%fault, "a job stopped; it goes on where it was");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    }

    /// Until something was committed after `seen`, but not for ever.
    async fn idle(&self, seen: u64, round: Round) {
        let at_most = if round.stopped { FAULT_LOOK } else { LOOK };
        let _woken_or_late = tokio::time::timeout(at_most, self.engine.journal.wait(seen)).await;
        tokio::time::sleep(FAULT_PAUSE).await;
    }

    /// Does a piece for every tenant.
    async fn each_tenant(&self, work: Work) -> Result<Round, Fault> {
        let mut round = Round::default();
        for tenant in Tenants::new(self.engine.store.clone()).list().await? {
            // One tenant's trouble must not hold up the others.
            match self.piece(work, tenant.id).await {
                Ok(more) => round.more |= more,
                Err(fault) => {
                    round.stopped = true;
                    tracing::warn!(tenant.id = %tenant.id, %fault, "{} stopped; it goes on where it was", work.name());
                }
            }
        }
        Ok(round)
    }

    async fn piece(&self, work: Work, tenant: TenantId) -> Result<bool, Fault> {
        match work {
            Work::Sweep => advance_backfill(&self.engine, self.deliver.as_ref(), tenant, BACKFILL_CUSTOMERS).await,
            Work::Job => roadbook_jobs::advance(&self.router, tenant, JOB_EVENTS).await,
        }
    }
}
