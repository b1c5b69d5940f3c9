//! What every handler of this door has at hand.

use crate::debugger::Debugger;
use crate::gate::Gate;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::scan::Scans;
use roadbook_app::App;
use roadbook_runtime::Engine;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Files that may be on their way in at once; each holds up to half a megabyte of memory.
const UPLOADS_MAX: usize = 4;

/// The application, and what this door keeps for itself.
pub(crate) struct Api {
    pub(crate) app: Arc<App>,
    pub(crate) gate: Gate,
    pub(crate) metrics: Metrics,
    /// Places for files that are on their way in.
    pub(crate) uploads: Semaphore,
    pub(crate) scans: Scans,
    pub(crate) limits: Limits,
    pub(crate) debugger: Debugger,
    /// When this process began, in milliseconds: its events are numbered anew.
    pub(crate) debugger_boot: i64,
}

impl Api {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let limits = Limits::new(app.config.rate_limit_per_minute);
        let debugger_boot = app.engine.clock.now().millis();
        let (gate, metrics, debugger) = (Gate::new(), Metrics::default(), Debugger::new());
        let (scans, uploads) = (Scans::new(app.clone()), Semaphore::new(UPLOADS_MAX));
        Self { app, gate, metrics, scans, uploads, limits, debugger, debugger_boot }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.app.engine
    }
}

/// Random bytes for what nothing can be derived from: a new key, the id of a command that has no name of its own.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], crate::failure::Failure> {
    roadbook_app::random().map_err(|_| crate::failure::Failure::no_randomness())
}
