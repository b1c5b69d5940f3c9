//! What people decide about identities: suggested merges that the rules did not make, and what an unmerge could not
//! tell apart. Each is a document, written in the commit of the turn that met it.

use crate::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space, Store};
use roadbook_customer::Event;
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{ActorKey, ConflictId, CustomerId, MessageId, Moment, ReviewId, TenantId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Two customers met in one event, and the guards kept them apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// The same for the same two and the same identifier.
    pub id: ConflictId,
    /// The customer the event was about, and the one who keeps the identifier; twice the same where nobody had it and
    /// a limit forbade one more.
    pub customers: [CustomerId; 2],
    /// The identifier.
    pub identifier: IdentifierKey,
    /// Why they were not merged: see `RefusedLink::code`.
    pub reason: String,
    /// The newest message that named both.
    pub by: MessageId,
    /// Its time.
    pub at: Moment,
}

/// Something that happened to two customers while they were one, and that no rule gives to one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Which.
    pub id: ReviewId,
    /// The customer who stayed, and has it; the one who came back.
    pub customers: [CustomerId; 2],
    /// The message.
    pub message: MessageId,
    /// When it happened.
    pub at: Moment,
    /// What it was.
    pub what: String,
    /// Why nobody can tell: a stable code.
    pub why: String,
}

/// That somebody has decided about one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// Who: the public id of a key or a person.
    pub by: String,
    /// When.
    pub at: Moment,
    /// What they noted; no personal data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One kind of them.
pub trait Suggestion: Serialize + DeserializeOwned + Send + 'static {
    /// Its id.
    type Id: Display + Copy + Send + Sync;
    /// Where they lie: the beginning of the documents' names.
    const PLACE: &'static str;
    /// Where the decisions about them lie.
    const CLOSED: &'static str;
    /// Which it is.
    fn id(&self) -> Self::Id;
}

impl Suggestion for Conflict {
    type Id = ConflictId;
    const PLACE: &'static str = "conflict/";
    const CLOSED: &'static str = "conflict-closed/";
    fn id(&self) -> ConflictId {
        self.id
    }
}

impl Suggestion for Review {
    type Id = ReviewId;
    const PLACE: &'static str = "review/";
    const CLOSED: &'static str = "review-closed/";
    fn id(&self) -> ReviewId {
        self.id
    }
}

/// The documents that follow from the facts of a customer's turn.
pub(crate) fn documents(key: &ActorKey, facts: &[&Event]) -> Vec<Put> {
    // By name, because a turn may meet the same two twice and a commit may write an item once.
    let mut bodies = BTreeMap::new();
    let Some(here) = key.as_customer() else { return Vec::new() };
    for fact in facts {
        if let Event::LinkRefused { conflict: Some(id), identifier, other, reason, by, at } = fact {
            let conflict = Conflict {
                id: *id,
                customers: [here, *other],
                identifier: *identifier,
                reason: reason.clone(),
                by: *by,
                at: *at,
            };
            bodies.insert(name::<Conflict>(*id), serde_json::to_vec(&conflict));
        }
        if let Event::Parted { other, restored: false, review, .. } = fact {
            for one in review {
                let review = Review {
                    id: one.id,
                    customers: [here, *other],
                    message: one.message,
                    at: one.at,
                    what: one.what.clone(),
                    why: one.why.clone().into_owned(),
                };
                bodies.insert(name::<Review>(one.id), serde_json::to_vec(&review));
            }
        }
    }
    let put = |(name, body): (String, Result<Vec<u8>, _>)| {
        let item = Some(Item { version: 1, body: body.ok()?.into() });
        Some(Put { key: ItemKey::document(key.tenant, &name), expect: Expect::Anything, item })
    };
    bodies.into_iter().filter_map(put).collect()
}

fn name<S: Suggestion>(id: S::Id) -> String {
    format!("{}{id}", S::PLACE)
}

/// A page of them in the order of their ids, after `after`, each with what was decided about it.
///
/// # Errors
/// A fault of the store, or one that cannot be read.
pub async fn list<S: Suggestion>(
    store: &dyn Store,
    tenant: TenantId,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(S, Option<Closed>)>, Fault> {
    let mut found = Vec::new();
    for (_, item) in store.scan(Space::Document, tenant, S::PLACE.as_bytes(), after, limit).await? {
        let one = read::<S>(&item)?;
        let closed = closed::<S>(store, tenant, one.id()).await?;
        found.push((one, closed));
    }
    Ok(found)
}

/// The local key behind which [`list`] goes on.
pub fn place<S: Suggestion>(one: &S) -> Vec<u8> {
    name::<S>(one.id()).into_bytes()
}

/// One of them.
///
/// # Errors
/// A fault of the store, or one that cannot be read.
pub async fn get<S: Suggestion>(store: &dyn Store, tenant: TenantId, id: S::Id) -> Result<Option<S>, Fault> {
    let item = store.load(&ItemKey::document(tenant, &name::<S>(id))).await?;
    item.map(|item| read(&item)).transpose()
}

/// What was decided about one of them.
///
/// # Errors
/// A fault of the store, or one that cannot be read.
pub async fn closed<S: Suggestion>(store: &dyn Store, tenant: TenantId, id: S::Id) -> Result<Option<Closed>, Fault> {
    let item = store.load(&ItemKey::document(tenant, &format!("{}{id}", S::CLOSED))).await?;
    item.map(|item| read(&item)).transpose()
}

/// Notes that somebody has decided. The first decision stays.
///
/// # Errors
/// A fault of the store: nothing is decided then.
pub async fn close<S: Suggestion>(
    store: &dyn Store,
    tenant: TenantId,
    id: S::Id,
    how: &Closed,
) -> Result<(), CommitError> {
    let body = serde_json::to_vec(how).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let item = Some(Item { version: 1, body: body.into() });
    let key = ItemKey::document(tenant, &format!("{}{id}", S::CLOSED));
    let put = Put { key, expect: Expect::Absent, item };
    match store.commit(Commit { puts: vec![put], ..Commit::default() }).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<T, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a suggestion", &error))
}
