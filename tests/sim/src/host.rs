//! One host: an engine with its own clock, caches and rows. All of it is gone when the host dies.

use crate::boxes::Boxes;
use crate::hooks::{Ears, HookLine};
use crate::ports::Ports;
use crate::provider::{Line, Sink};
use crate::queues::Pipes;
use crate::world::{Life, Skewed, World};
use roadbook_runtime::ahead::Ahead;
use roadbook_runtime::engine::{Engine, KeyRing, Limits, Tally};
use roadbook_runtime::ports::{Journal, Ledger};
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{Poked, Router, Streamed};
use roadbook_send::{Announcer, Sender};
use std::sync::{Arc, Mutex};

/// Whose log the relay reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Log {
    /// The store's own: a relay with a cursor.
    Own,
    /// A stream that brings turns, some of them twice.
    Stream,
}

/// A living host.
pub struct Host {
    /// Its life.
    pub life: Life,
    /// Its engine.
    pub engine: Arc<Engine>,
    /// Its mailboxes.
    pub boxes: Arc<Boxes>,
    /// Its router.
    pub router: Arc<Router>,
    /// Its sender.
    pub sender: Arc<Sender>,
    /// Its ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Its relay, with the place it knows; empty while a pass is under way.
    pub relay: Arc<Mutex<Option<Relay>>>,
    /// Its way to the queues.
    pub pipes: Arc<Pipes>,
    /// Its line to webhook endpoints.
    pub hooks: Arc<HookLine>,
    /// Its worker on the webhook queue.
    pub announcer: Arc<Announcer>,
    /// How far ahead it has poked; empty while a tick is under way.
    pub ahead: Arc<Mutex<Option<Ahead>>>,
    /// Whom its relay has poked.
    pub poked: Arc<Poked>,
}

/// How events and timers reach customers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// At once, in the process that was asked; loops look for what is due.
    Host,
    /// Through queues, in functions.
    Queues,
}

/// What every host of a run is made with.
#[derive(Clone)]
pub struct Making {
    /// The world.
    pub world: Arc<World>,
    /// The provider.
    pub sink: Arc<Sink>,
    /// Bounds of a turn.
    pub limits: Limits,
    /// How the relay learns of turns.
    pub log: Log,
    /// How events reach customers.
    pub way: Way,
    /// The webhook endpoints.
    pub ears: Arc<Ears>,
}

impl Making {
    /// A host begins, its clock off by so much.
    pub fn host(&self, number: usize, skew_ms: i64) -> Host {
        let life = Life::begin(self.world.clone(), number);
        let ports = Arc::new(Ports(life.clone()));
        let clock = Arc::new(Skewed { world: self.world.clone(), skew_ms });
        let journal: Arc<dyn Journal> = match self.log {
            Log::Own => ports.clone(),
            Log::Stream => Arc::new(Streamed),
        };
        let engine = Arc::new(Engine {
            store: ports.clone(),
            history: ports.clone(),
            journal,
            clock: clock.clone(),
            wall: clock,
            keys: KeyRing::new([7; 32]),
            catalogs: Default::default(),
            subscriptions: Default::default(),
            limits: self.limits.clone(),
            tally: Tally::default(),
        });
        let boxes = Arc::new(Boxes::new(engine.clone(), life.clone(), self.way));
        let router = Arc::new(Router::new(engine.clone(), boxes.clone()));
        let line = Arc::new(Line { life: life.clone(), sink: self.sink.clone() });
        let sender = Arc::new(Sender::new(engine.clone(), boxes.clone(), line));
        let pipes = Arc::new(Pipes(Ports(life.clone())));
        let hooks = Arc::new(HookLine { life: life.clone(), ears: self.ears.clone() });
        let announcer = Announcer::new(engine.clone(), hooks.clone());
        Host {
            life,
            engine,
            boxes,
            router,
            sender,
            ledger: ports,
            relay: Arc::default(),
            pipes,
            hooks,
            announcer,
            ahead: Arc::default(),
            poked: Arc::default(),
        }
    }
}
