//! Every minute: whoever is due soon is poked, what is overdue is handed to its queue, and a piece of every segment sweep
//! and job is done.
//!
//! Ticks may overlap and may be lost: all of it stands in the due index or in the jobs, and the next tick finds it.

use crate::deadline::{Deadline, TURN};
use crate::metrics;
use crate::product::Product;
use lambda_runtime::Error;
use roadbook_app::{App, Tenant};
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::ahead::{Told, hint};
use roadbook_runtime::ports::{DueKind, Fault};
use roadbook_runtime::{advance_backfill, ahead};
use serde_json::{Value, json};
use std::sync::Arc;

/// Customers a segment sweep looks at between two looks at the clock.
const BACKFILL_CUSTOMERS: usize = 64;
/// Events of one piece of a job.
const JOB_EVENTS: usize = 64;

/// What a tick did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Done {
    poked: Told,
    sends: Told,
    announcements: Told,
    pieces: usize,
}

/// One tick.
///
/// # Errors
/// Secrets that cannot be had, or a store or a queue that does not answer: the next tick tries again. One that fails does
/// not keep the others from being served.
pub async fn tick(product: &Product, deadline_ms: u64) -> Result<Value, Error> {
    let app = product.app().await?.app;
    let deadline = Deadline::at_ms(deadline_ms);
    let worker = Worker { app: app.clone(), product, deadline };
    let mut done = Done::default();
    let trouble = [
        worker.poke(&mut done).await,
        worker.hint(DueKind::Send, &mut done.sends).await,
        worker.hint(DueKind::Delivery, &mut done.announcements).await,
        worker.pieces(&mut done).await,
    ];
    let numbers = worker.numbers(&done).await?;
    metrics::tell(&product.environment.stack, app.engine.wall.now().millis(), &numbers);
    trouble.into_iter().collect::<Result<(), Fault>>()?;
    Ok(json!({
        "poked": done.poked.told,
        "sends": done.sends.told,
        "announcements": done.announcements.told,
        "pieces": done.pieces,
    }))
}

struct Worker<'a> {
    app: Arc<App>,
    product: &'a Product,
    deadline: Deadline,
}

impl Worker<'_> {
    async fn poke(&self, done: &mut Done) -> Result<(), Fault> {
        let (store, queue) = (self.product.store.as_ref(), self.product.queues.as_ref());
        let mut ahead: tokio::sync::MutexGuard<'_, ahead::Ahead> = self.product.ahead.lock().await;
        let now = self.app.engine.clock.now();
        done.poked = ahead.poke(store, queue, now, || self.deadline.leaves(TURN)).await?;
        if !done.poked.whole {
            tracing::warn!("not everybody who is due was poked: pokes wait, or the tick was too short");
        }
        Ok(())
    }

    async fn hint(&self, kind: DueKind, told: &mut Told) -> Result<(), Fault> {
        let (store, queue) = (self.product.store.as_ref(), self.product.queues.as_ref());
        let now = self.app.engine.clock.now();
        *told = hint(store, queue, kind, now, || self.deadline.leaves(TURN)).await?;
        Ok(())
    }

    /// Goes round the tenants until no segment sweep and no job has more, or time is over.
    async fn pieces(&self, done: &mut Done) -> Result<(), Fault> {
        let tenants: Vec<Tenant> = self.app.tenants.list().await?;
        loop {
            let before = done.pieces;
            for tenant in &tenants {
                if !self.deadline.leaves(TURN) {
                    return Ok(());
                }
                done.pieces += self.piece(tenant.id).await;
            }
            if done.pieces == before {
                return Ok(());
            }
        }
    }

    /// A piece of a tenant's segment sweep and of its jobs. One tenant's trouble must not hold up the others.
    async fn piece(&self, tenant: TenantId) -> usize {
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

    /// What alarms look at: how late the first of each kind is.
    async fn numbers(&self, done: &Done) -> Result<Vec<metrics::Number>, Fault> {
        let engine = &self.app.engine;
        let now = engine.clock.now();
        let late_ms = |due: Option<Moment>| due.map_or(0, |due| now.since_ms(due).max(0));
        let of = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let mut numbers = vec![("Poked", "Count", of(done.poked.told))];
        for (name, kind) in [
            ("OldestTimerMs", DueKind::Actor),
            ("OldestSendMs", DueKind::Send),
            ("OldestAnnouncementMs", DueKind::Delivery),
        ] {
            numbers.push((name, "Milliseconds", late_ms(engine.store.next_due(kind).await?)));
        }
        numbers.extend(metrics::Trouble::of(&engine.tally).numbers());
        Ok(numbers)
    }
}
