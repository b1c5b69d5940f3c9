//! What the clients and whoever kills the server share.

use crate::host::Keys;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long open commands may take to be answered in the end. A key belongs for a minute to the request that took it,
/// also when the process of that request is dead.
const SETTLE: Duration = Duration::from_secs(75);

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Up, or down for a moment: whatever is not answered is repeated.
    Running,
    /// SIGTERM was sent: what is not answered now is not repeated.
    Draining,
    /// It has ended and is not started yet.
    Drained,
    /// No more load; what is open is settled.
    Over,
    /// The server is lost: nothing is to be settled.
    GivenUp,
}

/// The shared part. Not `Debug`: it holds keys.
pub struct Stage {
    /// Where the server listens, always.
    pub server: SocketAddr,
    /// Its keys.
    pub keys: Keys,
    /// The seed of all draws.
    pub seed: u64,
    now: Mutex<(Mood, Instant)>,
}

impl Stage {
    /// Running.
    pub fn new(server: SocketAddr, keys: Keys, seed: u64) -> Self {
        Self { server, keys, seed, now: Mutex::new((Mood::Running, Instant::now())) }
    }

    fn state(&self) -> (Mood, Instant) {
        *self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What is going on now.
    pub fn mood(&self) -> Mood {
        self.state().0
    }

    /// Whether no more load is wanted.
    pub fn is_over(&self) -> bool {
        matches!(self.mood(), Mood::Over | Mood::GivenUp)
    }

    /// Something else goes on from now on.
    pub fn turn(&self, mood: Mood) {
        *self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = (mood, Instant::now());
    }

    /// Whether this is a drain, and a request of that instant was on its way before it.
    pub fn was_asked_before_drain(&self, asked: Instant) -> bool {
        let (mood, since) = self.state();
        mood == Mood::Draining && asked < since
    }

    /// Whether the load has been over for so long that nothing more is to be waited for.
    pub fn is_late(&self) -> bool {
        let (mood, since) = self.state();
        mood == Mood::GivenUp || since.elapsed() > SETTLE
    }
}
