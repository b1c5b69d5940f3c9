//! Whose hand did something: the id of a key or of a person.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Bytes of the longest such id.
const BYTES_MAX: usize = 47;
/// What such ids begin with: keys and people.
const PREFIXES: [&str; 2] = ["key_", "usr_"];

/// The public id of a key (`key_...`) or a person (`usr_...`). Kept in place and not on the heap: every tag and trait
/// has a cause.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hand {
    bytes: [u8; BYTES_MAX],
    len: u8,
}

/// The text is no id of a key or a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected an id that begins with key_ or usr_, of at most {BYTES_MAX} bytes of `A-Za-z0-9_-`")]
pub struct BadHand;

impl Hand {
    /// The id.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl FromStr for Hand {
    type Err = BadHand;

    fn from_str(text: &str) -> Result<Self, BadHand> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let known = PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        let len = u8::try_from(text.len()).ok().filter(|len| usize::from(*len) <= BYTES_MAX && plain && known);
        let len = len.ok_or(BadHand)?;
        let mut bytes = [0; BYTES_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len })
    }
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Hand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Hand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cause;

    #[test]
    fn ids_read_back_and_everything_else_is_refused() {
        for id in ["key_0123456789abcdef", "usr_01m8xyzxyzxyzxyzxyzxyzxyzx"] {
            let hand: Hand = id.parse().unwrap();
            assert_eq!(hand.as_str(), id);
            let json = serde_json::to_string(&Cause::Hand(hand)).unwrap();
            assert_eq!(
                (json.as_str(), serde_json::from_str::<Cause>(&json).unwrap()),
                (&*format!("\"{id}\""), Cause::Hand(hand))
            );
        }
        let long = format!("key_{}", "0".repeat(BYTES_MAX));
        for text in ["", "cus_1", "key 1", "key_\u{e9}", &long] {
            assert_eq!(text.parse::<Hand>(), Err(BadHand), "{text}");
        }
        assert!(serde_json::from_str::<Cause>("\"tn_1\"").is_err());
    }

    #[test]
    fn causes_stored_before_hands_existed_are_read() {
        let message = roadbook_kernel::MessageId::from_u128(7);
        let journey = roadbook_kernel::JourneyId::from_u128(7);
        for cause in [Cause::Event(message), Cause::Journey(journey)] {
            let json = serde_json::to_string(&cause).unwrap();
            assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), cause);
        }
    }
}
