//! Who an actor is. There is no key without a tenant.

use crate::{CustomerId, TenantId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of actors. To add one: a variant and a byte here, a crate under `actors/`, its mailbox in the host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A customer identity (One ID).
    Customer,
    /// The catalog of a tenant: exactly one each.
    Catalog,
}

impl ActorKind {
    /// The byte this kind has in stored keys. Never change one: it is on disk.
    pub const fn byte(self) -> u8 {
        match self {
            ActorKind::Customer => b'c',
            ActorKind::Catalog => b'g',
        }
    }

    /// Reads [`ActorKind::byte`] back.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'c' => Some(ActorKind::Customer),
            b'g' => Some(ActorKind::Catalog),
            _ => None,
        }
    }
}

/// The address of an actor: tenant, kind, id. It orders by tenant first, so one tenant's actors lie together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActorKey {
    /// Whose actor it is.
    pub tenant: TenantId,
    /// What kind of actor.
    pub kind: ActorKind,
    /// The body of its id.
    pub id: crate::Hash128,
}

impl ActorKey {
    /// Length of [`ActorKey::to_bytes`].
    pub const BYTES: usize = 33;

    /// The actor of a customer.
    pub const fn customer(tenant: TenantId, id: CustomerId) -> Self {
        Self { tenant, kind: ActorKind::Customer, id: crate::Hash128(id.as_u128()) }
    }

    /// The catalog actor of a tenant.
    pub const fn catalog(tenant: TenantId) -> Self {
        Self { tenant, kind: ActorKind::Catalog, id: crate::Hash128(0) }
    }

    /// The customer id, where this is a customer.
    pub const fn as_customer(&self) -> Option<CustomerId> {
        match self.kind {
            ActorKind::Customer => Some(CustomerId::from_u128(self.id.0)),
            ActorKind::Catalog => None,
        }
    }

    /// Big-endian bytes that sort as the key does: 16 of tenant, 1 of kind, 16 of id.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0u8; Self::BYTES];
        out[..16].copy_from_slice(&self.tenant.as_u128().to_be_bytes());
        out[16] = self.kind.byte();
        out[17..].copy_from_slice(&self.id.0.to_be_bytes());
        out
    }

    /// Reads [`ActorKey::to_bytes`] back; `None` where the bytes are not a key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        Some(Self {
            tenant: TenantId::from_u128(u128::from_be_bytes(bytes[..16].try_into().ok()?)),
            kind: ActorKind::from_byte(bytes[16])?,
            id: crate::Hash128(u128::from_be_bytes(bytes[17..].try_into().ok()?)),
        })
    }
}

impl fmt::Debug for ActorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ActorKind::Customer => write!(f, "{}/{}", self.tenant, CustomerId::from_u128(self.id.0)),
            ActorKind::Catalog => write!(f, "{}/catalog", self.tenant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_and_sort_by_tenant() {
        let low = ActorKey::customer(TenantId::from_u128(1), CustomerId::from_u128(u128::MAX));
        let high = ActorKey::catalog(TenantId::from_u128(2));
        assert!(low.to_bytes() < high.to_bytes());
        assert_eq!(ActorKey::from_bytes(&low.to_bytes()), Some(low));
        assert_eq!(ActorKey::from_bytes(&high.to_bytes()), Some(high));
        assert_eq!(ActorKey::from_bytes(b"short"), None);
    }
}
