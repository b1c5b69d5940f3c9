//! Tests of traits, tags and properties.

use super::parser::Parser;
use crate::problem::Place;
use crate::{Comparison, DateLiteral, DateTest, Filter, Scalar, TagOp, TagTest, TraitOp, TraitTest, ValueTest, limits};
use serde_json::{Map, Value};

/// What an operator asks for, before its value is read.
#[derive(Clone, Copy)]
enum Asks {
    Exists,
    NotExists,
    Compare(Comparison),
    In,
    NotIn,
    Contains,
    StartsWith,
    Before,
    After,
    WithinLastDays,
    WithinNextDays,
    OlderThanDays,
}

/// Operators of a property; a trait has these and [`DATE_OPERATORS`].
const VALUE_OPERATORS: [(&str, Asks); 12] = [
    ("eq", Asks::Compare(Comparison::Eq)),
    ("ne", Asks::Compare(Comparison::Ne)),
    ("gt", Asks::Compare(Comparison::Gt)),
    ("gte", Asks::Compare(Comparison::Gte)),
    ("lt", Asks::Compare(Comparison::Lt)),
    ("lte", Asks::Compare(Comparison::Lte)),
    ("in", Asks::In),
    ("not_in", Asks::NotIn),
    ("exists", Asks::Exists),
    ("not_exists", Asks::NotExists),
    ("contains", Asks::Contains),
    ("starts_with", Asks::StartsWith),
];

const DATE_OPERATORS: [(&str, Asks); 5] = [
    ("before", Asks::Before),
    ("after", Asks::After),
    ("within_last_days", Asks::WithinLastDays),
    ("within_next_days", Asks::WithinNextDays),
    ("older_than_days", Asks::OlderThanDays),
];

const TAG_OPERATORS: [(&str, Asks); 6] = [
    ("eq", Asks::Compare(Comparison::Eq)),
    ("ne", Asks::Compare(Comparison::Ne)),
    ("in", Asks::In),
    ("not_in", Asks::NotIn),
    ("exists", Asks::Exists),
    ("not_exists", Asks::NotExists),
];

