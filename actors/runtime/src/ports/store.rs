//! The port to durable items: one conditional write that changes several of them or none.

use crate::ports::history::{Turn, TurnIndex};
use async_trait::async_trait;
use bytes::Bytes;
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{ActorKey, DeadLetterId, DeliveryId, EndpointId, MessageId, Moment, SendKey, TenantId};

/// The world failed. Nothing is known to have happened, except after [`CommitError::Fault`] of a commit, which may or
/// may not have been applied: load again and look.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    /// The store cannot be reached or answered with an error.
    #[error("the store failed: {0}")]
    Store(String),
    /// Something stored cannot be read: a defect or a damaged disk.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// There is no room to write: refuse before anything is taken.
    #[error("the disk is nearly full: {free_bytes} bytes free, {needed_bytes} needed")]
    DiskFull {
        /// Bytes free now.
        free_bytes: u64,
        /// Bytes that must stay free.
        needed_bytes: u64,
    },
    /// Too much work is waiting: refuse before anything is taken.
    #[error("too much work is waiting; try again in a moment")]
    Overloaded,
    /// The same turn lost its race too often.
    #[error("the actor is contended: {0} attempts lost their race")]
    Contended(u32),
    /// A turn that must not be: a defect of ours. Nothing of it was written.
    #[error("a turn was not written, because it breaks a law of the engine: {0}")]
    Unlawful(&'static str),
}

impl Fault {
    /// Stored JSON that does not read: what it is, and the place. Never the parser's own text, which quotes values.
    pub fn unreadable(what: &str, error: &serde_json::Error) -> Self {
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        Self::Corrupt(format!("{what}: {kind:?} error at line {line}, column {column}"))
    }
}

/// What kind of thing an item is. Each kind has a key space of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// One row per actor.
    Actor,
    /// Identifier -> owner.
    Claim,
    /// Older inbox entries of an actor.
    Page,
    /// Dead letters.
    Letter,
    /// Immutable or rarely written things with a text key: revisions, keys, tenants, sweeps, cursors.
    Document,
    /// One per send.
    Send,
    /// One per announcement to a webhook endpoint.
    Delivery,
    /// Exact counters: the value is a number.
    Counter,
}

impl Space {
    /// Every space, for stores that keep one table each.
    pub const ALL: [Space; 8] = [
        Space::Actor,
        Space::Claim,
        Space::Page,
        Space::Letter,
        Space::Document,
        Space::Send,
        Space::Delivery,
        Space::Counter,
    ];
}

/// The key of an item. It begins with 16 bytes of tenant in every space; only the constructors below make one, so
/// there is no key without a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    space: Space,
    bytes: Bytes,
}

impl ItemKey {
    fn new(space: Space, tenant: TenantId, parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(16 + parts.iter().map(|part| part.len()).sum::<usize>());
        bytes.extend_from_slice(&tenant.as_u128().to_be_bytes());
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        Self { space, bytes: bytes.into() }
    }

    /// The row of an actor.
    pub fn actor(key: &ActorKey) -> Self {
        Self { space: Space::Actor, bytes: Bytes::copy_from_slice(&key.to_bytes()) }
    }

    /// The claim of an identifier.
    pub fn claim(tenant: TenantId, key: &IdentifierKey) -> Self {
        Self::new(Space::Claim, tenant, &[&key.to_bytes()])
    }

    /// One page of an actor's older inbox entries.
    pub fn page(actor: &ActorKey, number: u32) -> Self {
        let key = actor.to_bytes();
        Self::new(Space::Page, actor.tenant, &[&key[16..], &number.to_be_bytes()])
    }

    /// A dead letter. Newest first: ids order by time, scans run forward, and people read the newest first, so the
    /// bits of the id are inverted.
    pub fn letter(tenant: TenantId, id: DeadLetterId) -> Self {
        Self::new(Space::Letter, tenant, &[b"l", &(!id.as_u128()).to_be_bytes()])
    }

    /// Marks that a message already has a dead letter.
    pub fn letter_of(tenant: TenantId, message: MessageId) -> Self {
        Self::new(Space::Letter, tenant, &[b"m", &message.as_u128().to_be_bytes()])
    }

    /// A document by its name. Names are ASCII paths such as `journey/<id>/3`.
    pub fn document(tenant: TenantId, name: &str) -> Self {
        Self::new(Space::Document, tenant, &[name.as_bytes()])
    }

    /// A send.
    pub fn send(tenant: TenantId, key: SendKey) -> Self {
        Self::new(Space::Send, tenant, &[&key.as_u128().to_be_bytes()])
    }

    /// An announcement to an endpoint.
    pub fn delivery(tenant: TenantId, endpoint: EndpointId, id: DeliveryId) -> Self {
        Self::new(Space::Delivery, tenant, &[&endpoint.as_u128().to_be_bytes(), &id.as_u128().to_be_bytes()])
    }

