//! Turns that a stream brings, over the memory store.

use roadbook_it::carrying::{Stumbling, nothing_is_carried_twice};
use roadbook_it::faulty::{Faulty, Spot, Trouble, When};
use roadbook_runtime::Memory;
use std::sync::Arc;

#[tokio::test]
async fn nothing_that_is_brought_twice_counts_twice() {
    let memory = Arc::new(Memory::new());
    nothing_is_carried_twice(memory.clone(), memory.as_ref(), memory.as_ref()).await;
}

#[tokio::test]
async fn nor_where_the_ledger_fails_before_halfway_or_after() {
    let memory = Arc::new(Memory::new());
    nothing_is_carried_twice(memory.clone(), &Stumbling::new(memory.as_ref()), memory.as_ref()).await;
}

#[tokio::test]
async fn nor_where_any_call_to_the_store_fails() {
    // Past the last call of a day there is no trouble, which is a run like any other.
    for call in 1..=40 {
        for when in [When::Before, When::After] {
            let memory = Arc::new(Memory::new());
            let store = Arc::new(Faulty::new(memory.clone(), Trouble::Fault(Spot { call, when })));
            nothing_is_carried_twice(store, memory.as_ref(), memory.as_ref()).await;
        }
    }
}
