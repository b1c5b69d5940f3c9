//! A folder in which a few hundred customers have lived: merged, in segments, waiting in journeys, about to be sent
//! something; and two tenants.

use crate::emulator::MASTER;
use roadbook_app::{Tenants, write_master};
use roadbook_embedded::{Embedded, Options};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, device, user};
use roadbook_kernel::{MINUTE_MS, TenantId};
use roadbook_runtime::Outcome;
use roadbook_runtime::engine::KeyRing;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Customers of the larger tenant before some of them meet.
pub const CUSTOMERS: i64 = 200;

/// A data folder.
pub struct Lived {
    root: TempDir,
    /// Its tenants, the larger one first.
    pub tenants: [TenantId; 2],
}

/// A rig over a folder that nobody else has open.
pub fn rig(data: &Path, tenant: TenantId) -> Rig<Embedded> {
    let store = Embedded::open(&data.join("store"), &Options::default()).expect("it opens");
    let mut rig = Rig::over(Arc::new(store));
    let named = |keys: &KeyRing| keys.of(tenant).message("test", "the rig's own key");
    assert_eq!(named(&rig.engine.keys), named(&KeyRing::new(MASTER)));
    rig.tenant = tenant;
    rig
}

impl Lived {
    /// Lives. What it leaves was carried.
    pub async fn new() -> Self {
        let root = TempDir::new().expect("a folder");
        let data = root.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        write_private(&data.join("master.key"), &write_master(&MASTER));
        let store = Arc::new(Embedded::open(&data.join("store"), &Options::default()).expect("it opens"));
        let rig = Rig::over(store.clone());
        let mut tenants = Vec::new();
        for (place, customers) in [(1, CUSTOMERS), (2, 20)] {
            let tenant = Tenants::new(store.clone()).create("A test tenant", [place; 16], T0).await.expect("a tenant");
            let rig = rig.speaking_for(tenant.id);
            live(&rig, customers).await;
            tenants.push(tenant.id);
        }
        rig.relay().await;
        let tenants = tenants.try_into().expect("two");
        Self { root, tenants }
    }

    /// Where the folder lies.
    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A place beside it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }
}

/// A file that only its owner can read.
pub fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

/// The first event of a customer.
pub fn first(n: i64) -> Say {
    Say::track(format!("first-{n}"), "model_viewed", &[device(&n.to_string())]).at(T0.plus_ms(n))
}

async fn live(rig: &Rig<Embedded>, customers: i64) {
    let looked = json!({"event": "model_viewed", "count": {"op": "gte", "value": 2}, "within_days": 14});
    let segment = rig.segment("looked twice", looked).await;
    let invitation = json!({
        "entry": {"segment": segment.to_string(), "edge": "enter"}, "reentry": "once", "start": "invite",
        "nodes": {
            "invite": {"type": "send", "channel": "recording", "purpose": "service",
                       "content": {"text": "come"}, "next": "pause"},
            "pause": {"type": "wait", "duration": "P400D", "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("invitation", invitation).await;
    rig.backfill(segment, 100).await;
    let mut says: Vec<Say> = (0..customers).map(first).collect();
    says.extend((0..customers).step_by(3).map(|n| {
        let at = T0.plus_ms(10 * MINUTE_MS + n);
        Say::track(format!("second-{n}"), "model_viewed", &[device(&n.to_string())]).at(at)
    }));
    says.extend((0..customers / 2).map(|n| {
        let who = [user(&n.to_string()), device(&n.to_string())];
        Say::identify(format!("known-{n}"), &who).at(T0.plus_ms(20 * MINUTE_MS + n))
    }));
    // Every tenth turns out to be the same person as the next one.
    says.extend((0..customers / 2 - 1).step_by(10).map(|n| {
        let (one, other) = (user(&n.to_string()), user(&(n + 1).to_string()));
        Say::alias(format!("same-{n}"), &one, &other).at(T0.plus_ms(30 * MINUTE_MS + n))
    }));
    for some in says.chunks(50) {
        let outcomes = rig.observe(some).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Applied { .. })), "{outcomes:?}");
    }
}
