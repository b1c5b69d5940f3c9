//! Whether a value, a tag or a date passes a test.

use crate::{Comparison, DateTest, Filter, Scalar, TagOp, Truth, ValueTest};
use roadbook_kernel::{DAY_MS, Moment};
use serde_json::{Map, Value};

impl ValueTest {
    /// Whether a value passes; `None` is a value nobody knows.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        let known = value.filter(|value| !value.is_null());
        match (self, known) {
            (ValueTest::Exists, known) => known.is_some(),
            (ValueTest::NotExists, known) => known.is_none(),
            (
                ValueTest::Compare(..)
                | ValueTest::In(_)
                | ValueTest::NotIn(_)
                | ValueTest::Contains(_)
                | ValueTest::StartsWith(_),
                None,
            ) => false,
            (ValueTest::Compare(comparison, right), Some(left)) => {
                right.order_of(left).is_some_and(|order| comparison.admits(order))
            }
            (ValueTest::In(choices), Some(left)) => choices.iter().any(|choice| equal(choice, left)),
            (ValueTest::NotIn(choices), Some(left)) => {
                !matches!(left, Value::Array(_) | Value::Object(_)) && !choices.iter().any(|choice| equal(choice, left))
            }
            (ValueTest::Contains(part), Some(Value::Array(entries))) => entries.iter().any(|entry| equal(part, entry)),
            (ValueTest::Contains(Scalar::Text(part)), Some(Value::String(text))) => text.contains(part.as_str()),
            (ValueTest::Contains(_), Some(_)) => false,
            (ValueTest::StartsWith(prefix), Some(value)) => {
                value.as_str().is_some_and(|text| text.starts_with(prefix.as_str()))
            }
        }
    }
}

fn equal(right: &Scalar, left: &Value) -> bool {
    right.order_of(left).is_some_and(|order| Comparison::Eq.admits(order))
}

impl Filter {
    /// Whether an event with these properties passes.
    pub fn holds(&self, properties: &Map<String, Value>) -> bool {
        self.test.holds(find(properties, &self.property))
    }
}

fn find<'a>(properties: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = properties.get(path) {
        return Some(value);
    }
    let (head, mut rest) = path.split_once('.')?;
    let mut value = properties.get(head)?;
    while let Some((key, tail)) = rest.split_once('.') {
        value = value.as_object()?.get(key)?;
        rest = tail;
    }
    value.as_object()?.get(rest)
}

impl TagOp {
    /// Whether the tag passes; `None` is a tag the customer lacks.
    pub fn holds(&self, tag: Option<&str>) -> bool {
        match (self, tag) {
            (TagOp::Exists, tag) => tag.is_some(),
            (TagOp::NotExists, tag) => tag.is_none(),
            (TagOp::Eq(_) | TagOp::Ne(_) | TagOp::In(_) | TagOp::NotIn(_), None) => false,
            (TagOp::Eq(value), Some(tag)) => tag == value,
            (TagOp::Ne(value), Some(tag)) => tag != value,
            (TagOp::In(values), Some(tag)) => values.iter().any(|value| value == tag),
            (TagOp::NotIn(values), Some(tag)) => values.iter().all(|value| value != tag),
        }
    }
}

