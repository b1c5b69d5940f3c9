//! The due index: searches beside commits that add, move and remove entries.

use crate::commits::{actor, put};
use crate::folder::process;
use bytes::Bytes;
use futures_util::future::join_all;
use roadbook_embedded::Embedded;
use roadbook_embedded::schedules::search;
use roadbook_kernel::Moment;
use roadbook_runtime::ports::{Commit, Due, DueKind, Item, ItemKey, Piece, Store, Whole};
use shuttle::future::{block_on, spawn};
use shuttle::rand::{Rng, thread_rng};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const WRITERS: u128 = 2;
const SEARCHERS: usize = 2;
/// Entries each writer writes, one after another, and searches of each searcher.
const EACH: u64 = 3;
const NOW: Moment = Moment::from_millis(50);
const LIMIT: usize = 100;

/// Where each actor stands, as far as somebody was told; `None` while a write of it is under way.
type Told = Arc<Mutex<BTreeMap<u128, Option<Moment>>>>;

fn standing(told: &Told) -> BTreeMap<u128, Option<Moment>> {
    told.lock().expect("nobody panics with it").clone()
}

fn note(told: &Told, number: u128, at: Option<Moment>) {
    told.lock().expect("nobody panics with it").insert(number, at);
}

/// What a search finds, as actor numbers.
fn found(store: &Embedded) -> BTreeMap<u128, Moment> {
    let entries = search(store, DueKind::Actor, actor(0).tenant, NOW, LIMIT).expect("a search");
    let number = |key: &ItemKey| (0..WRITERS).find(|number| ItemKey::actor(&actor(*number)) == *key);
    entries.iter().filter_map(|entry| Some((number(&entry.key)?, entry.due))).collect()
}

/// Searches, and looks whether everybody is in it who stood there all the while.
fn look(store: &Embedded, told: &Told) {
    let before = standing(told);
    let seen = found(store);
    let after = standing(told);
    for (number, at) in before.iter().filter_map(|(number, at)| Some((number, at.as_ref()?))) {
        let stood = after.get(number) == Some(&Some(*at)) && *at <= NOW;
        assert!(!stood || seen.get(number) == Some(at), "{number} is due at {at:?} and was not found");
    }
}

/// Moves one actor's entry about.
async fn move_about(store: Arc<Embedded>, told: Told, number: u128, times: Vec<Moment>) {
    let key = ItemKey::actor(&actor(number));
    let mut was = None;
    for (version, at) in (1..).zip(times) {
        let row = (version > 1).then(|| Item { version: version - 1, body: Bytes::new() });
        let due = Due { kind: DueKind::Actor, key: key.clone(), was, now: Some(at) };
        let commit =
            Commit { puts: vec![put(key.clone(), row.as_ref(), Bytes::new())], dues: vec![due], ..Commit::default() };
        note(&told, number, None);
        store.commit(commit).await.expect("a commit");
        note(&told, number, Some(at));
        was = Some(at);
    }
}

/// Writers and searchers beside each other; at the end everything is found that is there.
pub fn searches() {
    let store = Arc::new(process());
    let told = Told::default();
    let writers = (0..WRITERS).map(|number| {
        let drawn = || Moment::from_millis(thread_rng().gen_range(1..10) * 10);
        let times = (0..EACH).map(|_| drawn()).collect();
        spawn(move_about(store.clone(), told.clone(), number, times))
    });
    let writers: Vec<_> = writers.collect();
    let searchers = (0..SEARCHERS).map(|_| {
        let (store, told) = (store.clone(), told.clone());
        shuttle::thread::spawn(move || (0..EACH).for_each(|_| look(&store, &told)))
    });
    let searchers: Vec<_> = searchers.collect();
    block_on(async { join_all(writers).await.into_iter().for_each(|writer| writer.expect("a writer that ends")) });
    searchers.into_iter().for_each(|searcher| searcher.join().expect("a searcher that ends"));
    look(&store, &told);
}

/// A folder that is filled from another one, beside a search.
pub fn restored() {
    let store = Arc::new(process());
    let told = Told::default();
    let due = Moment::from_millis(20);
    let searcher = {
        let (store, told) = (store.clone(), told.clone());
        shuttle::thread::spawn(move || (0..EACH).for_each(|_| look(&store, &told)))
    };
    block_on(async {
        for number in 0..WRITERS {
            let piece = Piece::Due { kind: DueKind::Actor, due, key: ItemKey::actor(&actor(number)) };
            store.restore(vec![piece]).await.expect("a write");
            note(&told, number, Some(due));
        }
    });
    searcher.join().expect("a searcher that ends");
    look(&store, &told);
}
