//! `roadbook serve`.

use crate::rig::Folder;

#[test]
fn it_shows_its_keys_once_stops_when_told_and_keeps_what_it_answered() {
    let folder = Folder::new();
    let mut server = folder.serve();
    let (admin, write) = (server.told("admin_key").to_owned(), server.told("write_key").to_owned());
    let event = r#"{"userId": "u-1", "event": "model_viewed", "messageId": "m-1"}"#;
    server.ask("POST", "/v1/track", &write, event);
    assert!(server.signal("KILL").code().is_none(), "it was killed in the middle of its life");

    let mut server = folder.serve();
    assert_eq!(server.ready["admin_key"], serde_json::Value::Null, "keys are shown once");
    let found = server.ask("GET", "/v1/profiles/lookup?key=userId:u-1", &admin, "");
    assert!(found["id"].as_str().is_some_and(|id| id.starts_with("cus_")), "{found}");
    assert_eq!(server.signal("TERM").code(), Some(0));
}

#[test]
fn a_folder_is_served_once() {
    let folder = Folder::new();
    let _server = folder.serve();
    let second = folder.run(&["serve", "--port", "0"]).with(1);
    assert!(second.err.contains("in use") || second.err.contains("another process"), "{}", second.err);
}
