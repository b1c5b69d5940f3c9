//! One line of a timeline as a sentence.

use crate::language::Lang;
use crate::moment;
use crate::texts::Texts;
use serde_json::{Map, Value, json};

/// What a line is about; the filter of the timeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Events,
    Identity,
    Marks,
    Segments,
    Journeys,
    Messages,
    Consents,
    Other,
}

impl Family {
    /// Those a person can choose.
    pub(crate) const CHOICES: [Family; 7] = [
        Family::Events,
        Family::Identity,
        Family::Marks,
        Family::Segments,
        Family::Journeys,
        Family::Messages,
        Family::Consents,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Family::Events => "events",
            Family::Identity => "identity",
            Family::Marks => "marks",
            Family::Segments => "segments",
            Family::Journeys => "journeys",
            Family::Messages => "messages",
            Family::Consents => "consents",
            Family::Other => "other",
        }
    }

    pub(crate) fn read(name: &str) -> Option<Family> {
        Self::CHOICES.into_iter().find(|family| family.name() == name)
    }

    /// Of a line as the API tells it.
    pub(crate) fn of(line: &Value) -> Family {
        if line["type"] == "event" {
            return Family::Events;
        }
        let fact = line["fact"].as_str().unwrap_or_default();
        let begins = |starts: &[&str]| starts.iter().any(|start| fact.starts_with(start));
        if begins(&["founded", "identifier", "link", "merge", "unmerge"]) {
            Family::Identity
        } else if begins(&["tag", "trait", "stage", "car"]) {
            Family::Marks
        } else if begins(&["segment", "history"]) {
            Family::Segments
        } else if begins(&["journey", "cascade"]) {
            Family::Journeys
        } else if fact.starts_with("message_refused") {
            Family::Other
        } else if begins(&["message", "send"]) {
            Family::Messages
        } else if begins(&["consent"]) {
            Family::Consents
        } else {
            Family::Other
        }
    }
}

/// Fields of a line that its sentence or its frame tells already.
const TOLD: &[&str] = &[
    "type",
    "fact",
    "event_type",
    "name",
    "occurred_at",
    "accepted_at",
    "stated_at",
    "message_id",
    "identifiers",
    "properties",
    "traits",
    "kind",
    "on",
    "value",
    "tag",
    "trait",
    "segment",
    "revision",
    "journey",
    "run",
    "node",
    "from",
    "until",
    "listening",
    "how",
    "send",
    "channel",
    "purpose",
    "asked_at",
    "status",
    "report",
    "verdict",
    "cause",
    "iteration",
    "as_of",
    "kinds",
    "to",
    "vin",
    "role",
    "because",
    "conflict",
    "evidence",
    "restored",
    "scope",
    "from_another_profile",
    "expires_at",
];

/// Who tells: the table, the language and the names of what ids stand for.
pub(crate) struct Teller<'a> {
    pub(crate) texts: &'a Texts,
    pub(crate) lang: Lang,
    pub(crate) names: &'a Value,
}

