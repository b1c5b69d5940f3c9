//! The port to durable items, answered from DynamoDB.

use crate::action::{binary, key};
use crate::keys::{due_partitions, due_range, partition, partitions, range};
use crate::merge::merged;
use crate::outbox::Seen;
use crate::outcome;
use crate::plan::Names;
use crate::query::read_item;
use crate::tables;
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use futures_util::future::try_join_all;
use quick_cache::sync::Cache;
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::ports::store::LANES;
use roadbook_runtime::ports::{Commit, CommitError, DueEntry, DueKind, Fault, Item, ItemKey, Space, Store};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Both tables of one deployment.
pub struct Dynamo {
    /// Repeats what fails, as the SDK does: a read does no harm.
    pub(crate) reads: Client,
    /// Repeats nothing: see `commit.rs`.
    pub(crate) writes: Client,
    pub(crate) names: Names,
    /// What this process draws its marks from.
    seed: RandomState,
    drawn: AtomicU64,
    /// What rows keep for the relay, as last seen. A hint: a turn that finds none, or one of another version, asks.
    pub(crate) seen: Cache<ItemKey, Seen>,
}

/// Rows whose kept records are remembered: a few hundred bytes each.
const SEEN_MAX: usize = 10_000;

impl Dynamo {
    /// The tables whose names begin with `prefix`.
    pub fn new(client: &Client, prefix: &str) -> Self {
        let once = client.config().to_builder().retry_config(RetryConfig::disabled()).build();
        Self {
            reads: client.clone(),
            writes: Client::from_conf(once),
            names: Names {
                items: tables::name(prefix, &tables::ITEMS),
                history: tables::name(prefix, &tables::HISTORY),
            },
            seed: RandomState::new(),
            drawn: AtomicU64::new(0),
            seen: Cache::new(SEEN_MAX),
        }
    }

    /// The fault to tell of a request to these tables.
    pub(crate) fn fault<E: ProvideErrorMetadata>(&self, tried: &str, error: &SdkError<E, HttpResponse>) -> Fault {
        let region = self.reads.config().region().map_or("none", AsRef::as_ref);
        let at = format!("tables {} and {}, region {region}", self.names.items, self.names.history);
        outcome::fault(tried, &at, error)
    }

    /// Eight bytes that no other writer draws. Not a secret: they only have to differ.
    pub(crate) fn draw(&self) -> [u8; 8] {
        self.seed.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
    }

    /// A name for one transaction.
    pub(crate) fn token(&self) -> String {
        format!("{:016x}{:016x}", u64::from_be_bytes(self.draw()), u64::from_be_bytes(self.draw()))
    }
}

#[async_trait]
impl Store for Dynamo {
    async fn load(&self, item: &ItemKey) -> Result<Option<Item>, Fault> {
        if let Some(found) = self.load_and_ask(item).await? {
            return Ok(found);
        }
        let request = self.reads.get_item().table_name(&self.names.items).consistent_read(true);
        let request = request.set_key(Some(key(partition(item), binary(item.local()))));
        let answer = request.send().await.map_err(|error| self.fault("read an item", &error))?;
        let Some(attributes) = answer.item() else { return Ok(None) };
        // A read is paid by the whole item, so what it keeps for the relay is taken along for the next turn.
        self.saw(item, Seen::read(attributes)?);
        read_item(attributes)
    }

    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault> {
        merged(self, partitions(space, tenant), range(prefix, after), limit).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.write(commit).await
    }

    /// The index trails the table by moments: an entry may be missing, or be there although it was moved. Who acts on
    /// one reads the item, and whoever was missed is found by the next search.
    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
        let lane = |lane| merged(self, due_partitions(kind, lane), due_range(None, until), limit);
        Ok(try_join_all((0..LANES).map(lane)).await?.concat())
    }

    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault> {
        merged(self, due_partitions(kind, lane), due_range(from, Moment::MAX), limit).await
    }

    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
        let everywhere = (0..LANES).flat_map(|lane| due_partitions(kind, lane));
        let first = merged::<DueEntry>(self, everywhere, due_range(None, Moment::MAX), 1).await?;
        Ok(first.first().map(|entry| entry.due))
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.load(&ItemKey::document(roadbook_runtime::relay::SYSTEM, "ready")).await.map(drop)
    }
}
