//! What the turns of a process share beside the store: compiled catalogs, and who asks for which facts.

use crate::process::{NOW, engine};
use crate::slow_store::{Slow, serve};
use futures_util::future::{Either, join_all, select};
use roadbook_catalog::{Catalog, Command};
use roadbook_customer::{Topic, Topics};
use roadbook_identity::Policy;
use roadbook_kernel::{ActorKey, EndpointId, Expected, TenantId};
use roadbook_runtime::webhooks::{Endpoint, HeldEndpoint, Status, endpoints as stored};
use roadbook_runtime::{Deliver, Direct, Engine, Memory, Message, Outcome, load_row};
use shuttle::future::{block_on, spawn, yield_now};
use shuttle::rand::{Rng, thread_rng};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TENANT: TenantId = TenantId::from_u128(7);
const CHANGES: u64 = 3;
const ASKERS: usize = 2;

/// A process over a slow store; the store ends when everything else has.
fn beside_a_store(play: impl AsyncFnOnce(Arc<Engine>)) {
    let slow = Arc::new(Slow::over(Arc::new(Memory::new())));
    let served = slow.clone();
    let disk = shuttle::thread::spawn(move || block_on(serve(&served)));
    block_on(play(engine(&slow)));
    slow.close();
    disk.join().expect("a store that ends");
}

/// Publishes something; returns the edition it made.
async fn publish(engine: &Arc<Engine>, number: u64) -> u64 {
    let key = ActorKey::catalog(TENANT);
    let command = Command::SetIdentityPolicy { policy: Policy::default(), expected: Expected::Any };
    let id = engine.keys.of(TENANT).message("schedules", &number.to_string());
    let message = Message { id, accepted: NOW, occurred: NOW, position: 0, via: None, founding: true, command };
    let outcome = Direct(engine.clone()).catalog(key, message).await.expect("nothing fails here");
    assert!(matches!(outcome, Outcome::Applied { .. }), "a change was answered {outcome:?}");
    load_row::<Catalog>(engine, &key).await.expect("a load").state.edition
}

/// Publishing beside turns that ask for the catalog.
pub fn catalog() {
    beside_a_store(async |engine| {
        let told = Arc::new(AtomicU64::new(0));
        let askers: Vec<_> = (0..ASKERS)
            .map(|_| {
                let (engine, told) = (engine.clone(), told.clone());
                spawn(async move {
                    let mut seen = 0;
                    while seen < CHANGES {
                        let before = told.load(Ordering::Relaxed);
                        // What a customer has seen elsewhere: up to what is in the store.
                        let row = load_row::<Catalog>(&engine, &ActorKey::catalog(TENANT)).await.expect("a load");
                        let asked = if thread_rng().gen_bool(0.5) { row.state.edition } else { seen };
                        let catalog = engine.catalogs.at_least(&engine, TENANT, asked).await.expect("a catalog");
                        let least = before.max(asked).max(seen);
                        assert!(catalog.edition >= least, "edition {} where {least} was known", catalog.edition);
                        seen = catalog.edition;
                    }
                })
            })
            .collect();
        for number in 0..CHANGES {
            let edition = publish(&engine, number).await;
            told.fetch_max(edition, Ordering::Relaxed);
        }
        join_all(askers).await.into_iter().for_each(|asker| asker.expect("an asker that ends"));
    });
}

fn endpoint(number: u64) -> HeldEndpoint {
    let endpoint = Endpoint {
        id: EndpointId::from_u128(u128::from(number) + 1),
        url: "https://example.com/".into(),
        description: String::new(),
        topics: [Topic::CustomerMerged].into_iter().collect::<Topics>(),
        status: Status::Enabled,
        secrets: Vec::new(),
        created_at: NOW,
    };
    HeldEndpoint { tenant: TENANT, version: 0, endpoint }
}

/// Endpoints that are made beside turns that ask for them; some callers hang up before the answer.
pub fn endpoints() {
    beside_a_store(async |engine| {
        let told = Arc::new(AtomicU64::new(0));
        let askers: Vec<_> = (0..ASKERS)
            .map(|_| {
                let (engine, told) = (engine.clone(), told.clone());
                spawn(async move {
                    for _ in 0..CHANGES {
                        let before = told.load(Ordering::Relaxed);
                        let known = engine.subscriptions.of(&engine, TENANT).await.expect("a scan");
                        let found = known.endpoints.len() as u64;
                        assert!(found >= before, "{found} endpoints known, and {before} changes were answered");
                    }
                })
            })
            .collect();
        for number in 0..CHANGES {
            let mut held = endpoint(number);
            let patience = thread_rng().gen_range(0..20);
            let hangs_up = Box::pin(async move {
                for _ in 0..patience {
                    yield_now().await;
                }
            });
            match select(Box::pin(held.save(&engine)), hangs_up).await {
                Either::Left((saved, _)) => {
                    assert!(saved.expect("nothing fails here"), "nobody else makes this one");
                    told.fetch_add(1, Ordering::Relaxed);
                }
                Either::Right(_) => {}
            }
        }
        join_all(askers).await.into_iter().for_each(|asker| asker.expect("an asker that ends"));
        // Everything that was asked is done by the time this is: what is known then is what is there.
        let before = stored(engine.store.as_ref(), TENANT).await.expect("a scan").len();
        let known = engine.subscriptions.of(&engine, TENANT).await.expect("a scan");
        assert!(known.endpoints.len() >= before, "{} endpoints known of {before} stored", known.endpoints.len());
    });
}
