//! An arbiter's customers over a store that takes its time: the real mailboxes, on the real actor library, driven by
//! the scheduler instead of a thread.

use crate::slow_store::{Slow, serve};
use roadbook_kernel::Moment;
use roadbook_mailboxes::schedules::Arbiter;
use roadbook_runtime::{Catalogs, Direct, Engine, KeyRing, Limits, ManualClock, Memory, Router, Tally};
use shuttle::future::block_on;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// When everything happens.
pub const NOW: Moment = Moment::from_millis(1_740_787_200_000);

/// A process with one arbiter.
pub struct Process {
    /// The way to customers through their mailboxes.
    pub router: Arc<Router>,
    /// The mailboxes themselves.
    pub arbiter: Arc<Arbiter>,
    /// What the engine counts.
    pub engine: Arc<Engine>,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<shuttle::thread::JoinHandle<()>>,
    slow: Arc<Slow>,
}

/// An engine over a store.
pub fn engine(store: &Arc<Slow>) -> Arc<Engine> {
    let clock = Arc::new(ManualClock::at(NOW));
    Arc::new(Engine {
        store: store.clone(),
        history: store.memory.clone(),
        journal: store.memory.clone(),
        clock: clock.clone(),
        wall: clock,
        keys: KeyRing::new([7; 32]),
        catalogs: Catalogs::default(),
        subscriptions: Default::default(),
        limits: Limits::default(),
        tally: Tally::default(),
    })
}

impl Process {
    /// Opens it: a task for the arbiter, and one for the store.
    pub fn open(awake_max: usize) -> Self {
        let slow = Arc::new(Slow::over(Arc::new(Memory::new())));
        let engine = engine(&slow);
        let (ready, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let turns = engine.clone();
        let arbiter = shuttle::thread::spawn(move || {
            let local = LocalSet::new();
            block_on(local.run_until(async move {
                let arbiter = Arc::new(Arbiter::start(turns, awake_max));
                if ready.send(arbiter).is_ok() {
                    // Told to stop, or nobody is left to tell it.
                    let _either = stopped.await;
                }
            }));
        });
        let served = slow.clone();
        let disk = shuttle::thread::spawn(move || block_on(serve(&served)));
        let arbiter_of = block_on(started).expect("an arbiter that starts");
        let router = Arc::new(Router::new(engine.clone(), arbiter_of.clone()));
        Self { router, arbiter: arbiter_of, engine, stop: Some(stop), threads: vec![arbiter, disk], slow }
    }

    /// A router of another process over the same store.
    pub fn elsewhere(&self) -> Arc<Router> {
        let engine = engine(&self.slow);
        Arc::new(Router::new(engine.clone(), Arc::new(Direct(engine))))
    }

    /// What the store holds.
    pub fn memory(&self) -> &Memory {
        &self.slow.memory
    }

    /// Lets the store fail now and then.
    pub fn trouble(&self, faults: u32, panics: u32) {
        self.slow.trouble(faults, panics);
    }

    /// The arbiter ends, in the middle of whatever it does.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
    }

    /// Ends everything.
    pub fn close(mut self) {
        self.stop();
        let disk = self.threads.pop();
        self.threads.drain(..).for_each(|thread| thread.join().expect("an arbiter that ends"));
        self.slow.close();
        disk.into_iter().for_each(|thread| thread.join().expect("a store that ends"));
    }
}
