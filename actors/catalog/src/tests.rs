//! Given what was decided before, when it is asked this, then it decides that.

use super::*;
use roadbook_journey::Standing;
use roadbook_kernel::{Draft, Durable, Expected, JourneyId, Moment, Refusal, SegmentId};
use serde_json::{Value, json};

const INNER: SegmentId = SegmentId::from_u128(1);
const OUTER: SegmentId = SegmentId::from_u128(2);
const JOURNEY: JourneyId = JourneyId::from_u128(3);

fn decide(state: &mut Catalog, command: Command) -> Result<Vec<Event>, Refusal> {
    let (mut events, mut effects) = (Vec::new(), Vec::new());
    let mut next = state.clone();
    let world = CatalogWorld { at: Moment::from_millis(i64::try_from(state.edition).unwrap() + 10) };
    let decided = Catalog::decide(&mut Draft::new(&mut next, &mut events, &mut effects), &command, &world);
    assert!(decided.is_ok() || events.is_empty(), "a refusal comes before the first event: {events:?}");
    decided.map(|()| {
        *state = next;
        events
    })
}

fn given(commands: impl IntoIterator<Item = Command>) -> Catalog {
    let mut state = Catalog::default();
    for command in commands {
        decide(&mut state, command).expect("what is given is decided");
    }
    state
}

fn segment(id: SegmentId, condition: Value) -> Command {
    Command::CreateSegment { id, name: format!("segment {id}"), condition }
}

fn inner() -> [Command; 2] {
    [segment(INNER, json!({"tag": "vip"})), Command::PublishSegment { id: INNER }]
}

fn outer() -> [Command; 2] {
    let condition = json!({"all": [{"tag": "x"}, {"not": {"segment": INNER.to_string()}}]});
    [segment(OUTER, condition), Command::PublishSegment { id: OUTER }]
}

fn definition(tag: &str, value: &str) -> Value {
    json!({
        "entry": {"segment": INNER.to_string(), "edge": "enter"}, "reentry": "once", "start": "mark",
        "nodes": {
            "mark": {"type": "set_tag", "tag": tag, "value": value, "next": "over"},
            "over": {"type": "exit"}
        }
    })
}

fn journey() -> [Command; 2] {
    let definition = definition("lead_grade", "H");
    [
        Command::CreateJourney { id: JOURNEY, name: "follow up".into(), definition },
        Command::PublishJourney { id: JOURNEY },
    ]
}

fn tag(kind: TagType, values: &[&str]) -> TagDefinition {
    TagDefinition {
        key: "lead_grade".into(),
        name_zh: "意向级别".into(),
        name_en: "Lead grade".into(),
        group: "intent".into(),
        kind,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        origin: TagOrigin::Rule,
        pii: false,
        ttl_days: None,
    }
}

fn pointers(refusal: &Refusal) -> Vec<&str> {
    refusal.places.iter().map(|place| place.pointer.as_str()).collect()
}

#[test]
fn a_change_is_decided_on_the_revision_it_was_written_on() {
    let mut state = given(inner().into_iter().chain(journey()));
    let edit =
        |expected| Command::EditSegment { id: INNER, name: "n".into(), condition: json!({"tag": "y"}), expected };
    assert_eq!(decide(&mut state, edit(Expected::exactly(2))).unwrap_err().code, "stale_etag");
    decide(&mut state, edit(Expected::exactly(1))).unwrap();
    let refused = decide(&mut state, edit(Expected::exactly(1))).unwrap_err();
    assert!(refused.code == "stale_etag" && refused.detail.contains("\"2\""), "{refused}");
    decide(&mut state, edit(Expected::Any)).unwrap();
    assert_eq!(state.segments[&INNER].revision, 3);
    let (name, definition) = ("n".to_owned(), definition("x", "y"));
    let edit = Command::EditJourney { id: JOURNEY, name, definition, expected: Expected::exactly(7) };
    assert_eq!(decide(&mut state, edit).unwrap_err().code, "stale_etag");
    for archive in [
        Command::ArchiveSegment { id: INNER, expected: Expected::exactly(1) },
        Command::ArchiveJourney { id: JOURNEY, expected: Expected::exactly(7) },
    ] {
        assert_eq!(decide(&mut state, archive).unwrap_err().code, "stale_etag");
    }
}

#[test]
fn a_definition_names_only_segments_that_exist() {
    let mut state = given([]);
    let refused = decide(&mut state, outer()[0].clone()).unwrap_err();
    assert_eq!((&*refused.code, pointers(&refused)), ("unknown_segment", vec!["/condition/all/1/not/segment"]));
    let refused = decide(&mut state, journey()[0].clone()).unwrap_err();
    assert_eq!((&*refused.code, pointers(&refused)), ("unknown_segment", vec!["/definition/entry/segment"]));
    let mut state = given(inner());
    decide(&mut state, Command::ArchiveSegment { id: INNER, expected: Expected::Any }).unwrap();
    assert_eq!(decide(&mut state, outer()[0].clone()).unwrap_err().code, "unknown_segment", "it was archived");
}