impl Parser {
    pub(super) fn trait_test(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<TraitTest> {
        let key = self.name(map.get("trait")?, &at.key("trait"));
        let operators = [&VALUE_OPERATORS[..], &DATE_OPERATORS[..]].concat();
        let op = self.test(map, at, "trait", &operators);
        Some(TraitTest { key: key?, op: op? })
    }

    /// One entry of `where`.
    pub(super) fn filter(&mut self, value: &Value, at: &Place<'_>) -> Option<Filter> {
        let map = self.object(value, at)?;
        let property = self
            .required(map, at, "property", "the name of the event's property")
            .and_then(|value| self.name(value, &at.key("property")));
        let test = match self.test(map, at, "property", &VALUE_OPERATORS)? {
            TraitOp::Value(test) => test,
            // Not reached: the operators offered are about values.
            TraitOp::Date(_) => return None,
        };
        Some(Filter { property: property?, test })
    }

    pub(super) fn tag_test(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<TagTest> {
        let key = self.name(map.get("tag")?, &at.key("tag"));
        let op = if map.contains_key("op") || map.contains_key("value") {
            self.test(map, at, "tag", &TAG_OPERATORS).and_then(|test| self.tag_op(map, at, test))
        } else {
            self.only(map, at, &["tag", "op", "value"]);
            Some(TagOp::Exists)
        };
        Some(TagTest { key: key?, op: op? })
    }

    /// Values of tags are texts: says so at the value that is not.
    fn tag_op(&mut self, map: &Map<String, Value>, at: &Place<'_>, test: TraitOp) -> Option<TagOp> {
        let place = at.key("value");
        let value = map.get("value").unwrap_or(&Value::Null);
        match test {
            TraitOp::Value(ValueTest::Exists) => Some(TagOp::Exists),
            TraitOp::Value(ValueTest::NotExists) => Some(TagOp::NotExists),
            TraitOp::Value(ValueTest::Compare(Comparison::Ne, _)) => {
                self.text(value, &place, limits::TEXT_CHARS_MAX).map(TagOp::Ne)
            }
            TraitOp::Value(ValueTest::Compare(_, _)) => self.text(value, &place, limits::TEXT_CHARS_MAX).map(TagOp::Eq),
            TraitOp::Value(ValueTest::In(_)) => self.texts(value, &place).map(TagOp::In),
            TraitOp::Value(ValueTest::NotIn(_)) => self.texts(value, &place).map(TagOp::NotIn),
            // Not reached: not among the operators of a tag.
            TraitOp::Value(ValueTest::Contains(_) | ValueTest::StartsWith(_)) | TraitOp::Date(_) => None,
        }
    }

    fn texts(&mut self, value: &Value, at: &Place<'_>) -> Option<Vec<String>> {
        self.each(value, at, limits::CHOICES_MAX, |parser, value, at| parser.text(value, at, limits::TEXT_CHARS_MAX))
    }

    /// `op` and what it needs beside it.
    fn test(
        &mut self,
        map: &Map<String, Value>,
        at: &Place<'_>,
        subject: &str,
        operators: &[(&'static str, Asks)],
    ) -> Option<TraitOp> {
        let op = self
            .required(map, at, "op", "what is asked of the value")
            .and_then(|value| self.word(value, &at.key("op"), "unknown_operator", operators));
        let Some(asks) = op else {
            self.only(map, at, &[subject, "op", "value"]);
            return None;
        };
        match asks {
            Asks::Exists | Asks::NotExists => {
                self.only(map, at, &[subject, "op"]);
                let exists = matches!(asks, Asks::Exists);
                Some(TraitOp::Value(if exists { ValueTest::Exists } else { ValueTest::NotExists }))
            }
            asks => {
                self.only(map, at, &[subject, "op", "value"]);
                let value = self.required(map, at, "value", "what to compare with")?;
                self.operand(asks, value, &at.key("value"))
            }
        }
    }

    fn operand(&mut self, asks: Asks, value: &Value, at: &Place<'_>) -> Option<TraitOp> {
        let test = match asks {
            Asks::Exists => ValueTest::Exists,
            Asks::NotExists => ValueTest::NotExists,
            Asks::Compare(comparison) => ValueTest::Compare(comparison, self.scalar(value, at)?),
            Asks::In => ValueTest::In(self.each(value, at, limits::CHOICES_MAX, Self::scalar)?),
            Asks::NotIn => ValueTest::NotIn(self.each(value, at, limits::CHOICES_MAX, Self::scalar)?),
            Asks::Contains => ValueTest::Contains(self.scalar(value, at)?),
            Asks::StartsWith => ValueTest::StartsWith(self.text(value, at, limits::TEXT_CHARS_MAX)?),
            Asks::Before => return self.date(value, at).map(|date| TraitOp::Date(DateTest::Before(date))),
            Asks::After => return self.date(value, at).map(|date| TraitOp::Date(DateTest::After(date))),
            Asks::WithinLastDays => return self.days(value, at, 1).map(DateTest::WithinLastDays).map(TraitOp::Date),
            Asks::WithinNextDays => return self.days(value, at, 1).map(DateTest::WithinNextDays).map(TraitOp::Date),
            // 0 days is "in the past", which people ask of an expiry date.
            Asks::OlderThanDays => return self.days(value, at, 0).map(DateTest::OlderThanDays).map(TraitOp::Date),
        };
        Some(TraitOp::Value(test))
    }

    fn days(&mut self, value: &Value, at: &Place<'_>, least: u32) -> Option<u32> {
        self.integer(value, at, least..=limits::SPAN_DAYS_MAX)
    }

    fn date(&mut self, value: &Value, at: &Place<'_>) -> Option<DateLiteral> {
        let text = self.text(value, at, limits::TEXT_CHARS_MAX)?;
        let detail = "expected YYYY-MM-DD (00:00 UTC) or RFC 3339 with an offset, as 2026-05-01T08:30:00+08:00";
        DateLiteral::parse(&text).or_else(|| self.fail(at, "bad_date", detail))
    }

    fn scalar(&mut self, value: &Value, at: &Place<'_>) -> Option<Scalar> {
        match value {
            Value::Bool(value) => Some(Scalar::Bool(*value)),
            Value::Number(value) => Some(Scalar::Number(value.clone())),
            Value::String(_) => self.text(value, at, limits::TEXT_CHARS_MAX).map(Scalar::Text),
            Value::Null => self.fail(at, "wrong_type", "null is not a value to compare with; use `not_exists`"),
            Value::Array(_) | Value::Object(_) => self.wrong_type(at, "a text, a number, true or false", value),
        }
    }
}
