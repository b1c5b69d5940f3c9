//! What is turned away before anything is taken: while the process stops, while the store could not commit, and when
//! too many events are under way.

use crate::failure::Failure;
use axum::http::StatusCode;
use roadbook_app::App;
use roadbook_runtime::ports::Fault;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// For how long an answer of the store is believed. The store watches its disk itself and refuses a commit that does
/// not fit; asking first only spares the work.
const READY_BELIEVED_MS: u64 = 100;

/// The gate of one process.
pub(crate) struct Gate {
    started: Instant,
    ask_again_ms: AtomicU64,
    sound: AtomicBool,
    fault: RwLock<Option<Fault>>,
    in_flight: AtomicUsize,
}

/// The right to work on some events. Gives their places back when it is dropped, also when the request is.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    in_flight: &'a AtomicUsize,
    events: usize,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(self.events, Ordering::Relaxed);
    }
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            ask_again_ms: AtomicU64::new(0),
            sound: AtomicBool::new(true),
            fault: RwLock::new(None),
            in_flight: AtomicUsize::new(0),
        }
    }

    /// Whether something that will write may begin.
    pub(crate) async fn open(&self, app: &App) -> Result<(), Failure> {
        if app.is_draining() {
            let detail = "this process is about to stop; repeat the request";
            return Err(Failure::busy(StatusCode::SERVICE_UNAVAILABLE, "draining", detail));
        }
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.ask_again_ms.load(Ordering::Relaxed);
        let mine = now >= due
            && self
                .ask_again_ms
                .compare_exchange(due, now + READY_BELIEVED_MS, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            self.note(app.engine.store.ready().await);
        }
        if self.sound.load(Ordering::Acquire) {
            return Ok(());
        }
        let fault = self.fault.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        fault.map_or(Ok(()), |fault| Err(Failure::fault(&fault)))
    }

    /// Logs the change only: while a disk is full, thousands of requests per second would say the same.
    fn note(&self, verdict: Result<(), Fault>) {
        let was_sound = self.sound.swap(verdict.is_ok(), Ordering::AcqRel);
        match &verdict {
            Err(fault) if was_sound => tracing::error!(%fault, "nothing is taken until the store can commit again"),
            Ok(()) if !was_sound => tracing::info!("the store can commit again"),
            Ok(()) | Err(_) => {}
        }
        *self.fault.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = verdict.err();
    }

    /// Takes places for `events`.
    pub(crate) fn enter(&self, events: usize, events_max: usize) -> Result<Ticket<'_>, Failure> {
        let before = self.in_flight.fetch_add(events, Ordering::Relaxed);
        let ticket = Ticket { in_flight: &self.in_flight, events };
        if before + events > events_max {
            let detail = "too many events are under way; nothing was taken, repeat the request";
            return Err(Failure::busy(StatusCode::TOO_MANY_REQUESTS, "too_many_in_flight", detail));
        }
        Ok(ticket)
    }

    /// Events being worked on.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_also_from_those_turned_away() {
        let gate = Gate::new();
        let first = gate.enter(3, 4).expect("there is room for three");
        let refused = gate.enter(2, 4).expect_err("there is room for one more only");
        assert_eq!((refused.status(), gate.in_flight()), (StatusCode::TOO_MANY_REQUESTS, 3));
        drop(first);
        assert_eq!(gate.in_flight(), 0);
        assert!(gate.enter(4, 4).is_ok());
    }
}
