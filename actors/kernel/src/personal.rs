//! Personal data has a type of its own: it prints as a mask, and it has ONE stored form, written here and nowhere
//! else. Per-customer encryption will change this file and no other.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A value that identifies or describes a person. `Debug` and `Display` print `***`; reading the value is a
/// visible act ([`Personal::reveal`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Wraps a value at the edge where it enters.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The bare value. Every caller is a place where personal data leaves its wrapper: keep them few.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// The bare value, owned.
    pub fn into_revealed(self) -> T {
        self.0
    }
}

impl Personal<String> {
    /// A form a person at a desk can recognise without learning it: `138****0000`, `t***@example.com`.
    /// At most a third of the characters stay visible, and never more than seven.
    pub fn masked(&self) -> String {
        if let Some((local, domain)) = self.0.split_once('@') {
            let first: String = local.chars().take(1).collect();
            return format!("{first}***@{domain}");
        }
        let chars: Vec<char> = self.0.chars().collect();
        let keep = (chars.len() / 3).min(7);
        let (head, tail) = (keep.div_ceil(2), keep / 2);
        let front: String = chars[..head].iter().collect();
        let back: String = chars[chars.len() - tail..].iter().collect();
        format!("{front}****{back}")
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The stored form: one field whose name is the codec's. `p0` is plain; an encrypted form gets the next name, so
/// that both can be read side by side.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    p0: T,
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored { p0: &self.0 }.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Stored::<T>::deserialize(deserializer).map(|stored| Self(stored.p0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_display_never_show_the_value() {
        let phone = Personal::new("+8613800000000".to_owned());
        assert_eq!(format!("{phone} {phone:?} {:?}", Some(&phone)), "*** *** Some(***)");
    }

    #[test]
    fn the_stored_form_names_its_codec() {
        let name = Personal::new("Test Person".to_owned());
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(json, r#"{"p0":"Test Person"}"#);
        assert_eq!(serde_json::from_str::<Personal<String>>(&json).unwrap(), name);
    }

    #[test]
    fn masks_keep_at_most_a_third() {
        assert_eq!(Personal::new("+8613800000000".to_owned()).masked(), "+8****00");
        assert_eq!(Personal::new("someone@example.com".to_owned()).masked(), "s***@example.com");
        assert_eq!(Personal::new("ab".to_owned()).masked(), "****");
        assert_eq!(Personal::new("测试人".to_owned()).masked(), "测****");
    }
}
