use crate::{Compiled, Filter, RuleSet, Touched, TrackerSpec, ValueTest, parse};
use roadbook_kernel::SegmentId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn id(number: u128) -> SegmentId {
    SegmentId::from_u128(number)
}

fn compiled(condition: &Value) -> Compiled {
    Compiled::new(parse(condition).unwrap_or_else(|problems| panic!("{condition}: {problems:?}")))
}

fn build(conditions: &[(u128, Value)]) -> Result<RuleSet, Vec<(String, &'static str)>> {
    let segments = conditions.iter().map(|(number, condition)| (id(*number), 1, compiled(condition))).collect();
    RuleSet::build(segments, Vec::new())
        .map_err(|problems| problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect())
}

fn refers_to(number: u128) -> Value {
    json!({"segment": id(number)})
}

fn ids(set: &RuleSet, indices: &[usize]) -> Vec<SegmentId> {
    indices.iter().map(|index| set.segment(*index).id).collect()
}

#[test]
fn segments_stand_behind_those_they_refer_to() {
    let set = build(&[
        (1, json!({"all": [refers_to(3), refers_to(2)]})),
        (2, json!({"not": refers_to(3)})),
        (3, json!({"tag": "a"})),
        (4, json!({"trait": "city", "op": "exists"})),
    ])
    .unwrap();
    let order: Vec<usize> = (1..=4).map(|number| set.index_of(id(number)).unwrap()).collect();
    assert!(order[2] < order[1] && order[1] < order[0]);
    assert_eq!((set.len(), set.is_empty(), set.index_of(id(9))), (4, false, None));
}

#[test]
fn a_change_affects_what_reads_it_at_any_distance_and_nothing_else() {
    let set = build(&[
        (1, refers_to(2)),
        (2, json!({"any": [refers_to(3), {"event": "visit", "last": {"op": "within", "days": 1}}]})),
        (3, json!({"tag": "a"})),
        (4, json!({"trait": "city", "op": "exists"})),
        (5, json!({"event": "visit", "count": {"op": "gte", "value": 2}})),
        (6, json!({"all": [refers_to(4), {"tag": "a"}]})),
    ])
    .unwrap();
    let affected = |touched: Touched| ids(&set, &set.affected(&touched));
    let word = |text: &str| BTreeSet::from([text.to_owned()]);

    assert_eq!(affected(Touched { tags: word("a"), ..Touched::default() }), [id(3), id(2), id(1), id(6)]);
    assert_eq!(affected(Touched { traits: word("city"), ..Touched::default() }), [id(4), id(6)]);
    assert_eq!(affected(Touched { segments: BTreeSet::from([id(2), id(99)]), ..Touched::default() }), [id(1)]);
    let tracker = TrackerSpec::new("visit", &[], 1).id;
    let touched = Touched { trackers: BTreeSet::from([tracker]), ..Touched::default() };
    let found: BTreeSet<SegmentId> = affected(touched).into_iter().collect();
    assert_eq!(found, BTreeSet::from([id(1), id(2), id(5)]));
    assert!(affected(Touched { tags: word("b"), traits: word("a"), ..Touched::default() }).is_empty());
    assert!(affected(Touched::default()).is_empty());
}

