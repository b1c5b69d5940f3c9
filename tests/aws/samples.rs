//! Rows and records of made-up customers: what the dictionary is trained on, and what its worth is measured with.

#[path = "people.rs"]
mod people;

use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::Say;
use roadbook_it::sender::{Provider, pass};
use roadbook_kernel::{ActorKind, DAY_MS, MINUTE_MS};
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{Journal, Space};
use serde_json::json;

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

/// Stored bytes of customers whose waits are over, whose messages were sent and whose segments have been left, in the
/// middle of a journey of many steps.
pub async fn lived(seed: u64, customers: u64) -> Samples {
    let rig = Rig::over(std::sync::Arc::new(Memory::new()));
    let everybody = people::make_up(&rig, seed, customers).await;
    let provider = Provider::default();
    let mut at = T0.plus_ms(110 * DAY_MS);
    rig.drain(at).await;
    rig.relay().await;
    while pass(&rig.engine, rig.direct.as_ref(), &provider).await.expect("no fault") > 0 {
        rig.relay().await;
    }
    let mut nodes = json!({"end": {"type": "exit"}});
    for n in 0..6 {
        let next = if n == 5 { "end".to_owned() } else { format!("pause-{}", n + 1) };
        nodes[format!("pause-{n}")] = json!({"type": "wait", "duration": "P3D", "next": format!("mark-{n}")});
        nodes[format!("mark-{n}")] =
            json!({"type": "set_tag", "tag": "care", "value": format!("week {n}"), "next": next});
    }
    let care = json!({"entry": {"event": "car_handed_over"}, "reentry": "once", "start": "pause-0", "nodes": nodes});
    rig.journey("care", care).await;
    for (n, who) in everybody.iter().enumerate() {
        at = at.plus_ms(MINUTE_MS);
        rig.observe(&[Say::track(format!("care{n}"), "car_handed_over", &who[..1]).at(at)]).await;
    }
    rig.drain(at.plus_ms(8 * DAY_MS)).await;
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
