//! From JSON to [`Condition`], with every mistake at its place. Total: any value gives a condition or problems.

use crate::problem::Place;
use crate::{Condition, Problem, limits};
use roadbook_kernel::SegmentId;
use serde_json::{Map, Value};

mod event;
mod later;
mod parser;
mod profile;

use parser::Parser;

/// The words that name a form: a condition has exactly one of them.
const FORMS: [&str; 14] = [
    "all", "any", "not", "trait", "tag", "segment", "event", "stage", "aipl", "consent", "journey", "sequence", "list",
    "vehicle",
];

/// Reads a condition. It accepts the whole language; [`crate::check`] tells what of it cannot be saved yet, and
/// [`crate::accept`] does both.
///
/// # Errors
/// Every mistake found, at most [`limits::PROBLEMS_MAX`].
pub fn parse(value: &Value) -> Result<Condition, Vec<Problem>> {
    read(value, true)
}

/// Reads a condition that was saved earlier: the limits of today do not apply to it.
pub(crate) fn read_stored(value: &Value) -> Result<Condition, Vec<Problem>> {
    read(value, false)
}

fn read(value: &Value, limited: bool) -> Result<Condition, Vec<Problem>> {
    let mut parser = Parser::new(limited);
    match parser.condition(value, &Place::Root, 1) {
        Some(condition) if parser.problems.is_empty() => Ok(condition),
        _ => Err(parser.problems),
    }
}

impl Parser {
    /// One condition. `None` means that at least one problem was noted.
    fn condition(&mut self, value: &Value, at: &Place<'_>, depth: usize) -> Option<Condition> {
        if self.limited && depth > limits::DEPTH_MAX {
            let detail = format!("conditions may be at most {} levels deep; flatten this part", limits::DEPTH_MAX);
            return self.fail(at, "too_deep", detail);
        }
        self.nodes += 1;
        if self.is_full() {
            // Said once, where the first one too many stands.
            if self.nodes == limits::NODES_MAX + 1 {
                let detail = format!("a condition may have at most {} parts; split it in segments", limits::NODES_MAX);
                self.note(at, "too_many", detail);
            }
            return None;
        }
        let map = self.object(value, at)?;
        match self.form(map, at)? {
            "all" => self.parts(map, at, "all", depth).map(Condition::All),
            "any" => self.parts(map, at, "any", depth).map(Condition::Any),
            "not" => {
                self.only(map, at, &["not"]);
                let part = self.condition(map.get("not")?, &at.key("not"), depth + 1)?;
                Some(Condition::Not(Box::new(part)))
            }
            "trait" => self.trait_test(map, at).map(Condition::Trait),
            "tag" => self.tag_test(map, at).map(Condition::Tag),
            "segment" => {
                self.only(map, at, &["segment"]);
                self.id::<SegmentId>(map.get("segment")?, &at.key("segment"), "seg_").map(Condition::Segment)
            }
            "event" => self.event(map, at),
            "vehicle" => self.vehicle(map, at, depth).map(Condition::Vehicle),
            other => self.later(other, map, at),
        }
    }

    /// Which form an object is.
    fn form(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<&'static str> {
        let mut present = FORMS.into_iter().filter(|form| map.contains_key(*form));
        match (present.next(), present.next()) {
            (Some(form), None) => Some(form),
            (None, _) => self.fail(at, "unknown_form", format!("a condition has exactly one of: {}", FORMS.join(", "))),
            (Some(first), Some(second)) => {
                let detail = format!("`{first}` and `{second}` are two conditions; put them in a list under `all`");
                self.fail(at, "ambiguous_form", detail)
            }
        }
    }

    fn parts(
        &mut self,
        map: &Map<String, Value>,
        at: &Place<'_>,
        word: &'static str,
        depth: usize,
    ) -> Option<Vec<Condition>> {
        self.only(map, at, &[word]);
        let place = at.key(word);
        let values = self.list(map.get(word)?, &place, usize::MAX)?;
        let mut parts = Vec::new();
        let mut complete = true;
        for (index, value) in values.iter().enumerate() {
            match self.condition(value, &place.index(index), depth + 1) {
                Some(part) => parts.push(part),
                None => complete = false,
            }
            if self.is_full() {
                return None;
            }
        }
        complete.then_some(parts)
    }
}
