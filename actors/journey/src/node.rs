//! The nodes of a journey. To add one: 1 a variant and its reader here, 2 `step.rs`, 3 `schema.rs`, 4 `diagram.rs`,
//! 5 the node table in README.md.

use crate::duration;
use crate::fields::{Fields, below, complain, kind, line};
use crate::send::{self, SendPlan};
use crate::trigger::{self, Trigger};
use roadbook_audience::limits::NAME_CHARS_MAX;
use roadbook_audience::{Compiled, Problem};
use serde_json::Value;

/// Branches of one `branch` node.
const CASES_MAX: usize = 50;
/// Bytes of a trait's value as JSON.
const VALUE_BYTES_MAX: usize = 2048;

/// What happens at a place of the journey.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Waits a fixed time.
    Wait { ms: i64, next: String },
    /// Waits for an event, up to a time.
    WaitFor { trigger: Trigger, timeout_ms: i64, on_event: String, on_timeout: String },
    /// Goes the way of the first case that holds.
    Branch { cases: Vec<Case>, otherwise: String },
    /// Asks for a message.
    Send { plan: SendPlan, next: String },
    /// Sets a tag.
    SetTag { tag: String, value: String, expires_in_ms: Option<i64>, next: String },
    /// Takes a tag away.
    ClearTag { tag: String, next: String },
    /// Sets a trait; null removes it.
    SetTrait { key: String, value: Value, next: String },
    /// The end.
    Exit,
    /// The end, with the goal reached.
    Goal,
}

/// One way out of a branch.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) condition: Compiled,
    pub(crate) next: String,
}

impl Node {
    /// Whether the customer stays here for a while. Every loop must pass such a node.
    pub(crate) const fn pauses(&self) -> bool {
        match self {
            Node::Wait { .. } | Node::WaitFor { .. } => true,
            Node::Branch { .. }
            | Node::Send { .. }
            | Node::SetTag { .. }
            | Node::ClearTag { .. }
            | Node::SetTrait { .. }
            | Node::Exit
            | Node::Goal => false,
        }
    }

    /// The nodes that can come next, each with its place below this node.
    pub(crate) fn targets(&self) -> Vec<(String, &str)> {
        match self {
            Node::Wait { next, .. }
            | Node::Send { next, .. }
            | Node::SetTag { next, .. }
            | Node::ClearTag { next, .. }
            | Node::SetTrait { next, .. } => vec![("/next".to_owned(), next)],
            Node::WaitFor { on_event, on_timeout, .. } => {
                vec![("/on_event".to_owned(), on_event), ("/on_timeout".to_owned(), on_timeout)]
            }
            Node::Branch { cases, otherwise } => {
                let cases = cases.iter().enumerate().map(|(i, case)| (format!("/cases/{i}/next"), case.next.as_str()));
                cases.chain([("/otherwise".to_owned(), otherwise.as_str())]).collect()
            }
            Node::Exit | Node::Goal => Vec::new(),
        }
    }
}

