//! Laws that hold for any definition, not only for the examples.

use crate::examples::{Customer, everything};
use crate::schema::Definition;
use crate::{Edge, Ending, Happening, Input, Next, Revision, Run, RunEvent, RunState, json_schema, mermaid, step};
use proptest::prelude::*;
use roadbook_kernel::{JourneyId, Moment, Personal, RunId, SegmentId};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A node out of dice: pausing nodes lead anywhere, others only forward, so most journeys are valid. With `wild`
/// dice others lead anywhere too, and many are not.
fn node(dice: (u8, u8, u8), index: usize, count: usize, wild: bool) -> Value {
    let (kind, left, right) = dice;
    let anywhere = |die: u8| format!("n{}", usize::from(die) % count);
    let forward = |die: u8| {
        let ahead = count - 1 - index;
        if wild { anywhere(die) } else { format!("n{}", index + 1 + usize::from(die) % ahead.max(1)) }
    };
    if index + 1 == count {
        return if kind % 2 == 0 { json!({"type": "exit"}) } else { json!({"type": "goal"}) };
    }
    match kind % 8 {
        0 => json!({"type": "wait", "duration": format!("PT{}S", u32::from(left) + 1), "next": anywhere(right)}),
        1 => json!({"type": "wait_for", "event": format!("e{}", left % 3), "timeout": "PT1H",
                    "on_event": anywhere(left), "on_timeout": anywhere(right)}),
        2 => json!({"type": "branch", "cases": [{"if": {"trait": "city", "op": "exists"}, "next": forward(left)}],
                    "otherwise": forward(right)}),
        3 => json!({"type": "send", "channel": "recording", "purpose": "service", "content": {"text": "x"},
                    "next": forward(left)}),
        4 => json!({"type": "set_tag", "tag": "t", "next": forward(left)}),
        5 => json!({"type": "clear_tag", "tag": "t", "next": forward(left)}),
        6 => json!({"type": "set_trait", "trait": "city", "value": left, "next": forward(left)}),
        _ => json!({"type": "exit"}),
    }
}

