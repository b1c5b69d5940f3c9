//! What all hosts share: the store, the time, chance, and what people got.

use crate::chance::Chance;
use crate::queues::Region;
use crate::weather::Weather;
use roadbook_kernel::{ActorKey, DeliveryId, MessageId, Moment};
use roadbook_runtime::ports::{Clock, DueEntry};
use roadbook_runtime::{Memory, Outcome};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// What kind of work a task does: the first half of a step's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Job {
    /// Events on their way to customers.
    Observe,
    /// A command to a customer.
    Tell,
    /// A command to a catalog.
    Define,
    /// Timers.
    Sweep,
    /// The message relay.
    Relay,
    /// The send queue.
    Send,
    /// Sweeps over customers after a publish.
    Backfill,
    /// The webhook queue.
    Announce,
    /// Batches of the inbox queue.
    Inbox,
    /// Batches of pokes.
    Poke,
    /// Batches of hints about sends.
    Hint,
    /// A file on its way in.
    Upload,
    /// The lines of files.
    Import,
}

/// What goes wrong at a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trouble {
    /// It fails, nothing happened.
    Fails,
    /// It is applied, the answer is lost.
    AnswerLost,
    /// The host dies before it.
    DiesBefore,
    /// The host dies after it.
    DiesAfter,
    /// It takes its time.
    Slow,
    /// It answers as of earlier.
    Stale,
}

/// A port call as statistics name it: the job, the call, and which call of its task it is.
pub type Step = (Job, &'static str, u16);

/// One line of what happened.
#[derive(Clone, Debug)]
pub struct Line {
    /// When.
    pub at: Moment,
    /// On which host; `None` for what no host does.
    pub host: Option<usize>,
    /// What.
    pub what: String,
}

/// The task that is being polled.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// What it does.
    pub job: Job,
    /// Whose work it is, where it is one tenant's.
    pub tenant: Option<roadbook_kernel::TenantId>,
    /// Port calls it has made.
    pub calls: u16,
}

/// What changes.
pub struct Inner {
    /// Decides about faults.
    pub chance: Chance,
    /// How often there are any.
    pub weather: Weather,
    /// The task being polled.
    pub running: Running,
    /// How long it asked to wait.
    pub wait_ms: i64,
    /// Steps at which each trouble has struck.
    pub reached: BTreeSet<(Trouble, Step)>,
    /// Entries of the due index as they were read before: what a trailing index still shows.
    pub seen_due: VecDeque<DueEntry>,
    /// What is wrong already: the first promise broken.
    pub broken: Option<String>,
    /// The story, where it is written down.
    pub lines: Option<Vec<Line>>,
    /// Hosts that died.
    pub deaths: u64,
    /// What customers answered to messages, until the run has written it down.
    pub witnessed: Vec<(MessageId, Outcome)>,
    /// When each turn's customer is due next, as a stream would bring it.
    pub timers: BTreeMap<(ActorKey, u64), Option<Moment>>,
    /// Deliveries to webhooks that were given up.
    pub given_up: BTreeMap<DeliveryId, u32>,
}

/// The world.
pub struct World {
    /// The durable store, shared by all hosts.
    pub memory: Memory,
    /// The queues, shared by all hosts.
    pub queues: Region,
    now: AtomicI64,
    inner: Mutex<Inner>,
}

impl World {
    /// A new world at an instant.
    pub fn new(seed: u64, at: Moment, weather: Weather, told: bool) -> Self {
        let inner = Inner {
            chance: Chance::new(seed, 1),
            weather,
            running: Running { job: Job::Observe, tenant: None, calls: 0 },
            wait_ms: 0,
            reached: BTreeSet::new(),
            seen_due: VecDeque::new(),
            broken: None,
            lines: told.then(Vec::new),
            deaths: 0,
            witnessed: Vec::new(),
            timers: BTreeMap::new(),
            given_up: BTreeMap::new(),
        };
        Self {
            memory: Memory::new(),
            queues: Region::default(),
            now: AtomicI64::new(at.millis()),
            inner: Mutex::new(inner),
        }
    }

    /// What changes, for as long as nobody waits.
    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The true time.
    pub fn now(&self) -> Moment {
        Moment::from_millis(self.now.load(Ordering::Relaxed))
    }

    /// Time passes. It never goes back.
    pub fn advance_to(&self, at: Moment) {
        self.now.fetch_max(at.millis(), Ordering::Relaxed);
    }

    /// Writes down what happened, where somebody will read it.
    pub fn tell(&self, host: Option<usize>, what: impl FnOnce() -> String) {
        let at = self.now();
        if let Some(lines) = &mut self.inner().lines {
            lines.push(Line { at, host, what: what() });
        }
    }

    /// A promise is broken: the first one is what the run ends with.
    pub fn broken(&self, what: impl FnOnce() -> String) {
        let mut inner = self.inner();
        if inner.broken.is_none() {
            let what = what();
            let at = self.now();
            if let Some(lines) = &mut inner.lines {
                lines.push(Line { at, host: None, what: format!("BROKEN: {what}") });
            }
            inner.broken = Some(what);
        }
    }
}

/// A host's clock: the true time, and what it is off by.
pub struct Skewed {
    /// The world.
    pub world: Arc<World>,
    /// Milliseconds ahead; negative where it is behind.
    pub skew_ms: i64,
}

impl Clock for Skewed {
    fn now(&self) -> Moment {
        self.world.now().plus_ms(self.skew_ms)
    }
}

/// One life of a host: everything that ends with it asks whether it has ended.
#[derive(Clone)]
pub struct Life {
    /// The world.
    pub world: Arc<World>,
    /// Which host.
    pub host: usize,
    dead: Arc<AtomicBool>,
}

impl Life {
    /// A host begins.
    pub fn begin(world: Arc<World>, host: usize) -> Self {
        Self { world, host, dead: Arc::default() }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// It ends here.
    pub fn end(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.world.inner().deaths += 1;
        self.world.tell(Some(self.host), || "dies".into());
    }
}
