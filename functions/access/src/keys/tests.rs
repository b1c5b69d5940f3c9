use super::*;
use roadbook_runtime::ports::{DueEntry, DueKind};
use roadbook_runtime::{ManualClock, Memory};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Moment::from_millis(1)))
}

#[tokio::test]
async fn a_revoked_key_proves_nothing_and_another_tenant_cannot_revoke_it() {
    let access = Access::new(Arc::new(Memory::new()), clock());
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
    let access = Access::new(store.clone(), clock());
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

#[tokio::test]
async fn an_expired_key_proves_nothing_whether_remembered_or_not() {
    let clock = clock();
    let access = Access::new(Arc::new(Memory::new()), clock.clone());
    let (tenant, now) = (TenantId::from_u128(1), Moment::from_millis(1));
    let scopes = Some(Scopes::of(&[Scope::ProfilesRead]));
    let grant = KeyGrant { scopes, expires_at: Some(now.plus_ms(10)), ..KeyGrant::whole(KeyKind::Secret, "report") };
    let made = access.create_with(tenant, grant, [7; 32], now).await.unwrap();
    let proven = access.verify(&made.text).await.unwrap().expect("not expired yet");
    assert!(proven.allows(Scope::ProfilesRead) && !proven.allows(Scope::ProfilesWrite));
    clock.advance_to(now.plus_ms(10));
    assert!(access.verify(&made.text).await.unwrap().is_none(), "remembered");
    access.known.clear();
    assert!(access.verify(&made.text).await.unwrap().is_none(), "read anew");
}

/// As it was stored before keys had scopes.
#[test]
fn a_key_without_scopes_may_do_everything() {
    let stored = r#"{"id":"key_1","tenant":"tn_00000000000000000000000001","kind":"secret","name":"x","prefix":"rb_sk_","created_at":1}"#;
    let key: ApiKey = serde_json::from_str(stored).unwrap();
    assert_eq!((key.scopes(), key.expires_at, key.org_scope), (Scopes::ALL, None, None));
}
