//! Who has to do with a car. A document per car and customer, written in the commit that relates them, leads there;
//! what holds now stands in the customers' own rows.
//!
//! Documents are never taken back: a customer who was merged leads on to who they are now, and after an unmerge the
//! same document leads back. A reader believes the rows.

use crate::engine::Engine;
use crate::live;
use crate::ports::{Expect, Fault, Item, ItemKey, Put, Space};
use bytes::Bytes;
use roadbook_customer::{Event, Role};
use roadbook_kernel::{ActorKey, CustomerId, Moment, TenantId, VehicleId};
use std::collections::{BTreeMap, BTreeSet};

/// Documents read at once.
const READ: usize = 256;

/// A person of a car.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Person {
    /// Who.
    pub customer: CustomerId,
    /// As what; `None` = not any more.
    pub role: Option<Role>,
    /// Since when they have had to do with it.
    pub since: Moment,
    /// Until when, if that is over.
    pub until: Option<Moment>,
}

/// Everybody who has or had to do with a car, by One ID. Ids that were merged are told as who they are now.
///
/// # Errors
/// A fault of the store.
pub async fn people_of_car(engine: &Engine, tenant: TenantId, car: VehicleId) -> Result<Vec<Person>, Fault> {
    let prefix = prefix(car);
    let mut found = BTreeMap::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = engine.store.scan(Space::Document, tenant, prefix.as_bytes(), after.as_deref(), READ).await?;
        let Some((last, _)) = page.last() else { return Ok(found.into_values().collect()) };
        after = Some(last.local().to_vec());
        for (key, _) in &page {
            let id = std::str::from_utf8(&key.local()[prefix.len()..]).ok().and_then(|text| text.parse().ok());
            let id = id.ok_or_else(|| Fault::Corrupt("the name of a document of a car".into()))?;
            if let Some(person) = person(engine, tenant, id, car).await? {
                found.insert(person.customer, person);
            }
        }
    }
}

async fn person(engine: &Engine, tenant: TenantId, id: CustomerId, car: VehicleId) -> Result<Option<Person>, Fault> {
    let Some(row) = live::live(engine, tenant, id).await? else { return Ok(None) };
    let known = row.state.cars.get(&car);
    Ok(known.map(|car| Person { customer: row.state.id, role: car.tie.role, since: car.since, until: car.until() }))
}

/// The documents that go with a turn: one per car it related, however often.
pub(crate) fn documents(key: &ActorKey, facts: &[&Event]) -> Vec<Put> {
    let cars: BTreeSet<VehicleId> = facts
        .iter()
        .filter_map(|fact| if let Event::CarRelated { car, .. } = fact { Some(*car) } else { None })
        .collect();
    let put = |car: VehicleId| {
        let customer = CustomerId::from_u128(key.id.0);
        let name = format!("{}{customer}", prefix(car));
        let item = Some(Item { version: 1, body: Bytes::from_static(b"{}") });
        Put { key: ItemKey::document(key.tenant, &name), expect: Expect::Anything, item }
    };
    cars.into_iter().map(put).collect()
}

fn prefix(car: VehicleId) -> String {
    format!("car/{car}/")
}
