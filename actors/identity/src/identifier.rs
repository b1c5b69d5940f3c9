//! One identifier: what is known of it, and the key it is claimed under.

use crate::Kind;
use roadbook_kernel::{Hash128, Personal};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One identifier in its normal form. Only [`crate::TenantKeys::identifier`] makes them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Identifier {
    /// What it is.
    pub kind: Kind,
    /// The appid of an openid, the corp of an external_userid; empty for every other kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The normal form.
    pub value: Personal<String>,
    /// Keyed hash of kind, scope and normal form, under the tenant's key.
    pub hash: Hash128,
}

impl Identifier {
    /// What the identifier is claimed and found by.
    pub const fn key(&self) -> IdentifierKey {
        IdentifierKey { kind: self.kind, hash: self.hash }
    }
}

/// An identifier without its value: small, comparable and safe to log. The scope is inside the hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdentifierKey {
    /// What it is.
    pub kind: Kind,
    /// Keyed hash of kind, scope and normal form.
    pub hash: Hash128,
}

impl IdentifierKey {
    /// Length of [`IdentifierKey::to_bytes`].
    pub const BYTES: usize = 17;

    /// Bytes that sort as the key does: 1 of kind, 16 of hash, big-endian.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0u8; Self::BYTES];
        out[0] = self.kind.byte();
        out[1..].copy_from_slice(&self.hash.0.to_be_bytes());
        out
    }

    /// Reads [`IdentifierKey::to_bytes`] back; `None` where the bytes are not a key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let hash = u128::from_be_bytes(bytes[1..].try_into().ok()?);
        Some(Self { kind: Kind::from_byte(bytes[0])?, hash: Hash128(hash) })
    }
}

impl fmt::Debug for IdentifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}", self.kind, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_bytes_read_back_and_sort_as_keys() {
        let strong = IdentifierKey { kind: Kind::UserId, hash: Hash128(u128::MAX) };
        let weak = IdentifierKey { kind: Kind::AnonymousId, hash: Hash128(0) };
        assert!(strong < weak && strong.to_bytes() < weak.to_bytes());
        assert_eq!(IdentifierKey::from_bytes(&strong.to_bytes()), Some(strong));
        assert_eq!(IdentifierKey::from_bytes(&[0; 17]), None);
        assert_eq!(IdentifierKey::from_bytes(b"short"), None);
    }
}
