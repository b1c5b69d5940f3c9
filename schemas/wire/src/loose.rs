//! Field types that read what producers write in place of what they mean: numbers for texts, `null` for nothing, and
//! the `[]` that PHP writes for an empty object.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Above this a JSON number with a point or an exponent no longer names one whole number (2^53).
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A text; a whole number is read as its digits. `null` is absent.
#[derive(Clone, Default)]
pub(crate) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, unless it is absent or only white space.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// The text, owned, unless it is absent or only white space.
    pub(crate) fn into_string(self) -> Option<String> {
        self.0.filter(|text| !text.trim().is_empty()).map(Cow::into_owned)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a whole number")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Text<'de>, E> {
        // Two ids that differ beyond 2^53 arrive as one number: taking it would make two people one.
        if number.fract() == 0.0 && number.abs() < EXACT_MAX {
            Ok(Text(Some(Cow::Owned((number as i64).to_string()))))
        } else {
            Err(E::custom("expected a string or a whole number"))
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Text<'de>, E> {
        Ok(Text(None))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// An object read as a `T`; `null` and an empty list are absent.
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Object<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Object(Some(object)))
    }

    fn visit_unit<E: Error>(self) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Object<T>, A::Error> {
        match list.next_element::<IgnoredAny>()? {
            None => Ok(Object(None)),
            Some(_) => Err(A::Error::custom("expected an object")),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (json, expected) in [
            (r#""u-1""#, Some("u-1")),
            (r#""a\nb""#, Some("a\nb")),
            ("17", Some("17")),
            ("-1", Some("-1")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("12.0", Some("12")),
            ("null", None),
            (r#"" ""#, None),
        ] {
            let text: Text = serde_json::from_str(json).unwrap();
            assert_eq!(text.get(), expected, "{json}");
        }
        for json in ["true", "{}", "[]", "1.5", "18446744073709551616", "1e300"] {
            assert!(serde_json::from_str::<Text>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn objects() {
        type Map = serde_json::Map<String, serde_json::Value>;
        let read = |json| serde_json::from_str::<Object<Map>>(json).map(|object| object.0.map(|map| map.len()));
        assert_eq!(read(r#"{"a":1}"#).unwrap(), Some(1));
        assert_eq!(read("{}").unwrap(), Some(0));
        assert_eq!(read("null").unwrap(), None);
        assert_eq!(read("[]").unwrap(), None);
        for json in ["[1]", "1", "\"x\"", "true"] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
