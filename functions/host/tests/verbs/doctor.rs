//! `roadbook doctor`. What each check finds is proved in `tests/it`; here it is the folder, the words and the codes.

use crate::rig::Folder;
use roadbook_embedded::{Embedded, Options};
use roadbook_kernel::TenantId;
use roadbook_runtime::ports::{Commit, Expect, Put, Space, Store};
use std::os::unix::fs::PermissionsExt;

/// A folder with one customer, left by a server that was killed.
fn lived_in() -> Folder {
    let folder = Folder::new();
    let mut server = folder.serve();
    let write = server.told("write_key").to_owned();
    let event = r#"{"userId": "u-1", "anonymousId": "planted-browser", "event": "model_viewed", "messageId": "m-1"}"#;
    server.ask("POST", "/v1/track", &write, event);
    server.signal("KILL");
    folder
}

/// Takes one claim away.
fn damage(folder: &Folder) {
    let tenants = folder.run(&["tenants", "list"]).with(0).json();
    let tenant: TenantId = tenants[0]["id"].as_str().expect("an id").parse().expect("a tenant id");
    let store = Embedded::open(&folder.data().join("store"), &Options::default()).expect("it opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let claims = store.scan(Space::Claim, tenant, &[], None, 10).await.expect("no fault");
        assert_eq!(claims.len(), 2);
        let puts = vec![Put { key: claims[0].0.clone(), expect: Expect::Anything, item: None }];
        store.commit(Commit { puts, ..Commit::default() }).await.expect("a commit");
    });
}

#[test]
fn a_folder_whose_server_was_killed_is_sound() {
    let folder = lived_in();
    let ran = folder.run(&["doctor"]).with(0);
    assert!(ran.out.contains("Sound.") && ran.out.contains("free on its disk"), "{}", ran.out);
    let shown = folder.run(&["doctor", "--json"]).with(0).json();
    assert_eq!((shown["sound"].as_bool(), shown["findings"].as_array().map(Vec::len)), (Some(true), Some(0)));
    let claims = shown["checks"].as_array().and_then(|all| all.iter().find(|one| one["check"] == "claims"));
    assert_eq!(claims.map(|claims| &claims["looked_at"]), Some(&serde_json::json!(2)));
}

#[test]
fn damage_is_shown_planned_and_repaired_when_told_so() {
    let folder = lived_in();
    damage(&folder);
    let ran = folder.run(&["doctor"]).with(1);
    assert!(ran.out.contains("claim_missing") && ran.out.contains("repair  let "), "{}", ran.out);
    assert!(!ran.out.contains("planted"), "{}", ran.out);

    let asked = folder.run(&["doctor", "--repair"]).with(1);
    assert!(asked.out.contains("The plan, 1 changes") && asked.err.contains("--yes"), "{}\n{}", asked.out, asked.err);
    let planned = folder.run(&["doctor", "--repair", "--json"]).with(1).json();
    assert_eq!(planned["plan"][0]["if"].as_array().map(Vec::len), Some(2), "{planned}");
    assert_eq!(planned["changes"], serde_json::json!([]), "a plan changes nothing");

    let repaired = folder.run(&["doctor", "--repair", "--yes"]).with(0);
    assert!(repaired.out.contains("done ") && repaired.out.ends_with("Sound.\n"), "{}", repaired.out);
    folder.run(&["doctor"]).with(0);
}

#[test]
fn what_cannot_be_examined_is_another_code() {
    let nothing = Folder::new().run(&["doctor"]).with(2);
    assert!(nothing.err.contains("--data"), "{}", nothing.err);
    let folder = Folder::new();
    let _server = folder.serve();
    let served = folder.run(&["doctor"]).with(2);
    assert!(served.err.contains("Stop the server"), "{}", served.err);
}

#[test]
fn a_lost_or_open_key_is_a_finding() {
    let folder = lived_in();
    let key = folder.data().join("master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("my own file");
    let open = folder.run(&["doctor"]).with(1);
    assert!(open.out.contains("key_unusable") && open.out.contains("chmod 600"), "{}", open.out);
    std::fs::remove_file(&key).expect("my own file");
    damage_without_key(&folder);
    let lost = folder.run(&["doctor", "--repair", "--yes"]).with(1);
    assert!(lost.out.contains("key_missing") && !key.exists(), "{}", lost.out);
    assert!(lost.err.contains("the master key is missing"), "{}", lost.err);
}

/// A due entry of nobody: something a repair could do, if it had the key.
fn damage_without_key(folder: &Folder) {
    use roadbook_kernel::{ActorKey, CustomerId, Moment};
    use roadbook_runtime::ports::{Due, DueKind, ItemKey};
    let store = Embedded::open(&folder.data().join("store"), &Options::default()).expect("it opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let key = ItemKey::actor(&ActorKey::customer(TenantId::from_u128(5), CustomerId::from_u128(5)));
    let due = Due { kind: DueKind::Actor, key, was: None, now: Some(Moment::from_millis(1)) };
    runtime.block_on(store.commit(Commit { dues: vec![due], ..Commit::default() })).expect("a commit");
}
