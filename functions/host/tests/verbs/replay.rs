//! `roadbook replay`.

use crate::rig::Folder;

const MAPPING: &str = r#"
delimiter = ","
columns = ["who", "day", "model"]
event = "model_viewed"
user_id = "who"

[date]
column = "day"
format = "%Y%m%d"

[properties]
model = "model"
"#;

#[test]
fn a_file_of_past_events_is_played_once() {
    let folder = Folder::new();
    let mapping = folder.file("mapping.toml", MAPPING);
    let events = folder.file("events.csv", "u-1,20240105,R1\nu-1,20240107,R3\nu-2,20240106,R1\n");
    let catalog = folder.file(
        "catalog.json",
        r#"{"segments": [{"name": "twice", "condition":
            {"event": "model_viewed", "count": {"op": "gte", "value": 2}, "within_days": 3650}}]}"#,
    );
    let export = folder.file("export.ndjson", "");
    let words = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let (mapping, events, catalog, export) = (words(&mapping), words(&events), words(&catalog), words(&export));
    let command =
        ["replay", "--mapping", &mapping, "--file", &events, "--catalog", &catalog, "--export", &export, "--json"];
    let summary = folder.run(&command).with(0).json();
    assert_eq!((summary["events"].as_u64(), summary["duplicates"].as_u64()), (Some(3), Some(0)), "{summary}");
    let exported = std::fs::read_to_string(&export).expect("the export");
    assert_eq!(exported.lines().count(), 2, "{exported}");
    folder.run(&["doctor"]).with(0);
}

#[test]
fn a_mapping_that_does_not_fit_is_explained() {
    let folder = Folder::new();
    let mapping = folder.file("mapping.toml", &MAPPING.replace("\"who\"\n", "\"whom\"\n"));
    let events = folder.file("events.csv", "u-1,20240105,R1\n");
    let words = [mapping.to_str().expect("UTF-8"), events.to_str().expect("UTF-8")];
    let ran = folder.run(&["replay", "--mapping", words[0], "--file", words[1]]).with(1);
    assert!(ran.err.contains("whom"), "{}", ran.err);
}
