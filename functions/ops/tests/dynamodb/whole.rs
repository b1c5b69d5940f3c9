//! The port to everything: what one store gives, the other takes and gives again.

use crate::emulator::Emulator;
use roadbook_embedded::{Embedded, Options};
use roadbook_kernel::{ActorKey, CustomerId, DeliveryId, EndpointId, MessageId, Moment, SendKey, TenantId};
use roadbook_runtime::ports::{DueKind, Item, ItemKey, Piece, Space, Turn, Whole};

/// Some of everything, of several tenants.
fn pieces() -> Vec<Piece> {
    let (mut items, mut dues, mut past) = (Vec::new(), Vec::new(), Vec::new());
    for tenant in [0, 7, u128::MAX].map(TenantId::from_u128) {
        for n in 1..=9u128 {
            let actor = ActorKey::customer(tenant, CustomerId::from_u128(n));
            let named = |space| {
                ItemKey::from_stored(space, [&tenant.as_u128().to_be_bytes()[..], &n.to_be_bytes()].concat().into())
            };
            let claim = named(Space::Claim).expect("a key");
            let delivery = ItemKey::delivery(tenant, EndpointId::from_u128(n), DeliveryId::from_u128(n));
            let send = ItemKey::send(tenant, SendKey::from_u128(n));
            let mut item = |key: ItemKey, body: String| {
                items.push(Piece::Item { key, item: Item { version: (n as u64) << 40, body: body.into() } });
            };
            item(ItemKey::actor(&actor), "a row ".repeat(100));
            item(claim, "an owner".into());
            item(ItemKey::page(&actor, 3), String::new());
            item(named(Space::Letter).expect("a key"), "a letter".into());
            item(ItemKey::document(tenant, &format!("journey/{n}")), "{}".into());
            item(send.clone(), "a send".into());
            item(delivery.clone(), "a delivery".into());
            item(ItemKey::counter(tenant, &format!("c{n}")), "8 bytes!".into());
            for (kind, key) in
                [(DueKind::Actor, ItemKey::actor(&actor)), (DueKind::Send, send), (DueKind::Delivery, delivery)]
            {
                dues.push(Piece::Due { kind, due: Moment::from_millis(-5 + n as i64), key });
            }
            for version in 1..=3 {
                let messages = (1..version).map(|n| MessageId::from_u128(u128::from(n))).collect();
                let turn = Turn { actor, version, record: "what happened ".repeat(9).into() };
                past.push(Piece::Past { turn, messages });
            }
        }
    }
    items.into_iter().chain(dues).chain(past).collect()
}

/// Everything in a store, read in small portions.
async fn read(whole: &dyn Whole) -> Vec<Piece> {
    let (mut all, mut place) = (Vec::new(), None);
    loop {
        let (pieces, next) = whole.pieces(place.as_deref(), 7).await.expect("pieces");
        all.extend(pieces);
        match next {
            Some(next) => place = Some(next),
            None => return all,
        }
    }
}

fn same(one: &[Piece], other: &[Piece]) -> bool {
    one.len() == other.len() && one.iter().all(|piece| other.contains(piece))
}

#[tokio::test]
async fn one_store_takes_what_the_other_gives() {
    let Some(emulator) = Emulator::find("one_store_takes_what_the_other_gives") else { return };
    let (folder, stack, all) = (tempfile::tempdir().expect("a folder"), emulator.stack().await, pieces());
    let open = || Embedded::open(&folder.path().join("store"), &Options::default()).expect("it opens");
    // Twice: what is written again is the same. Entries of the due index come after their items, and alone.
    for _ in 0..2 {
        let store = open();
        for some in all.chunks(10) {
            store.restore(some.to_vec()).await.expect("restored");
            stack.dynamo.restore(some.to_vec()).await.expect("restored");
        }
    }
    let given = read(&open()).await;
    assert!(same(&given, &all), "{} of {}", given.len(), all.len());
    let given = read(stack.dynamo.as_ref()).await;
    assert!(same(&given, &all), "{} of {}", given.len(), all.len());

    // As DynamoDB gives them: each entry of the due index right behind its item.
    let other = emulator.stack().await;
    for some in given.chunks(10) {
        other.dynamo.restore(some.to_vec()).await.expect("restored");
    }
    assert!(same(&read(other.dynamo.as_ref()).await, &all));
}
