//! The tools of the parser: typed reads that note what is wrong and go on.

use crate::problem::Place;
use crate::{Problem, limits};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::str::FromStr;

pub(super) struct Parser {
    pub(super) problems: Vec<Problem>,
    pub(super) nodes: usize,
    /// Whether limits apply; see [`limits`].
    pub(super) limited: bool,
}

impl Parser {
    pub(super) fn new(limited: bool) -> Self {
        Self { problems: Vec::new(), nodes: 0, limited }
    }

    /// Whether the condition has more parts than it may; the rest of it is not looked at.
    pub(super) fn is_full(&self) -> bool {
        self.limited && self.nodes > limits::NODES_MAX
    }

    pub(super) fn note(&mut self, at: &Place<'_>, code: &'static str, detail: impl Into<String>) {
        if self.problems.len() < limits::PROBLEMS_MAX {
            self.problems.push(Problem::new(at, code, detail));
        }
    }

    pub(super) fn fail<T>(&mut self, at: &Place<'_>, code: &'static str, detail: impl Into<String>) -> Option<T> {
        self.note(at, code, detail);
        None
    }

    pub(super) fn wrong_type<T>(&mut self, at: &Place<'_>, expected: &str, found: &Value) -> Option<T> {
        self.fail(at, "wrong_type", format!("expected {expected}, found {}", kind(found)))
    }

    pub(super) fn object<'v>(&mut self, value: &'v Value, at: &Place<'_>) -> Option<&'v Map<String, Value>> {
        value.as_object().or_else(|| self.wrong_type(at, "an object", value))
    }

    /// Notes every field beside those allowed here.
    pub(super) fn only(&mut self, map: &Map<String, Value>, at: &Place<'_>, allowed: &[&str]) {
        for key in map.keys().filter(|key| !allowed.contains(&key.as_str())) {
            let detail = format!("no such field here; the fields are: {}", allowed.join(", "));
            // A name nobody would write is not repeated back at full length.
            if key.len() <= limits::NAME_CHARS_MAX {
                self.note(&at.key(key), "unknown_field", detail);
            } else {
                self.note(at, "unknown_field", format!("a field with a name of {} bytes: {detail}", key.len()));
            }
        }
    }

    pub(super) fn required<'v>(
        &mut self,
        map: &'v Map<String, Value>,
        at: &Place<'_>,
        key: &str,
        what: &str,
    ) -> Option<&'v Value> {
        map.get(key).or_else(|| self.fail(at, "missing_field", format!("`{key}` is missing: {what}")))
    }

    /// A list of at least one and at most `max` entries.
    pub(super) fn list<'v>(&mut self, value: &'v Value, at: &Place<'_>, max: usize) -> Option<&'v [Value]> {
        let Some(entries) = value.as_array() else { return self.wrong_type(at, "a list", value) };
        if self.limited && entries.is_empty() {
            return self.fail(at, "empty", "the list needs at least one entry");
        }
        if self.limited && entries.len() > max {
            return self.fail(at, "too_many", format!("at most {max} entries, found {}", entries.len()));
        }
        Some(entries)
    }

    /// Every entry of a list read in the same way; each bad entry is noted at its own place.
    pub(super) fn each<T>(
        &mut self,
        value: &Value,
        at: &Place<'_>,
        max: usize,
        read: impl Fn(&mut Self, &Value, &Place<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let entries = self.list(value, at, max)?;
        let found: Vec<T> =
            entries.iter().enumerate().filter_map(|(index, entry)| read(self, entry, &at.index(index))).collect();
        (found.len() == entries.len()).then_some(found)
    }

    /// A text of at most `max` characters.
    pub(super) fn text(&mut self, value: &Value, at: &Place<'_>, max: usize) -> Option<String> {
        let Some(text) = value.as_str() else { return self.wrong_type(at, "a text", value) };
        let chars = text.chars().count();
        if self.limited && chars > max {
            return self.fail(at, "too_long", format!("at most {max} characters, found {chars}"));
        }
        Some(text.to_owned())
    }

    /// A text that names something: not empty.
    pub(super) fn name(&mut self, value: &Value, at: &Place<'_>) -> Option<String> {
        let text = self.text(value, at, limits::NAME_CHARS_MAX)?;
        if self.limited && text.is_empty() {
            return self.fail(at, "empty", "a name cannot be empty");
        }
        Some(text)
    }

    pub(super) fn id<T: FromStr>(&mut self, value: &Value, at: &Place<'_>, prefix: &str) -> Option<T> {
        let text = self.text(value, at, limits::NAME_CHARS_MAX)?;
        let id = text.parse().ok();
        id.or_else(|| self.fail(at, "bad_id", format!("expected an id: `{prefix}` and 26 characters")))
    }

    /// A whole number in a range.
    pub(super) fn integer(&mut self, value: &Value, at: &Place<'_>, range: RangeInclusive<u32>) -> Option<u32> {
        if !value.is_number() {
            return self.wrong_type(at, "a whole number", value);
        }
        let allowed = if self.limited { range.clone() } else { 0..=u32::MAX };
        whole(value).filter(|number| allowed.contains(number)).or_else(|| {
            let detail = format!("expected a whole number from {} to {}", range.start(), range.end());
            self.fail(at, "out_of_range", detail)
        })
    }

    /// One of a closed set of words.
    pub(super) fn word<T: Copy>(
        &mut self,
        value: &Value,
        at: &Place<'_>,
        code: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let Some(text) = value.as_str() else { return self.wrong_type(at, "a text", value) };
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
        found.or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fail(at, code, format!("expected one of: {}", words.join(", ")))
        })
    }
}

/// A whole number; to JSON `3.0` is one too.
fn whole(value: &Value) -> Option<u32> {
    let float = || value.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(float));
    value.as_u64().or_else(|| float().map(|float| float as u64)).and_then(|number| u32::try_from(number).ok())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
