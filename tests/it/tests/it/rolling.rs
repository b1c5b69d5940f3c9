//! An old process beside a new one, while a deployment lasts or after it was taken back: what the newer one wrote and
//! the older one does not know is there when the newer one comes again.
//!
//! The newer version is played: a field that no version has is put into the rows as they are stored.

use roadbook_customer::{Command, Customer};
use roadbook_it::rig::{Rig, T0};
use roadbook_it::say::{Say, Who, anon, user};
use roadbook_kernel::{ActorKey, CustomerId, MINUTE_MS, Moment};
use roadbook_runtime::ports::{Commit, Expect, Item, ItemKey, Put, Store};
use roadbook_runtime::{Memory, Outcome};
use serde_json::{Value, json};

/// Bytes before the state, and where in them its length and the schema number stand: see `actors/runtime/src/row.rs`.
const HEADER: usize = 32;
const LENGTH: std::ops::Range<usize> = 28..32;
const SCHEMA: std::ops::Range<usize> = 2..4;
/// A field that this version does not have.
const FIELD: &str = "wishes";

const fn at(minutes: i64) -> Moment {
    T0.plus_ms(minutes * MINUTE_MS)
}

fn key_of(rig: &Rig<Memory>, id: CustomerId) -> ItemKey {
    ItemKey::actor(&ActorKey::customer(rig.tenant, id))
}

async fn stored(rig: &Rig<Memory>, id: CustomerId) -> Item {
    rig.engine.store.load(&key_of(rig, id)).await.expect("no fault").expect("a row")
}

/// The state of a row as it is stored.
fn state(item: &Item) -> Value {
    let length = u32::from_le_bytes(item.body[LENGTH].try_into().expect("four bytes")) as usize;
    serde_json::from_slice(&item.body[HEADER..HEADER + length]).expect("the state is JSON")
}

/// A turn of another version: a schema number of its own, and the state as it has it.
async fn write_as(rig: &Rig<Memory>, schema: u16, id: CustomerId, change: impl FnOnce(&mut Value)) {
    let item = stored(rig, id).await;
    let mut other = state(&item);
    let rest = &item.body[HEADER + u32::from_le_bytes(item.body[LENGTH].try_into().expect("four bytes")) as usize..];
    change(&mut other);
    let text = other.to_string();
    let mut body = item.body[..HEADER].to_vec();
    body[SCHEMA].copy_from_slice(&schema.to_le_bytes());
    body[LENGTH].copy_from_slice(&u32::try_from(text.len()).expect("a small state").to_le_bytes());
    body.extend_from_slice(text.as_bytes());
    body.extend_from_slice(rest);
    let next = Item { version: item.version + 1, body: body.into() };
    let put = Put { key: key_of(rig, id), expect: Expect::Version(item.version), item: Some(next) };
    rig.store.commit(Commit { puts: vec![put], ..Commit::default() }).await.expect("nobody else writes");
}

async fn write_as_newer(rig: &Rig<Memory>, id: CustomerId, value: Value) {
    write_as(rig, 2, id, |state| state[FIELD] = value).await;
}

async fn kept(rig: &Rig<Memory>, who: &Who) -> (u64, Value) {
    let customer = rig.customer(who).await;
    let item = stored(rig, customer.id).await;
    (item.version, state(&item)[FIELD].clone())
}

async fn journey(rig: &Rig<Memory>) {
    let definition = json!({
        "entry": {"event": "lead_submitted"}, "reentry": "once", "start": "pause",
        "nodes": {
            "pause": {"type": "wait", "duration": "PT30M", "next": "mark"},
            "mark": {"type": "set_tag", "tag": "called", "value": "yes", "next": "over"},
            "over": {"type": "exit"}
        }
    });
    rig.journey("lead", definition).await;
}

