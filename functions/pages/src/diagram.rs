//! A journey as a picture: boxes and arrows with their places, which the template writes as SVG.

use crate::language::Lang;
use crate::layout::{Edge, Layout};
use crate::moment;
use crate::story::text_of;
use crate::texts::Texts;
use serde_json::{Value, json};

/// Half-width characters that fit into a box; a Chinese character takes two.
const LINE_WIDTH: usize = 30;

/// Who paints: the table, the language, and the names of segments.
pub(crate) struct Painter<'a> {
    pub(crate) texts: &'a Texts,
    pub(crate) lang: Lang,
    pub(crate) names: &'a Value,
}

/// Fields of a node that name the next one, and what the arrow says.
const NEXT: [(&str, &str); 4] =
    [("next", ""), ("on_event", "edge.on_event"), ("on_timeout", "edge.on_timeout"), ("otherwise", "edge.otherwise")];

impl Painter<'_> {
    /// Entry, goal, exits and re-entry as sentences.
    pub(crate) fn frame(&self, definition: &Value) -> Value {
        let list = |value: &Value| -> Vec<String> {
            let all = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            all.iter().filter(|one| one.is_object()).map(|one| self.trigger(one)).collect()
        };
        let reentry = match &definition["reentry"] {
            Value::String(word) => self.word("reentry", word),
            other => match other["cooldown_hours"].as_u64() {
                Some(hours) => self.say("reentry.cooldown", &[("hours", &hours.to_string())]),
                None => text_of(other),
            },
        };
        json!({
            "entry": list(&definition["entry"]),
            "goal": list(&definition["goal"]),
            "exit": list(&definition["exit"]),
            "reentry": reentry,
        })
    }

    /// `{width, height, nodes: [{x, y, w, h, ...}], edges: [{path, label, x, y}]}`; null where there is no node.
    pub(crate) fn paint(&self, definition: &Value, counts: &Value) -> Value {
        let Some(nodes) = definition["nodes"].as_object().filter(|nodes| !nodes.is_empty()) else { return Value::Null };
        let names: Vec<&str> = nodes.keys().map(String::as_str).collect();
        let place = |name: &Value| names.iter().position(|known| name == *known);
        let mut edges = Vec::new();
        for (from, node) in nodes.values().enumerate() {
            for (next, label) in self.ways(node) {
                let Some(to) = place(next) else { continue };
                // Two ways to one place are one arrow with both words on it.
                match edges.iter_mut().find(|edge: &&mut Edge| edge.from == from && edge.to == to) {
                    Some(edge) => edge.label = format!("{} / {label}", edge.label),
                    None => edges.push(Edge { from, to, label }),
                }
            }
        }
        let start = place(&definition["start"]).unwrap_or(0);
        let layout = Layout::of(names.len(), start, &edges);
        let boxes: Vec<Value> = nodes
            .iter()
            .zip(&layout.boxes)
            .map(|((name, node), place)| {
                let kind = text_of(&node["type"]);
                json!({
                    "x": place.x, "y": place.y, "w": place.w, "h": place.h,
                    "name": name,
                    "short": clipped(name),
                    "kind": kind,
                    "says": clipped(&self.says(node, &kind)),
                    "full": self.says(node, &kind),
                    "here": counts[name]["here"],
                    "entered": counts[name]["entered"],
                })
            })
            .collect();
        json!({ "width": layout.width, "height": layout.height, "nodes": boxes, "edges": layout.arrows })
    }

    /// Where a node leads, with the words on the arrow.
    fn ways<'n>(&self, node: &'n Value) -> Vec<(&'n Value, String)> {
        let mut ways: Vec<(&Value, String)> = Vec::new();
        for (index, case) in node["cases"].as_array().into_iter().flatten().enumerate() {
            ways.push((&case["next"], self.say("edge.case", &[("n", &(index + 1).to_string())])));
        }
        for (field, label) in NEXT {
            if node[field].is_string() {
                ways.push((&node[field], if label.is_empty() { String::new() } else { self.say(label, &[]) }));
            }
        }
        ways
    }

    /// What a node does, in a line.
    fn says(&self, node: &Value, kind: &str) -> String {
        match kind {
            "wait" => self.length(&node["duration"]),
            "wait_for" => {
                let event = self.word("event", &text_of(&node["event"]));
                self.say("node.wait_for_says", &[("event", &event), ("timeout", &self.length(&node["timeout"]))])
            }
            "branch" => {
                let cases = node["cases"].as_array().map_or(0, Vec::len);
                self.say("node.branch_says", &[("n", &cases.to_string())])
            }
            "send" => {
                let channel = self.word("channel", &text_of(&node["channel"]));
                let purpose = self.word("purpose", &text_of(&node["purpose"]));
                format!("{channel} · {purpose}")
            }
            "set_tag" => match node["value"].as_str() {
                Some(value) => format!("{} = {value}", text_of(&node["tag"])),
                None => text_of(&node["tag"]),
            },
            "clear_tag" => text_of(&node["tag"]),
            "set_trait" => format!("{} = {}", text_of(&node["trait"]), text_of(&node["value"])),
            _ => String::new(),
        }
    }

    fn length(&self, duration: &Value) -> String {
        let text = text_of(duration);
        let parts = moment::duration(&text);
        if parts.is_empty() {
            return text;
        }
        let parts = parts.iter().map(|(amount, unit)| self.say(&format!("unit.{unit}"), &[("n", &amount.to_string())]));
        parts.collect::<Vec<_>>().join(" ")
    }

    fn trigger(&self, trigger: &Value) -> String {
        if let Some(segment) = trigger["segment"].as_str() {
            let name = self.names[segment].as_str().unwrap_or(segment);
            let edge = text_of(&trigger["edge"]);
            return self.say(&format!("trigger.segment_{edge}"), &[("name", name)]);
        }
        let reader = crate::condition::Reader { texts: self.texts, lang: self.lang, names: self.names };
        let event = self.word("event", &text_of(&trigger["event"]));
        let mut line = self.say("trigger.event", &[("event", &event)]);
        line.push_str(&reader.filters(trigger));
        line
    }

    fn word(&self, group: &str, word: &str) -> String {
        self.texts.get(self.lang, &format!("{group}.{word}")).unwrap_or(word).to_owned()
    }

    fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.texts.say(self.lang, key, values)
    }
}

