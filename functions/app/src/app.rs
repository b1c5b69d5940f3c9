//! What a door needs to do its work.

use crate::config::Config;
use crate::tenants::Tenants;
use roadbook_access::Access;
use roadbook_runtime::{Engine, Router};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// The application behind every door.
pub struct App {
    /// Ports, catalogs, limits, counters.
    pub engine: Arc<Engine>,
    /// From identifiers to actors.
    pub router: Arc<Router>,
    /// API keys.
    pub access: Access,
    /// Tenants of this installation.
    pub tenants: Tenants,
    /// Settings.
    pub config: Config,
    draining: AtomicBool,
    drained: Notify,
}

impl App {
    /// Puts an application together.
    pub fn new(engine: Arc<Engine>, router: Arc<Router>, config: Config) -> Self {
        let store = engine.store.clone();
        Self {
            access: Access::new(store.clone()),
            tenants: Tenants::new(store),
            engine,
            router,
            config,
            draining: AtomicBool::new(false),
            drained: Notify::new(),
        }
    }

    /// From now on `/readyz` says no: the process finishes what it has and takes nothing new.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.drained.notify_waiters();
    }

    /// Whether the process is about to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Returns when the process is about to stop: for answers that would not end by themselves.
    pub async fn until_draining(&self) {
        let told = self.drained.notified();
        tokio::pin!(told);
        // Listens before it looks.
        told.as_mut().enable();
        if !self.is_draining() {
            told.await;
        }
    }
}
