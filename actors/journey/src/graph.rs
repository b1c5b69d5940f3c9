//! The shape of a journey: every target exists, every node can be reached, and every loop pauses.

use crate::fields::{below, complain};
use crate::node::Node;
use roadbook_audience::Problem;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes of a loop that a sentence names.
const WAY_SHOWN: usize = 8;

type Nodes = BTreeMap<String, Node>;

/// Checks the shape of a journey all of whose nodes could be read.
pub(crate) fn check(start: &str, nodes: &Nodes, problems: &mut Vec<Problem>) {
    let before = problems.len();
    targets(start, nodes, problems);
    // With a missing target, what lies behind it would be called unreachable: one cause, one complaint.
    if problems.len() > before {
        return;
    }
    reachable(start, nodes, problems);
    loops(nodes, problems);
}

fn place(name: &str) -> String {
    below("/nodes", name)
}

fn targets(start: &str, nodes: &Nodes, problems: &mut Vec<Problem>) {
    let ways = nodes.iter().flat_map(|(name, node)| {
        node.targets().into_iter().map(move |(suffix, target)| (format!("{}{suffix}", place(name)), target))
    });
    for (at, target) in std::iter::once(("/start".to_owned(), start)).chain(ways) {
        if !nodes.contains_key(target) {
            complain(problems, &at, "missing_target", "there is no node of this name; add it or name another");
        }
    }
}

fn reachable(start: &str, nodes: &Nodes, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        for (_, target) in nodes.get(name).map(Node::targets).unwrap_or_default() {
            if seen.insert(target) {
                open.push(target);
            }
        }
    }
    for name in nodes.keys().filter(|name| !seen.contains(name.as_str())) {
        complain(
            problems,
            &place(name),
            "unreachable",
            "no way leads here from `start`; connect this node or remove it",
        );
    }
}

/// Finds loops among the nodes that do not pause, depth first: a way back to a node that is still on the path.
fn loops(nodes: &Nodes, problems: &mut Vec<Problem>) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (name, node) in nodes {
        if !node.pauses() && !done.contains(name.as_str()) {
            walk(name, nodes, &mut Vec::new(), &mut done, problems);
        }
    }
}

/// At most as deep as there are nodes, which are limited.
fn walk<'n>(
    name: &'n str,
    nodes: &'n Nodes,
    path: &mut Vec<&'n str>,
    done: &mut BTreeSet<&'n str>,
    problems: &mut Vec<Problem>,
) {
    let Some(node) = nodes.get(name).filter(|node| !node.pauses()) else { return };
    path.push(name);
    for (suffix, target) in node.targets() {
        if let Some(position) = path.iter().position(|on_path| *on_path == target) {
            let around = &path[position..];
            let more = if around.len() > WAY_SHOWN { " -> …" } else { "" };
            let way = format!("{}{more} -> {target}", around[..around.len().min(WAY_SHOWN)].join(" -> "));
            let detail =
                format!("put a `wait` or `wait_for` into this loop: {way} goes round without end in one instant");
            complain(problems, &format!("{}{suffix}", place(name)), "loop_without_wait", detail);
        } else if !done.contains(target) {
            walk(target, nodes, path, done, problems);
        }
    }
    path.pop();
    done.insert(name);
}
