//! A journey's definition, read once and never changed.

use crate::fields::{Fields, below, complain, kind, name};
use crate::node::{self, Node};
use crate::trigger::{self, Trigger};
use crate::{Reentry, SendPlan, graph};
use roadbook_audience::{Problem, TrackerSpec};
use roadbook_kernel::{HOUR_MS, JourneyId, SegmentId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes of one journey.
pub(crate) const NODES_MAX: usize = 200;
/// Problems told of one definition; those found first.
pub(crate) const PROBLEMS_MAX: usize = 100;
/// Exit triggers of one journey.
const EXITS_MAX: usize = 20;
/// The longest re-entry cooldown, in hours: 20 years of which 5 are leap years.
const COOLDOWN_HOURS_MAX: u64 = (20 * 365 + 5) * 24;

/// A definition that was read and found whole. It holds no id and no number: whoever stores the JSON knows them.
#[derive(Clone, Debug)]
pub struct Revision {
    entry: Trigger,
    reentry: Reentry,
    goal: Option<Trigger>,
    exits: Vec<Trigger>,
    start: String,
    nodes: BTreeMap<String, Node>,
}

impl Revision {
    /// Reads a definition.
    ///
    /// # Errors
    /// Every problem that can be seen at once, 100 at most, each with a JSON pointer into `value`, a stable code and
    /// a sentence that says what to do.
    pub fn parse(value: &Value) -> Result<Revision, Vec<Problem>> {
        let mut problems = Vec::new();
        match read(value, &mut problems) {
            Some(revision) if problems.is_empty() => Ok(revision),
            _ => {
                problems.truncate(PROBLEMS_MAX);
                Err(problems)
            }
        }
    }

    /// What lets a customer in.
    pub fn entry(&self) -> &Trigger {
        &self.entry
    }

    /// What the journey is for; interrupts any wait.
    pub fn goal(&self) -> Option<&Trigger> {
        self.goal.as_ref()
    }

    /// What ends a passage early; interrupts any wait.
    pub fn exits(&self) -> &[Trigger] {
        &self.exits
    }

    /// How often a customer may come.
    pub fn reentry(&self) -> Reentry {
        self.reentry
    }

    /// The node a passage begins at.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// The names of all nodes, sorted.
    pub fn node_names(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// The message a `send` node asks for; `None` for any other node.
    pub fn send_plan(&self, node: &str) -> Option<&SendPlan> {
        let Node::Send { plan, .. } = self.node(node)? else { return None };
        Some(plan)
    }

    /// Every tag the journey sets: the node, the tag's key, the value (empty for a bare tag).
    pub fn tags_set(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.nodes.iter().filter_map(|(name, node)| {
            let Node::SetTag { tag, value, .. } = node else { return None };
            Some((name.as_str(), tag.as_str(), value.as_str()))
        })
    }

    /// What the branches count and must therefore be tracked for every customer; each tracker once, with the
    /// largest number of occurrences any branch needs.
    pub fn trackers(&self) -> Vec<TrackerSpec> {
        let mut specs: BTreeMap<_, TrackerSpec> = BTreeMap::new();
        for spec in self.conditions().flat_map(|condition| condition.trackers()) {
            let known = specs.entry(spec.id).or_insert_with(|| spec.clone());
            known.keep = known.keep.max(spec.keep);
        }
        specs.into_values().collect()
    }

    /// Every event name that entry, goal, an exit or a `wait_for` listens to. What branches count is not among
    /// them: those events move nobody, see [`Revision::trackers`].
    pub fn events(&self) -> BTreeSet<&str> {
        self.triggers().filter_map(Trigger::event).collect()
    }

    /// Every segment the journey names, in a trigger or in a branch's condition.
    pub fn segments(&self) -> BTreeSet<SegmentId> {
        let read = self.conditions().flat_map(|condition| condition.reads().segments.iter().copied());
        self.triggers().filter_map(Trigger::segment).chain(read).collect()
    }

    /// Every journey that a branch's condition asks about.
    pub fn journeys(&self) -> BTreeSet<JourneyId> {
        self.conditions().flat_map(|condition| condition.reads().journeys.iter().copied()).collect()
    }

    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name)
    }

    pub(crate) fn nodes(&self) -> &BTreeMap<String, Node> {
        &self.nodes
    }

    fn triggers(&self) -> impl Iterator<Item = &Trigger> {
        let waits = self.nodes.values().filter_map(|node| {
            let Node::WaitFor { trigger, .. } = node else { return None };
            Some(trigger)
        });
        std::iter::once(&self.entry).chain(&self.goal).chain(&self.exits).chain(waits)
    }

    fn conditions(&self) -> impl Iterator<Item = &roadbook_audience::Compiled> {
        self.nodes
            .values()
            .filter_map(|node| {
                let Node::Branch { cases, .. } = node else { return None };
                Some(cases)
            })
            .flatten()
            .map(|case| &case.condition)
    }
}

