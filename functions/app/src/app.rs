//! What a door needs to do its work.

use crate::config::Config;
use crate::tenants::Tenants;
use roadbook_access::{Access, Fetch, People};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::relay::SYSTEM;
use roadbook_runtime::{Engine, Router};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    draining: AtomicBool,
}

impl App {
    /// Puts an application together. `fetch` gets the keys of the sign-in providers in the settings.
    ///
    /// # Errors
    /// A master key the key for tokens cannot be derived from, or settings that were not checked.
    pub fn new(
        engine: Arc<Engine>,
        router: Arc<Router>,
        config: Config,
        fetch: &Arc<dyn Fetch>,
    ) -> Result<Self, Fault> {
        let store = engine.store.clone();
        let providers = config.oidc.iter().map(crate::Oidc::settings).collect::<Result<Vec<_>, _>>();
        let providers = providers.map_err(|problem| Fault::Store(format!("the settings of `oidc`: {problem}")))?;
        Ok(Self {
            access: Access::new(store.clone(), engine.wall.clone()),
            people: People::new(store.clone(), &token_secret(&engine))?.trusting(providers, fetch),
            tenants: Tenants::new(store),
            engine,
            router,
            config,
            draining: AtomicBool::new(false),
        })
    }

    /// From now on `/readyz` says no: the process finishes what it has and takes nothing new.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the process is about to stop.
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
