//! Reads JSON objects field by field and notes every problem with its place, so that one answer lists them all.

use roadbook_audience::Problem;
use serde_json::{Map, Value};

/// Notes a problem at a place.
pub(crate) fn complain(problems: &mut Vec<Problem>, pointer: &str, code: &'static str, detail: impl Into<String>) {
    problems.push(Problem { pointer: pointer.to_owned(), code, detail: detail.into() });
}

/// A JSON pointer one step further down; `~` and `/` are escaped as RFC 6901 says.
pub(crate) fn below(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// An object that is being read. [`Fields::close`] complains about whatever was not asked for.
pub(crate) struct Fields<'v> {
    map: &'v Map<String, Value>,
    at: String,
    known: Vec<&'static str>,
}

impl<'v> Fields<'v> {
    /// Begins to read `value`, which must be an object.
    pub(crate) fn open(value: &'v Value, at: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::Object(map) = value else {
            complain(problems, at, "wrong_type", format!("put an object here; this is {}", kind(value)));
            return None;
        };
        Some(Self { map, at: at.to_owned(), known: Vec::new() })
    }

    /// The place of this object.
    pub(crate) fn place(&self) -> &str {
        &self.at
    }

    /// The place of one of its fields.
    pub(crate) fn at(&self, key: &str) -> String {
        below(&self.at, key)
    }

    /// Whether a field is there; does not count as reading it.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// A field that may be absent.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<&'v Value> {
        self.known.push(key);
        self.map.get(key)
    }

    /// A field that must be there.
    pub(crate) fn required(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<&'v Value> {
        let value = self.optional(key);
        if value.is_none() {
            complain(problems, &self.at, "missing_field", format!("add the field `{key}`"));
        }
        value
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<&'v str> {
        let value = self.required(key, problems)?;
        as_text(value, &self.at(key), problems)
    }

    /// A [`name`] that must be there.
    pub(crate) fn name(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<String> {
        let text = self.text(key, problems)?;
        name(text, &self.at(key), problems)
    }

    /// A text that must be there and be one of `choices`.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let text = self.text(key, problems)?;
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let detail = format!("this word is not known here; use one of {}", words.join(", "));
            complain(problems, &self.at(key), "unknown_choice", detail);
        }
        chosen
    }

    /// Complains about every field nobody asked for.
    pub(crate) fn close(self, problems: &mut Vec<Problem>) {
        for key in self.map.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let detail = format!("this field is not known here; the fields are {}", self.known.join(", "));
            complain(problems, &below(&self.at, key), "unknown_field", detail);
        }
    }
}

/// A text, or a complaint.
pub(crate) fn as_text<'v>(value: &'v Value, at: &str, problems: &mut Vec<Problem>) -> Option<&'v str> {
    if value.as_str().is_none() {
        complain(problems, at, "wrong_type", format!("put a text here; this is {}", kind(value)));
    }
    value.as_str()
}

/// A name: 1-64 of letters, digits, `_` and `-`. Names become keys of counters and of sends, and travel in paths.
pub(crate) fn name(text: &str, at: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(good) {
        return Some(text.to_owned());
    }
    complain(problems, at, "bad_name", "this is not a name; use 1 to 64 of A-Z a-z 0-9 _ -");
    None
}

/// A text of 1 to `chars_max` characters, none of them a control character.
pub(crate) fn line(text: &str, chars_max: usize, at: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let chars = text.chars().count();
    if (1..=chars_max).contains(&chars) && !text.chars().any(char::is_control) {
        return Some(text.to_owned());
    }
    let detail = format!("put 1 to {chars_max} characters here, no control characters; this has {chars}");
    complain(problems, at, "bad_text", detail);
    None
}

/// What a JSON value is, for a sentence.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
