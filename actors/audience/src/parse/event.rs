//! Forms about events: count, last, and later first, sum and avg.

use super::parser::Parser;
use crate::problem::Place;
use crate::{
    Comparison, Condition, EventAggregate, EventCount, EventPick, EventRecency, Filter, Recency, Span, SpanUnit,
    Statistic, limits,
};
use serde_json::{Map, Value};

/// What can be asked of an event: exactly one of them stands beside `event`.
const QUESTIONS: [&str; 5] = ["count", "last", "first", "sum", "avg"];

const WINDOWS: [(&str, SpanUnit); 3] =
    [("within_days", SpanUnit::Days), ("within_hours", SpanUnit::Hours), ("within_minutes", SpanUnit::Minutes)];

const SPANS: [(&str, SpanUnit); 3] =
    [("days", SpanUnit::Days), ("hours", SpanUnit::Hours), ("minutes", SpanUnit::Minutes)];

impl Parser {
    pub(super) fn event(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<Condition> {
        let mut present = QUESTIONS.into_iter().filter(|question| map.contains_key(*question));
        match (present.next(), present.next()) {
            (Some(question @ ("last" | "first")), None) => {
                self.only(map, at, &["event", "where", question]);
                let recency = self.recency(map, at, question);
                Some(if question == "last" { Condition::EventLast(recency?) } else { Condition::EventFirst(recency?) })
            }
            (Some(question), None) => {
                self.only(map, at, &["event", "where", question, WINDOWS[0].0, WINDOWS[1].0, WINDOWS[2].0]);
                match question {
                    "count" => self.count(map, at).map(Condition::EventCount),
                    "sum" => self.aggregate(map, at, Statistic::Sum).map(Condition::EventAggregate),
                    _ => self.aggregate(map, at, Statistic::Avg).map(Condition::EventAggregate),
                }
            }
            (None, _) => {
                let detail = format!("say what is asked of the event: exactly one of {}", QUESTIONS.join(", "));
                self.fail(at, "missing_field", detail)
            }
            (Some(first), Some(second)) => {
                let detail = format!("`{first}` and `{second}` are two conditions; put them in a list under `all`");
                self.fail(at, "ambiguous_form", detail)
            }
        }
    }

    fn count(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<EventCount> {
        let pick = self.pick(map, at);
        let place = at.key("count");
        let count = self.object(map.get("count")?, &place).and_then(|count| {
            self.only(count, &place, &["op", "value"]);
            let op = self.comparison(count, &place);
            let value = self
                .required(count, &place, "value", "how many")
                .and_then(|value| self.integer(value, &place.key("value"), 0..=limits::COUNT_MAX));
            Some((op?, value?))
        });
        let window = self.window(map, at);
        let (EventPick { event, filters }, (op, value)) = (pick?, count?);
        Some(EventCount { event, filters, op, value, window: window? })
    }

    fn recency(&mut self, map: &Map<String, Value>, at: &Place<'_>, question: &'static str) -> Option<EventRecency> {
        let pick = self.pick(map, at);
        let place = at.key(question);
        let asked = self.object(map.get(question)?, &place).and_then(|asked| {
            self.only(asked, &place, &["op", "days", "hours", "minutes"]);
            let words = [("within", Recency::Within), ("before", Recency::Before)];
            let recency = self
                .required(asked, &place, "op", "`within` or `before`")
                .and_then(|value| self.word(value, &place.key("op"), "unknown_operator", &words));
            let span = match self.span(asked, &place, &SPANS) {
                Some(None) => self.fail(&place, "missing_field", "say how long: one of days, hours, minutes"),
                read => read.flatten(),
            };
            Some((recency?, span?))
        });
        let (EventPick { event, filters }, (recency, span)) = (pick?, asked?);
        Some(EventRecency { event, filters, recency, span })
    }

    fn aggregate(&mut self, map: &Map<String, Value>, at: &Place<'_>, statistic: Statistic) -> Option<EventAggregate> {
        let pick = self.pick(map, at);
        let place = at.key(statistic.word());
        let asked = self.object(map.get(statistic.word())?, &place).and_then(|asked| {
            self.only(asked, &place, &["property", "op", "value"]);
            let property = self
                .required(asked, &place, "property", "the numeric property to compute over")
                .and_then(|value| self.name(value, &place.key("property")));
            let op = self.comparison(asked, &place);
            let value = match self.required(asked, &place, "value", "the number to compare with") {
                Some(Value::Number(number)) => Some(number.clone()),
                Some(other) => self.wrong_type(&place.key("value"), "a number", other),
                None => None,
            };
            Some((property?, op?, value?))
        });
        let window = self.window(map, at);
        let (EventPick { event, filters }, (property, op, value)) = (pick?, asked?);
        Some(EventAggregate { event, filters, statistic, property, op, value, window: window? })
    }

    /// `event` and `where`.
    pub(super) fn pick(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<EventPick> {
        let event = self
            .required(map, at, "event", "the name of the event")
            .and_then(|value| self.name(value, &at.key("event")));
        let filters: Option<Vec<Filter>> = match map.get("where") {
            // An empty list of filters filters nothing: an editor may leave it behind.
            Some(Value::Array(entries)) if entries.is_empty() => Some(Vec::new()),
            Some(value) => self.each(value, &at.key("where"), limits::FILTERS_MAX, Self::filter),
            None => Some(Vec::new()),
        };
        Some(EventPick { event: event?, filters: filters? })
    }

    /// At most one of `within_days`, `within_hours`, `within_minutes`.
    pub(super) fn window(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<Option<Span>> {
        self.span(map, at, &WINDOWS)
    }

    fn span(
        &mut self,
        map: &Map<String, Value>,
        at: &Place<'_>,
        units: &[(&'static str, SpanUnit)],
    ) -> Option<Option<Span>> {
        let mut present = units.iter().filter_map(|(key, unit)| map.get(*key).map(|value| (*key, *unit, value)));
        let Some((key, unit, value)) = present.next() else { return Some(None) };
        if let Some((second, ..)) = present.next() {
            let detail = format!("`{key}` says how long already; keep one of the two");
            return self.fail(&at.key(second), "ambiguous_window", detail);
        }
        let per_day = match unit {
            SpanUnit::Days => 1,
            SpanUnit::Hours => 24,
            SpanUnit::Minutes => 24 * 60,
        };
        let amount = self.integer(value, &at.key(key), 1..=limits::SPAN_DAYS_MAX * per_day)?;
        Some(Some(Span { amount, unit }))
    }

    fn comparison(&mut self, map: &Map<String, Value>, at: &Place<'_>) -> Option<Comparison> {
        let words = Comparison::ALL.map(|comparison| (comparison.word(), comparison));
        let value = self.required(map, at, "op", "how the two numbers compare")?;
        self.word(value, &at.key("op"), "unknown_operator", &words)
    }
}
