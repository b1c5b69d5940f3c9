//! Files of columns: which column is what, and what is said of a mapping that makes no sense.

use crate::imports::{file, import, job, step, stored, to_the_end};
use crate::rig::{Rig, track};
use serde_json::{Value, json};

const MAPPING: &str = r#"
delimiter = ","
header = true
event = "order_placed"
user_id = "member"
date = { column = "day", format = "%Y-%m-%d", zone = "Asia/Shanghai" }
[properties]
amount = "amount:cents"
"#;

fn csv(mapping: &str) -> String {
    let encoded: String = mapping.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/v1/imports?format=csv&mapping={encoded}")
}

#[tokio::test]
async fn a_csv_file_is_read_by_its_mapping() {
    let rig = Rig::new().await;
    let text = "member,day,amount\nu-1,2025-06-01,12.50\nu-2,tomorrow,1\nu-1,2025-06-02,7";
    let answer = import(&rig, &csv(MAPPING), text).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["total"]), (202, &json!(3)));
    while step(&rig, 1).await {}
    let done = job(&rig, &answer).await;
    assert_eq!((&done["applied"], &done["rejected"]), (&json!(2), &json!(1)));
    let person = rig.lookup("userId:u-1").await.ok();
    assert_eq!((&person["events"], &person["last_seen_at"]), (&json!(2), &json!("2025-06-01T16:00:00.000Z")));
    let letter = &rig.letters().await[0];
    assert_eq!((&letter["line"], &letter["reason"]["places"][0]["pointer"]), (&json!(3), &json!("/day")));
    assert!(letter["event"].is_null(), "a line could hold anything, so none of it is shown");
    // Corrected as an event, it is sent like any letter.
    let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
    rig.secret(&rig.mine, "put", &path, track("u-2", "order_placed", "x")).await.ok();
    assert_eq!(rig.post(&format!("{path}/replay"), Value::Null).await.ok()["replay"]["outcome"], "applied");
}

const LEADS: &str = r#"
delimiter = ","
header = true
event = { column = "what" }
date = { column = "day", format = "%Y-%m-%d", zone = "Asia/Shanghai" }
[identifiers]
phone = "mobile"
openid = { column = "openid", scope = "wx0000000000000001" }
[traits.set]
city = "city:text"
children = "children:integer"
owner = "owner:bool"
birthday = "born:date"
[properties]
vin = "vin:vin"
"#;

#[tokio::test]
async fn a_csv_file_names_people_by_any_identifier_and_says_what_they_are() {
    let rig = Rig::new().await;
    let text = "mobile,openid,what,day,city,children,owner,born,vin\n\
        13800000001,o000000000000000000000000001,vehicle_bound,2025-06-01,上海,2,是,1990-01-05,LTESTVIN000000001\n\
        ,o000000000000000000000000001,service_completed,2025-06-02,,,,,\n\
        12-planted,,store_visit,2025-06-03,,,,,\n\
        13800000003,,store_visit,2025-06-03,,some-planted,,,\n\
        ,,store_visit,2025-06-03,,,,,\n";
    let answer = import(&rig, &csv(LEADS), text).await;
    to_the_end(&rig).await;
    let done = job(&rig, &answer).await;
    assert_eq!((&done["applied"], &done["rejected"]), (&json!(2), &json!(3)), "{done}");
    let person = rig.lookup("phone:13800000001").await.ok();
    assert_eq!(person["events"], 2, "the openid leads to the same person: {person}");
    let value = |name: &str| person["traits"][name].clone();
    assert_eq!(
        (value("city"), value("children"), value("owner"), value("birthday")),
        (json!("上海"), json!(2), json!(true), json!("19****5"))
    );
    let letters = rig.letters().await;
    let mut bad: Vec<_> = letters
        .iter()
        .map(|letter| (letter["line"].as_u64().unwrap(), letter["reason"]["places"][0]["pointer"].as_str().unwrap()))
        .collect();
    bad.sort_unstable();
    assert_eq!(bad, [(4, "/mobile"), (5, "/children"), (6, "/openid")]);
    assert!(letters.iter().all(|letter| letter["source"] == done["id"]));
    assert!(!json!(letters).to_string().contains("planted"), "no value of a row is repeated");
}

#[tokio::test]
async fn a_mapping_says_what_is_wrong_with_it() {
    let rig = Rig::new().await;
    for (from, to, says) in [
        ("phone = \"mobile\"", "vin = \"mobile\"", "names a car, not a person"),
        (", scope = \"wx0000000000000001\"", "", "needs the appid"),
        ("city:text", "city:words", "cannot be read"),
        ("\"mobile\"", "\"cell\"", "no column `cell`"),
    ] {
        let mapping = LEADS.replace(from, to);
        let answer = import(&rig, &csv(&mapping), "mobile,openid,what,day,city,children,owner,born,vin\nx").await;
        answer.is_problem(400, "invalid_mapping");
        assert!(answer.text().contains(says), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused_before_anything_is_taken() {
    let rig = Rig::new().await;
    let planted = "13800000001";
    for (mapping, body) in [
        ("delimiter".to_owned(), "x"),
        (format!("phone_{planted} = 1\n{MAPPING}"), "member,day,amount\n"),
        (MAPPING.replace("member", "somebody"), "member,day,amount\nu-1,2025-06-01,12.50\n"),
        (MAPPING.to_owned(), "13800000001,2025-06-01,12.50\n"),
        (MAPPING.replace("Asia/Shanghai", "Mars/Olympus"), "member,day,amount\n"),
    ] {
        let answer = import(&rig, &csv(&mapping), body).await;
        answer.is_problem(400, "invalid_mapping");
        assert!(!answer.text().contains(planted), "{}", answer.text());
    }
    for (path, code) in [
        ("/v1/imports", "missing_parameter"),
        ("/v1/imports?format=xlsx", "unknown_choice"),
        ("/v1/imports?format=csv", "missing_parameter"),
    ] {
        import(&rig, path, file(1)).await.is_problem(400, code);
    }
    import(&rig, &csv(&"#".repeat(9_000)), file(1)).await.is_problem(400, "mapping_too_large");
    assert_eq!((stored(&rig).await, rig.get("/v1/jobs").await.ok()["data"].clone()), (0, json!([])));
}
