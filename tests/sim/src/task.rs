//! Tasks: futures that are polled in an order chance decides, on hosts that may die between two polls.

use crate::queues::Receipt;
use crate::world::{Job, Running, World};
use roadbook_kernel::{JobId, Moment, TenantId};
use roadbook_runtime::Outcome;
use roadbook_runtime::ports::{Fault, QueueName};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// What is on its way to an actor, until somebody is told that it arrived.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// Messages of one call, with the instant each was accepted; `None` until a host has taken it.
    Events {
        /// The tenant.
        tenant: usize,
        /// Indices of messages, and their stamps.
        messages: Vec<(usize, Option<Moment>)>,
        /// Whether whoever sends it again is stamped anew, as a client's retry is and a queue's is not.
        client: bool,
    },
    /// The command of a step to a customer.
    Tell(usize, Option<Moment>),
    /// The command of a step to a catalog.
    Define(usize, Option<Moment>),
    /// A file: a place in the plan's files.
    File(usize),
    /// A batch of a queue.
    Batch(QueueName, Vec<Receipt>),
}

/// What a task ended with.
pub enum Done {
    /// One result per event.
    Observed(Vec<Result<Outcome, Fault>>),
    /// The result of a command; `None` where there was nobody to tell.
    Told(Result<Option<Outcome>, Fault>),
    /// A loop had its look. `more` says that it found work it left for the next one.
    Looked {
        /// Whether to look again.
        more: bool,
    },
    /// One result per event that was to be queued.
    Accepted(Vec<Result<(), Fault>>),
    /// Which messages of a batch come again; a fault where all of it does.
    Worked(Result<Vec<String>, Fault>),
    /// A file was taken, or not, and why.
    Uploaded(Result<JobId, String>),
    /// The sweeps of a tenant had their turn.
    Swept {
        /// The tenant.
        tenant: usize,
        /// How often it had published when they began.
        published: u64,
        /// Whether there is more to do.
        more: bool,
    },
}

/// The future of a task.
pub type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// One task.
pub struct Task {
    /// On which host.
    pub host: usize,
    /// Not polled before.
    pub wake: Moment,
    /// Cut off from then on, wherever it is.
    pub until: Option<Moment>,
    /// What it carries.
    pub parcel: Option<Parcel>,
    running: Running,
    work: Work,
}

impl Task {
    /// A task that begins now.
    pub fn new(host: usize, job: Job, tenant: Option<TenantId>, now: Moment, work: Work) -> Self {
        Self { host, wake: now, until: None, parcel: None, running: Running { job, tenant, calls: 0 }, work }
    }

    /// The same, with what it carries.
    #[must_use]
    pub fn carrying(mut self, parcel: Parcel) -> Self {
        self.parcel = Some(parcel);
        self
    }

    /// The same, cut off after so long.
    #[must_use]
    pub fn cut_off_at(mut self, at: Moment) -> Self {
        self.until = Some(at);
        self
    }

    /// What it does.
    pub const fn job(&self) -> Job {
        self.running.job
    }

    /// Goes on to the next place where others may come between.
    pub fn poll(&mut self, world: &World) -> Option<Done> {
        {
            let mut inner = world.inner();
            inner.running = self.running;
            inner.wait_ms = 0;
        }
        let done = self.work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let inner = world.inner();
        self.running = inner.running;
        self.wake = world.now().plus_ms(inner.wait_ms);
        match done {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }
}

/// Runs one future to its end while nothing else happens: for looking at a world that stands still.
pub fn alone<T>(world: &World, job: Job, future: impl Future<Output = T>) -> T {
    world.inner().running = Running { job, tenant: None, calls: 0 };
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}
