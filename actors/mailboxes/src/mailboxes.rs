//! The way deliveries go in a host: to the mailbox of the customer.

use crate::awake::Ask;
use crate::shard::{Shard, To};
use actix::prelude::*;
use async_trait::async_trait;
use roadbook_customer::Command;
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Deliver, Direct, Engine, Message, Outcome};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How many customers may be awake, where, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that run turns.
    pub arbiters: usize,
    /// Customers awake at once, over all threads.
    pub awake_max: usize,
    /// How long an idle customer stays awake.
    pub idle: Duration,
}

/// The actor system did not start.
#[derive(Debug, thiserror::Error)]
#[error("the actor system did not start: {0}")]
pub struct StartError(String);

/// The mailboxes of a process.
pub struct Mailboxes {
    shards: Vec<Addr<Shard>>,
    arbiters: Vec<ArbiterHandle>,
    direct: Direct,
    system: System,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Mailboxes {
    /// Starts the arbiters on threads of their own.
    ///
    /// # Errors
    /// [`StartError`] where no thread could be started.
    pub fn start(engine: Arc<Engine>, settings: Settings) -> Result<Self, StartError> {
        let (ready, started) = std::sync::mpsc::channel();
        let turns = engine.clone();
        let run = move || {
            let runner = System::new();
            let started = runner.block_on(async move {
                let awake_max = (settings.awake_max / settings.arbiters).max(4);
                (0..settings.arbiters)
                    .map(|_| {
                        let engine = turns.clone();
                        let arbiter = Arbiter::new().handle();
                        let shard =
                            Shard::start_in_arbiter(&arbiter, move |_| Shard::new(engine, awake_max, settings.idle));
                        (shard, arbiter)
                    })
                    .unzip::<_, _, Vec<_>, Vec<_>>()
            });
            if ready.send((started, System::current())).is_ok()
                && let Err(error) = runner.run()
            {
                tracing::error!(%error, "the actor system ended with an error");
            }
        };
        let thread = std::thread::Builder::new().name("actors".into()).spawn(run);
        let thread = thread.map_err(|error| StartError(error.to_string()))?;
        let ((shards, arbiters), system) = started.recv().map_err(|error| StartError(error.to_string()))?;
        Ok(Self { shards, arbiters, direct: Direct(engine), system, thread: Some(thread) })
    }

    /// Runs a door on every arbiter's thread, beside the customers of that arbiter: a request for one of them is then
    /// answered without waking another thread. False where an arbiter has ended.
    pub fn beside<F: Future<Output = ()> + Send + 'static>(&self, mut door: impl FnMut() -> F) -> bool {
        self.arbiters.iter().all(|arbiter| arbiter.spawn(door()))
    }

    fn shard(&self, key: &ActorKey) -> &Addr<Shard> {
        // The low bits of an id are hash bits: see `roadbook_kernel::sortable`.
        let place = (key.id.0 % self.shards.len() as u128) as usize;
        &self.shards[place]
    }
}

/// Asks a customer of a shard, and waits for the answer.
pub(crate) async fn ask<T>(
    shard: &Addr<Shard>,
    key: ActorKey,
    ask: impl FnOnce(oneshot::Sender<Result<T, Fault>>) -> Ask,
) -> Result<T, Fault> {
    let (answer, answered) = oneshot::channel();
    shard.do_send(To(key, ask(answer)));
    answered.await.map_err(|_| Fault::Store("the actor system is stopping".into()))?
}

impl Drop for Mailboxes {
    fn drop(&mut self) {
        self.system.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the actor system ended by a panic");
        }
    }
}

#[async_trait]
impl Deliver for Mailboxes {
    async fn customer(&self, key: ActorKey, messages: Vec<Message<Command>>) -> Result<Vec<Outcome>, Fault> {
        ask(self.shard(&key), key, |answer| Ask::Messages { messages, answer }).await
    }

    /// Catalogs change rarely and are read from the shared cache: they need no mailbox.
    async fn catalog(&self, key: ActorKey, message: Message<roadbook_catalog::Command>) -> Result<Outcome, Fault> {
        // To its end even if whoever asked goes away: between the commit and the refreshed cache nobody may stop it.
        let direct = Direct(self.direct.0.clone());
        let told = tokio::spawn(async move { direct.catalog(key, message).await }).await;
        told.map_err(|_| Fault::Store("a catalog command ended by a panic".into()))?
    }

    async fn poke(&self, key: ActorKey) -> Result<(), Fault> {
        ask(self.shard(&key), key, |answer| Ask::Poke { answer }).await
    }
}
