//! API keys. Only a hash is stored; the key itself is shown once, when it is made.
//!
//! | kind | begins with | may |
//! | --- | --- | --- |
//! | write key | `rb_wk_` | send events; safe inside apps and web pages |
//! | secret key | `rb_sk_` | the scopes it was made with, else everything of its tenant; never leaves a server |

use crate::authority::Authority;
use crate::org::OrgScope;
use crate::scope::{Scope, Scopes};
use quick_cache::sync::Cache;
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::ports::{Clock, Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space, Store};
use roadbook_runtime::relay::SYSTEM;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keys remembered by a process; a revocation in this process is effective at once.
const KEYS_CACHED: usize = 10_000;

/// What a key may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Sends events.
    Write,
    /// What its scopes say; without any, everything of its tenant.
    Secret,
}

impl KeyKind {
    /// What keys of this kind begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            KeyKind::Write => "rb_wk_",
            KeyKind::Secret => "rb_sk_",
        }
    }
}

/// A key as it is stored and listed: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its public id, `key_` and 16 hex digits; also the `source` of events sent with it.
    pub id: String,
    /// Whose.
    pub tenant: TenantId,
    /// What it may do.
    pub kind: KeyKind,
    /// What people call it.
    pub name: String,
    /// Its first characters, to recognise it by.
    pub prefix: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
    /// What a secret key was restricted to; see [`ApiKey::scopes`].
    #[serde(default, rename = "scopes", skip_serializing_if = "Option::is_none")]
    pub granted: Option<Scopes>,
    /// From when on it proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// The place of whoever made it, where that was not the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_scope: Option<OrgScope>,
}

impl ApiKey {
    /// What it may do: a write key sends events and nothing else, whatever was granted.
    pub fn scopes(&self) -> Scopes {
        match self.kind {
            KeyKind::Write => Scopes::of(&[Scope::EventsWrite]),
            KeyKind::Secret => self.granted.unwrap_or(Scopes::ALL),
        }
    }
}

/// What a new key shall be able to do.
#[derive(Clone, Debug)]
pub struct KeyGrant {
    /// Write or secret.
    pub kind: KeyKind,
    /// What people call it.
    pub name: String,
    /// What a secret key is restricted to; `None` is everything, what later versions add included.
    pub scopes: Option<Scopes>,
    /// From when on it proves nothing.
    pub expires_at: Option<Moment>,
    /// Where in the organisation it holds; `None` is the whole tenant.
    pub org_scope: Option<OrgScope>,
}

impl KeyGrant {
    /// Everything that a key of this kind can do, for ever.
    pub fn whole(kind: KeyKind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), scopes: None, expires_at: None, org_scope: None }
    }
}

/// A key that was just made: the only time its text is known.
pub struct NewKey {
    /// The key.
    pub text: String,
    /// What is kept of it.
    pub key: ApiKey,
}

/// The keys of an installation.
pub struct Access {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    known: Cache<String, Authority>,
    /// Counts revocations: a key that was read before one must not be remembered after it.
    revocations: AtomicU64,
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

impl Access {
    /// Keys kept in a store, which expire by a clock.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, known: Cache::new(KEYS_CACHED), revocations: AtomicU64::new(0) }
    }

    /// Makes a key that may do all its kind can, from 32 random bytes that the caller drew.
    ///
    /// # Errors
    /// A fault of the store: the key does not exist then.
    pub async fn create(
        &self,
        tenant: TenantId,
        kind: KeyKind,
        name: &str,
        random: [u8; 32],
        now: Moment,
    ) -> Result<NewKey, CommitError> {
        self.create_with(tenant, KeyGrant::whole(kind, name), random, now).await
    }

    /// Makes a key that may do what a grant says. Whether the one who asks may give that, the caller has checked.
    ///
    /// # Errors
    /// A fault of the store: the key does not exist then.
    pub async fn create_with(
        &self,
        tenant: TenantId,
        grant: KeyGrant,
        random: [u8; 32],
        now: Moment,
    ) -> Result<NewKey, CommitError> {
        let KeyGrant { kind, name, scopes, expires_at, org_scope } = grant;
        let body: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{}{body}", kind.prefix());
        let hash = digest(&text);
        let key = ApiKey {
            id: format!("key_{}", &hash[..16]),
            tenant,
            kind,
            name,
            prefix: text[..12].to_owned(),
            created_at: now,
            revoked_at: None,
            granted: scopes,
            expires_at,
            org_scope,
        };
        self.write(&key, &hash, Expect::Absent, 1).await?;
        Ok(NewKey { text, key })
    }

