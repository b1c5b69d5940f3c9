//! The tenant's key: keyed hashes of identifiers, and every derived id. Nothing is ever drawn, so two hosts and every
//! replay that hold the same key come to the same ids.

use crate::{Identifier, IdentifierKey, Kind, Rejected, normalise, normalise_scope};
use roadbook_kernel::{
    CustomerId, Hash128, JourneyId, MessageId, Moment, Personal, RunId, SegmentId, SendKey, TenantId, sortable,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Separates the two keys of a tenant from each other and from any other use of the master key. Part of every stored
/// hash: never change them.
const IDENTIFIER_CONTEXT: &str = "roadbook 2025-06 tenant key for identifiers";
const ID_CONTEXT: &str = "roadbook 2025-06 tenant key for derived ids";

/// Keyed hashing for one tenant. Losing the master key makes every stored identifier unfindable: the hashes on disk
/// cannot be made again from the values that arrive.
#[derive(Clone)]
pub struct TenantKeys {
    identifiers: [u8; 32],
    ids: [u8; 32],
    blocked: Arc<BTreeSet<IdentifierKey>>,
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKeys(***)")
    }
}

/// What a hash is for. The byte keeps two uses of the same parts apart; it is in every stored id, never change one.
#[derive(Clone, Copy)]
enum Use {
    Message = 1,
    Replayed = 2,
    Customer = 3,
    Run = 4,
    Send = 5,
    Segment = 6,
    Journey = 7,
    Derived = 8,
    Identifier = 9,
}

/// Keyed hash of a use and its parts, each with its length before it, so that no two lists of parts look alike.
fn keyed(key: &[u8; 32], to: Use, parts: &[&[u8]]) -> Hash128 {
    let mut text = [0u8; 256];
    text[0] = to as u8;
    let mut len = 1;
    let whole = 1 + parts.iter().map(|part| 8 + part.len()).sum::<usize>();
    let hash = if whole <= text.len() {
        for part in parts {
            text[len..len + 8].copy_from_slice(&(part.len() as u64).to_le_bytes());
            text[len + 8..len + 8 + part.len()].copy_from_slice(part);
            len += 8 + part.len();
        }
        blake3::keyed_hash(key, &text[..len])
    } else {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(&text[..1]);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize()
    };
    let mut head = [0u8; 16];
    head.copy_from_slice(&hash.as_bytes()[..16]);
    Hash128(u128::from_be_bytes(head))
}

fn body(value: u128) -> [u8; 16] {
    value.to_be_bytes()
}

impl TenantKeys {
    /// The keys of one tenant. Tenants cannot compare each other's hashes: the same phone has unrelated hashes.
    pub fn derive(master: &[u8; 32], tenant: TenantId) -> Self {
        let mut material = [0u8; 48];
        material[..32].copy_from_slice(master);
        material[32..].copy_from_slice(&body(tenant.as_u128()));
        Self {
            identifiers: blake3::derive_key(IDENTIFIER_CONTEXT, &material),
            ids: blake3::derive_key(ID_CONTEXT, &material),
            blocked: Arc::new(BTreeSet::new()),
        }
    }