fn read(value: &Value, problems: &mut Vec<Problem>) -> Option<Revision> {
    let mut fields = Fields::open(value, "", problems)?;
    let entry = fields.required("entry", problems).and_then(|entry| trigger::read(entry, "/entry", problems));
    let reentry = fields.required("reentry", problems).and_then(|rule| read_reentry(rule, problems));
    let goal = fields.optional("goal").and_then(|goal| trigger::read(goal, "/goal", problems));
    let exits = fields.optional("exit").map(|exits| trigger::read_list(exits, "/exit", EXITS_MAX, problems));
    let start = fields.name("start", problems);
    let nodes = fields.required("nodes", problems).and_then(|nodes| read_nodes(nodes, problems));
    fields.close(problems);
    let (start, nodes) = (start?, nodes?);
    graph::check(&start, &nodes, problems);
    Some(Revision { entry: entry?, reentry: reentry?, goal, exits: exits.unwrap_or_default(), start, nodes })
}

fn read_reentry(value: &Value, problems: &mut Vec<Problem>) -> Option<Reentry> {
    let hours = match value {
        Value::String(text) if text == "once" => return Some(Reentry::Once),
        Value::String(text) if text == "after_exit" => return Some(Reentry::AfterExit),
        Value::Object(_) => {
            let mut fields = Fields::open(value, "/reentry", problems)?;
            let hours = fields.required("cooldown_hours", problems);
            fields.close(problems);
            hours?
        }
        _ => {
            let detail = r#"write "once", "after_exit" or {"cooldown_hours": 24}"#;
            complain(problems, "/reentry", "unknown_choice", detail);
            return None;
        }
    };
    let Some(hours) = hours.as_u64().filter(|hours| (1..=COOLDOWN_HOURS_MAX).contains(hours)) else {
        let detail = format!("put a whole number of hours here, 1 to {COOLDOWN_HOURS_MAX}");
        complain(problems, "/reentry/cooldown_hours", "bad_number", detail);
        return None;
    };
    i64::try_from(hours).ok().map(|hours| Reentry::Cooldown { ms: hours * HOUR_MS })
}

/// Gives the nodes only if every one of them could be read.
fn read_nodes(value: &Value, problems: &mut Vec<Problem>) -> Option<BTreeMap<String, Node>> {
    let Value::Object(map) = value else {
        complain(
            problems,
            "/nodes",
            "wrong_type",
            format!("put an object of nodes by name here; this is {}", kind(value)),
        );
        return None;
    };
    if map.len() > NODES_MAX {
        let detail = format!("a journey has at most {NODES_MAX} nodes, this one has {}; split it in two", map.len());
        complain(problems, "/nodes", "too_many_nodes", detail);
        return None;
    }
    let mut nodes = BTreeMap::new();
    for (key, value) in map {
        let at = below("/nodes", key);
        let name = name(key, &at, problems);
        let node = node::read(key, value, &at, problems);
        if let (Some(name), Some(node)) = (name, node) {
            nodes.insert(name, node);
        }
    }
    (nodes.len() == map.len()).then_some(nodes)
}
