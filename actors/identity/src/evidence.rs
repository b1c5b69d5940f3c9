//! How an event speaks of an identifier, and how sure it is.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;

/// How an event speaks of an identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// An identify: "this is me".
    Identify,
    /// A track, page, screen or group that only carries it.
    Mention,
    /// An alias: "these two are one".
    Alias,
    /// An operator's command.
    Command,
}

/// How sure it is that an identifier is this person's. Better grades order later.
///
/// Only [`Grade::Attested`] and [`Grade::Login`] make one of two known people; what is merely declared or inferred
/// becomes a suggestion that somebody decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Grade {
    /// It stood beside something else: a track that carries a phone number.
    #[default]
    Inferred,
    /// The person typed it: a form.
    Declared,
    /// The person was signed in when it was said: an identify with a userId.
    Login,
    /// Somebody proved it: an SMS code, WeChat's phone button.
    Attested,
}

impl Grade {
    const ALL: [Grade; 4] = [Grade::Inferred, Grade::Declared, Grade::Login, Grade::Attested];

    /// The name in JSON and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Inferred => "inferred",
            Grade::Declared => "declared",
            Grade::Login => "login",
            Grade::Attested => "attested",
        }
    }

    /// Whether it makes one of two known people.
    pub const fn merges(self) -> bool {
        matches!(self, Grade::Login | Grade::Attested)
    }

    /// Whether it goes without saying, for stored forms.
    pub fn is_inferred(&self) -> bool {
        *self == Grade::Inferred
    }
}

impl FromStr for Grade {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|grade| grade.name() == text).ok_or(())
    }
}

/// Stored as its place in the order: every link of every waiting customer has one.
impl Serialize for Grade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl<'de> Deserialize<'de> for Grade {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = u8::deserialize(deserializer)?;
        Self::ALL.get(usize::from(place)).copied().ok_or_else(|| serde::de::Error::custom("no grade of evidence"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_grades_order_later_and_read_back() {
        for pair in Grade::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for grade in Grade::ALL {
            assert_eq!(grade.name().parse(), Ok(grade));
            let stored = serde_json::to_string(&grade).unwrap();
            assert_eq!(serde_json::from_str::<Grade>(&stored).unwrap(), grade);
        }
        assert!(Grade::Login.merges() && Grade::Attested.merges() && !Grade::Declared.merges());
        assert!(serde_json::from_str::<Grade>("9").is_err());
    }
}
