//! The suite of every store.

use crate::emulator::{Emulator, Place};
use crate::network::{Fate, Network};
use async_trait::async_trait;
use roadbook_it::conformance;
use roadbook_it::faulty::{Faulty, Trouble};
use roadbook_kernel::{ActorKey, MessageId, Moment, TenantId};
use roadbook_runtime::ports::{
    Commit, CommitError, DueEntry, DueKind, Fault, History, Item, ItemKey, Space, Store, Turn,
};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dynamodb_conforms() {
    let Some(emulator) = Emulator::find("dynamodb_conforms") else { return };
    conformance::run_store(async || emulator.place().await, async |place| place.settle().await).await;
}

/// And behind the wrapper that other stores stand behind, which without trouble must change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dynamodb_conforms_while_every_third_write_is_turned_away() {
    let Some(emulator) = Emulator::find("dynamodb_conforms_while_every_third_write_is_turned_away") else { return };
    let make = async || {
        let network = Network::new();
        network.expect(&[Fate::Works, Fate::Throttled, Fate::Works].repeat(500));
        Faulty::new(Arc::new(emulator.place_over(Some(network.client())).await), Trouble::None)
    };
    conformance::run_store(make, async |faulty| faulty.inner().settle().await).await;
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
