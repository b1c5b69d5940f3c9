//! Events as they come, by server-sent events.
//!
//! A watcher has no queue of their own: they read on in the ring from where they are. Whoever is slower than the
//! events misses those the ring has forgotten, and is told how many.

use super::ring::{EVENTS_MAX, Ring, Watcher};
use super::show;
use crate::api::Api;
use crate::failure::{Failure, log};
use crate::secret::Secret;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use roadbook_kernel::TenantId;
use serde_json::json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// After this much silence a comment says that the connection is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The shortest time between two looks into the ring: nobody reads faster, and masking costs what ingestion must have.
const LOOK: Duration = Duration::from_millis(100);

struct Watching {
    api: Arc<Api>,
    tenant: TenantId,
    ring: Arc<Ring>,
    after: u64,
    /// What one look has found; no more than the ring holds.
    ready: VecDeque<Event>,
    looked: Option<Instant>,
    _place: Watcher,
}

pub(super) fn stream(api: Arc<Api>, secret: &Secret, headers: &HeaderMap) -> Result<Response, Failure> {
    let tenant = secret.tenant();
    let ring = api.debugger.ring(tenant, api.engine().clock.now());
    let place = api.debugger.watch(&ring).ok_or_else(|| {
        let detail = "too many people are watching; close another view and try again";
        Failure::busy(StatusCode::TOO_MANY_REQUESTS, "too_many_watchers", detail)
    })?;
    let after = headers.get("last-event-id").and_then(|id| number(&api, id.to_str().ok()?));
    // A number the ring has not reached is of a ring that was forgotten since.
    let after = after.filter(|number| *number <= ring.newest()).unwrap_or(0);
    let ready = VecDeque::with_capacity(EVENTS_MAX + 1);
    let watching = Watching { api, tenant, ring, after, ready, looked: None, _place: place };
    let events = stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok::<_, Infallible>(event), watching))
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    Ok(([(header::CACHE_CONTROL, "no-store")], Sse::new(events).keep_alive(heartbeat)).into_response())
}

/// The number in an id of this process; an id of another process says nothing about our numbers.
fn number(api: &Api, id: &str) -> Option<u64> {
    let (boot, number) = id.split_once('-')?;
    (boot == api.debugger_boot.to_string()).then_some(number)?.parse().ok()
}

impl Watching {
    /// The next event; `None` when the process is about to stop: the client comes again, to another one.
    async fn next(&mut self) -> Option<Event> {
        let (ring, api) = (self.ring.clone(), self.api.clone());
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            // Listens before it looks: what comes in between ends the wait below at once.
            let changed = ring.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let stopping = api.app.until_leaving();
            tokio::pin!(stopping);
            if let Some(looked) = self.looked {
                tokio::select! {
                    () = tokio::time::sleep_until(looked + LOOK) => {}
                    () = stopping.as_mut() => return None,
                }
            }
            if self.look().await {
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = stopping => return None,
            }
        }
    }

    /// Whether there was anything new.
    async fn look(&mut self) -> bool {
        let found = self.ring.after(self.after);
        if found.dropped > 0 {
            let told = json!({ "count": found.dropped }).to_string();
            self.ready.push_back(Event::default().event("dropped").data(told));
            self.after += found.dropped;
        }
        for entry in found.entries {
            self.after = entry.number;
            match show::entry(&self.api, self.tenant, &entry).await {
                Ok(shown) => {
                    let event = Event::default().event("event").id(show::id(&self.api, entry.number));
                    self.ready.push_back(event.data(shown.to_string()));
                }
                // It stays in the list for the next who asks.
                Err(fault) => log(&fault),
            }
        }
        let any = !self.ready.is_empty();
        if any {
            self.looked = Some(Instant::now());
        }
        any
    }
}
