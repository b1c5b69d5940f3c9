//! Looking at all customers of a tenant, a stretch at a time.
//!
//! Hazard: requests are served on the threads that run customers' turns. A scan reads thousands of rows, so it runs on
//! a thread of its own, for a limited time, and few run at once; between pages it gives its core away.

use crate::failure::Failure;
use crate::profiles::may_see;
use crate::secret::Secret;
use axum::http::StatusCode;
use roadbook_access::Authority;
use roadbook_app::App;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, ActorKind, CustomerId};
use roadbook_runtime::Row;
use roadbook_runtime::ports::{Fault, Space};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Rows read at once.
const ROWS: usize = 128;
/// Scans at once, of all tenants together.
const SCANS_MAX: usize = 2;

/// The scans of one process.
pub(crate) struct Scans {
    app: Arc<App>,
    places: Arc<Semaphore>,
}

/// Whether a visitor wants to see more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Go {
    On,
    Enough,
}

/// What looks at customers.
pub(crate) trait Visitor: Send + 'static {
    /// Looks at one row: a customer, or the tombstone of one.
    fn visit(
        &mut self,
        app: &App,
        actor: ActorKey,
        row: &Row<Customer>,
    ) -> impl Future<Output = Result<Go, Fault>> + Send;
}

/// How a scan ended.
pub(crate) struct Scanned<V> {
    /// The visitor with what it has seen.
    pub(crate) visitor: V,
    /// The last row it saw.
    pub(crate) last: Option<CustomerId>,
    /// Whether there is none behind it.
    pub(crate) complete: bool,
}

impl Scans {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app, places: Arc::new(Semaphore::new(SCANS_MAX)) }
    }

    /// Shows the rows after `after` to a visitor until it has enough, none is left, or the time is over. At least one
    /// is always looked at, so that whoever comes again gets on. Whom the one who asks may not see, no visitor sees.
    pub(crate) async fn run<V: Visitor>(
        &self,
        secret: &Secret,
        after: Option<CustomerId>,
        visitor: V,
    ) -> Result<Scanned<V>, Failure> {
        let budget = Duration::from_millis(self.app.config.scan_ms_max);
        let wait = tokio::time::timeout(budget.max(Duration::from_secs(1)), self.places.clone().acquire_owned());
        let Ok(Ok(place)) = wait.await else {
            let detail = "too many searches over all customers are under way; repeat it in a moment";
            return Err(Failure::busy(StatusCode::TOO_MANY_REQUESTS, "too_many_scans", detail));
        };
        let (app, runtime) = (self.app.clone(), tokio::runtime::Handle::current());
        let authority = secret.0.clone();
        let work = move || {
            let scanned = runtime.block_on(scan(&app, &authority, after, visitor, Instant::now() + budget));
            drop(place);
            scanned
        };
        // It ends by a panic only where looking at a row did.
        let scanned = tokio::task::spawn_blocking(work).await.map_err(|_| Failure::defect())?;
        Ok(scanned?)
    }
}

async fn scan<V: Visitor>(
    app: &App,
    authority: &Authority,
    after: Option<CustomerId>,
    mut visitor: V,
    end: Instant,
) -> Result<Scanned<V>, Fault> {
    let (tenant, prefix) = (authority.tenant(), [ActorKind::Customer.byte()]);
    let mut last = after;
    loop {
        let from = last.map(|id| ActorKey::customer(tenant, id).to_bytes()[16..].to_vec());
        let rows = app.engine.store.scan(Space::Actor, tenant, &prefix, from.as_deref(), ROWS).await?;
        for (index, (key, item)) in rows.iter().enumerate() {
            let Some(actor) = ActorKey::from_bytes(key.bytes()) else { continue };
            last = actor.as_customer();
            let row = Row::<Customer>::legible(&actor, item).filter(|row| may_see(authority, &row.state));
            let go = match row {
                Some(row) => visitor.visit(app, actor, &row).await?,
                None => Go::On,
            };
            if go == Go::Enough || Instant::now() >= end {
                let complete = index + 1 == rows.len() && rows.len() < ROWS;
                return Ok(Scanned { visitor, last, complete });
            }
        }
        if rows.len() < ROWS {
            return Ok(Scanned { visitor, last, complete: true });
        }
        std::thread::yield_now();
    }
}
