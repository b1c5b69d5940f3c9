//! The way deliveries go on a simulated host: as its mailboxes do, with the row of the last turn kept.
//!
//! Real mailboxes run on threads of their own. Here a delivery that finds its customer busy begins at once, without the
//! kept row: what a mailbox orders is left to the version condition, which is stricter.

use crate::host::Way;
use crate::world::Life;
use async_trait::async_trait;
use roadbook_catalog::Catalog;
use roadbook_customer::{Command, Customer};
use roadbook_kernel::{ActorKey, ActorKind, MessageId};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::{Deliver, Engine, Message, Outcome, Row, Work, deliver};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The customers who are awake on one host.
pub struct Boxes {
    engine: Arc<Engine>,
    life: Life,
    way: Way,
    kept: Mutex<BTreeMap<ActorKey, Row<Customer>>>,
}

impl Boxes {
    /// Nobody is awake yet.
    pub fn new(engine: Arc<Engine>, life: Life, way: Way) -> Self {
        Self { engine, life, way, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<ActorKey, Row<Customer>>> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Everybody goes to sleep.
    pub fn passivate(&self) {
        self.kept().clear();
    }

    async fn turn(&self, key: ActorKey, work: Work<Command>) -> Result<Vec<Outcome>, Fault> {
        let kept = self.kept().remove(&key);
        let delivered = deliver::<Customer>(&self.engine, key, kept, work).await?;
        // A function keeps no rows.
        if let Some(row) = delivered.row.filter(|_| self.way == Way::Host) {
            self.kept().insert(key, row);
        }
        Ok(delivered.outcomes)
    }
}

#[async_trait]
impl Deliver for Boxes {
    async fn customer(&self, key: ActorKey, messages: Vec<Message<Command>>) -> Result<Vec<Outcome>, Fault> {
        let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
        let outcomes = self.turn(key, Work::Messages(messages)).await?;
        if self.way == Way::Queues {
            // Nobody is answered: what became of a message is seen here, and nowhere else. Of two copies in one delivery
            // that with the earlier time is decided first, wherever it stands.
            let mut seen: Vec<(MessageId, Outcome)> = ids.into_iter().zip(outcomes.iter().cloned()).collect();
            seen.sort_by_key(|(_, outcome)| !matches!(outcome, Outcome::Applied { .. }));
            self.life.world.inner().witnessed.extend(seen);
        }
        Ok(outcomes)
    }

    async fn catalog(&self, key: ActorKey, message: Message<roadbook_catalog::Command>) -> Result<Outcome, Fault> {
        let delivered = deliver::<Catalog>(&self.engine, key, None, Work::Messages(vec![message])).await?;
        self.engine.catalogs.fetch(&self.engine, key.tenant).await?;
        Ok(delivered.outcomes.into_iter().next().unwrap_or(Outcome::Defect))
    }

    async fn poke(&self, key: ActorKey) -> Result<(), Fault> {
        match key.kind {
            ActorKind::Customer => self.turn(key, Work::Poke).await.map(drop),
            ActorKind::Catalog => Ok(()),
        }
    }
}