/// A definition without its unreachable nodes.
fn definition(dice: &[(u8, u8, u8)], wild: bool) -> Value {
    let nodes: BTreeMap<String, Value> =
        dice.iter().enumerate().map(|(i, die)| (format!("n{i}"), node(*die, i, dice.len(), wild))).collect();
    let mut seen = BTreeSet::from(["n0".to_owned()]);
    let mut open = vec!["n0".to_owned()];
    while let Some(name) = open.pop() {
        let text = nodes[&name].to_string();
        for other in nodes.keys().filter(|other| text.contains(&format!("\"{other}\""))) {
            if seen.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    let kept: Map<String, Value> = nodes.into_iter().filter(|(name, _)| seen.contains(name)).collect();
    json!({"entry": {"event": "begin"}, "reentry": "after_exit", "goal": {"event": "e2"}, "start": "n0", "nodes": kept})
}

fn dice() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec(any::<(u8, u8, u8)>(), 1..20)
}

fn entered(revision: &Revision, node: &str) -> Run {
    Run {
        id: RunId::from_u128(1),
        journey: JourneyId::from_u128(1),
        revision: 1,
        entered_at: Moment::from_millis(0),
        node: if node.is_empty() { revision.start().to_owned() } else { node.to_owned() },
        state: RunState::Ready,
        held: None,
        iterations: BTreeMap::new(),
        entry: Personal::default(),
    }
}

/// Walks until the passage rests. Gives how it ended, or `None` where it waits; fails where it takes too many steps.
fn settle(revision: &Revision, run: &mut Run, customer: &Customer, now: Moment) -> Option<Ending> {
    for _ in 0..=revision.node_names().count() {
        let taken = step(revision, run, Input::Run, customer, now);
        match apply(run, taken.next, now) {
            Rest::Goes => {}
            Rest::Waits => return None,
            Rest::Ended(how) => return Some(how),
        }
    }
    panic!("more steps in one instant than there are nodes: {}", mermaid(revision));
}

enum Rest {
    Goes,
    Waits,
    Ended(Ending),
}

fn apply(run: &mut Run, next: Next, at: Moment) -> Rest {
    match next {
        Next::Stay => panic!("a ready node must do something"),
        Next::Hold => panic!("nothing is held in an open journey"),
        Next::Goto(to) => {
            run.apply(&RunEvent::Moved { run: run.id, from: run.node.clone(), to, at });
            Rest::Goes
        }
        Next::Pause { until, listening } => {
            assert!(until > at, "a pause has a length");
            run.apply(&RunEvent::Paused { run: run.id, until, listening });
            Rest::Waits
        }
        Next::End(how) => Rest::Ended(how),
    }
}

fn customer(known: bool) -> Customer {
    Customer(known.then(|| ("city", json!("x"))))
}

/// Every place in a definition at which something stands.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    if !at.is_empty() {
        out.push(at.to_owned());
    }
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), out)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| places(value, &format!("{at}/{i}"), out)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_valid_journey_comes_to_rest_in_every_instant(dice in dice(), known in any::<bool>(), inputs in prop::collection::vec(0..4u8, 0..30)) {
        let definition = definition(&dice, false);
        let revision = Revision::parse(&definition).map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
        let (mut run, mut now) = (entered(&revision, ""), Moment::from_millis(0));
        let nothing = Map::new();
        let mut ended = settle(&revision, &mut run, &customer(known), now);
        for input in inputs {
            let Some(due) = run.state.due().filter(|_| ended.is_none()) else { break };
            let name = format!("e{input}");
            let happening = Happening::Event { name: &name, properties: &nothing };
            let taken = if input == 3 {
                now = due;
                step(&revision, &run, Input::Timer, &customer(known), now)
            } else {
                step(&revision, &run, Input::Happening(&happening), &customer(known), now)
            };
            if taken.next == Next::Stay {
                prop_assert_ne!(input, 3, "a due timer moves the passage");
                continue;
            }
            ended = match apply(&mut run, taken.next, now) {
                Rest::Goes => settle(&revision, &mut run, &customer(known), now),
                Rest::Waits => None,
                Rest::Ended(how) => Some(how),
            };
        }
    }

    #[test]
    fn what_parses_comes_to_rest_and_the_rest_is_refused_with_places(dice in dice(), known in any::<bool>()) {
        let definition = definition(&dice, true);
        match Revision::parse(&definition) {
            Ok(revision) => {
                for name in revision.node_names() {
                    settle(&revision, &mut entered(&revision, name), &customer(known), Moment::from_millis(0));
                }
            }
            Err(problems) => {
                prop_assert!(problems.iter().all(|problem| problem.code == "loop_without_wait"), "{problems:?}");
                prop_assert!(problems.iter().all(|problem| definition.pointer(&problem.pointer).is_some()));
            }
        }
    }

    #[test]
    fn step_has_an_answer_for_any_passage(
        dice in dice(), place in "n[0-9]{1,2}|\\PC{0,4}", state in 0..3u8, until in any::<i64>(), now in any::<i64>(), input in 0..4u8,
    ) {
        let revision = Revision::parse(&definition(&dice, false)).map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
        let mut run = entered(&revision, &place);
        let until = Moment::from_millis(until);
        run.state = [RunState::Ready, RunState::Waiting { until }, RunState::Listening { until }][usize::from(state)];
        let nothing = Map::new();
        let event = Happening::Event { name: "e1", properties: &nothing };
        let edge = Happening::Segment { id: SegmentId::from_u128(1), edge: Edge::Enter };
        let input = [Input::Run, Input::Timer, Input::Happening(&event), Input::Happening(&edge)][usize::from(input)];
        let before = run.clone();
        let taken = step(&revision, &run, input, &customer(true), Moment::from_millis(now));
        prop_assert_eq!(step(&revision, &run, input, &customer(true), Moment::from_millis(now)), taken);
        prop_assert_eq!(run, before);
    }

    #[test]
    fn a_changed_definition_is_read_or_refused_and_the_schema_agrees(place in any::<prop::sample::Index>(), change in 0..5u8) {
        let mut changed = everything();
        let mut all = Vec::new();
        places(&changed, "", &mut all);
        let place = place.get(&all);
        let spot = changed.pointer_mut(place).expect("an existing place");
        *spot = match change {
            0 => Value::Null,
            1 => json!([]),
            2 => json!({"unknown": 1}),
            3 => json!(-1),
            _ => json!("\u{0}~/ "),
        };
        let shape = serde_json::from_value::<Definition>(changed.clone());
        if let Ok(revision) = Revision::parse(&changed) {
            prop_assert!(shape.is_ok(), "{place}: read, but the schema refuses it: {:?}", shape.err());
            mermaid(&revision);
        }
    }
}

#[test]
fn the_schema_describes_the_examples_and_nothing_dangles() {
    serde_json::from_value::<Definition>(everything()).expect("the example has the shape of the schema");
    let schema = json_schema();
    let mut targets = Vec::new();
    references(&schema, &mut targets);
    assert!(targets.len() > 10, "{targets:?}");
    for target in targets {
        let pointer = target.strip_prefix('#').expect("a local reference");
        assert!(schema.pointer(pointer).is_some(), "{target} leads nowhere");
    }
}

fn references<'v>(schema: &'v Value, out: &mut Vec<&'v str>) {
    match schema {
        Value::Object(map) => {
            out.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| references(value, out));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, out)),
        _ => {}
    }
}
