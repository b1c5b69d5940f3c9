//! Deliveries without mailboxes: every turn loads its row. What a function does, and what tests and replay use.

use crate::deliver::{Work, deliver};
use crate::engine::Engine;
use crate::message::{Message, Outcome};
use crate::ports::Fault;
use crate::router::Deliver;
use async_trait::async_trait;
use roadbook_catalog::Catalog;
use roadbook_customer::{Command, Customer};
use roadbook_kernel::{ActorKey, ActorKind};
use std::sync::Arc;

/// Delivers straight to the engine.
pub struct Direct(pub Arc<Engine>);

#[async_trait]
impl Deliver for Direct {
    async fn customer(&self, key: ActorKey, messages: Vec<Message<Command>>) -> Result<Vec<Outcome>, Fault> {
        Ok(deliver::<Customer>(&self.0, key, None, Work::Messages(messages)).await?.outcomes)
    }

    async fn catalog(&self, key: ActorKey, message: Message<roadbook_catalog::Command>) -> Result<Outcome, Fault> {
        let delivered = deliver::<Catalog>(&self.0, key, None, Work::Messages(vec![message])).await?;
        self.0.catalogs.fetch(&self.0, key.tenant).await?;
        Ok(delivered.outcomes.into_iter().next().unwrap_or(Outcome::Defect))
    }

    async fn poke(&self, key: ActorKey) -> Result<(), Fault> {
        match key.kind {
            ActorKind::Customer => deliver::<Customer>(&self.0, key, None, Work::Poke).await.map(drop),
            ActorKind::Catalog => Ok(()),
        }
    }
}
