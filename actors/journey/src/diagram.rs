//! A journey as a Mermaid flowchart, for documents and the console.

use crate::node::Node;
use crate::{Edge, Revision, Trigger, duration};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Draws a revision as a Mermaid `flowchart`. The same revision gives the same text.
pub fn mermaid(revision: &Revision) -> String {
    // Names such as `end` are words of the diagram language: nodes get numbers, names stand in the labels.
    let numbers: BTreeMap<&str, usize> = revision.node_names().zip(1..).collect();
    let number = |name: &str| numbers.get(name).copied().unwrap_or(0);
    let mut out = String::from("flowchart TD\n");
    line(&mut out, format_args!("entry([\"{}\"]) --> n{}", trigger(revision.entry()), number(revision.start())));
    for (name, node) in revision.nodes() {
        let (open, close) = match node {
            Node::Branch { .. } => ("{\"", "\"}"),
            Node::Wait { .. } | Node::WaitFor { .. } => ("[/\"", "\"/]"),
            Node::Exit | Node::Goal => ("([\"", "\"])"),
            Node::Send { .. } | Node::SetTag { .. } | Node::ClearTag { .. } | Node::SetTrait { .. } => ("[\"", "\"]"),
        };
        line(&mut out, format_args!("n{}{open}{}<br/>{}{close}", number(name), escaped(name), label(node)));
        for (way, target) in ways(node) {
            let arrow = if way.is_empty() { "-->".to_owned() } else { format!("-->|\"{way}\"|") };
            line(&mut out, format_args!("n{} {arrow} n{}", number(name), number(target)));
        }
    }
    for (word, interrupt) in
        revision.goal().map(|goal| ("goal", goal)).into_iter().chain(revision.exits().iter().map(|exit| ("exit", exit)))
    {
        line(&mut out, format_args!("%% {word} at any time: {}", trigger(interrupt)));
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "    {text}");
}

fn label(node: &Node) -> String {
    match node {
        Node::Wait { ms, .. } => format!("wait {}", duration::shown(*ms)),
        Node::WaitFor { trigger: awaited, timeout_ms, .. } => {
            format!("wait for {}, {} at most", trigger(awaited), duration::shown(*timeout_ms))
        }
        Node::Branch { .. } => "branch".to_owned(),
        Node::Send { plan, .. } => format!("send {:?} ({:?})", plan.channel, plan.purpose),
        Node::SetTag { tag, .. } => format!("set tag {}", escaped(tag)),
        Node::ClearTag { tag, .. } => format!("clear tag {}", escaped(tag)),
        Node::SetTrait { key, .. } => format!("set trait {}", escaped(key)),
        Node::Exit => "exit".to_owned(),
        Node::Goal => "goal".to_owned(),
    }
}

fn ways(node: &Node) -> Vec<(String, &str)> {
    match node {
        Node::WaitFor { on_event, on_timeout, .. } => {
            vec![("event".to_owned(), on_event.as_str()), ("time-out".to_owned(), on_timeout.as_str())]
        }
        Node::Branch { cases, otherwise } => {
            let cases = cases.iter().enumerate().map(|(i, case)| (format!("case {}", i + 1), case.next.as_str()));
            cases.chain([("otherwise".to_owned(), otherwise.as_str())]).collect()
        }
        Node::Wait { next, .. }
        | Node::Send { next, .. }
        | Node::SetTag { next, .. }
        | Node::ClearTag { next, .. }
        | Node::SetTrait { next, .. } => vec![(String::new(), next.as_str())],
        Node::Exit | Node::Goal => Vec::new(),
    }
}

fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Event { event, filters } if filters.is_empty() => escaped(event),
        Trigger::Event { event, filters } => format!("{}, {} filters", escaped(event), filters.len()),
        Trigger::Segment { id, edge: Edge::Enter } => format!("enters {id}"),
        Trigger::Segment { id, edge: Edge::Leave } => format!("leaves {id}"),
    }
}

/// Text a tenant wrote, so that it can neither end a label nor become markup in a page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | '%' | '`' | '|' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_journey_draws_as_a_flowchart() {
        let revision = Revision::parse(&json!({
            "entry": {"event": "lead \"x\" <b>"}, "reentry": "once", "goal": {"event": "order_placed"}, "start": "end",
            "nodes": {
                "end": {"type": "wait", "duration": "PT90M", "next": "ask"},
                "ask": {"type": "wait_for", "event": "visit", "timeout": "P3D", "on_event": "won", "on_timeout": "which"},
                "which": {"type": "branch", "cases": [{"if": {"tag": "hot"}, "next": "won"}], "otherwise": "over"},
                "over": {"type": "exit"}, "won": {"type": "goal"}
            }
        }))
        .unwrap();
        let expected = r##"flowchart TD
    entry(["lead #34;x#34; #60;b#62;"]) --> n2
    n1[/"ask<br/>wait for visit, P3D at most"/]
    n1 -->|"event"| n5
    n1 -->|"time-out"| n4
    n2[/"end<br/>wait PT1H30M"/]
    n2 --> n1
    n3(["over<br/>exit"])
    n4{"which<br/>branch"}
    n4 -->|"case 1"| n5
    n4 -->|"otherwise"| n3
    n5(["won<br/>goal"])
    %% goal at any time: order_placed
"##;
        assert_eq!(mermaid(&revision), expected);
    }
}
