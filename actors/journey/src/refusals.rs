//! What a bad definition is answered: the place and the code of every kind of mistake, as a table.

use crate::Revision;
use crate::examples::{everything, segment, with};
use serde_json::{Value, json};

/// Place and code of every problem.
fn answer(definition: &Value) -> Vec<(String, &'static str)> {
    match Revision::parse(definition) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal without a reason");
            for problem in &problems {
                assert!(problem.detail.len() > 10, "{} says nothing to its reader", problem.code);
                let parent = problem.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                assert!(definition.pointer(parent).is_some(), "{} is no place in the definition", problem.pointer);
            }
            problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect()
        }
    }
}

#[track_caller]
fn refused(definition: &Value, expected: &[(&str, &str)]) {
    let found = answer(definition);
    let found: Vec<(&str, &str)> = found.iter().map(|(pointer, code)| (pointer.as_str(), *code)).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_example_is_whole() {
    refused(&everything(), &[]);
}

#[test]
fn the_example_in_the_readme_is_whole() {
    let readme = include_str!("../README.md");
    let block = readme.split("```json").nth(1).and_then(|rest| rest.split("```").next()).expect("a JSON example");
    refused(&serde_json::from_str(block).expect("JSON"), &[]);
}

#[test]
fn many_mistakes_are_cut_off() {
    let case = json!({"if": {"tag": "x"}, "next": "gone"});
    let branch = json!({"type": "branch", "cases": vec![case; 50], "otherwise": "gone"});
    let nodes: serde_json::Map<String, Value> = (0..10).map(|i| (format!("b{i}"), branch.clone())).collect();
    let definition = json!({"entry": {"event": "x"}, "reentry": "once", "start": "b0", "nodes": nodes});
    assert_eq!(answer(&definition).len(), crate::revision::PROBLEMS_MAX);
}

#[test]
fn one_mistake_at_one_place() {
    let seg = segment().to_string();
    let table: Vec<(&str, Value, &str, &str)> = vec![
        ("/entry", Value::Null, "", "missing_field"),
        ("/entry", json!("lead"), "/entry", "wrong_type"),
        ("/entry", json!({}), "/entry", "missing_field"),
        ("/entry/event", json!(""), "/entry/event", "empty_event"),
        ("/entry/event", json!(7), "/entry/event", "wrong_type"),
        ("/entry/wher", json!([]), "/entry/wher", "unknown_field"),
        ("/entry/segment", json!(seg), "/entry", "ambiguous_trigger"),
        ("/goal", json!({"segment": seg}), "/goal", "missing_field"),
        ("/goal", json!({"segment": seg, "edge": "in"}), "/goal/edge", "unknown_choice"),
        ("/goal", json!({"segment": "seg_1", "edge": "enter"}), "/goal/segment", "bad_id"),
        ("/goal", json!({"segment": seg, "edge": "enter", "where": []}), "/goal/where", "unknown_field"),
        ("/exit", json!({"event": "x"}), "/exit", "wrong_type"),
        ("/exit/1", json!({"event": ""}), "/exit/1/event", "empty_event"),
        ("/reentry", json!("always"), "/reentry", "unknown_choice"),
        ("/reentry", json!({"cooldown_hours": 0}), "/reentry/cooldown_hours", "bad_number"),
        ("/reentry", json!({"cooldown_hours": 1.5}), "/reentry/cooldown_hours", "bad_number"),
        ("/reentry", json!({"cooldown_days": 1, "cooldown_hours": 1}), "/reentry/cooldown_days", "unknown_field"),
        ("/start", Value::Null, "", "missing_field"),
        ("/start", json!("nowhere"), "/start", "missing_target"),
        ("/strat", json!("x"), "/strat", "unknown_field"),
        ("/nodes", json!([]), "/nodes", "wrong_type"),
        ("/nodes/a b", json!({"type": "exit"}), "/nodes/a b", "bad_name"),
        ("/nodes/alone", json!({"type": "exit"}), "/nodes/alone", "unreachable"),
        ("/nodes/over", json!([]), "/nodes/over", "wrong_type"),
        ("/nodes/over/type", Value::Null, "/nodes/over", "missing_field"),
        ("/nodes/over/type", json!("stop"), "/nodes/over/type", "unknown_node_type"),
        ("/nodes/over/next", json!("won"), "/nodes/over/next", "unknown_field"),
        ("/nodes/settle/next", json!("gone"), "/nodes/settle/next", "missing_target"),
        ("/nodes/settle/next", json!("no name"), "/nodes/settle/next", "bad_name"),
        ("/nodes/settle/duration", json!("PT0S"), "/nodes/settle/duration", "wait_too_short"),
        ("/nodes/settle/duration", json!("-P1D"), "/nodes/settle/duration", "wait_too_short"),
        ("/nodes/settle/duration", json!("P1M"), "/nodes/settle/duration", "calendar_duration"),
        ("/nodes/settle/duration", json!("P21000D"), "/nodes/settle/duration", "wait_too_long"),
        ("/nodes/settle/duration", json!(30), "/nodes/settle/duration", "wrong_type"),
        ("/nodes/drive/event", json!(""), "/nodes/drive/event", "empty_event"),
        ("/nodes/drive/event", Value::Null, "/nodes/drive", "missing_field"),
        ("/nodes/drive/timeout", json!("soon"), "/nodes/drive/timeout", "bad_duration"),
        ("/nodes/drive/on_timeout", json!("gone"), "/nodes/drive/on_timeout", "missing_target"),
        ("/nodes/ask/cases", json!([]), "/nodes/ask/cases", "no_cases"),
        ("/nodes/ask/cases", json!({}), "/nodes/ask/cases", "wrong_type"),
        ("/nodes/ask/cases/1/next", json!("gone"), "/nodes/ask/cases/1/next", "missing_target"),
        ("/nodes/ask/cases/1/then", json!("over"), "/nodes/ask/cases/1/then", "unknown_field"),
        ("/nodes/ask/otherwise", json!("gone"), "/nodes/ask/otherwise", "missing_target"),
        ("/nodes/task/channel", json!("sms"), "/nodes/task/channel", "unknown_choice"),
        ("/nodes/task/purpose", json!("ads"), "/nodes/task/purpose", "unknown_choice"),
        ("/nodes/task/to", Value::Null, "/nodes/task", "missing_field"),
        ("/nodes/task/to/member", json!(1), "/nodes/task/to/member", "wrong_type"),
        ("/nodes/task/to/member", json!({"tag": "x", "trait": "y"}), "/nodes/task/to/member/tag", "unknown_field"),
        ("/nodes/task/to/corp", json!(""), "/nodes/task/to/corp", "bad_text"),
        ("/nodes/task/content", json!({"text": "{{ traits.name"}), "/nodes/task/content/text", "bad_template"),
        ("/nodes/task/content", json!({"text": "{% set a = 1 %}"}), "/nodes/task/content/text", "bad_template"),
        ("/nodes/task/content", json!({"text": " "}), "/nodes/task/content/text", "empty_text"),
        ("/nodes/task/content", json!({"html": "x", "text": "x"}), "/nodes/task/content/html", "unknown_field"),
        ("/nodes/task/content", json!({"template": "T", "data": {"a": "b"}}), "/nodes/task/content", "wrong_content"),
        ("/nodes/mini/content/data", json!({}), "/nodes/mini/content/data", "too_many"),
        ("/nodes/mini/content/data/thing1", json!(1), "/nodes/mini/content/data/thing1", "wrong_type"),
        ("/nodes/mini/to", json!({"appid": "wx1", "openid": "x"}), "/nodes/mini/to/openid", "unknown_field"),
        ("/nodes/note/to", json!({"corp": "x"}), "/nodes/note/to/corp", "unknown_field"),
        ("/nodes/warm/tag", json!(""), "/nodes/warm/tag", "bad_text"),
        ("/nodes/warm/expires_in", json!("P0D"), "/nodes/warm/expires_in", "wait_too_short"),
        ("/nodes/remember/value", Value::Null, "/nodes/remember", "missing_field"),
        ("/nodes/remember/value", json!("x".repeat(3000)), "/nodes/remember/value", "too_long"),
    ];
    for (place, value, pointer, code) in table {
        println!("{place} = {value}");
        refused(&with(place, value), &[(pointer, code)]);
    }
}

#[test]
fn conditions_and_filters_point_through_the_definition() {
    for (place, value) in [
        ("/nodes/ask/cases/0/if", json!({"trait": "city", "op": "resembles", "value": 1})),
        ("/nodes/ask/cases/1/if", json!({"all": [{"tag": "x"}, {"colour": 1}]})),
        ("/entry/where", json!([{"property": "series", "op": "resembles", "value": 1}])),
        ("/nodes/drive/where", json!([{"property": "km"}])),
        ("/nodes/drive/where", json!("km")),
        // Part of the language, not evaluated yet.
        ("/nodes/ask/cases/0/if", json!({"stage": ["owner"]})),
    ] {
        let found = answer(&with(place, value));
        assert!(!found.is_empty(), "{place} must be refused");
        assert!(found.iter().all(|(pointer, _)| pointer.starts_with(place)), "{found:?} must lie under {place}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let mut definition = with("/start", json!("no name"));
    definition["nodes"]["settle"]["duration"] = json!("P1Y");
    definition["nodes"]["over"]["type"] = json!("stop");
    definition["colour"] = json!("red");
    let expected = [
        ("/start", "bad_name"),
        ("/nodes/over/type", "unknown_node_type"),
        ("/nodes/settle/duration", "calendar_duration"),
        ("/colour", "unknown_field"),
    ];
    refused(&definition, &expected);
}

#[test]
fn a_loop_must_pause() {
    let mut definition = with("/nodes/remember/next", json!("ask"));
    refused(&definition, &[("/nodes/remember/next", "loop_without_wait")]);
    definition["nodes"]["remember"]["next"] = json!("remember");
    refused(&definition, &[("/nodes/remember/next", "loop_without_wait")]);
    // With a pause in it a loop may go on for ever.
    let forever = json!({
        "entry": {"event": "bought"}, "reentry": "once", "start": "w",
        "nodes": {
            "w": {"type": "wait", "duration": "P365D", "next": "s"},
            "s": {"type": "send", "channel": "recording", "purpose": "service", "content": {"text": "x"}, "next": "w"}
        }
    });
    refused(&forever, &[]);
}

#[test]
fn sizes_are_limited() {
    let chain = |count: usize| {
        let nodes: serde_json::Map<String, Value> = (0..count)
            .map(|i| {
                let node = json!({"type": "clear_tag", "tag": "x", "next": format!("n{}", i + 1)});
                (format!("n{i}"), if i + 1 == count { json!({"type": "exit"}) } else { node })
            })
            .collect();
        json!({"entry": {"event": "x"}, "reentry": "once", "start": "n0", "nodes": nodes})
    };
    refused(&chain(200), &[]);
    refused(&chain(201), &[("/nodes", "too_many_nodes")]);
    refused(&chain(0), &[("/start", "missing_target")]);
    refused(&with("/exit", json!(vec![json!({"event": "x"}); 21])), &[("/exit", "too_many")]);
    let case = json!({"if": {"tag": "x"}, "next": "task"});
    refused(&with("/nodes/ask/cases", json!(vec![case; 51])), &[("/nodes/ask/cases", "too_many")]);
}

#[test]
fn what_is_not_a_definition_is_refused() {
    for value in [json!(null), json!([]), json!("x"), json!(1)] {
        refused(&value, &[("", "wrong_type")]);
    }
    let nothing: [(&str, &str); 4] = [("", "missing_field"); 4];
    refused(&json!({}), &nothing);
}

#[test]
fn what_was_read_can_be_asked() {
    let revision = Revision::parse(&everything()).unwrap();
    let events = ["lead_closed", "lead_submitted", "order_placed", "test_drive_completed"];
    assert_eq!(revision.events().into_iter().collect::<Vec<_>>(), events);
    assert_eq!(revision.segments().into_iter().collect::<Vec<_>>(), [segment()]);
    let trackers: Vec<(String, u32)> = revision.trackers().into_iter().map(|spec| (spec.event, spec.keep)).collect();
    assert_eq!(trackers, [("page".to_owned(), 3)]);
    assert_eq!(revision.node_names().count(), 12);
    assert_eq!(revision.start(), "settle");
    assert_eq!(revision.send_plan("mini").and_then(|plan| plan.template()), Some("TPL"));
    assert!(revision.send_plan("over").is_none() && revision.send_plan("gone").is_none());
}
