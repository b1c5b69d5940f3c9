//! What a door needs to do its work.

use crate::config::Config;
use crate::tenants::Tenants;
use roadbook_access::{Access, People};
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Fetch, Queue};
use roadbook_runtime::relay::SYSTEM;
use roadbook_runtime::{Engine, Router};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// What becomes of an event that was read.
pub enum Intake {
    /// It is applied at once: the answer comes after the commit of its turn.
    Direct,
    /// It is accepted by a queue, durably, and applied in a moment: the answer comes in between.
    Queued(Arc<dyn Queue>),
}

/// The application behind every door.
pub struct App {
    /// Ports, catalogs, limits, counters.
    pub engine: Arc<Engine>,
    /// From identifiers to actors.
    pub router: Arc<Router>,
    /// API keys.
    pub access: Access,
    /// People who sign in, and their tokens.
    pub people: People,
    /// Tenants of this installation.
    pub tenants: Tenants,
    /// Settings.
    pub config: Config,
    /// Since when this process alone serves the store; `None` where several may.
    pub alone_since: Option<Moment>,
    /// What becomes of events.
    pub intake: Intake,
    leaving: AtomicBool,
    left: Notify,
    draining: AtomicBool,
}

impl App {
    /// Puts an application together, which believes its own tokens only and applies events at once.
    pub fn new(engine: Arc<Engine>, router: Arc<Router>, config: Config) -> Self {
        let store = engine.store.clone();
        Self {
            access: Access::new(store.clone(), engine.wall.clone()),
            people: People::new(store.clone(), &token_secret(&engine)),
            tenants: Tenants::new(store),
            engine,
            router,
            config,
            alone_since: None,
            intake: Intake::Direct,
            leaving: AtomicBool::new(false),
            left: Notify::new(),
            draining: AtomicBool::new(false),
        }
    }

    /// The same, in a process that alone serves the store from now on: whatever a former one had begun and not finished
    /// is free.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone_since = Some(self.engine.clock.now());
        self
    }

    /// The same, which also believes the sign-in providers of its settings. `fetch` gets their keys.
    #[must_use]
    pub fn trusting(mut self, fetch: &Arc<dyn Fetch>) -> Self {
        // The settings were checked when they were read; a provider that cannot be used vouches for nobody.
        let providers = self.config.oidc.iter().filter_map(|one| one.settings().ok()).collect();
        self.people = self.people.trusting(providers, fetch);
        self
    }

    /// The same, whose events wait in a queue until somebody applies them.
    #[must_use]
    pub fn queueing(mut self, queue: Arc<dyn Queue>) -> Self {
        self.intake = Intake::Queued(queue);
        self
    }

    /// The process is about to stop: from now on `/readyz` says no, every answer closes its connection, and answers that
    /// would not end by themselves end. What has been sent already is still taken.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        self.left.notify_waiters();
    }

    /// Whether the process is about to stop.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    /// Returns when the process is about to stop: for answers that would not end by themselves.
    pub async fn until_leaving(&self) {
        let told = self.left.notified();
        tokio::pin!(told);
        // Listens before it looks.
        told.as_mut().enable();
        if !self.is_leaving() {
            told.await;
        }
    }

    /// From now on the process finishes what it has and takes nothing new.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.leave();
    }

    /// Whether nothing new is taken.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}

/// What the key for tokens is derived from: it follows from the master key, so it is kept nowhere else.
fn token_secret(engine: &Engine) -> [u8; 32] {
    let keys = engine.keys.of(SYSTEM);
    let mut secret = [0; 32];
    for (half, out) in secret.chunks_exact_mut(16).enumerate() {
        out.copy_from_slice(&keys.derived(&[b"secret of tokens", &[half as u8]]).0.to_be_bytes());
    }
    secret
}
