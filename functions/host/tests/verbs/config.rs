//! `roadbook config`.

use crate::rig::Folder;

#[test]
fn every_setting_says_its_unit_and_who_set_it() {
    let folder = Folder::new();
    let file = folder
        .file("settings.toml", "port = 9000\nidle_s = 7\n[[corps]]\ncorp = \"ww1\"\nagent = 1\nsecret = \"planted\"\n");
    let file = file.to_str().expect("UTF-8");
    let mut command = folder.command(&["config", "--config", file, "--port", "9001", "--json"]);
    let ran: crate::rig::Ran = command.env("ROADBOOK_DRAIN_S", "3").output().expect("it starts").into();
    let shown = ran.with(0).json();
    let of =
        |name: &str| shown["settings"].as_array().and_then(|all| all.iter().find(|one| one["name"] == name)).cloned();
    let setting = |name: &str| of(name).unwrap_or_else(|| panic!("no {name} in {shown}"));
    assert_eq!(setting("port")["value"], 9001);
    assert_eq!(setting("port")["from"]["flag"], "--port");
    assert_eq!(
        (setting("idle_s")["from"].as_str(), setting("idle_s")["unit"].as_str()),
        (Some("file"), Some("seconds"))
    );
    assert_eq!(setting("drain_s")["from"]["environment"], "ROADBOOK_DRAIN_S");
    assert_eq!(setting("cache_bytes")["from"], "default");
    assert_eq!(setting("corps")["value"][0]["secret"], "***");

    let text = folder.run(&["config", "--config", file]).with(0).out;
    assert!(text.contains("# seconds, file") && text.contains("***") && !text.contains("planted"), "{text}");
    assert!(!folder.data().exists(), "looking makes nothing");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = Folder::new();
    let file = folder.file("settings.toml", "prot = 1\nport = \"x\"\narbiters = 0\n");
    let ran = folder.run(&["config", "--config", file.to_str().expect("UTF-8")]).with(1);
    for name in ["prot", "port", "arbiters"] {
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
    }
    assert!(ran.out.contains("idle_s"), "what is in force is shown all the same");
    folder.run(&["serve", "--config", file.to_str().expect("UTF-8")]).with(1);
}
