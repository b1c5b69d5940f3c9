//! The commit log: a reader that follows and truncates, one that only waits, and a restart.

use crate::commits::{actor, put, turn};
use crate::folder::process;
use bytes::Bytes;
use futures_util::future::join_all;
use roadbook_embedded::Embedded;
use roadbook_runtime::ports::{Commit, Item, ItemKey, Journal, Store};
use shuttle::future::{block_on, spawn};
use shuttle::rand::{Rng, thread_rng};
use std::collections::BTreeMap;
use std::sync::Arc;

const WRITERS: u128 = 2;
const EACH: u64 = 3;
const ALL: u64 = WRITERS as u64 * EACH;

async fn write(store: Arc<Embedded>, number: u128) {
    let key = actor(number);
    for version in 1..=EACH {
        let row = (version > 1).then(|| Item { version: version - 1, body: Bytes::new() });
        let put = put(ItemKey::actor(&key), row.as_ref(), Bytes::new());
        let commit = Commit { puts: vec![put], turns: vec![turn(key, version)], ..Commit::default() };
        store.commit(commit).await.expect("a commit");
    }
}

/// Reads the log to its end, as the relay does: waits, reads, truncates what it has carried.
async fn follow(store: Arc<Embedded>, truncates: bool) {
    let (mut cursor, mut versions) = (0, BTreeMap::new());
    while cursor < ALL {
        store.wait(cursor).await;
        // It may wake early; then nothing is read, and it waits again.
        for one in store.read(cursor, 2).await.expect("the log") {
            assert_eq!(one.sequence, cursor + 1, "the turn after {cursor}");
            let version = versions.entry(one.turn.actor).or_insert(0);
            assert_eq!(one.turn.version, *version + 1, "the next turn of its actor");
            (cursor, *version) = (one.sequence, one.turn.version);
        }
        if truncates && thread_rng().gen_bool(0.7) {
            store.truncate(cursor).await.expect("a truncation");
        }
    }
}

/// Waits for the end of the log without reading it.
async fn watch(store: Arc<Embedded>) {
    let mut last = 0;
    while last < ALL {
        store.wait(last).await;
        let now = store.last();
        assert!(now >= last, "the log ended at {last}, and ends at {now}");
        last = now;
    }
}

/// Writers, a reader and a watcher; afterwards a new process goes on where the log ended.
pub fn readers() {
    let store = Arc::new(process());
    let truncates = thread_rng().gen_bool(0.7);
    let mut tasks = vec![spawn(follow(store.clone(), truncates)), spawn(watch(store.clone()))];
    tasks.extend((0..WRITERS).map(|number| spawn(write(store.clone(), number))));
    block_on(async {
        join_all(tasks).await.into_iter().for_each(|task| task.expect("a task that ends"));
        store.truncate(if truncates { ALL } else { 0 }).await.expect("a truncation");
    });
    drop(store);
    let after = process();
    assert_eq!(after.last(), ALL, "where a new process goes on");
}