impl Teller<'_> {
    /// `{at, family, title, code, details, message}` for the template.
    pub(crate) fn row(&self, line: &Value) -> Value {
        let family = Family::of(line);
        let title = if family == Family::Events { self.event(line) } else { self.fact(line) };
        json!({
            "at": line["occurred_at"],
            "family": family.name(),
            "title": title,
            "code": if family == Family::Events && line["name"] != line["event_type"] { line["name"].clone() } else { Value::Null },
            "details": self.details(line),
            "link": link(line),
            "stated_at": line["stated_at"],
            "message": line["message_id"],
        })
    }

    /// A word of a group, in the language of the page; itself where the table does not know it.
    pub(crate) fn word(&self, group: &str, word: &str) -> String {
        self.texts.get(self.lang, &format!("{group}.{word}")).unwrap_or(word).to_owned()
    }

    fn event(&self, line: &Value) -> String {
        let call = line["event_type"].as_str().unwrap_or_default();
        match line["name"].as_str().filter(|name| !name.is_empty() && *name != call) {
            Some(name) => self.word("event", name),
            None => self.word("call", call),
        }
    }

    fn fact(&self, line: &Value) -> String {
        let fact = match line["fact"].as_str().unwrap_or_default() {
            "stage_moved" if line["from"].is_null() => "stage_begun",
            "stage_moved" if line["to"].is_null() => "stage_ended",
            fact => fact,
        };
        let key = format!("fact.{fact}");
        let values = self.values(line);
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match self.texts.get(self.lang, &key) {
            Some(_) => self.texts.say(self.lang, &key, &values),
            None => fact.replace('_', " "),
        }
    }

    /// What the places of a sentence may be filled with.
    fn values(&self, line: &Value) -> Vec<(&'static str, String)> {
        let text = |name: &str| text_of(&line[name]);
        let named = |name: &str| {
            let id = text(name);
            self.names[&id].as_str().map_or(id, str::to_owned)
        };
        let kind = if line["kind"].is_null() { text("on") } else { text("kind") };
        let until = line["until"].as_str().map(|time| moment::minute(time, self.lang)).unwrap_or_default();
        vec![
            ("kind", self.word("identifier", &kind)),
            ("value", text("value")),
            ("tag", text("tag")),
            ("trait", text("trait")),
            ("segment", named("segment")),
            ("journey", named("journey")),
            ("node", text("node")),
            ("until", until),
            ("how", self.word("ending", &text("how"))),
            ("channel", self.word("channel", &text("channel"))),
            ("purpose", self.word("purpose", &text("purpose"))),
            ("verdict", self.word("verdict", &text("verdict"))),
            ("profile", text("profile")),
            ("to", text("to")),
            ("code", text("code")),
            ("reason", self.word("reason", &word_of(&line["reason"]))),
            ("kinds", self.kinds(&line["kinds"])),
            ("vin", text("vin")),
            ("role", self.word("role", &text("role"))),
            ("from_stage", self.word("stage", &text_of(&line["from"]["stage"]))),
            ("to_stage", self.word("stage", &text_of(&line["to"]["stage"]))),
            ("outcome", self.outcome(line)),
        ]
    }

    fn kinds(&self, kinds: &Value) -> String {
        let words = kinds.as_array().into_iter().flatten().map(|kind| self.word("identifier", &text_of(kind)));
        words.collect::<Vec<_>>().join(" / ")
    }

    /// What became of a message, in words.
    fn outcome(&self, line: &Value) -> String {
        let report = if line["report"].is_null() { &line["status"]["report"] } else { &line["report"] };
        let (word, reason) = if report.is_null() {
            (&line["status"]["is"], &line["status"]["reason"])
        } else {
            (&report["outcome"], &report["reason"])
        };
        let word = self.word("outcome", &text_of(word));
        match reason.as_str() {
            Some(reason) => {
                let colon = if self.lang == Lang::Zh { "：" } else { ": " };
                format!("{word}{colon}{}", self.word("reason", reason))
            }
            None => word,
        }
    }

    fn details(&self, line: &Value) -> Vec<[String; 2]> {
        let mut found = Vec::new();
        let empty = Map::new();
        let properties = line["properties"].as_object().unwrap_or(&empty);
        found.extend(properties.iter().map(|(key, value)| [key.clone(), text_of(value)]));
        for (how, fields) in line["traits"].as_object().unwrap_or(&empty) {
            let set = fields.as_object().unwrap_or(&empty);
            let sign = if how == "set" { String::new() } else { format!(" ({how})") };
            found.extend(set.iter().map(|(key, value)| [format!("{key}{sign}"), text_of(value)]));
        }
        for (key, value) in line.as_object().unwrap_or(&empty) {
            if !TOLD.contains(&key.as_str()) && !value.is_null() && !self.in_sentence(line, key) {
                found.push([key.clone(), text_of(value)]);
            }
        }
        if let Some(journey) = line["cause"]["journey"].as_str() {
            let named = self.names[journey].as_str().unwrap_or(journey);
            found.push([self.word("timeline", "cause"), named.to_owned()]);
        }
        if let Some(until) = line["expires_at"].as_str() {
            found.push([self.word("timeline", "expires"), moment::minute(until, self.lang)]);
        }
        found
    }

    /// Whether the sentence of this fact has a place for the field.
    fn in_sentence(&self, line: &Value, field: &str) -> bool {
        let key = format!("fact.{}", line["fact"].as_str().unwrap_or_default());
        self.texts.get(self.lang, &key).is_some_and(|text| text.contains(&format!("{{{field}}}")))
    }
}

/// What a line leads to: the reason of a message, a journey, a segment.
fn link(line: &Value) -> Value {
    for (member, what) in [("send", "sends"), ("segment", "segments"), ("journey", "journeys")] {
        if let Some(id) = line[member].as_str() {
            return json!({ "what": what, "id": id });
        }
    }
    Value::Null
}

/// A word of a closed set: some carry a value, as `{"over_limit": "phone"}`.
fn word_of(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => text_of(value),
    }
}

/// A value as text: texts as they are, everything else as JSON, nothing for null.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_become_sentences_and_unknown_ones_stay_readable() {
        let texts = Texts::read().unwrap();
        let names = json!({ "jrn_1": "Follow-up" });
        let teller = Teller { texts: &texts, lang: Lang::En, names: &names };
        let moved = json!({ "type": "fact", "fact": "journey_moved", "journey": "jrn_1", "node": "drive" });
        let row = teller.row(&moved);
        let title = row["title"].as_str().unwrap();
        assert!(title.contains("Follow-up") && title.contains("drive"), "{title}");
        assert_eq!(row["family"], "journeys");
        let unknown = teller.row(&json!({ "type": "fact", "fact": "moon_landed", "crew": 3 }));
        assert_eq!((&unknown["title"], &unknown["details"]), (&json!("moon landed"), &json!([["crew", "3"]])));
        let asked = json!({ "type": "fact", "fact": "message_asked", "channel": "recording", "purpose": "marketing",
                            "send": "snd_1", "status": { "is": "suppressed", "reason": "no_consent" } });
        let row = teller.row(&asked);
        assert_eq!(row["link"], json!({ "what": "sends", "id": "snd_1" }));
        assert!(!row["title"].as_str().unwrap().contains('{'), "{row}");
    }
}
