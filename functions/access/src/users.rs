//! People who may sign in: one document each under the system's tenant, with a place in every tenant they belong to.
//!
//! A tenant's administrator changes what a person is within that tenant and nothing else. Login and password belong to
//! the person, who may belong to another tenant too: see [`User::belongs_only_to`].

use crate::login::Login;
use crate::org::OrgScope;
use crate::roles::Role;
use crate::scope::Scopes;
use quick_cache::sync::Cache;
use roadbook_kernel::{Hash128, Moment, Personal, TenantId, UserId, sortable};
use roadbook_runtime::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space, Store};
use roadbook_runtime::relay::SYSTEM;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// People remembered by a process; a change in this process is effective at once.
const USERS_CACHED: usize = 10_000;
/// How often a change is tried again that lost its race against another one.
const RACES_MAX: u32 = 5;

/// Whether a person may sign in to a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes.
    Active,
    /// No, and their tokens have ended.
    Disabled,
}

/// What a person is within one tenant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Membership {
    /// What they are called there.
    pub name: Personal<String>,
    /// What they are employed as.
    pub roles: Vec<Role>,
    /// Where in the organisation; `None` is the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_scope: Option<OrgScope>,
    /// Whether they may sign in.
    pub status: Status,
    /// Since when they belong to it.
    pub since: Moment,
}

impl Membership {
    /// What their roles let them do.
    pub fn scopes(&self) -> Scopes {
        Role::scopes_of(&self.roles)
    }
}

/// A person. The password's hash is stored with it and shown to nobody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// What they sign in with.
    pub login: Login,
    /// argon2id, in the PHC string form.
    pub(crate) password: Personal<String>,
    /// A token is valid only with the number it was made with; it grows when tokens must end.
    pub(crate) generation: u64,
    /// The tenants they belong to.
    pub memberships: BTreeMap<TenantId, Membership>,
}

impl User {
    /// Whether a tenant is the only one they belong to. Only then may its administrators set their password: it would
    /// open another tenant's door.
    pub fn belongs_only_to(&self, tenant: TenantId) -> bool {
        self.memberships.keys().all(|other| *other == tenant)
    }
}

/// Why people could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsersError {
    /// Somebody has this login.
    #[error("this login is in use; choose another one")]
    LoginTaken,
    /// They belong to the tenant already.
    #[error("this person belongs to the tenant already")]
    AlreadyThere,
    /// The tenant has no such person.
    #[error("there is no such person")]
    NoSuchUser,
    /// The store failed, or the change lost its race too often.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What changes about a person within a tenant; `None` stays as it is.
#[derive(Clone, Default, Debug)]
pub struct UserChange {
    /// What they are called.
    pub name: Option<Personal<String>>,
    /// What they are employed as.
    pub roles: Option<Vec<Role>>,
    /// Where; `Some(None)` is the whole tenant.
    pub org_scope: Option<Option<OrgScope>>,
    /// Whether they may sign in.
    pub status: Option<Status>,
}

impl UserChange {
    fn apply(self, tenant: TenantId, user: &mut User) -> Result<(), UsersError> {
        let Some(membership) = user.memberships.get_mut(&tenant) else { return Err(UsersError::NoSuchUser) };
        if let Some(name) = self.name {
            membership.name = name;
        }
        if let Some(roles) = self.roles {
            membership.roles = roles;
        }
        if let Some(place) = self.org_scope {
            membership.org_scope = place;
        }
        if let Some(status) = self.status {
            // Also tokens made before must stay ended when the person is let in again.
            user.generation += u64::from(status == Status::Disabled);
            membership.status = status;
        }
        Ok(())
    }
}

/// The people of an installation.
pub struct Users {
    store: Arc<dyn Store>,
    known: Cache<UserId, Arc<User>>,
    /// Counts changes: somebody who was read before one must not be remembered after it.
    changes: AtomicU64,
}

fn user_key(id: UserId) -> ItemKey {
    ItemKey::document(SYSTEM, &format!("user/{id}"))
}

/// Marks in a tenant's own documents that a person belongs to it.
fn member_key(tenant: TenantId, id: UserId) -> ItemKey {
    ItemKey::document(tenant, &format!("user/{id}"))
}

fn read(item: &Item) -> Result<User, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a person", &error))
}

fn written(user: &User, version: u64) -> Result<Option<Item>, Fault> {
    let body = serde_json::to_vec(user).map_err(|error| Fault::Corrupt(error.to_string()))?;
    Ok(Some(Item { version, body: body.into() }))
}

fn mark(id: UserId) -> Option<Item> {
    Some(Item { version: 1, body: id.to_string().into_bytes().into() })
}

