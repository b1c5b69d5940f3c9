//! Every store passes the one suite.

use roadbook_embedded::{Embedded, OpenError, Options};
use roadbook_it::conformance;
use roadbook_it::faulty::{Faulty, Spot, Trouble, When};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, user};
use roadbook_kernel::TenantId;
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{Commit, CommitError, Expect, Item, ItemKey, Journal, Put, Store};
use roadbook_runtime::relay::Relay;
use std::path::Path;
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

fn open(path: &Path) -> Embedded {
    Embedded::open(path, &Options::default()).expect("the folder opens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn embedded_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let next = std::sync::atomic::AtomicU32::new(0);
    let fresh = || open(&folder.path().join(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string()));
    conformance::run(fresh).await;
    conformance::run(|| Faulty::new(Arc::new(fresh()), Trouble::None)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn embedded_is_the_same_after_it_was_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let live = |rig: Rig<Embedded>| async move {
        let carried = Relay::open(&rig.engine).await.expect("a relay").sequence();
        (rig.live().await, rig.store.last(), rig.store.read(carried, 100).await)
    };
    let say = |n: i64| Say::track(format!("m{n}"), "visit", &[user(&(n % 3).to_string())]).at(T0.plus_ms(n));
    let first = {
        let rig = Rig::over(Arc::new(open(folder.path())));
        for n in 0..9 {
            rig.observe(&[say(n)]).await;
        }
        rig.relay().await;
        rig.observe(&[say(9)]).await;
        live(rig).await
    };
    let second = {
        let rig = Rig::over(Arc::new(open(folder.path())));
        let again = rig.observe(&[say(4), say(9)]).await;
        assert!(again.iter().all(|one| matches!(one, roadbook_runtime::Outcome::Duplicate { .. })), "{again:?}");
        live(rig).await
    };
    assert_eq!(first, second);
    assert_eq!(second.2.expect("the log").len(), 1, "what was carried stays carried, what was not is there");
}

#[test]
fn one_folder_is_one_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let _held = open(folder.path());
    let second = Embedded::open(folder.path(), &Options::default());
    assert!(matches!(second, Err(OpenError::InUse(_))));
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
