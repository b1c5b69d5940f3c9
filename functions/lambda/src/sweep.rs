//! Every minute: timers that are due, messages and announcements that are due, a piece of every sweep and job.
//!
//! A tick goes round until nothing is left to do or its time is over; what is left stays due, and the next tick finds
//! it. Ticks may overlap: whatever two of them take up is decided by one conditional write.

use crate::deadline::{CALL, Deadline, TURN};
use crate::metrics;
use crate::product::{Outside, Product};
use anyhow::Result;
use futures_util::future::join_all;
use lambda_runtime::Error;
use roadbook_app::{App, Tenant};
use roadbook_channels::{CorpAccount, MiniProgramAccount, Secret};
use roadbook_kernel::TenantId;
use roadbook_runtime::ports::{DueKind, Fault};
use roadbook_runtime::{advance_backfill, sweep};
use roadbook_send::{Announcer, Sender};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Due actors taken from one lane between two looks at the clock.
const LANE_ACTORS: usize = 16;
/// Sends taken up between two looks at the clock.
const SENDS: usize = 32;
/// Deliveries to webhook endpoints looked at in one lane at once.
const DELIVERIES: usize = 64;
/// Customers a segment sweep looks at between two looks at the clock.
const BACKFILL_CUSTOMERS: usize = 64;
/// Events of one piece of a job.
const JOB_EVENTS: usize = 64;
/// What a fired timer sends comes back by the stream; this is how long a tick waits for it before it looks again.
const STREAM: Duration = Duration::from_secs(1);
/// Times it waits so.
const STREAM_WAITS_MAX: u32 = 5;

/// What a tick did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Done {
    poked: usize,
    sends: usize,
    deliveries: usize,
    pieces: usize,
}

/// One tick.
///
/// # Errors
/// Secrets that cannot be had, or a store that does not answer: the next tick tries again.
pub async fn tick(product: &Product, deadline_ms: u64) -> Result<Value, Error> {
    let app = product.app().await?.app;
    let outside = product.outside().await?;
    let tenants = app.tenants.list().await?;
    lend_accounts(&app, outside, &tenants)?;
    let worker = Worker {
        sender: Sender::new(app.engine.clone(), app.router.deliver().clone(), outside.channel.clone()),
        announcer: Announcer::new(app.engine.clone(), outside.hooks.clone()),
        app: app.clone(),
        tenants,
        deadline: Deadline::at_ms(deadline_ms),
    };
    let done = worker.work().await?;
    let numbers = worker.numbers(&done).await?;
    metrics::tell(&product.environment.stack, app.engine.wall.now().millis(), &numbers);
    Ok(json!({ "poked": done.poked, "sends": done.sends, "deliveries": done.deliveries, "pieces": done.pieces }))
}

struct Worker {
    app: Arc<App>,
    sender: Sender,
    announcer: Arc<Announcer>,
    tenants: Vec<Tenant>,
    deadline: Deadline,
}

impl Worker {
    async fn work(&self) -> Result<Done, Fault> {
        let (mut done, mut waits) = (Done::default(), 0);
        while self.deadline.leaves(TURN) {
            let before = done;
            let failed = self.round(&mut done).await?;
            if failed {
                // Whoever could not be served stays due, and would be taken up again at once.
                break;
            }
            if done == before {
                let is_expecting = done.poked > 0 && waits < STREAM_WAITS_MAX;
                if !is_expecting || !self.deadline.leaves(CALL + STREAM) {
                    break;
                }
                waits += 1;
                tokio::time::sleep(STREAM).await;
            }
        }
        Ok(done)
    }

    /// Once through everything. Says whether something failed that stays due.
    async fn round(&self, done: &mut Done) -> Result<bool, Fault> {
        let engine = &self.app.engine;
        let swept = sweep::sweep(engine, self.app.router.deliver().as_ref(), engine.clock.now(), LANE_ACTORS).await?;
        done.poked += swept.poked;
        let mut failed = swept.failed > 0;
        if self.deadline.leaves(CALL) {
            let worked = self.sender.work(SENDS).await?;
            done.sends += worked.taken;
            failed |= worked.failed > 0;
        }
        if self.deadline.leaves(CALL) {
            let taken = self.announcer.take(DELIVERIES).await?;
            done.deliveries += taken.work.len();
            join_all(taken.work).await;
        }
        for tenant in &self.tenants {
            if !self.deadline.leaves(TURN) {
                break;
            }
            done.pieces += self.pieces(tenant.id).await;
        }
        Ok(failed)
    }

    /// A piece of a tenant's segment sweep and of its jobs. One tenant's trouble must not hold up the others.
    async fn pieces(&self, tenant: TenantId) -> usize {
        let engine = &self.app.engine;
        let swept = advance_backfill(engine, self.app.router.deliver().as_ref(), tenant, BACKFILL_CUSTOMERS).await;
        let worked = roadbook_jobs::advance(&self.app.router, tenant, JOB_EVENTS).await;
        let mut more = 0;
        for result in [swept, worked] {
            match result {
                Ok(is_more) => more += usize::from(is_more),
                Err(fault) => {
                    tracing::warn!(tenant.id = %tenant, %fault, "a sweep or a job stopped; it goes on where it was");
                }
            }
        }
        more
    }

    /// What alarms look at. How late the first in the queues is, after this tick.
    async fn numbers(&self, done: &Done) -> Result<Vec<metrics::Number>, Fault> {
        let engine = &self.app.engine;
        let (timer, send) = (engine.store.next_due(DueKind::Actor).await?, engine.store.next_due(DueKind::Send).await?);
        let now = engine.clock.now();
        let late_ms = |due: Option<roadbook_kernel::Moment>| due.map_or(0, |due| now.since_ms(due).max(0));
        let counted = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let of = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let tally = &engine.tally;
        Ok(vec![
            ("OldestTimerMs", "Milliseconds", late_ms(timer)),
            ("OldestSendMs", "Milliseconds", late_ms(send)),
            ("Poked", "Count", of(done.poked)),
            ("Sends", "Count", of(done.sends)),
            ("Conflicts", "Count", counted(tally.conflicts.load(Ordering::Relaxed))),
            ("Defects", "Count", counted(tally.defects.load(Ordering::Relaxed))),
            ("Parked", "Count", counted(tally.parked.load(Ordering::Relaxed))),
        ])
    }
}

/// Lets each tenant send with the credentials that are its own, and with no others.
fn lend_accounts(app: &App, outside: &Outside, tenants: &[Tenant]) -> Result<()> {
    let lent = app.config.lent(tenants)?;
    for (tenant, corp) in lent.corps {
        let agentid = u64::try_from(corp.agent).unwrap_or(0);
        let secret = Secret::new(corp.secret.clone());
        outside.accounts.set_corp(tenant, CorpAccount { corp: corp.corp.clone(), agentid, secret });
    }
    for (tenant, mini) in lent.miniprograms {
        let secret = Secret::new(mini.secret.clone());
        outside.accounts.set_mini_program(tenant, MiniProgramAccount { appid: mini.appid.clone(), secret });
    }
    Ok(())
}