#[test]
fn a_segment_in_use_is_not_archived_and_the_places_are_named() {
    let mut state = given(inner().into_iter().chain(outer()).chain(journey()));
    let archive = |id| Command::ArchiveSegment { id, expected: Expected::Any };
    let refused = decide(&mut state, archive(INNER)).unwrap_err();
    let places = [
        format!("/segments/{OUTER}/condition/all/1/not/segment"),
        format!("/journeys/{JOURNEY}/definition/entry/segment"),
    ];
    assert_eq!((&*refused.code, pointers(&refused)), ("segment_in_use", places.iter().map(String::as_str).collect()));
    decide(&mut state, archive(OUTER)).unwrap();
    decide(&mut state, Command::ArchiveJourney { id: JOURNEY, expected: Expected::Any }).unwrap();
    let edition = state.edition;
    decide(&mut state, archive(INNER)).unwrap();
    assert_eq!(state.edition, edition + 1);
    let entry = &state.segments[&INNER];
    assert_eq!(
        (entry.status(), &entry.draft, entry.archived.unwrap().revision),
        (Status::Archived, &Value::Null, Some(1))
    );
    assert_eq!(Published::compile(&state).unwrap().rules.len(), 0);
    for later in [archive(INNER), Command::PublishSegment { id: INNER }] {
        assert_eq!(decide(&mut state, later).unwrap_err().code, "archived");
    }
}

#[test]
fn a_paused_journey_stays_paused_until_it_is_resumed() {
    let mut state = given(inner().into_iter().chain([journey()[0].clone()]));
    let (pause, resume) = (Command::PauseJourney { id: JOURNEY }, Command::ResumeJourney { id: JOURNEY });
    assert_eq!(decide(&mut state, pause.clone()).unwrap_err().code, "not_published");
    decide(&mut state, Command::PublishJourney { id: JOURNEY }).unwrap();
    assert_eq!(decide(&mut state, resume.clone()).unwrap_err().code, "not_paused");
    decide(&mut state, pause.clone()).unwrap();
    assert_eq!(decide(&mut state, pause).unwrap_err().code, "already_paused");
    let definition = definition("lead_grade", "A");
    let edit = Command::EditJourney { id: JOURNEY, name: "n".into(), definition, expected: Expected::Any };
    decide(&mut state, edit).unwrap();
    decide(&mut state, Command::PublishJourney { id: JOURNEY }).unwrap();
    let published = Published::compile(&state).unwrap();
    assert_eq!(state.journeys[&JOURNEY].status(), Status::Paused, "published while paused");
    assert_eq!(published.standing(JOURNEY), Standing::Paused);
    let since = state.journeys[&JOURNEY].paused_at.unwrap();
    assert_eq!(published.standing_as_of(JOURNEY, since), Standing::Paused);
    assert_eq!(published.standing_as_of(JOURNEY, since.minus_ms(1)), Standing::Open, "before the pause");
    assert_eq!(published.journey(JOURNEY).unwrap().number, 2);
    decide(&mut state, resume).unwrap();
    assert_eq!(Published::compile(&state).unwrap().standing(JOURNEY), Standing::Open);
    decide(&mut state, Command::ArchiveJourney { id: JOURNEY, expected: Expected::Any }).unwrap();
    assert_eq!(Published::compile(&state).unwrap().standing(JOURNEY), Standing::Closed);
}

#[test]
fn what_a_journey_sets_fits_the_description_of_the_tag() {
    let described = Command::CreateTag { definition: tag(TagType::Enum, &["H", "A"]) };
    let mut state = given(inner().into_iter().chain([described]));
    let create =
        |value| Command::CreateJourney { id: JOURNEY, name: "n".into(), definition: definition("lead_grade", value) };
    let refused = decide(&mut state, create("Z")).unwrap_err();
    assert_eq!((&*refused.code, pointers(&refused)), ("unfit_tag_value", vec!["/definition/nodes/mark/value"]));
    decide(&mut state, create("H")).unwrap();
    decide(&mut state, Command::PublishJourney { id: JOURNEY }).unwrap();
    let narrower = Command::EditTag { definition: tag(TagType::Enum, &["A"]), expected: Expected::exactly(1) };
    let refused = decide(&mut state, narrower).unwrap_err();
    let place = format!("/journeys/{JOURNEY}/definition/nodes/mark/value");
    assert_eq!((&*refused.code, pointers(&refused)), ("tag_in_use", vec![place.as_str()]));
    let wider = Command::EditTag { definition: tag(TagType::Enum, &["H", "A", "B"]), expected: Expected::exactly(1) };
    decide(&mut state, wider).unwrap();
}

