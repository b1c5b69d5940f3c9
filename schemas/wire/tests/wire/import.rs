//! Delimited files: the mapping file, its errors, and the CDNOW file where it is at hand.

use super::keys;
use proptest::prelude::*;
use roadbook_identity::{Grade, Kind};
use roadbook_kernel::Moment;
use roadbook_wire::{Inbound, LineReader, Mapping, time};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

const CDNOW: &str = include_str!("../../../../tests/fixtures/cdnow/mapping.toml");
const HEADER: &[u8] = b" customer_id  date number_of_cds  dollar_value\n";

const LEADS: &str = r#"
delimiter = ","
columns = ["id", "at", "model", "price", "score"]
event = "lead"
user_id = "id"
[date]
column = "at"
format = "%Y-%m-%d %H:%M"
zone = "Asia/Shanghai"
[properties]
model = "model"
price = "price:cents"
score = { column = "score", type = "decimal" }
origin = { value = "fair" }
[traits.increment]
leads = 1
score = "score:decimal"
"#;

fn cdnow() -> LineReader {
    LineReader::new(&Mapping::parse(CDNOW).unwrap(), HEADER, &keys(), "file").unwrap()
}

fn leads() -> LineReader {
    LineReader::new(&Mapping::parse(LEADS).unwrap(), b"", &keys(), "file").unwrap()
}

fn read(reader: &LineReader, line: &str) -> Inbound {
    reader.read(line.as_bytes(), 2).unwrap().unwrap()
}

#[test]
fn a_line_of_cdnow() {
    let inbound = read(&cdnow(), " 00002 19970112  5   77.00\r\n");
    let observation = &inbound.observation;
    assert_eq!(observation.name, "purchase");
    assert_eq!(inbound.occurred_at, time::read("1997-01-12T00:00:00Z").unwrap());
    assert_eq!(super::who(&inbound), ["user_id:00002"]);
    assert_eq!(super::properties(&inbound), json!({"cds": 5, "amount_cents": 7700}));
    assert_eq!(super::set(&inbound), json!({"last_purchase": "1997-01-12"}));
    assert_eq!(observation.traits.set_once.as_ref().unwrap().reveal()["first_purchase"], "1997-01-12");
    let increment: Vec<_> = observation.traits.increment.iter().map(|(key, amount)| (key.as_str(), *amount)).collect();
    assert_eq!(increment, [("cds", 5_000_000), ("orders", 1_000_000), ("spent_cents", 7_700_000_000)]);
}

#[test]
fn a_message_is_its_file_and_line() {
    let line = b" 00002 19970112  5   77.00";
    let id = |reader: &LineReader, number| reader.read(line, number).unwrap().unwrap().message;
    let other = LineReader::new(&Mapping::parse(CDNOW).unwrap(), HEADER, &keys(), "other").unwrap();
    assert_ne!(id(&cdnow(), 2), id(&cdnow(), 3), "lines that repeat are purchases of their own");
    assert_ne!(id(&cdnow(), 2), id(&other, 2));
    assert_eq!(id(&cdnow(), 2), id(&cdnow(), 2));
}