#[tokio::test]
async fn what_a_newer_version_wrote_survives_every_kind_of_turn() {
    let rig = Rig::memory();
    journey(&rig).await;
    let al = user("al");
    rig.observe(&[Say::identify("m1", std::slice::from_ref(&al)).set("city", "Testville").at(at(0))]).await;
    let wishes = json!({"colour": "red", "doors": [3, 5], "none": null});
    write_as_newer(&rig, rig.customer(&al).await.id, wishes.clone()).await;
    let (mut version, _) = kept(&rig, &al).await;

    let rig = rig.restart();
    for (what, turn) in [
        ("an event", Say::track("m2", "lead_submitted", std::slice::from_ref(&al)).at(at(1))),
        ("a new identifier", Say::identify("m3", &[al.clone(), anon("a")]).at(at(2))),
        ("a trait", Say::identify("m4", std::slice::from_ref(&al)).set("city", "Newtown").at(at(3))),
    ] {
        let outcomes = rig.observe(&[turn]).await;
        assert!(matches!(outcomes[..], [Outcome::Applied { .. }]), "{what}: {outcomes:?}");
        let (newer, found) = kept(&rig, &al).await;
        assert!(newer > version, "{what} is a turn");
        assert_eq!(found, wishes, "after {what}");
        version = newer;
    }
    assert_eq!(rig.drain(at(60)).await, 1, "the timer fires");
    assert!(rig.customer(&al).await.tags.contains_key("called"));
    assert_eq!(kept(&rig, &al).await.1, wishes, "after a timer");
    rig.relay().await;
    assert_eq!(kept(&rig, &al).await.1, wishes, "and the relay changes no row");
}

#[tokio::test]
async fn it_survives_a_merge_and_its_undoing() {
    let rig = Rig::memory();
    let (al, bo) = (user("al"), user("bo"));
    rig.observe(&[Say::identify("m1", std::slice::from_ref(&al)).at(at(0))]).await;
    rig.observe(&[Say::identify("m2", std::slice::from_ref(&bo)).at(at(1))]).await;
    let (first, second) = (rig.customer(&al).await.id, rig.customer(&bo).await.id);
    write_as_newer(&rig, first, json!("red")).await;
    write_as_newer(&rig, second, json!("blue")).await;

    let merged = rig.tell(&al, "merge", Command::MergeWith { other: second }, at(2)).await;
    assert!(matches!(merged, Outcome::Applied { .. }), "{merged:?}");
    assert_eq!(kept(&rig, &bo).await.1, json!("red"), "the one who stays keeps what they had");
    assert_eq!(state(&stored(&rig, second).await)[FIELD], json!("blue"), "and the tombstone too");

    rig.relay().await;
    let parted = rig.tell(&al, "unmerge", Command::Unmerge { other: second }, at(3)).await;
    assert!(matches!(parted, Outcome::Applied { .. }), "{parted:?}");
    assert_eq!(kept(&rig, &al).await.1, json!("red"), "who stayed");
    assert_eq!(kept(&rig, &bo).await.1, json!("blue"), "who came back");
}

/// A row that an older version wrote lacks what is newer: here all but what every customer has from the beginning.
#[tokio::test]
async fn a_row_of_an_older_version_is_read_and_goes_on() {
    let rig = Rig::memory();
    journey(&rig).await;
    let al = user("al");
    rig.observe(&[Say::identify("m1", std::slice::from_ref(&al)).set("city", "Testville").at(at(0))]).await;
    let id = rig.customer(&al).await.id;
    let oldest = ["id", "life", "links"];
    let strip = |state: &mut Value| {
        let fields = state.as_object_mut().expect("an object");
        fields.retain(|name, _| oldest.contains(&name.as_str()));
        assert_eq!(fields.len(), oldest.len());
    };
    write_as(&rig, 0, id, strip).await;
    let outcomes = rig.observe(&[Say::track("m2", "lead_submitted", std::slice::from_ref(&al)).at(at(1))]).await;
    assert!(matches!(outcomes[..], [Outcome::Applied { .. }]), "{outcomes:?}");
    assert_eq!(rig.drain(at(60)).await, 1);
    let customer: Customer = rig.customer(&al).await;
    assert_eq!((customer.id, customer.events()), (id, 1), "the same customer, who begins to count anew");
    assert!(customer.tags.contains_key("called") && customer.traits.is_empty());
}