    /// A counter by its name.
    pub fn counter(tenant: TenantId, name: &str) -> Self {
        Self::new(Space::Counter, tenant, &[name.as_bytes()])
    }

    /// A key before every other: where an index begins.
    pub(crate) const fn lowest() -> Self {
        Self { space: Space::Actor, bytes: Bytes::new() }
    }

    /// Which kind of item.
    pub const fn space(&self) -> Space {
        self.space
    }

    /// The whole key.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whose item.
    pub fn tenant(&self) -> TenantId {
        let mut body = [0u8; 16];
        body.copy_from_slice(&self.bytes[..16]);
        TenantId::from_u128(u128::from_be_bytes(body))
    }

    /// The key without its tenant.
    pub fn local(&self) -> &[u8] {
        &self.bytes[16..]
    }

    /// Puts a key together again from what [`Store::scan`] returned.
    pub fn from_stored(space: Space, bytes: Bytes) -> Option<Self> {
        (bytes.len() >= 16).then_some(Self { space, bytes })
    }
}

/// A stored item: its fence and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Grows by one with every write; never restarts.
    pub version: u64,
    /// What it holds.
    pub body: Bytes,
}

impl Item {
    /// The number a counter holds.
    pub fn amount(&self) -> i64 {
        self.body.as_ref().try_into().map_or(0, i64::from_be_bytes)
    }
}

/// The condition of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is no such item.
    Absent,
    /// The item has this version.
    Version(u64),
    /// Whatever is there.
    Anything,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Which item.
    pub key: ItemKey,
    /// On what condition.
    pub expect: Expect,
    /// The item from now on; `None` removes it, and whoever removes an item takes it out of the due index as well.
    pub item: Option<Item>,
}

/// What is due: an actor's timer, or the next attempt of a send or a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueKind {
    /// An actor must be poked.
    Actor,
    /// A send must be tried or polled.
    Send,
    /// An announcement must be delivered to its endpoint. Apart from sends, so that an endpoint which answers nobody
    /// cannot stand in the way of a message to a person.
    Delivery,
}

/// A change of the due index, in the same commit as the item it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which index.
    pub kind: DueKind,
    /// The item: an actor's, a send's or a delivery's.
    pub key: ItemKey,
    /// Where it stood.
    pub was: Option<Moment>,
    /// Where it stands now.
    pub now: Option<Moment>,
}

/// One row of the due index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueEntry {
    /// When.
    pub due: Moment,
    /// What.
    pub key: ItemKey,
}

/// Everything one turn changes. All of it becomes durable together, or none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Conditional writes; no two of the same item.
    pub puts: Vec<Put>,
    /// Turns for the commit log: what the relay carries and History keeps. Each comes with the put of its actor's row
    /// at the same version: some stores keep both in one item.
    pub turns: Vec<Turn>,
    /// Changes of the due index.
    pub dues: Vec<Due>,
    /// Amounts added to counters ([`ItemKey::counter`]).
    pub adds: Vec<(ItemKey, i64)>,
    /// History's index of message ids, written by the relay.
    pub index: Vec<TurnIndex>,
}

/// Why a commit did not happen, or is not known to have happened.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum CommitError {
    /// A condition did not hold; nothing was written.
    #[error("an item changed since it was read")]
    Conflict {
        /// The item.
        key: ItemKey,
        /// What is there now.
        current: Option<Item>,
    },
    /// The world failed; it may or may not have been written.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Durable items.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one item, at its latest committed version.
    async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault>;

    /// Reads items of one tenant whose local key begins with `prefix`, in key order, after `after` (a local key).
    async fn scan(
        &self,
        space: Space,
        tenant: TenantId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(ItemKey, Item)>, Fault>;

    /// Writes everything or nothing. When this returns, it is on the disk.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// What is due at or before `until`, at most `limit` of each lane, earliest first within a lane. Tenants are
    /// spread over lanes by hash, so one tenant's million cannot hide another's one.
    async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault>;

    /// Entries of one lane in their order, from `from` on (itself included where it is there), at most `limit`. What an
    /// examination pages through and asks for single entries with: unlike [`Store::due`] it takes no short cut.
    async fn due_page(
        &self,
        kind: DueKind,
        lane: u8,
        from: Option<&DueEntry>,
        limit: usize,
    ) -> Result<Vec<DueEntry>, Fault>;

    /// The earliest due instant of a kind, if anything waits.
    async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault>;

    /// Whether a commit could succeed now: reachable, not poisoned, room on the disk.
    async fn ready(&self) -> Result<(), Fault>;
}

/// Lanes of the due index: see [`Store::due`].
pub const LANES: u8 = 16;

/// The lane of a tenant.
pub fn lane(tenant: TenantId) -> u8 {
    // Tenant ids end in hash bits: see `roadbook_kernel::sortable`.
    (tenant.as_u128() % u128::from(LANES)) as u8
}
