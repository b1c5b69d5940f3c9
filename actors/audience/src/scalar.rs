//! Values a condition compares with, and comparisons that are typed and total.

use serde_json::{Number, Value};
use std::cmp::Ordering;

/// A value written in a condition. Lists and objects are not values to compare with, and `null` is `not_exists`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A JSON number; whole and fractional numbers compare exactly with each other.
    Number(Number),
    /// A text, compared by code point, case included.
    Text(String),
}

impl Scalar {
    /// This value as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Scalar::Bool(value) => Value::Bool(*value),
            Scalar::Number(value) => Value::Number(value.clone()),
            Scalar::Text(value) => Value::String(value.clone()),
        }
    }

    /// How `value` stands to this one; `None` where their types differ or `value` is a list, object or null.
    pub(crate) fn order_of(&self, value: &Value) -> Option<Ordering> {
        match (value, self) {
            (Value::Bool(left), Scalar::Bool(right)) => Some(left.cmp(right)),
            (Value::Number(left), Scalar::Number(right)) => Some(Exact::from(left).order(Exact::from(right))),
            (Value::String(left), Scalar::Text(right)) => Some(left.as_str().cmp(right)),
            (
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
                _,
            ) => None,
        }
    }

    /// The same text for every value that compares as equal: `3` and `3.0` are one.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Scalar::Bool(value) => format!("b{value}"),
            Scalar::Number(value) => match Exact::from(value) {
                Exact::Whole(whole) => format!("n{whole}"),
                // The bits: how a float is printed may change between compilers, and tracker ids hash this.
                Exact::Fraction(fraction) => format!("f{:016x}", fraction.to_bits()),
            },
            Scalar::Text(value) => format!("s{value}"),
        }
    }
}

/// The six orders a value can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Known, of the same type, and different.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
}

impl Comparison {
    /// All six, in the order documents list them.
    pub const ALL: [Comparison; 6] =
        [Comparison::Eq, Comparison::Ne, Comparison::Gt, Comparison::Gte, Comparison::Lt, Comparison::Lte];

    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Comparison::Eq => "eq",
            Comparison::Ne => "ne",
            Comparison::Gt => "gt",
            Comparison::Gte => "gte",
            Comparison::Lt => "lt",
            Comparison::Lte => "lte",
        }
    }

    /// Reads [`Comparison::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparison| comparison.word() == word)
    }

    /// Whether an order of left to right satisfies the comparison.
    pub const fn admits(self, order: Ordering) -> bool {
        match self {
            Comparison::Eq => order.is_eq(),
            Comparison::Ne => order.is_ne(),
            Comparison::Gt => order.is_gt(),
            Comparison::Gte => order.is_ge(),
            Comparison::Lt => order.is_lt(),
            Comparison::Lte => order.is_le(),
        }
    }
}

/// A JSON number without the accident of how it was written. A fraction is never whole here, so `Whole` and
/// `Fraction` are never equal.
#[derive(Clone, Copy)]
enum Exact {
    Whole(i128),
    Fraction(f64),
}

/// 2^126: every whole f64 below it converts to i128 without loss, and every JSON integer lies below it.
const WHOLE_LIMIT: f64 = 85_070_591_730_234_615_865_843_651_857_942_052_864.0;

impl From<&Number> for Exact {
    fn from(number: &Number) -> Self {
        if let Some(whole) = number.as_i64() {
            return Exact::Whole(whole.into());
        }
        if let Some(whole) = number.as_u64() {
            return Exact::Whole(whole.into());
        }
        let value = number.as_f64().unwrap_or(0.0);
        if value.fract() == 0.0 && value.abs() < WHOLE_LIMIT {
            return Exact::Whole(value as i128);
        }
        Exact::Fraction(value)
    }
}

impl Exact {
    fn order(self, other: Exact) -> Ordering {
        match (self, other) {
            (Exact::Whole(left), Exact::Whole(right)) => left.cmp(&right),
            (Exact::Fraction(left), Exact::Fraction(right)) => left.total_cmp(&right),
            (Exact::Whole(left), Exact::Fraction(right)) => whole_to_fraction(left, right),
            (Exact::Fraction(left), Exact::Whole(right)) => whole_to_fraction(right, left).reverse(),
        }
    }
}

fn whole_to_fraction(whole: i128, fraction: f64) -> Ordering {
    // The cast saturates, and no JSON integer comes near the ends of i128, so numbers beyond the limit order right.
    if whole <= fraction.floor() as i128 { Ordering::Less } else { Ordering::Greater }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number(value: Value) -> Scalar {
        match value {
            Value::Number(number) => Scalar::Number(number),
            other => panic!("not a number: {other}"),
        }
    }

    #[test]
    fn numbers_compare_exactly_however_they_are_written() {
        let cases = [
            (json!(3), json!(3.0), Ordering::Equal),
            (json!(3), json!(3.5), Ordering::Less),
            (json!(-3), json!(-3.5), Ordering::Greater),
            (json!(9_007_199_254_740_993i64), json!(9_007_199_254_740_992.0), Ordering::Greater),
            (json!(u64::MAX), json!(i64::MIN), Ordering::Greater),
            (json!(u64::MAX), json!(1e300), Ordering::Less),
            (json!(i64::MIN), json!(-1e300), Ordering::Greater),
            (json!(0.0), json!(-0.0), Ordering::Equal),
        ];
        for (left, right, expected) in cases {
            assert_eq!(number(right.clone()).order_of(&left), Some(expected), "{left} to {right}");
            assert_eq!(number(left.clone()).order_of(&right), Some(expected.reverse()), "{right} to {left}");
            let same = number(left).canonical() == number(right).canonical();
            assert_eq!(same, expected.is_eq());
        }
    }

    #[test]
    fn different_types_have_no_order() {
        let text = Scalar::Text("3".to_owned());
        for value in [json!(3), json!(null), json!(true), json!(["3"]), json!({"3": 3})] {
            assert_eq!(text.order_of(&value), None);
        }
    }
}
