//! A condition in words: the same tree, each leaf a sentence.

use crate::language::Lang;
use crate::story::text_of;
use crate::texts::Texts;
use serde_json::{Value, json};

/// Levels that are read; the API takes 16.
const DEPTH_MAX: usize = 20;

/// Who reads: the table, the language, and the names of segments and journeys.
pub(crate) struct Reader<'a> {
    pub(crate) texts: &'a Texts,
    pub(crate) lang: Lang,
    pub(crate) names: &'a Value,
}

impl Reader<'_> {
    /// `{head, items}` for `all`, `any`, `not`; `{line}` for a leaf.
    pub(crate) fn read(&self, condition: &Value) -> Value {
        self.level(condition, 0)
    }

    fn level(&self, condition: &Value, depth: usize) -> Value {
        if depth >= DEPTH_MAX {
            return json!({ "line": "…" });
        }
        for head in ["all", "any"] {
            if let Some(parts) = condition[head].as_array() {
                let items: Vec<Value> = parts.iter().map(|part| self.level(part, depth + 1)).collect();
                return json!({ "head": self.say(&format!("condition.{head}"), &[]), "items": items });
            }
        }
        if !condition["not"].is_null() {
            let items = [self.level(&condition["not"], depth + 1)];
            return json!({ "head": self.say("condition.not", &[]), "items": items });
        }
        if condition["vehicle"].is_object() {
            return self.vehicle(&condition["vehicle"], depth);
        }
        json!({ "line": self.leaf(condition) })
    }

    /// A car of the customer: in which role, and what holds for it.
    fn vehicle(&self, vehicle: &Value, depth: usize) -> Value {
        let roles = self.words("role", &vehicle["roles"]);
        let head = match roles.as_str() {
            "" => self.say("condition.vehicle", &[]),
            roles => self.say("condition.vehicle_as", &[("roles", roles)]),
        };
        match vehicle["matches"].is_object() {
            true => json!({ "head": head, "items": [self.level(&vehicle["matches"], depth + 1)] }),
            false => json!({ "line": head }),
        }
    }

    /// A list of words of a group, in the language of the page.
    fn words(&self, group: &str, list: &Value) -> String {
        let word = |code: &Value| {
            let code = text_of(code);
            self.texts.get(self.lang, &format!("{group}.{code}")).unwrap_or(&code).to_owned()
        };
        list.as_array().into_iter().flatten().map(word).collect::<Vec<_>>().join(" / ")
    }

    fn leaf(&self, leaf: &Value) -> String {
        if leaf["event"].is_string() {
            return self.event(leaf);
        }
        if leaf["trait"].is_string() {
            return self.compared("condition.trait", leaf, &text_of(&leaf["trait"]));
        }
        if leaf["tag"].is_string() {
            let key = if leaf["op"].is_null() { "condition.has_tag" } else { "condition.tag" };
            return self.compared(key, leaf, &text_of(&leaf["tag"]));
        }
        for what in ["stage", "aipl"] {
            if leaf[what].is_array() {
                return self.say(&format!("condition.{what}"), &[("value", &self.words(what, &leaf[what]))]);
            }
        }
        if let Some(id) = leaf["segment"].as_str() {
            return self.say("condition.segment", &[("name", self.names[id].as_str().unwrap_or(id))]);
        }
        if let Some(id) = leaf["journey"].as_str() {
            let name = self.names[id].as_str().unwrap_or(id);
            let (state, window) = (self.words("passage", &json!([leaf["state"]])), self.window(leaf));
            return self.say("condition.journey", &[("name", name), ("state", &state), ("window", &window)]);
        }
        leaf.to_string()
    }

    /// A field, an operator and a value.
    fn compared(&self, key: &str, leaf: &Value, name: &str) -> String {
        let (operator, value) = (self.operator(&leaf["op"]), self.value(&leaf["value"]));
        let key = if value.is_empty() && key != "condition.has_tag" { "condition.no_value" } else { key };
        self.say(key, &[("name", name), ("op", &operator), ("value", &value)]).trim().to_owned()
    }

    /// The operator in words, with its own place for the value where it has one.
    fn operator(&self, operator: &Value) -> String {
        let word = text_of(operator);
        self.texts.get(self.lang, &format!("op.{word}")).unwrap_or(&word).to_owned()
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join(" / "),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => text_of(value),
        }
    }

    fn event(&self, leaf: &Value) -> String {
        let name = text_of(&leaf["event"]);
        let name = match self.texts.get(self.lang, &format!("event.{name}")) {
            Some(known) => self.say("condition.event_name", &[("name", known), ("code", &name)]),
            None => name,
        };
        let window = self.window(leaf);
        let mut line = if leaf["last"].is_object() {
            let key = if leaf["last"]["op"] == "before" { "condition.last_before" } else { "condition.last_within" };
            self.say(key, &[("event", &name), ("days", &text_of(&leaf["last"]["days"]))])
        } else if leaf["count"]["op"] == "eq" && leaf["count"]["value"] == 0 {
            self.say("condition.never", &[("event", &name), ("window", &window)])
        } else {
            let count = &leaf["count"];
            let (operator, times) = if count.is_object() {
                (self.operator(&count["op"]), text_of(&count["value"]))
            } else {
                (self.operator(&json!("gte")), "1".to_owned())
            };
            let values = [("event", &*name), ("window", &*window), ("op", &*operator), ("times", &*times)];
            self.say("condition.event", &values)
        };
        line.push_str(&self.filters(leaf));
        line
    }

    /// The filters of an event, each as ", with ...".
    pub(crate) fn filters(&self, leaf: &Value) -> String {
        let mut line = String::new();
        for filter in leaf["where"].as_array().into_iter().flatten() {
            line.push_str(&self.say("condition.where", &[]));
            line.push_str(&self.compared("condition.property", filter, &text_of(&filter["property"])));
        }
        line
    }

    fn window(&self, leaf: &Value) -> String {
        for unit in ["days", "hours", "minutes"] {
            if let Some(amount) = leaf[format!("within_{unit}")].as_u64() {
                return self.say(&format!("condition.within_{unit}"), &[("n", &amount.to_string())]);
            }
        }
        self.say("condition.ever", &[])
    }

    fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.texts.say(self.lang, key, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_a_sentence_in_both_languages() {
        let texts = Texts::read().unwrap();
        let condition = json!({ "all": [
            { "event": "model_viewed", "count": { "op": "gte", "value": 2 }, "within_days": 14,
              "where": [{ "property": "series", "op": "eq", "value": "R1" }] },
            { "any": [{ "tag": "wecom_friend" }, { "tag": "grade", "op": "in", "value": ["H", "A"] }] },
            { "not": { "trait": "city", "op": "eq", "value": "上海" } },
            { "event": "order_placed", "count": { "op": "eq", "value": 0 } },
            { "event": "order_placed", "last": { "op": "before", "days": 180 } },
            { "segment": "seg_1" },
            { "stage": ["service", "renewal"] },
            { "aipl": ["loyal"] },
            { "journey": "jrn_1", "state": "goal_reached", "within_days": 90 },
            { "vehicle": { "roles": ["owner"], "matches": { "stage": ["upgrade"] } } },
        ]});
        let names = json!({ "seg_1": "Owners" });
        for lang in Lang::ALL {
            let text = Reader { texts: &texts, lang, names: &names }.read(&condition).to_string();
            for word in ["series", "R1", "14", "wecom_friend", "H / A", "上海", "180", "Owners", "jrn_1", "90"] {
                assert!(text.contains(word), "{word} in {text}");
            }
            assert!(!text.contains("condition.") && !text.contains("{event}") && !text.contains("{op}"), "{text}");
            assert!(!text.contains("goal_reached") && !text.contains("upgrade"), "{text}");
        }
    }
}