    /// The same keys with values that this tenant blocks besides the built-in ones, such as the phone number its
    /// sellers type when a visitor leaves none. Values that are no identifiers anyway are passed over.
    pub fn blocking<'a>(mut self, values: impl IntoIterator<Item = (Kind, &'a str, &'a str)>) -> Self {
        let mut blocked = BTreeSet::clone(&self.blocked);
        for (kind, scope, raw) in values {
            if let Ok(identifier) = self.identifier(kind, scope, raw) {
                blocked.insert(identifier.key());
            }
        }
        self.blocked = Arc::new(blocked);
        self
    }

    /// Normalises a raw value and hashes it. `scope` is the appid or corp id of a scoped kind and is ignored for every
    /// other. An error names the reason, never the value.
    pub fn identifier(&self, kind: Kind, scope: &str, raw: &str) -> Result<Identifier, Rejected> {
        let scope = if kind.is_scoped() { normalise_scope(scope)? } else { "" };
        let value = normalise(kind, raw)?;
        let hash = keyed(&self.identifiers, Use::Identifier, &[&[kind.byte()], scope.as_bytes(), value.as_bytes()]);
        if self.blocked.contains(&IdentifierKey { kind, hash }) {
            return Err(Rejected::Blocked { why: "the tenant's own list names this value" });
        }
        Ok(Identifier { kind, scope: scope.to_owned(), value: Personal::new(value.into_owned()), hash })
    }

    /// The id of a message: what the producer calls it, within the source that vouches for it. Between actors the
    /// source is the engine and the producer's id is the effect id; in an import they are the file's hash and the line.
    pub fn message(&self, source: &str, producer_id: &str) -> MessageId {
        let hash = keyed(&self.ids, Use::Message, &[source.as_bytes(), producer_id.as_bytes()]);
        MessageId::from_u128(hash.0)
    }

    /// The id of the `number`th replay of a dead letter: a new message, because the inbox remembers the original.
    pub fn replayed(&self, original: MessageId, number: u32) -> MessageId {
        let hash = keyed(&self.ids, Use::Replayed, &[&body(original.as_u128()), &number.to_be_bytes()]);
        MessageId::from_u128(hash.0)
    }

    /// A hash for anything else. The first part should name the use.
    pub fn derived(&self, parts: &[&[u8]]) -> Hash128 {
        keyed(&self.ids, Use::Derived, parts)
    }

    /// A new One ID: the accepted time of its founding message, then a hash of that message, of the identifier it is
    /// founded on, and of `ordinal` (raised when the row already exists and does not know the message).
    pub fn customer(&self, accepted: Moment, founding: MessageId, on: &IdentifierKey, ordinal: u32) -> CustomerId {
        let parts: [&[u8]; 3] = [&body(founding.as_u128()), &on.to_bytes(), &ordinal.to_be_bytes()];
        CustomerId::from_u128(sortable(accepted, keyed(&self.ids, Use::Customer, &parts)))
    }

    /// One passage of a customer through a journey; `ordinal` tells two entries by one message apart.
    pub fn run(
        &self,
        customer: CustomerId,
        journey: JourneyId,
        entered: Moment,
        message: MessageId,
        ordinal: u32,
    ) -> RunId {
        let parts: [&[u8]; 5] = [
            &body(customer.as_u128()),
            &body(journey.as_u128()),
            &entered.millis().to_be_bytes(),
            &body(message.as_u128()),
            &ordinal.to_be_bytes(),
        ];
        RunId::from_u128(sortable(entered, keyed(&self.ids, Use::Run, &parts)))
    }

    /// The business key of a send. It holds no version: a turn that is decided again asks for the same send.
    pub fn send(&self, run: RunId, node: &str, iteration: u32) -> SendKey {
        let parts: [&[u8]; 3] = [&body(run.as_u128()), node.as_bytes(), &iteration.to_be_bytes()];
        SendKey::from_u128(keyed(&self.ids, Use::Send, &parts).0)
    }

    /// A new segment, made by the message that was accepted then.
    pub fn segment(&self, accepted: Moment, message: MessageId) -> SegmentId {
        SegmentId::from_u128(sortable(accepted, keyed(&self.ids, Use::Segment, &[&body(message.as_u128())])))
    }

    /// A new journey, made by the message that was accepted then.
    pub fn journey(&self, accepted: Moment, message: MessageId) -> JourneyId {
        JourneyId::from_u128(sortable(accepted, keyed(&self.ids, Use::Journey, &[&body(message.as_u128())])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(tenant: u128) -> TenantKeys {
        TenantKeys::derive(&[7; 32], TenantId::from_u128(tenant))
    }

    #[test]
    fn hashes_differ_per_tenant_master_kind_and_scope() {
        let hash =
            |keys: &TenantKeys, kind, scope| keys.identifier(kind, scope, "oTestTestTestTestTestTest").unwrap().hash;
        let one = hash(&keys(1), Kind::Openid, "wxapp1");
        assert_eq!(one, hash(&keys(1), Kind::Openid, " wxapp1 "));
        assert_ne!(one, hash(&keys(2), Kind::Openid, "wxapp1"));
        assert_ne!(one, hash(&keys(1), Kind::Openid, "wxapp2"));
        assert_ne!(one, hash(&keys(1), Kind::Unionid, ""));
        let other = TenantKeys::derive(&[8; 32], TenantId::from_u128(1));
        assert_ne!(one, hash(&other, Kind::Openid, "wxapp1"));
    }

    #[test]
    fn the_hash_of_an_identifier_is_what_it_was() {
        let identifier = keys(1).identifier(Kind::Phone, "", "138 0000 0000").unwrap();
        assert_eq!(identifier.value.reveal(), "+8613800000000");
        assert_eq!(format!("{:?}", identifier.hash), FROZEN, "stored claims are found by this hash: never change it");
    }

    const FROZEN: &str = "a09a06c50252e16ad4d0c06b6150905d";

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let keys = keys(1);
        assert_ne!(keys.message("ab", "c"), keys.message("a", "bc"));
        assert_ne!(keys.derived(&[b"ab", b""]), keys.derived(&[b"ab"]));
        let (long, longer) = ("x".repeat(300), "x".repeat(301));
        assert_ne!(keys.message("s", &long), keys.message("s", &longer));
    }

    #[test]
    fn long_and_short_parts_hash_alike() {
        let key = [3u8; 32];
        for len in [200, 246, 247, 248, 400] {
            let part = vec![b'x'; len];
            let mut whole = vec![Use::Derived as u8];
            whole.extend((len as u64).to_le_bytes());
            whole.extend(&part);
            let expected = blake3::keyed_hash(&key, &whole);
            let found = keyed(&key, Use::Derived, &[&part]);
            assert_eq!(found.0.to_be_bytes(), expected.as_bytes()[..16], "{len}");
        }
    }

    #[test]
    fn a_customer_id_orders_by_accepted_time() {
        let keys = keys(1);
        let on = keys.identifier(Kind::UserId, "", "u-1").unwrap().key();
        let message = keys.message("src", "m-1");
        let early = keys.customer(Moment::from_millis(1_000), message, &on, 0);
        assert!(early < keys.customer(Moment::from_millis(1_001), message, &on, 0));
        assert_ne!(early, keys.customer(Moment::from_millis(1_000), message, &on, 1));
    }

    #[test]
    fn a_tenant_blocks_its_own_values() {
        let keys = keys(1).blocking([(Kind::Phone, "", "13800000000"), (Kind::Email, "", "not an address")]);
        let refused = keys.identifier(Kind::Phone, "", "+86 138 0000 0000");
        assert_eq!(refused.unwrap_err().code(), "identifier_blocked");
        assert!(keys.identifier(Kind::Phone, "", "13800000001").is_ok());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keys(1)), "TenantKeys(***)");
    }
}
