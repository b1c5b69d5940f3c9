//! Rows and records of made-up customers: what the dictionary is trained on, and what its worth is measured with.

#[path = "people.rs"]
mod people;

use roadbook_it::rig::Rig;
use roadbook_kernel::ActorKind;
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{Journal, Space};

/// What was stored.
pub struct Samples {
    /// Every customer's row.
    pub rows: Vec<Vec<u8>>,
    /// Every turn's record.
    pub records: Vec<Vec<u8>>,
}

/// Stored bytes of this many customers; another seed makes up others.
pub async fn make_up(seed: u64, customers: u64) -> Samples {
    let rig = Rig::over(std::sync::Arc::new(Memory::new()));
    people::make_up(&rig, seed, customers).await;
    samples(&rig).await
}

async fn samples(rig: &Rig<Memory>) -> Samples {
    let customer = ActorKind::Customer.byte();
    let items = rig.store.items().into_iter();
    let rows = items.filter(|(key, _)| key.space() == Space::Actor && key.local().first() == Some(&customer));
    let log = rig.store.read(0, usize::MAX).await.expect("the log");
    let records = log.into_iter().filter(|one| one.turn.actor.kind == ActorKind::Customer);
    Samples {
        rows: rows.map(|(_, item)| item.body.to_vec()).collect(),
        records: records.map(|one| one.turn.record.to_vec()).collect(),
    }
}