    async fn write(&self, key: &ApiKey, hash: &str, expect: Expect, version: u64) -> Result<(), CommitError> {
        let body = serde_json::to_vec(key).map_err(|error| Fault::Corrupt(error.to_string()))?;
        let item = Some(Item { version, body: body.into() });
        let lookup = Put { key: ItemKey::document(SYSTEM, &format!("key/{hash}")), expect, item: item.clone() };
        let name = format!("apikey/{}", key.id);
        let pointer = Item { version: 1, body: hash.as_bytes().to_vec().into() };
        let listed = Put { key: ItemKey::document(key.tenant, &name), expect: Expect::Anything, item: Some(pointer) };
        self.store.commit(Commit { puts: vec![lookup, listed], ..Commit::default() }).await
    }

    /// The authority a key proves; `None` where it is unknown, expired or revoked.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn verify(&self, text: &str) -> Result<Option<Authority>, Fault> {
        if !text.starts_with(KeyKind::Write.prefix()) && !text.starts_with(KeyKind::Secret.prefix()) {
            return Ok(None);
        }
        if let Some(authority) = self.known.get(text) {
            return Ok(self.in_time(authority));
        }
        let seen = self.revocations.load(Ordering::SeqCst);
        let name = format!("key/{}", digest(text));
        let Some(item) = self.store.load(&ItemKey::document(SYSTEM, &name)).await? else { return Ok(None) };
        let key = read(&item)?;
        if key.revoked_at.is_some() {
            return Ok(None);
        }
        let authority = Authority::of_key(&key);
        self.known.insert(text.to_owned(), authority.clone());
        if self.revocations.load(Ordering::SeqCst) != seen {
            self.known.remove(text);
        }
        Ok(self.in_time(authority))
    }

    /// Most keys never expire: only for the others the clock is read.
    fn in_time(&self, authority: Authority) -> Option<Authority> {
        match authority.until() {
            Some(end) if end <= self.clock.now() => None,
            Some(_) | None => Some(authority),
        }
    }

    /// The keys of a tenant, revoked ones included.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<ApiKey>, Fault> {
        let pointers = self.store.scan(Space::Document, tenant, b"apikey/", None, 1_000).await?;
        let mut keys = Vec::with_capacity(pointers.len());
        for (_, pointer) in pointers {
            let name = format!("key/{}", String::from_utf8_lossy(&pointer.body));
            if let Some(item) = self.store.load(&ItemKey::document(SYSTEM, &name)).await? {
                keys.push(read(&item)?);
            }
        }
        Ok(keys)
    }

    /// One key of a tenant.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn get(&self, tenant: TenantId, id: &str) -> Result<Option<ApiKey>, Fault> {
        let pointer = self.store.load(&ItemKey::document(tenant, &format!("apikey/{id}"))).await?;
        let Some(pointer) = pointer else { return Ok(None) };
        let name = format!("key/{}", String::from_utf8_lossy(&pointer.body));
        self.store.load(&ItemKey::document(SYSTEM, &name)).await?.map(|item| read(&item)).transpose()
    }

    /// Revokes a key of a tenant by its id. `false` where the tenant has no such key.
    ///
    /// # Errors
    /// A fault of the store: the key is still valid then.
    pub async fn revoke(&self, tenant: TenantId, id: &str, now: Moment) -> Result<bool, CommitError> {
        let pointer = self.store.load(&ItemKey::document(tenant, &format!("apikey/{id}"))).await?;
        let Some(pointer) = pointer else { return Ok(false) };
        let hash = String::from_utf8_lossy(&pointer.body).into_owned();
        let Some(item) = self.store.load(&ItemKey::document(SYSTEM, &format!("key/{hash}"))).await? else {
            return Ok(false);
        };
        let mut key = read(&item)?;
        if key.revoked_at.is_none() {
            key.revoked_at = Some(now);
            self.write(&key, &hash, Expect::Version(item.version), item.version + 1).await?;
        }
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.known.clear();
        Ok(true)
    }
}

fn read(item: &Item) -> Result<ApiKey, Fault> {
    serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("an API key", &error))
}

#[cfg(test)]
mod tests;