type Reader = fn(&str, &mut Fields<'_>, &mut Vec<Problem>) -> Option<Node>;

const TYPES: [(&str, Reader); 9] = [
    ("wait", read_wait),
    ("wait_for", read_wait_for),
    ("branch", read_branch),
    ("send", read_send),
    ("set_tag", read_set_tag),
    ("clear_tag", read_clear_tag),
    ("set_trait", read_set_trait),
    ("exit", |_, _, _| Some(Node::Exit)),
    ("goal", |_, _, _| Some(Node::Goal)),
];

/// Reads the node that stands at `at` under the name `name`.
pub(crate) fn read(name: &str, value: &Value, at: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    let mut fields = Fields::open(value, at, problems)?;
    let text = fields.text("type", problems)?;
    let Some((_, reader)) = TYPES.iter().find(|(word, _)| *word == text) else {
        let words: Vec<&str> = TYPES.iter().map(|(word, _)| *word).collect();
        complain(problems, &fields.at("type"), "unknown_node_type", format!("the node types are {}", words.join(", ")));
        return None;
    };
    let node = reader(name, &mut fields, problems);
    fields.close(problems);
    node
}

fn read_duration(fields: &mut Fields<'_>, key: &'static str, problems: &mut Vec<Problem>) -> Option<i64> {
    let text = fields.text(key, problems)?;
    duration::parse(text, &fields.at(key), problems)
}

fn read_wait(_: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let ms = read_duration(fields, "duration", problems);
    let next = fields.name("next", problems);
    Some(Node::Wait { ms: ms?, next: next? })
}

fn read_wait_for(_: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let trigger = trigger::read_event(fields, problems);
    let timeout_ms = read_duration(fields, "timeout", problems);
    let on_event = fields.name("on_event", problems);
    let on_timeout = fields.name("on_timeout", problems);
    Some(Node::WaitFor { trigger: trigger?, timeout_ms: timeout_ms?, on_event: on_event?, on_timeout: on_timeout? })
}

fn read_branch(_: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let cases = fields.required("cases", problems);
    let otherwise = fields.name("otherwise", problems);
    let at = fields.at("cases");
    let list = match cases? {
        Value::Array(list) if list.is_empty() => {
            let detail = r#"add a case: {"if": <condition>, "next": ".."}; without one, point straight to `otherwise`"#;
            complain(problems, &at, "no_cases", detail);
            return None;
        }
        Value::Array(list) if list.len() > CASES_MAX => {
            complain(problems, &at, "too_many", format!("at most {CASES_MAX} cases; this has {}", list.len()));
            return None;
        }
        Value::Array(list) => list,
        other => {
            complain(problems, &at, "wrong_type", format!("put a list of cases here; this is {}", kind(other)));
            return None;
        }
    };
    let read: Vec<Case> = list
        .iter()
        .enumerate()
        .filter_map(|(i, case)| read_case(case, &below(&at, &i.to_string()), problems))
        .collect();
    (read.len() == list.len()).then_some(Node::Branch { cases: read, otherwise: otherwise? })
}

fn read_case(value: &Value, at: &str, problems: &mut Vec<Problem>) -> Option<Case> {
    let mut fields = Fields::open(value, at, problems)?;
    let condition = fields.required("if", problems);
    let next = fields.name("next", problems);
    let place = fields.at("if");
    fields.close(problems);
    match roadbook_audience::accept(condition?) {
        Ok(condition) => Some(Case { condition: Compiled::new(condition), next: next? }),
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| trigger::under(&place, problem)));
            None
        }
    }
}

fn read_send(name: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let plan = send::read(name, fields, problems);
    let next = fields.name("next", problems);
    Some(Node::Send { plan: plan?, next: next? })
}

fn read_key(fields: &mut Fields<'_>, key: &'static str, problems: &mut Vec<Problem>) -> Option<String> {
    let text = fields.text(key, problems)?;
    line(text, NAME_CHARS_MAX, &fields.at(key), problems)
}

fn read_set_tag(_: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let tag = read_key(fields, "tag", problems);
    // A tag need not have a value.
    let value = if fields.has("value") { read_key(fields, "value", problems) } else { Some(String::new()) };
    let expires =
        if fields.has("expires_in") { read_duration(fields, "expires_in", problems).map(Some) } else { Some(None) };
    fields.optional("value");
    fields.optional("expires_in");
    let next = fields.name("next", problems);
    Some(Node::SetTag { tag: tag?, value: value?, expires_in_ms: expires?, next: next? })
}

fn read_clear_tag(_: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let tag = read_key(fields, "tag", problems);
    let next = fields.name("next", problems);
    Some(Node::ClearTag { tag: tag?, next: next? })
}

fn read_set_trait(_: &str, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    let key = read_key(fields, "trait", problems);
    let value = fields.required("value", problems);
    let next = fields.name("next", problems);
    let value = value?;
    if value.to_string().len() > VALUE_BYTES_MAX {
        complain(problems, &fields.at("value"), "too_long", format!("at most {VALUE_BYTES_MAX} bytes of JSON here"));
        return None;
    }
    Some(Node::SetTrait { key: key?, value: value.clone(), next: next? })
}
