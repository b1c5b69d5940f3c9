//! API keys. Only a hash is stored; the key itself is shown once, when it is made.
//!
//! | kind | begins with | may |
//! | --- | --- | --- |
//! | write key | `rb_wk_` | send events; safe inside apps and web pages |
//! | secret key | `rb_sk_` | everything of its tenant; never leaves a server |

use crate::authority::Authority;
use quick_cache::sync::Cache;
use roadbook_kernel::{Moment, TenantId};
use roadbook_runtime::ports::{Commit, CommitError, Expect, Fault, Item, ItemKey, Put, Space, Store};
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
    /// Everything of its tenant.
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
    known: Cache<String, Authority>,
    /// Counts revocations: a key that was read before one must not be remembered after it.
    revocations: AtomicU64,
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

impl Access {
    /// Keys kept in a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Cache::new(KEYS_CACHED), revocations: AtomicU64::new(0) }
    }

    /// Makes a key from 32 random bytes that the caller drew.
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
        let body: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{}{body}", kind.prefix());
        let hash = digest(&text);
        let key = ApiKey {
            id: format!("key_{}", &hash[..16]),
            tenant,
            kind,
            name: name.to_owned(),
            prefix: text[..12].to_owned(),
            created_at: now,
            revoked_at: None,
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

    /// The authority a key proves; `None` where it is unknown or revoked.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn verify(&self, text: &str) -> Result<Option<Authority>, Fault> {
        if !text.starts_with(KeyKind::Write.prefix()) && !text.starts_with(KeyKind::Secret.prefix()) {
            return Ok(None);
        }
        if let Some(authority) = self.known.get(text) {
            return Ok(Some(authority));
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
        Ok(Some(authority))
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
mod tests {
    use super::*;
    use roadbook_runtime::Memory;
    use roadbook_runtime::ports::{DueEntry, DueKind};

    #[tokio::test]
    async fn a_revoked_key_proves_nothing_and_another_tenant_cannot_revoke_it() {
        let access = Access::new(Arc::new(Memory::new()));
        let (mine, other) = (TenantId::from_u128(1), TenantId::from_u128(2));
        let now = Moment::from_millis(1);
        let made = access.create(mine, KeyKind::Secret, "server", [7; 32], now).await.unwrap();
        let proven = access.verify(&made.text).await.unwrap().expect("a fresh key is valid");
        assert_eq!((proven.tenant(), proven.bearer()), (mine, crate::Bearer::SecretKey));
        assert!(!access.revoke(other, &made.key.id, now).await.unwrap());
        assert!(access.verify(&made.text).await.unwrap().is_some());
        assert!(access.revoke(mine, &made.key.id, now).await.unwrap());
        assert!(access.verify(&made.text).await.unwrap().is_none());
        assert_eq!(access.list(mine).await.unwrap().len(), 1);
        assert!(access.list(other).await.unwrap().is_empty());
    }

    /// A store whose first read answers late: whatever it found may have changed meanwhile.
    struct Late {
        inner: Memory,
        first: std::sync::atomic::AtomicBool,
        go_on: tokio::sync::Notify,
    }

    #[async_trait::async_trait]
    impl Store for Late {
        async fn load(&self, key: &ItemKey) -> Result<Option<Item>, Fault> {
            let found = self.inner.load(key).await;
            if self.first.swap(false, Ordering::SeqCst) {
                self.go_on.notified().await;
            }
            found
        }

        async fn scan(
            &self,
            space: Space,
            tenant: TenantId,
            prefix: &[u8],
            after: Option<&[u8]>,
            limit: usize,
        ) -> Result<Vec<(ItemKey, Item)>, Fault> {
            self.inner.scan(space, tenant, prefix, after, limit).await
        }

        async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
            self.inner.commit(commit).await
        }

        async fn due(&self, kind: DueKind, until: Moment, limit: usize) -> Result<Vec<DueEntry>, Fault> {
            self.inner.due(kind, until, limit).await
        }

        async fn due_page(
            &self,
            kind: DueKind,
            lane: u8,
            from: Option<&DueEntry>,
            limit: usize,
        ) -> Result<Vec<DueEntry>, Fault> {
            self.inner.due_page(kind, lane, from, limit).await
        }

        async fn next_due(&self, kind: DueKind) -> Result<Option<Moment>, Fault> {
            self.inner.next_due(kind).await
        }

        async fn ready(&self) -> Result<(), Fault> {
            self.inner.ready().await
        }
    }

    #[tokio::test]
    async fn a_key_revoked_while_it_is_read_is_not_remembered() {
        let store = Arc::new(Late { inner: Memory::new(), first: false.into(), go_on: tokio::sync::Notify::new() });
        let access = Access::new(store.clone());
        let (tenant, now) = (TenantId::from_u128(1), Moment::from_millis(1));
        let made = access.create(tenant, KeyKind::Write, "app", [7; 32], now).await.unwrap();
        store.first.store(true, Ordering::SeqCst);
        let revoking = async {
            // The reader below has begun by now: it is polled first.
            assert!(access.revoke(tenant, &made.key.id, now).await.unwrap());
            store.go_on.notify_one();
        };
        let (_, ()) = tokio::join!(biased; access.verify(&made.text), revoking);
        assert!(access.verify(&made.text).await.unwrap().is_none());
    }
}
