//! The ports of an engine over fresh tables.

use crate::emulator::Place;
use async_trait::async_trait;
use roadbook_it::rig::{Rig, T0};
use roadbook_kernel::{ActorKey, MessageId, Moment, TenantId};
use roadbook_runtime::engine::Limits;
use roadbook_runtime::ports::{
    Commit, CommitError, Committed, DueEntry, DueKind, Fault, History, Item, ItemKey, Journal, Space, Store, Turn,
};
use roadbook_runtime::{ManualClock, Streamed};
use std::sync::Arc;

/// An engine over them.
pub fn over(place: Place, limits: Limits) -> Rig<Place> {
    let clock = || Arc::new(ManualClock::at(T0));
    Rig::build(Arc::new(place), clock(), clock(), limits)
}

/// Its turns come by the stream, so its log is empty.
#[async_trait]
impl Journal for Place {
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Committed>, Fault> {
        Streamed.read(after, limit).await
    }

    async fn truncate(&self, upto: u64) -> Result<(), Fault> {
        Streamed.truncate(upto).await
    }

    fn last(&self) -> u64 {
        Streamed.last()
    }

    async fn wait(&self, after: u64) {
        Streamed.wait(after).await;
    }
}

#[async_trait]
impl Store for Place {
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
        self.dynamo.load(key).await
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        self.dynamo.scan(space, tenant, prefix, after, limit).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.dynamo.commit(commit).await
    }

    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        self.dynamo.due(kind, until, limit).await
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        self.dynamo.due_page(kind, lane, from, limit).await
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        self.dynamo.next_due(kind).await
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.dynamo.ready().await
    }
}

#[async_trait]
impl History for Place {
    async fn turns(&self, actor: &ActorKey, after: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        self.dynamo.turns(actor, after, limit).await
    }

    async fn turns_before(&self, actor: &ActorKey, before: u64, limit: usize) -> Result<Vec<Turn>, Fault> {
        self.dynamo.turns_before(actor, before, limit).await
    }

    async fn find(&self, actor: &ActorKey, message: MessageId) -> Result<Option<u64>, Fault> {
        self.dynamo.find(actor, message).await
    }
}
