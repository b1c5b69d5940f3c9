//! Typed, prefixed, sortable identifiers. Every id is 128 bits; its text form is `prefix_` + 26 characters of
//! Crockford base32, so ids sort the same as text, as bytes and as numbers.
//!
//! Ids are derived, never drawn: see [`sortable`] and the hash constructors in `roadbook-identity`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const NO_DIGIT: u8 = 0xff;
/// The value of each letter of the alphabet: ids are read with every stored row and record.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        digits[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    digits
};
/// 26 characters of 5 bits carry 130 bits: the first character of a valid body is at most `7`.
const BODY_LEN: usize = 26;

/// Why a text is not an id of the asked kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not begin with the prefix of this kind of id.
    #[error("expected an id that begins with `{expected}`")]
    Prefix {
        /// The prefix that was expected, underscore included.
        expected: &'static str,
    },
    /// The part after the prefix is not 26 characters of Crockford base32.
    #[error("the part after `{prefix}` must be 26 characters of 0-9 a-z without i, l, o, u")]
    Body {
        /// The prefix of the kind that was parsed.
        prefix: &'static str,
    },
}

/// Joins 48 bits of time and 80 bits of a hash into one sortable body: ids made this way order by time first.
/// Times before 1970 count as 1970, so that old imports still sort.
pub fn sortable(at: crate::Moment, hash: Hash128) -> u128 {
    let ms = u128::try_from(at.millis().max(0)).unwrap_or(0) & 0xffff_ffff_ffff;
    (ms << 80) | (hash.0 & ((1 << 80) - 1))
}

/// 128 bits of a keyed hash. Only `roadbook-identity` makes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash128(pub u128);

fn write_body(value: u128, out: &mut [u8; BODY_LEN]) {
    let mut rest = value;
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
}

fn read_body(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if bytes.len() != BODY_LEN || bytes[0] > b'7' {
        return None;
    }
    bytes.iter().try_fold(0u128, |value, byte| match DIGITS[usize::from(*byte)] {
        NO_DIGIT => None,
        digit => Some((value << 5) | u128::from(digit)),
    })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What the text form begins with, underscore included.
            pub const PREFIX: &'static str = $prefix;
            /// Wraps a body that was derived elsewhere.
            pub const fn from_u128(body: u128) -> Self { Self(body) }
            /// The body, for keys.
            pub const fn as_u128(self) -> u128 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut body = [0u8; BODY_LEN];
                write_body(self.0, &mut body);
                f.write_str($prefix)?;
                f.write_str(std::str::from_utf8(&body).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let body = text.strip_prefix($prefix).ok_or(IdError::Prefix { expected: $prefix })?;
                read_body(body).map(Self).ok_or(IdError::Body { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = [0u8; $prefix.len() + BODY_LEN];
                let mut body = [0u8; BODY_LEN];
                write_body(self.0, &mut body);
                text[..$prefix.len()].copy_from_slice($prefix.as_bytes());
                text[$prefix.len()..].copy_from_slice(&body);
                serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "an id that begins with {}", $prefix)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}

ids! {
    /// A tenant: one OEM or one dealer group, a data controller of its own.
    TenantId, "tn_";
    /// A One ID: accepted time of the founding message + hash(tenant, message, founding identifier).
    CustomerId, "cus_";
    /// A published or drafted journey.
    JourneyId, "jrn_";
    /// A published or drafted segment.
    SegmentId, "seg_";
    /// A car: a keyed hash of its VIN, so that the same car is another id for every tenant.
    VehicleId, "veh_";
    /// One passage of one customer through one journey.
    RunId, "run_";
    /// One accepted message: hash(tenant, source, the producer's id).
    MessageId, "msg_";
    /// The business key of a send: hash(tenant, run, node, iteration). It holds no version, so a re-decided turn
    /// asks for the same send.
    SendKey, "snd_";
    /// A message that could not be applied, kept whole with its reason.
    DeadLetterId, "dl_";
    /// A person who may sign in.
    UserId, "usr_";
    /// Work that goes on after its request was answered. Of an import it is a hash of the file, so the same file is the
    /// same job.
    JobId, "job_";
    /// A suggested merge that the rules did not make: hash(tenant, both customers, the identifier).
    ConflictId, "cfl_";
    /// Where a tenant wants to be told what happens: a webhook endpoint.
    EndpointId, "whe_";
    /// One announcement to one endpoint: hash(tenant, endpoint, actor, version, place in the turn). The `webhook-id`.
    DeliveryId, "whm_";
    /// One announcement, the same for every endpoint: hash(tenant, actor, version, place in the turn).
    AnnouncementId, "evt_";
    /// Something an unmerge could not give to one of the two: hash(tenant, the unmerge, the message).
    ReviewId, "rvw_";
}

impl Hash128 {
    /// The 64 bits an inbox keeps of a message id.
    pub const fn short(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

impl MessageId {
    /// The 64 bits an inbox keeps of this id.
    pub const fn short(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

impl fmt::Debug for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Hash128 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = [0u8; BODY_LEN];
        write_body(self.0, &mut body);
        serializer.serialize_str(std::str::from_utf8(&body).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Hash128 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        read_body(&text).map(Hash128).ok_or_else(|| serde::de::Error::custom("expected 26 characters of base32"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;

    #[test]
    fn text_and_number_agree_at_the_edges() {
        for body in [0, 1, u128::MAX, 1 << 127, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = CustomerId::from_u128(body);
            assert_eq!(id.to_string().parse::<CustomerId>(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<CustomerId>(&json).unwrap(), id);
        }
    }

    #[test]
    fn another_kind_of_id_is_refused() {
        let tenant = TenantId::from_u128(7).to_string();
        assert_eq!(tenant.parse::<CustomerId>(), Err(IdError::Prefix { expected: "cus_" }));
        assert_eq!("cus_short".parse::<CustomerId>(), Err(IdError::Body { prefix: "cus_" }));
        assert_eq!("cus_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<CustomerId>(), Err(IdError::Body { prefix: "cus_" }));
    }

    #[test]
    fn sortable_ids_order_by_time_first() {
        let early = sortable(Moment::from_millis(1_000), Hash128(u128::MAX));
        let late = sortable(Moment::from_millis(1_001), Hash128(0));
        assert!(early < late);
        assert!(CustomerId::from_u128(early).to_string() < CustomerId::from_u128(late).to_string());
    }
}