#[test]
fn a_line_of_csv_in_a_zone() {
    let inbound = read(&leads(), r#"L-1,2025-01-31 08:00,"T-1, long",199900.50,0.75"#);
    assert_eq!(inbound.occurred_at, time::read("2025-01-31T08:00:00+08:00").unwrap());
    let expected = json!({"model": "T-1, long", "price": 19990050, "score": 0.75, "origin": "fair"});
    assert_eq!(super::properties(&inbound), expected);
    assert_eq!(inbound.observation.traits.increment["score"], 750_000);
}

#[test]
fn empty_lines_are_passed_over() {
    assert!(cdnow().read(b"  \r\n", 7).unwrap().is_none());
    assert!(leads().read(b"", 7).unwrap().is_none());
}

#[test]
fn errors_name_line_and_column_and_no_value() {
    for (line, shown) in [
        ("00002 19970112 5", "line 9: it has 3 columns, expected 4"),
        ("00002 19971312 5 77.00", "line 9, column `date`: expected a time of the form %Y%m%d"),
        ("00002 1997011 5 77.00", "line 9, column `date`: expected a time of the form %Y%m%d"),
        ("00002 19970112 five 77.00", "line 9, column `number_of_cds`: expected a whole number"),
        ("00002 19970112 1.5 77.00", "line 9, column `number_of_cds`: expected a whole number"),
        ("00002 19970112 5 77.001", "line 9, column `dollar_value`: expected an amount with at most 2 decimals"),
    ] {
        assert_eq!(cdnow().read(line.as_bytes(), 9).unwrap_err().to_string(), shown, "{line}");
    }
    let blocked = cdnow().read(b"null 19970112 5 77.00", 9).unwrap_err();
    assert!(blocked.to_string().starts_with("line 9, column `customer_id`: it is blocked"), "{blocked}");
    let gbk = cdnow().read(b"\xb2\xe2 19970112 5 77.00", 9).unwrap_err();
    assert!(gbk.to_string().starts_with("line 9: it is not UTF-8 at byte 1"), "{gbk}");
    let open = leads().read(b"L-1,2025-01-31 08:00,\"T-1,1,1", 9).unwrap_err();
    assert_eq!(open.to_string(), "line 9: a quoted field is not closed on this line");
}

#[test]
fn mappings_that_make_no_sense() {
    let changed = |from: &str, to: &str| {
        assert!(LEADS.contains(from), "{from}");
        LEADS.replace(from, to)
    };
    for (toml, says) in [
        (changed("delimiter = \",\"", "delimiter = \"tab\""), "one ASCII character"),
        (changed("zone = \"Asia/Shanghai\"", "zone = \"Beijing\""), "IANA zone"),
        (changed("price:cents", "price:euros"), "unknown type `euros`"),
        (changed("event = \"lead\"", "event = \"\""), "`event`"),
        (changed("event = \"lead\"", "evnt = \"lead\""), "unknown field `evnt`"),
        (changed("columns = [\"id\", \"at\", \"model\", \"price\", \"score\"]", ""), "without a header"),
        (changed("leads = 1", "leads = \"model\""), "integer, number or cents"),
        (changed("leads = 1", "leads = 0.0000001"), "more than 6 decimals"),
        (changed("[traits.increment]", "[traits.set]\nleads = 2\n[traits.increment]"), "two operations"),
        (changed("{ value = \"fair\" }", "{ column = \"model\", kind = \"string\" }"), "type = .."),
        ("delimiter".to_owned(), "line 1"),
    ] {
        let error = Mapping::parse(&toml).expect_err(&toml);
        assert!(error.to_string().contains(says), "{error}");
    }
    for (toml, header, says) in [
        (changed("user_id = \"id\"", "user_id = \"vin\""), "", "no column `vin`"),
        (changed("\"at\", \"model\"", "\"at\", \"id\""), "", "two columns have one name"),
        (changed("event =", "header = true\nevent ="), "id,at,model,price\n", "names other columns"),
    ] {
        let mapping = Mapping::parse(&toml).unwrap();
        let error = LineReader::new(&mapping, header.as_bytes(), &keys(), "file").err().expect(&toml);
        assert!(error.to_string().contains(says), "{error}");
    }
}

const PEOPLE: &str = r#"
delimiter = ","
header = true
call = "identify"
user_id = "member"
[identifiers]
phone = "mobile"
email = "mail"
unionid = "unionid"
crm_id = "crm"
openid = { column = "openid", scope = "wx0000000000000001" }
external_userid = { column = "wecom", scope = "ww0000000000000001" }
dms_id = { column = "dms", scope_column = "dealer" }
[evidence]
phone = "attested"
[date]
column = "at"
format = "%Y-%m-%d"
zone = "Asia/Shanghai"
[traits.set]
name = "name:text"
income = "income:number"
married = "married:bool"
birthday = { column = "born", type = "date", format = "%Y/%m/%d" }
since = "at:date"
[properties]
vin = "vin:vin"
"#;

const PEOPLE_HEADER: &[u8] =
    b"member,mobile,mail,unionid,crm,openid,wecom,dms,dealer,at,name,income,married,born,vin\n";

fn people() -> LineReader {
    LineReader::new(&Mapping::parse(PEOPLE).unwrap(), PEOPLE_HEADER, &keys(), "file").unwrap()
}

#[test]
fn a_line_about_a_person_by_every_kind() {
    let line = "u-1,138 0000 0001,Test@Example.com,u0000000000000000001,C1,o000000000000000000000000001,wm00000000000000000000000001,D1,4S001,2026-02-01,Test Person,12.5,是,1990/1/5,ltestvin000000001";
    let inbound = read(&people(), line);
    let observation = &inbound.observation;
    assert_eq!(observation.name, "identify");
    assert_eq!(
        super::who(&inbound),
        [
            "user_id:u-1",
            "crm_id:C1",
            "dms_id@4S001:D1",
            "unionid:u0000000000000000001",
            "external_userid@ww0000000000000001:wm00000000000000000000000001",
            "openid@wx0000000000000001:o000000000000000000000000001",
            "phone:+8613800000001",
            "email:test@example.com"
        ]
    );
    assert_eq!((observation.grade(Kind::Phone), observation.grade(Kind::Email)), (Grade::Attested, Grade::Login));
    let expected = json!({ "name": "Test Person", "income": 12.5, "married": true, "birthday": "1990-01-05",
        "since": "2026-02-01" });
    assert_eq!(super::set(&inbound), expected);
    assert_eq!(super::properties(&inbound), json!({ "vin": "LTESTVIN000000001" }));
}

#[test]
fn an_empty_cell_says_nothing() {
    let inbound = read(&people(), ",13800000001,,,,,,,,2026-02-01,,,,,");
    assert_eq!(super::who(&inbound), ["phone:+8613800000001"]);
    assert_eq!((super::set(&inbound), super::properties(&inbound)), (json!({ "since": "2026-02-01" }), json!({})));
}

#[test]
fn a_bad_cell_is_named_by_its_column() {
    for (line, shown) in [
        (",,,,,,,,,2026-02-01,,,,,", "line 9, column `member`: it names nobody"),
        (",1380000000x,,,,,,,,2026-02-01,,,,,", "line 9, column `mobile`: it is malformed"),
        ("u-1,,nobody,,,,,,,2026-02-01,,,,,", "line 9, column `mail`: it is malformed"),
        ("u-1,,,,,,,D1,,2026-02-01,,,,,", "line 9, column `dealer`: the scope of the dms_id is empty"),
        ("u-1,,,,,,,,,2026-02-01,,much,,,", "line 9, column `income`: expected a number"),
        ("u-1,,,,,,,,,2026-02-01,,,maybe,,", "line 9, column `married`: expected yes or no"),
        ("u-1,,,,,,,,,2026-02-01,,,,5.1.1990,", "line 9, column `born`: expected a date of the form %Y/%m/%d"),
        ("u-1,,,,,,,,,2026-02-01,,,,,LTEST", "line 9, column `vin`: expected a VIN"),
    ] {
        let error = people().read(line.as_bytes(), 9).unwrap_err().to_string();
        assert!(error.starts_with(shown), "{line}: {error}");
    }
}

#[test]
fn the_name_of_an_event_from_a_column() {
    let toml = LEADS.replace("event = \"lead\"", "event = { column = \"model\" }");
    let reader = LineReader::new(&Mapping::parse(&toml).unwrap(), b"", &keys(), "file").unwrap();
    assert_eq!(read(&reader, "L-1,2025-01-31 08:00,store_visit,1,1").observation.name, "store_visit");
    let error = reader.read(b"L-1,2025-01-31 08:00,,1,1", 3).unwrap_err().to_string();
    assert!(error.starts_with("line 3, column `model`: expected the name of an event"), "{error}");
}

#[test]
fn mappings_that_name_nobody_or_nothing() {
    for (from, to, says) in [
        ("phone = \"mobile\"", "fax = \"mobile\"", "`identifiers.fax`: unknown identifier kind"),
        ("phone = \"mobile\"", "vin = \"mobile\"", "`identifiers.vin`: it names a car"),
        ("phone = \"mobile\"", "userId = \"mobile\"", "`identifiers.userId`: the kind user_id is named twice"),
        ("phone = \"mobile\"", "phone = { column = \"mobile\", scope = \"x\" }", "the kind phone has no scope"),
        (", scope = \"wx0000000000000001\"", "", "the kind openid needs the appid"),
        ("phone = \"attested\"", "phone = \"sure\"", "`evidence.phone`: write one of"),
        ("call = \"identify\"", "event = \"x\"\ncall = \"identify\"", "an identify has no name"),
        ("call = \"identify\"", "", "a track needs the name of its event"),
        ("name = \"name:text\"", "name = { column = \"name\", format = \"%Y\" }", "only the type date"),
    ] {
        assert!(PEOPLE.contains(from), "{from}");
        let error = Mapping::parse(&PEOPLE.replace(from, to)).expect_err(to).to_string();
        assert!(error.contains(says), "{error}");
    }
    let nobody = LEADS.replace("user_id = \"id\"", "");
    assert!(Mapping::parse(&nobody).unwrap_err().to_string().contains("`identifiers`: name at least one column"));
}

#[test]
fn a_time_that_the_clock_skipped_or_showed_twice() {
    let reader = |zone: &str| {
        let toml = LEADS.replace("Asia/Shanghai", zone);
        LineReader::new(&Mapping::parse(&toml).unwrap(), b"", &keys(), "file").unwrap()
    };
    let at = |zone: &str, when: &str| -> Moment { read(&reader(zone), &format!("L-1,{when},T-1,1,1")).occurred_at };
    assert_eq!(at("Europe/Berlin", "2025-03-30 02:30"), time::read("2025-03-30T03:30:00+02:00").unwrap());
    assert_eq!(at("Europe/Berlin", "2025-10-26 02:30"), time::read("2025-10-26T02:30:00+02:00").unwrap());
}

#[test]
fn dates_without_zeros_before_them() {
    let toml = LEADS.replace("%Y-%m-%d %H:%M", "%Y/%m/%d");
    let reader = LineReader::new(&Mapping::parse(&toml).unwrap(), b"", &keys(), "file").unwrap();
    let inbound = read(&reader, "L-1,2025/1/5,T-1,1,1");
    assert_eq!(inbound.occurred_at, time::read("2025-01-05T00:00:00+08:00").unwrap());
}

/// The whole real file, where it is beside the repository.
#[test]
fn the_whole_cdnow_file() {
    let shared = std::env::var_os("ROADBOOK_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    let path = shared.join("data/cdnow_master.txt");
    let Ok(file) = std::fs::read(&path) else {
        assert!(std::env::var_os("CI").is_none(), "{} is missing; set ROADBOOK_SHARED", path.display());
        eprintln!("skipped: {} is missing; set ROADBOOK_SHARED", path.display());
        return;
    };
    let mut lines = file.split(|byte| *byte == b'\n');
    let header = lines.next().unwrap();
    let reader = LineReader::new(&Mapping::parse(CDNOW).unwrap(), header, &keys(), "file").unwrap();
    let events: Vec<Inbound> =
        lines.zip(2..).filter_map(|(line, number)| reader.read(line, number).expect("a purchase")).collect();
    let sum = |name: &str| events.iter().map(|event| event.observation.traits.increment[name] / 1_000_000).sum::<i64>();
    let customers: BTreeSet<_> = events.iter().map(|event| event.observation.identifiers[0].key()).collect();
    let messages: BTreeSet<_> = events.iter().map(|event| event.message).collect();
    assert_eq!((events.len(), messages.len(), customers.len()), (69_659, 69_659, 23_570));
    assert_eq!((sum("orders"), sum("cds"), sum("spent_cents")), CDNOW_TOTALS);
}

/// Purchases, discs and cents of the file, added up outside of this program.
const CDNOW_TOTALS: (i64, i64, i64) = (69_659, 167_881, 250_031_563);

proptest! {
    #[test]
    fn any_line(line in prop::collection::vec(any::<u8>(), 0..80), text in "[ 0-9a-z,\".]{0,60}") {
        for reader in [cdnow(), leads(), people()] {
            let _ = reader.read(&line, 2);
            let _ = reader.read(text.as_bytes(), 2);
        }
    }
}