#[test]
fn a_draft_is_held_against_descriptions_again_when_it_is_published() {
    let mut state = given(inner().into_iter().chain([journey()[0].clone()]));
    decide(&mut state, Command::CreateTag { definition: tag(TagType::Number, &[]) }).unwrap();
    let refused = decide(&mut state, Command::PublishJourney { id: JOURNEY }).unwrap_err();
    assert_eq!((&*refused.code, pointers(&refused)), ("unfit_tag_value", vec!["/definition/nodes/mark/value"]));
}

#[test]
fn a_description_that_is_made_again_never_shows_a_revision_twice() {
    let create = || Command::CreateTag { definition: tag(TagType::String, &[]) };
    let mut state = given([create()]);
    assert_eq!(decide(&mut state, create()).unwrap_err().code, "already_defined");
    assert_eq!(state.tags["lead_grade"].revision, 1);
    let delete = |expected| Command::DeleteTag { key: "lead_grade".into(), expected };
    assert_eq!(decide(&mut state, delete(Expected::exactly(9))).unwrap_err().code, "stale_etag");
    decide(&mut state, delete(Expected::exactly(1))).unwrap();
    assert_eq!(decide(&mut state, delete(Expected::Any)).unwrap_err().code, "not_found");
    decide(&mut state, create()).unwrap();
    assert_eq!(state.tags["lead_grade"].revision, 3);
}

#[test]
fn loading_descriptions_leaves_what_the_tenant_wrote() {
    let mut state = given([Command::CreateTag { definition: tag(TagType::Enum, &["hot"]) }]);
    let other = TagDefinition { key: "vip".into(), ..tag(TagType::Bool, &[]) };
    let load = Command::LoadTags { definitions: vec![tag(TagType::String, &[]), other.clone(), other] };
    assert_eq!(decide(&mut state, load.clone()).unwrap().len(), 1);
    assert_eq!(state.tags["lead_grade"].definition.kind, TagType::Enum);
    assert_eq!(decide(&mut state, load).unwrap().len(), 0);
}

#[test]
fn values_fit_by_their_type() {
    type Row<'a> = (TagType, &'a [&'a str], &'a [&'a str], &'a [&'a str]);
    let table: [Row<'_>; 7] = [
        (TagType::Bool, &[], &["", "true", "false"], &["yes", "1"]),
        (TagType::Enum, &["H", "A"], &["H"], &["", "h", "H,A"]),
        (TagType::String, &[], &["上海"], &["", " ", "two\nlines"]),
        (TagType::Number, &[], &["0", "-1.5", "1e3"], &["", "one", "inf", "NaN"]),
        (
            TagType::Date,
            &[],
            &["2024-02-29", "1999-12-31"],
            &["2023-02-29", "2024-13-01", "2024-1-1", "2024-00-00", "二〇二四年一月"],
        ),
        (TagType::Multi, &["a", "b"], &["a", "b,a"], &["", "a,a", "c", "a,"]),
        (TagType::Multi, &[], &["a", "b,a"], &["", "a,a", ","]),
    ];
    for (kind, values, fit, unfit) in table {
        let tag = tag(kind, values);
        for value in fit {
            assert_eq!(tag.fits(value), Ok(()), "{kind:?} {value}");
        }
        for value in unfit {
            assert!(tag.fits(value).is_err(), "{kind:?} {value}");
        }
    }
}

#[test]
fn a_description_names_everything_that_is_wrong_with_it() {
    let wrong = TagDefinition {
        key: "Lead-Grade".into(),
        name_zh: String::new(),
        group: "two\nlines".into(),
        values: vec!["a".into(), "a".into(), "b,c".into()],
        ttl_days: Some(0),
        ..tag(TagType::Number, &[])
    };
    let refused = decide(&mut given([]), Command::CreateTag { definition: wrong }).unwrap_err();
    let expected = ["/key", "/name_zh", "/group", "/values", "/values/1", "/values/2", "/ttl_days"];
    assert_eq!((&*refused.code, pointers(&refused)), ("invalid_tag_definition", expected.to_vec()));
    let refused = decide(&mut given([]), Command::CreateTag { definition: tag(TagType::Enum, &[]) }).unwrap_err();
    assert_eq!(refused.places[0].code, "missing_values");
}

#[test]
fn a_catalog_stored_before_there_were_pauses_and_tags_is_read() {
    let stored = json!({"edition": 1, "segments": {}, "journeys": {"jrn_00000000000000000000000003": {
        "name": "n", "revision": 1, "draft": definition("a", "b"), "published": [1, definition("a", "b")],
        "created_at": 1, "updated_at": 2}}});
    let state: Catalog = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(state.journeys[&JOURNEY].status(), Status::Live);
    let written = serde_json::to_value(&state).unwrap();
    assert_eq!(written["journeys"], stored["journeys"], "and its journeys are written as they were");
}