#[test]
fn one_tracker_keeps_as_much_as_its_largest_user_needs() {
    let condition = |value: u32| compiled(&json!({"event": "visit", "count": {"op": "gt", "value": value}}));
    let filter = Filter { property: "page".to_owned(), test: ValueTest::Exists };
    let extra = vec![TrackerSpec::new("visit", &[], 7), TrackerSpec::new("visit", &[filter], 2)];
    let set = RuleSet::build(vec![(id(1), 1, condition(3)), (id(2), 4, condition(1))], extra.clone()).unwrap();

    let specs = set.trackers_for_event("visit");
    assert_eq!(specs.len(), 2);
    for (spec, extra) in specs.iter().map(|spec| (spec, extra.iter().find(|extra| extra.id == spec.id).unwrap())) {
        assert_eq!((spec.keep, set.keep(spec.id)), (extra.keep, extra.keep));
    }
    assert!(set.trackers_for_event("order").is_empty());
    assert_eq!(set.keep(TrackerSpec::new("order", &[], 1).id), 0);
    assert_eq!(set.segment(1).revision, 4);

    // Used twice in one condition: "not 2" needs 3, and the last needs 1.
    let mut uses = vec![
        json!({"event": "visit", "count": {"op": "ne", "value": 2}}),
        json!({"event": "visit", "last": {"op": "within", "days": 1}}),
    ];
    assert_eq!(compiled(&json!({"all": uses})).trackers(), [TrackerSpec::new("visit", &[], 3)]);
    uses.reverse();
    assert_eq!(compiled(&json!({"all": uses})).trackers(), [TrackerSpec::new("visit", &[], 3)]);
}

#[test]
fn references_that_lead_nowhere_or_in_circles_are_named_at_their_place() {
    let nowhere = build(&[(1, json!({"all": [{"tag": "a"}, refers_to(9)]}))]);
    assert_eq!(nowhere, Err(vec![("/all/1/segment".to_owned(), "missing_segment")]));

    let itself = build(&[(1, json!({"not": refers_to(1)}))]);
    assert_eq!(itself, Err(vec![("/not/segment".to_owned(), "segment_cycle")]));

    // 1 -> 2 -> 3 -> 2: segment 1 waits for the cycle and is not at fault.
    let circle = build(&[(1, refers_to(2)), (2, json!({"any": [{"tag": "a"}, refers_to(3)]})), (3, refers_to(2))]);
    let expected = vec![("/any/1/segment".to_owned(), "segment_cycle"), ("/segment".to_owned(), "segment_cycle")];
    assert_eq!(circle, Err(expected));

    let twice = build(&[(1, json!({"tag": "a"})), (1, json!({"tag": "b"}))]);
    assert_eq!(twice, Err(vec![(String::new(), "duplicate_segment")]));
}

#[test]
fn segments_that_hold_for_a_stranger_are_known() {
    let set = build(&[
        (1, json!({"event": "purchase", "count": {"op": "eq", "value": 0}, "within_days": 30})),
        (2, json!({"tag": "a"})),
        (3, json!({"not": refers_to(2)})),
        (4, json!({"all": [refers_to(3), refers_to(1)]})),
        (5, json!({"not": refers_to(4)})),
        (6, json!({"trait": "city", "op": "not_exists"})),
        (7, json!({"event": "purchase", "last": {"op": "before", "days": 180}})),
    ])
    .unwrap();
    let mut found = ids(&set, set.true_when_blank());
    found.sort_unstable();
    assert_eq!(found, [id(1), id(3), id(4), id(6)]);
}

#[test]
fn what_a_condition_reads_is_known() {
    let compiled = compiled(&json!({"all": [
        {"trait": "city", "op": "eq", "value": "上海"}, {"not": {"tag": "b"}}, refers_to(3),
        {"event": "visit", "count": {"op": "gte", "value": 1}},
    ]}));
    let reads = compiled.reads();
    assert_eq!(reads.traits, BTreeSet::from(["city".to_owned()]));
    assert_eq!(reads.tags, BTreeSet::from(["b".to_owned()]));
    assert_eq!(reads.segments, BTreeSet::from([id(3)]));
    assert_eq!(reads.events, BTreeSet::from(["visit".to_owned()]));
    assert!(!reads.timed);
    for timed in [
        json!({"trait": "due", "op": "within_next_days", "value": 3}),
        json!({"event": "visit", "count": {"op": "gte", "value": 1}, "within_minutes": 5}),
        json!({"event": "visit", "last": {"op": "before", "hours": 5}}),
    ] {
        assert!(self::compiled(&timed).reads().timed, "{timed}");
    }
}
