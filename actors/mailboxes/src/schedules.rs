//! What the schedules of `tests/sched` need to see of this crate, and nobody else: it exists in their build alone.

use crate::awake::Ask;
use crate::mailboxes::ask;
use crate::shard::{Look, Shard};
use actix::prelude::*;
use async_trait::async_trait;
use roadbook_customer::Command;
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Deliver, Direct, Engine, Message, Outcome};
use std::sync::Arc;
use std::time::Duration;

/// The mailboxes of one arbiter, without the thread: a scheduler drives them.
pub struct Arbiter {
    shard: Addr<Shard>,
    direct: Direct,
}

impl Arbiter {
    /// Starts them in the local set that is running.
    pub fn start(engine: Arc<Engine>, awake_max: usize) -> Self {
        let shard = Shard::new(engine.clone(), awake_max, Duration::from_secs(3600)).start();
        Self { shard, direct: Direct(engine) }
    }

    /// What otherwise a timer does: whoever was not used since the last time goes to sleep.
    pub fn look(&self) {
        self.shard.do_send(Look);
    }
}

#[async_trait]
impl Deliver for Arbiter {
    async fn customer(&self, key: ActorKey, messages: Vec<Message<Command>>) -> Result<Vec<Outcome>, Fault> {
        ask(&self.shard, key, |answer| Ask::Messages { messages, answer }).await
    }

    async fn catalog(&self, key: ActorKey, message: Message<roadbook_catalog::Command>) -> Result<Outcome, Fault> {
        self.direct.catalog(key, message).await
    }

    async fn poke(&self, key: ActorKey) -> Result<(), Fault> {
        ask(&self.shard, key, |answer| Ask::Poke { answer }).await
    }
}
