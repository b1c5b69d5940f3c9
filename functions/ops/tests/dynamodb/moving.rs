//! From a folder to AWS and back: everything is there, and goes on.

use crate::emulator::{Emulator, MASTER};
use crate::life::{CUSTOMERS, Lived, first, rig, write_private};
use roadbook_it::canon;
use roadbook_it::rig::T0;
use roadbook_it::say::{Say, device};
use roadbook_kernel::{DAY_MS, Moment};
use roadbook_runtime::Outcome;
use roadbook_runtime::doctor::{Scope, examine};
use roadbook_runtime::ports::{Commit, Expect, Put, Space, Store};
use serde_json::Value;
use std::path::Path;

/// Small parts: there are many of them, and many places to be killed at.
const PARTS: [&str; 2] = ["--part-pieces", "120"];

fn manifest(of: &Path) -> Value {
    let text = std::fs::read_to_string(of.join("manifest.json")).expect("a manifest");
    serde_json::from_str(&text).expect("JSON")
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_and_back_again_nothing_is_lost_and_nothing_restarts() {
    let Some(emulator) = Emulator::find("there_and_back_again") else { return };
    let (lived, stack) = (Lived::new().await, emulator.stack().await);
    let before = {
        let rig = rig(&lived.data(), lived.tenants[0]);
        canon::tenant(&rig).await
    };
    let (out, home, place) = (lived.beside("out"), lived.beside("home"), format!("aws:{}", stack.name));

    // Out of the folder, killed once.
    let (data, export) = (lived.data(), lived.beside("out"));
    let arguments = [&["export", "--from", shown(&data), "--to", shown(&export)][..], &PARTS].concat();
    emulator.kill_after(4, &arguments);
    assert_eq!(manifest(&out)["is_complete"], false);
    emulator.run(&["import", "--from", shown(&out), "--to", &place]).refused("was interrupted");
    let went_on = emulator.run(&arguments).with(0);
    assert!(went_on.out.contains("Going on behind"), "{}", went_on.out);
    emulator.run(&arguments).refused("complete export");

    // Into a stack that must stand still, killed once.
    let arguments = ["import", "--from", shown(&out), "--to", &place];
    emulator.run(&arguments).refused("roadbook-ops stop --stack");
    stack.run(&["stop"]).with(0);
    emulator.kill_after(5, &arguments);
    stack.run(&["start"]).refused("has not come to its end");
    let went_on = emulator.run(&arguments).with(0);
    assert!(went_on.out.contains("Going on behind") && went_on.out.contains("counted and compared"), "{}", went_on.out);
    emulator.run(&arguments).with(0);

    // The stack is sound, and what is broken in it is found and mended.
    let sound = stack.run(&["doctor", "--aws"]).with(0);
    assert!(sound.out.contains("stands still") && sound.out.contains("Sound."), "{}", sound.out);
    let claims = stack.dynamo.scan(Space::Claim, lived.tenants[0], &[], None, 1).await.expect("claims");
    let puts = vec![Put { key: claims[0].0.clone(), expect: Expect::Anything, item: None }];
    stack.dynamo.commit(Commit { puts, ..Commit::default() }).await.expect("a commit");
    let broken = stack.run(&["doctor"]).with(1);
    assert!(broken.out.contains("claim_missing") && !broken.out.contains("device-0000"), "{}", broken.out);
    emulator.run(&["import", "--from", shown(&out), "--to", &place]).refused("is not empty");
    stack.run(&["doctor", "--repair", "--yes"]).with(0);

    // Out of the stack and into another folder. The repaired claim is the only thing that has changed.
    let (export, data) = (lived.beside("back"), home.clone());
    emulator.run(&["export", "--from", &place, "--to", shown(&export), "--without-key"]).with(0);
    let (first_export, second) = (manifest(&out), manifest(&export));
    for space in ["actors", "pages", "letters", "sends", "counters", "due", "history"] {
        assert_eq!(first_export["spaces"][space], second["spaces"][space], "{space}");
    }
    assert_eq!(first_export["spaces"]["claims"]["count"], second["spaces"]["claims"]["count"]);
    let arguments = ["import", "--from", shown(&export), "--to", shown(&data)];
    emulator.run(&arguments).refused("--key");
    let other = lived.beside("other.key");
    write_private(&other, &"0a".repeat(32));
    emulator.run(&[&arguments[..], &["--key", shown(&other)]].concat()).refused("another master key");
    let key = lived.data().join("master.key");
    emulator.run(&[&arguments[..], &["--key", shown(&key)]].concat()).with(0);
    emulator.run(&[&arguments[..], &["--key", shown(&key)]].concat()).refused("holds a store already");

    goes_on(&home, &lived, &before).await;
}

/// The same customers, a sound folder, duplicates that are known, timers that fire.
async fn goes_on(home: &Path, lived: &Lived, before: &Value) {
    let key = std::fs::read_to_string(home.join("master.key")).expect("a key");
    assert_eq!(roadbook_app::read_master(&key), Some(MASTER));
    let rig = rig(home, lived.tenants[0]);
    let after = canon::tenant(&rig).await;
    assert!(after == *before, "{}", canon::difference(before, &after));
    let live = rig.live().await;
    assert_eq!(i64::try_from(live.len()).expect("a few"), CUSTOMERS - CUSTOMERS / 20, "some are one person");
    let scope = Scope { tenants: lived.tenants.to_vec(), served_until: Moment::MIN };
    let report = examine(&rig.engine, &scope).await.expect("an examination");
    assert!(report.is_sound(), "{:?}", report.by_code);

    let again = rig.observe(&[first(0), first(1)]).await;
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::Duplicate { .. })), "{again:?}");
    let new = rig.observe(&[Say::track("new", "model_viewed", &[device("0")]).at(T0.plus_ms(DAY_MS))]).await;
    assert!(matches!(new[0], Outcome::Applied { .. }), "{new:?}");
    let fired = rig.drain(T0.plus_ms(500 * DAY_MS)).await;
    assert!(fired >= 50, "everybody who waited goes on: {fired}");
    rig.relay().await;
    let report = examine(&rig.engine, &scope).await.expect("an examination");
    assert!(report.is_sound(), "{:?}", report.by_code);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_at_rest_is_not_moved() {
    let Some(emulator) = Emulator::find("what_is_not_at_rest_is_not_moved") else { return };
    let (lived, stack) = (Lived::new().await, emulator.stack().await);
    let (data, out) = (lived.data(), lived.beside("out"));
    let arguments = ["export", "--from", shown(&data), "--to", shown(&out)];
    {
        let rig = rig(&data, lived.tenants[0]);
        emulator.run(&arguments).refused("is being served");
        rig.observe(&[Say::track("late", "model_viewed", &[device("0")]).at(T0.plus_ms(DAY_MS))]).await;
    }
    emulator.run(&arguments).refused("wait for the relay");
    rig(&data, lived.tenants[0]).relay().await;
    emulator.run(&arguments).with(0);
    // An export that was changed on its way is not taken.
    let part = out.join("part-000000.zst");
    let mut bytes = std::fs::read(&part).expect("a part");
    bytes[40] ^= 1;
    std::fs::write(&part, bytes).expect("a part");
    let home = lived.beside("home");
    emulator.run(&["import", "--from", shown(&out), "--to", shown(&home)]).refused("is damaged");
    assert!(!home.join("store").exists(), "a half is nowhere to be served");
    emulator.run(&["export", "--from", &format!("aws:{}", stack.name), "--to", shown(&home)]).refused("stop --stack");
    emulator.run(&["export", "--from", "aws:nobody", "--to", shown(&home)]).refused("no function of a stack nobody");
}
