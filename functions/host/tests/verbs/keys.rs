//! `roadbook tenants` and `roadbook keys`, on a folder at rest and on one that is being served.

use crate::rig::Folder;

#[test]
fn tenants_and_keys_are_made_listed_and_revoked() {
    let folder = Folder::new();
    let made = folder.run(&["tenants", "create", "Polaris (demo)"]).with(0).json();
    let tenant = made["tenant"].as_str().expect("an id").to_owned();
    let listed = folder.run(&["tenants", "list"]).with(0).json();
    assert_eq!((listed[0]["id"].as_str(), listed[0]["name"].as_str()), (Some(&*tenant), Some("Polaris (demo)")));

    let key = folder.run(&["keys", "create", "--kind", "secret", "--name", "crm"]).with(0).json();
    let (id, text) = (key["id"].as_str().expect("an id"), key["key"].as_str().expect("a key"));
    let list = folder.run(&["keys", "list"]).with(0);
    assert!(list.out.contains(id) && !list.out.contains(text), "a key itself is never listed");

    let server = folder.serve();
    server.ask("GET", "/v1/segments", text, "");
    folder.run(&["keys", "revoke", id]).with(0);
    let again = folder.run(&["keys", "revoke", "key_nobody"]).with(1);
    assert!(again.err.contains("roadbook keys list"), "{}", again.err);
    let revoked = folder.run(&["keys", "list"]).with(0).json();
    let mine = revoked.as_array().and_then(|keys| keys.iter().find(|key| key["id"] == id)).expect("the key");
    assert!(mine["revoked_at"].is_string() || mine["revoked_at"].is_number(), "revoked at once, by the server: {mine}");
}

#[test]
fn several_tenants_must_be_told_apart() {
    let folder = Folder::new();
    let none = folder.run(&["keys", "list"]).with(1);
    assert!(none.err.contains("roadbook tenants create"), "{}", none.err);
    folder.run(&["tenants", "create", "one"]).with(0);
    let two = folder.run(&["tenants", "create", "two"]).with(0).json();
    assert!(folder.run(&["keys", "list"]).with(1).err.contains("--tenant"));
    folder.run(&["keys", "list", "--tenant", two["tenant"].as_str().expect("an id")]).with(0);
}