/// A text cut to the width of a box.
fn clipped(text: &str) -> String {
    let (mut out, mut width) = (String::new(), 0);
    for char in text.chars() {
        width += if char.is_ascii() { 1 } else { 2 };
        if width > LINE_WIDTH {
            out.push('…');
            break;
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_box_and_every_way_an_arrow() {
        let texts = Texts::read().unwrap();
        let definition = json!({
            "entry": { "event": "lead_submitted" }, "reentry": { "cooldown_hours": 5 }, "start": "a",
            "nodes": {
                "a": { "type": "wait", "duration": "PT30M", "next": "b" },
                "b": { "type": "wait_for", "event": "x", "timeout": "P3D", "on_event": "c", "on_timeout": "a" },
                "c": { "type": "branch", "cases": [{ "if": {}, "next": "d" }], "otherwise": "d" },
                "d": { "type": "exit" },
            },
        });
        let painter = Painter { texts: &texts, lang: Lang::En, names: &Value::Null };
        let picture = painter.paint(&definition, &json!({ "b": { "here": 3, "entered": 9 } }));
        assert_eq!(picture["nodes"].as_array().unwrap().len(), 4);
        assert_eq!(picture["edges"].as_array().unwrap().len(), 4);
        assert!(picture["edges"].to_string().contains("case 1 / otherwise"));
        assert_eq!(picture["nodes"][1]["here"], 3);
        assert!(painter.frame(&definition)["reentry"].as_str().unwrap().contains('5'));
        assert_eq!(painter.paint(&json!({}), &Value::Null), Value::Null);
    }
}
