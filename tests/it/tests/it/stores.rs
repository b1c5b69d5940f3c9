//! Every store passes the one suite.

use roadbook_it::conformance;
use roadbook_it::faulty::{Faulty, Spot, Trouble, When};
use roadbook_kernel::TenantId;
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{Commit, CommitError, Expect, Item, ItemKey, Put, Store};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_conforms() {
    conformance::run(Memory::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_wrapper_without_trouble_conforms() {
    conformance::run(|| Faulty::new(Arc::new(Memory::new()), Trouble::None)).await;
    conformance::run(|| Faulty::restless(Arc::new(Memory::new()), 7)).await;
}

#[tokio::test]
async fn the_wrapper_fails_where_it_is_told() {
    let key = ItemKey::document(TenantId::from_u128(1), "a");
    let write = || {
        let put = Put { key: key.clone(), expect: Expect::Absent, item: Some(Item { version: 1, body: "x".into() }) };
        Commit { puts: vec![put], ..Commit::default() }
    };
    for (when, is_there) in [(When::Before, false), (When::After, true)] {
        let memory = Arc::new(Memory::new());
        let store = Faulty::new(memory.clone(), Trouble::Fault(Spot { call: 2, when }));
        assert_eq!(store.load(&key).await, Ok(None));
        assert!(matches!(store.commit(write()).await, Err(CommitError::Fault(_))));
        assert_eq!(store.load(&key).await.map(|item| item.is_some()), Ok(is_there), "{when:?}");

        let memory = Arc::new(Memory::new());
        let store = Faulty::new(memory.clone(), Trouble::Crash(Spot { call: 1, when }));
        assert!(matches!(store.commit(write()).await, Err(CommitError::Fault(_))));
        assert!(store.load(&key).await.is_err() && store.is_dead(), "a dead process stays dead");
        assert_eq!(memory.load(&key).await.map(|item| item.is_some()), Ok(is_there), "{when:?}");
        assert_eq!(store.calls(), 2);
    }
}