impl Users {
    /// People kept in a store.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Cache::new(USERS_CACHED), changes: AtomicU64::new(0) }
    }

    /// One person.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn get(&self, id: UserId) -> Result<Option<Arc<User>>, Fault> {
        if let Some(user) = self.known.get(&id) {
            return Ok(Some(user));
        }
        let seen = self.changes.load(Ordering::SeqCst);
        let Some(item) = self.store.load(&user_key(id)).await? else { return Ok(None) };
        let user = Arc::new(read(&item)?);
        self.known.insert(id, user.clone());
        if self.changes.load(Ordering::SeqCst) != seen {
            self.known.remove(&id);
        }
        Ok(Some(user))
    }

    /// Who signs in with this.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn by_login(&self, login: &Login) -> Result<Option<Arc<User>>, Fault> {
        let Some(pointer) = self.store.load(&login.key()).await? else { return Ok(None) };
        let id = std::str::from_utf8(&pointer.body).ok().and_then(|text| text.parse().ok());
        match id {
            Some(id) => self.get(id).await,
            None => Err(Fault::Corrupt("a login leads to no id".into())),
        }
    }

    /// The people of a tenant in the order of their ids, after one of them.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn list(&self, tenant: TenantId, after: Option<UserId>, limit: usize) -> Result<Vec<Arc<User>>, Fault> {
        let after = after.map(|id| format!("user/{id}"));
        let after = after.as_ref().map(|name| name.as_bytes());
        let marks = self.store.scan(Space::Document, tenant, b"user/", after, limit).await?;
        let mut users = Vec::with_capacity(marks.len());
        for (key, _) in marks {
            let id = std::str::from_utf8(key.local()).ok().and_then(|name| name.strip_prefix("user/")?.parse().ok());
            if let Some(id) = id
                && let Some(user) = self.get(id).await?
            {
                users.push(user);
            }
        }
        Ok(users)
    }

    /// A new person, who belongs to one tenant. Their id is the time and bits the caller drew.
    ///
    /// # Errors
    /// The login is in use, or the store failed.
    pub(crate) async fn create(
        &self,
        tenant: TenantId,
        login: Login,
        password: Personal<String>,
        membership: Membership,
        random: [u8; 16],
    ) -> Result<User, UsersError> {
        let id = UserId::from_u128(sortable(membership.since, Hash128(u128::from_be_bytes(random))));
        let memberships = BTreeMap::from([(tenant, membership)]);
        let user = User { id, login, password, generation: 1, memberships };
        let puts = vec![
            Put { key: user.login.key(), expect: Expect::Absent, item: mark(id) },
            Put { key: user_key(id), expect: Expect::Absent, item: written(&user, 1)? },
            Put { key: member_key(tenant, id), expect: Expect::Anything, item: mark(id) },
        ];
        match self.store.commit(Commit { puts, ..Commit::default() }).await {
            Ok(()) => Ok(user),
            Err(CommitError::Conflict { .. }) => Err(UsersError::LoginTaken),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Gives somebody who exists a place in one more tenant. For the operator: a tenant's administrator must not learn
    /// who belongs to another one.
    ///
    /// # Errors
    /// Nobody has the login, they belong to it already, or the store failed.
    pub async fn join(&self, tenant: TenantId, login: &Login, membership: Membership) -> Result<User, UsersError> {
        let id = self.by_login(login).await?.ok_or(UsersError::NoSuchUser)?.id;
        let join = |user: &mut User| {
            if user.memberships.contains_key(&tenant) {
                return Err(UsersError::AlreadyThere);
            }
            user.memberships.insert(tenant, membership.clone());
            Ok(vec![Put { key: member_key(tenant, id), expect: Expect::Anything, item: mark(id) }])
        };
        self.edit(id, join).await
    }

    /// Changes what a person is within a tenant, and the hash of their password where there is a new one.
    ///
    /// # Errors
    /// The tenant has no such person, or the store failed.
    pub(crate) async fn change(
        &self,
        tenant: TenantId,
        id: UserId,
        to: UserChange,
        password: Option<Personal<String>>,
    ) -> Result<User, UsersError> {
        let change = |user: &mut User| {
            to.clone().apply(tenant, user)?;
            if let Some(password) = &password {
                user.generation += 1;
                user.password = password.clone();
            }
            Ok(Vec::new())
        };
        self.edit(id, change).await
    }

    /// Another hash in the place of this one.
    ///
    /// # Errors
    /// The person is gone or has another password by now, or the store failed.
    pub(crate) async fn replace_password(
        &self,
        id: UserId,
        known: &Personal<String>,
        next: Personal<String>,
    ) -> Result<User, UsersError> {
        let change = |user: &mut User| {
            if user.password != *known {
                return Err(UsersError::NoSuchUser);
            }
            user.generation += 1;
            user.password = next.clone();
            Ok(Vec::new())
        };
        self.edit(id, change).await
    }

    /// Takes a person out of a tenant; who belongs to no other one is gone.
    ///
    /// # Errors
    /// The tenant has no such person, or the store failed.
    pub async fn remove(&self, tenant: TenantId, id: UserId) -> Result<(), UsersError> {
        let leave = |user: &mut User| {
            user.memberships.remove(&tenant).ok_or(UsersError::NoSuchUser)?;
            user.generation += 1;
            Ok(vec![Put { key: member_key(tenant, id), expect: Expect::Anything, item: None }])
        };
        self.edit(id, leave).await.map(drop)
    }

    /// Reads, changes and writes one person, again where somebody else was faster.
    async fn edit(
        &self,
        id: UserId,
        mut change: impl FnMut(&mut User) -> Result<Vec<Put>, UsersError>,
    ) -> Result<User, UsersError> {
        for _ in 0..RACES_MAX {
            let item = self.store.load(&user_key(id)).await?.ok_or(UsersError::NoSuchUser)?;
            let mut user = read(&item)?;
            let mut puts = change(&mut user)?;
            let gone = user.memberships.is_empty();
            let next = if gone { None } else { written(&user, item.version + 1)? };
            puts.push(Put { key: user_key(id), expect: Expect::Version(item.version), item: next });
            if gone {
                puts.push(Put { key: user.login.key(), expect: Expect::Anything, item: None });
            }
            let done = self.store.commit(Commit { puts, ..Commit::default() }).await;
            // Also after a fault: it may have been written.
            self.changes.fetch_add(1, Ordering::SeqCst);
            self.known.remove(&id);
            match done {
                Ok(()) => return Ok(user),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::Contended(RACES_MAX).into())
    }
}
