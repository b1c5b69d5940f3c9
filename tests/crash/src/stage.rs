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
    now: Mutex<Now>,
}

#[derive(Debug, Clone, Copy)]
struct Now {
    mood: Mood,
    since: Instant,
    /// When SIGTERM was last about to be sent.
    told: Instant,
    life: u64,
}

impl Stage {
    /// Running.
    pub fn new(server: SocketAddr, keys: Keys, seed: u64) -> Self {
        let now = Instant::now();
        Self { server, keys, seed, now: Mutex::new(Now { mood: Mood::Running, since: now, told: now, life: 0 }) }
    }

    fn now(&self) -> Now {
        *self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What is going on now.
    pub fn mood(&self) -> Mood {
        self.now().mood
    }

    /// Which process serves, counted from the start; taken down before a request is sent. What a killed process took
    /// with it may be noticed only when the next one drains.
    pub fn life(&self) -> u64 {
        self.now().life
    }

    /// Whether no more load is wanted.
    pub fn is_over(&self) -> bool {
        matches!(self.mood(), Mood::Over | Mood::GivenUp)
    }

    /// Something else goes on from now on.
    pub fn turn(&self, mood: Mood) {
        let mut now = self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        (now.mood, now.since) = (mood, Instant::now());
        if mood == Mood::Draining {
            now.told = now.since;
        }
    }

    /// A new process serves.
    pub fn started(&self) {
        let mut now = self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *now = Now { mood: Mood::Running, since: Instant::now(), told: now.told, life: now.life + 1 };
    }

    /// Whether the process of this life drains, or has.
    pub fn drains(&self, life: u64) -> bool {
        let now = self.now();
        now.life == life && matches!(now.mood, Mood::Draining | Mood::Drained)
    }

    /// Whether a drain that goes on, or has ended, began after this instant.
    pub fn drains_since(&self, sent: Instant) -> bool {
        let now = self.now();
        matches!(now.mood, Mood::Draining | Mood::Drained) && sent < now.told
    }

    /// Whether the load has been over for so long that nothing more is to be waited for.
    pub fn is_late(&self) -> bool {
        let now = self.now();
        now.mood == Mood::GivenUp || now.since.elapsed() > SETTLE
    }
}