impl DateTest {
    /// Whether a date passes at `now`, and when that changes by time alone. A value that is no date fails for ever.
    pub(crate) fn truth(&self, value: Option<&Value>, now: Moment) -> Truth {
        let Some(date) = value.and_then(Value::as_str).and_then(crate::date::parse) else {
            return Truth::fixed(false);
        };
        let days = |count: u32| i64::from(count) * DAY_MS;
        match self {
            DateTest::Before(limit) => Truth::fixed(date < limit.at()),
            DateTest::After(limit) => Truth::fixed(date > limit.at()),
            DateTest::WithinLastDays(count) => Truth::between(date, date.plus_ms(days(*count)), now),
            DateTest::WithinNextDays(count) => Truth::between(date.minus_ms(days(*count)), date, now),
            DateTest::OlderThanDays(count) => Truth::after(date.plus_ms(days(*count)), now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(value: &str) -> Scalar {
        Scalar::Text(value.to_owned())
    }

    #[test]
    fn a_value_of_another_type_is_false_for_every_operator_but_not_exists() {
        let number = Scalar::Number(5.into());
        let mut tests: Vec<ValueTest> =
            Comparison::ALL.into_iter().map(|op| ValueTest::Compare(op, number.clone())).collect();
        tests.extend([ValueTest::In(vec![number.clone()]), ValueTest::StartsWith("5".to_owned())]);
        tests.extend([ValueTest::Contains(number), ValueTest::Contains(text("5"))]);
        for test in &tests {
            for value in [None, Some(json!(null)), Some(json!({"5": 5})), Some(json!(true))] {
                assert!(!test.holds(value.as_ref()), "{test:?} on {value:?}");
            }
        }
        assert!(ValueTest::NotExists.holds(Some(&json!(null))));
        assert!(!ValueTest::Exists.holds(Some(&json!(null))));
        assert!(ValueTest::NotIn(vec![text("5")]).holds(Some(&json!(5))));
        assert!(!ValueTest::NotIn(vec![text("5")]).holds(None));
        assert!(!ValueTest::NotIn(vec![text("5")]).holds(Some(&json!(["6"]))), "a list is not a value to compare with");
    }

    #[test]
    fn contains_looks_into_texts_and_lists() {
        assert!(ValueTest::Contains(text("海")).holds(Some(&json!("上海市"))));
        assert!(ValueTest::Contains(text("a")).holds(Some(&json!(["b", "a"]))));
        assert!(!ValueTest::Contains(text("a")).holds(Some(&json!(["ba"]))));
        assert!(ValueTest::Contains(Scalar::Number(2.into())).holds(Some(&json!([1, 2.0]))));
    }

    #[test]
    fn properties_are_found_by_path_and_a_literal_key_comes_first() {
        let properties = json!({"car": {"model": {"name": "X"}, "none": null}, "car.model.name": "literal", "a.b": 1});
        let properties = properties.as_object().unwrap();
        assert_eq!(find(properties, "car.model.name"), Some(&json!("literal")));
        assert_eq!(find(properties, "car.model"), Some(&json!({"name": "X"})));
        assert_eq!(find(properties, "a.b"), Some(&json!(1)));
        for missing in ["car.model.name.x", "car..model", "", ".", "none", "car."] {
            assert_eq!(find(properties, missing), None, "{missing}");
        }
    }

    #[test]
    fn dates_hold_up_to_and_including_the_last_instant() {
        let date = json!("2024-01-10");
        let at = |text: &str| crate::date::parse(text).unwrap();
        let cases = [
            (DateTest::WithinLastDays(2), "2024-01-09T23:59:59.999Z", false, Some("2024-01-10")),
            (DateTest::WithinLastDays(2), "2024-01-10", true, Some("2024-01-12T00:00:00.001Z")),
            (DateTest::WithinLastDays(2), "2024-01-12", true, Some("2024-01-12T00:00:00.001Z")),
            (DateTest::WithinLastDays(2), "2024-01-12T00:00:00.001Z", false, None),
            (DateTest::WithinNextDays(2), "2024-01-07T23:59:59.999Z", false, Some("2024-01-08")),
            (DateTest::WithinNextDays(2), "2024-01-08", true, Some("2024-01-10T00:00:00.001Z")),
            (DateTest::WithinNextDays(2), "2024-01-10", true, Some("2024-01-10T00:00:00.001Z")),
            (DateTest::WithinNextDays(2), "2024-01-10T00:00:00.001Z", false, None),
            (DateTest::OlderThanDays(2), "2024-01-12", false, Some("2024-01-12T00:00:00.001Z")),
            (DateTest::OlderThanDays(2), "2024-01-12T00:00:00.001Z", true, None),
        ];
        for (test, now, holds, next) in cases {
            let expected = Truth { holds, next_change_at: next.map(at) };
            assert_eq!(test.truth(Some(&date), at(now)), expected, "{test:?} at {now}");
        }
        for no_date in [None, Some(json!(20_240_110)), Some(json!("10.01.2024"))] {
            assert_eq!(DateTest::OlderThanDays(1).truth(no_date.as_ref(), Moment::MAX), Truth::fixed(false));
        }
    }
}
