//! A piece as bytes. What checksums are taken of, and what lies in the parts of an export: never change what is written
//! here, only add kinds.
//!
//! ```text
//! item   1 | space, 1 byte | version, 8 | length of the key, 2 | key | body
//! due    2 | kind, 1 byte  | milliseconds since 1970, signed, 8     | key
//! past   3 | actor, 33     | version, 8 | number of messages, 4     | 16 for each | record
//! ```
//! Numbers are big-endian.

use bytes::Bytes;
use roadbook_kernel::{ActorKey, MessageId, Moment};
use roadbook_runtime::ports::{DueKind, Item, ItemKey, Piece, Space, Turn};

const ITEM: u8 = 1;
const DUE: u8 = 2;
const PAST: u8 = 3;

const fn space_byte(space: Space) -> u8 {
    match space {
        Space::Actor => b'a',
        Space::Claim => b'c',
        Space::Page => b'p',
        Space::Letter => b'l',
        Space::Document => b'd',
        Space::Send => b's',
        Space::Delivery => b'y',
        Space::Counter => b'n',
    }
}

const fn kind_byte(kind: DueKind) -> u8 {
    match kind {
        DueKind::Actor => b'a',
        DueKind::Send => b's',
        DueKind::Delivery => b'y',
    }
}

const fn space_of(kind: DueKind) -> Space {
    match kind {
        DueKind::Actor => Space::Actor,
        DueKind::Send => Space::Send,
        DueKind::Delivery => Space::Delivery,
    }
}

/// Writes a piece behind what is there.
pub fn write(piece: &Piece, out: &mut Vec<u8>) {
    match piece {
        Piece::Item { key, item } => {
            out.extend_from_slice(&[ITEM, space_byte(key.space())]);
            out.extend_from_slice(&item.version.to_be_bytes());
            out.extend_from_slice(&u16::try_from(key.bytes().len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(key.bytes());
            out.extend_from_slice(&item.body);
        }
        Piece::Due { kind, due, key } => {
            out.extend_from_slice(&[DUE, kind_byte(*kind)]);
            out.extend_from_slice(&due.millis().to_be_bytes());
            out.extend_from_slice(key.bytes());
        }
        Piece::Past { turn, messages } => {
            out.push(PAST);
            out.extend_from_slice(&turn.actor.to_bytes());
            out.extend_from_slice(&turn.version.to_be_bytes());
            out.extend_from_slice(&u32::try_from(messages.len()).unwrap_or(u32::MAX).to_be_bytes());
            messages.iter().for_each(|message| out.extend_from_slice(&message.as_u128().to_be_bytes()));
            out.extend_from_slice(&turn.record);
        }
    }
}

/// Reads a piece back; `None` where the bytes are none.
pub fn read(frame: &Bytes) -> Option<Piece> {
    let (form, rest) = frame.split_first()?;
    match *form {
        ITEM => {
            let (space, rest) = rest.split_first()?;
            let space = Space::ALL.into_iter().find(|one| space_byte(*one) == *space)?;
            let (version, rest) = rest.split_first_chunk()?;
            let (length, rest) = rest.split_first_chunk()?;
            let (key, body) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let key = ItemKey::from_stored(space, frame.slice_ref(key))?;
            Some(Piece::Item { key, item: Item { version: u64::from_be_bytes(*version), body: frame.slice_ref(body) } })
        }
        DUE => {
            let (kind, rest) = rest.split_first()?;
            let kinds = [DueKind::Actor, DueKind::Send, DueKind::Delivery];
            let kind = kinds.into_iter().find(|one| kind_byte(*one) == *kind)?;
            let (millis, key) = rest.split_first_chunk()?;
            let key = ItemKey::from_stored(space_of(kind), frame.slice_ref(key))?;
            Some(Piece::Due { kind, due: Moment::from_millis(i64::from_be_bytes(*millis)), key })
        }
        PAST => {
            let (actor, rest) = rest.split_at_checked(ActorKey::BYTES)?;
            let (version, rest) = rest.split_first_chunk()?;
            let (count, rest) = rest.split_first_chunk()?;
            let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
            let (ids, record) = rest.split_at_checked(count.checked_mul(16)?)?;
            let id = |bytes: &[u8]| Some(MessageId::from_u128(u128::from_be_bytes(bytes.try_into().ok()?)));
            let turn = Turn {
                actor: ActorKey::from_bytes(actor)?,
                version: u64::from_be_bytes(*version),
                record: frame.slice_ref(record),
            };
            Some(Piece::Past { turn, messages: ids.chunks_exact(16).map(id).collect::<Option<_>>()? })
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use roadbook_kernel::{CustomerId, SendKey, TenantId};

    const TENANT: TenantId = TenantId::from_u128(7);

    /// One of each kind.
    pub fn pieces() -> Vec<Piece> {
        let actor = ActorKey::customer(TENANT, CustomerId::from_u128(5));
        let item = |key, version, body: &'static str| Piece::Item { key, item: Item { version, body: body.into() } };
        let due = |key: ItemKey, kind| Piece::Due { kind, due: Moment::from_millis(-3), key };
        let past = |version, messages: &[u128]| Piece::Past {
            turn: Turn { actor, version, record: "record".into() },
            messages: messages.iter().map(|id| MessageId::from_u128(*id)).collect(),
        };
        vec![
            item(ItemKey::actor(&actor), u64::MAX, "a row"),
            item(ItemKey::document(TENANT, "keys/1"), 3, ""),
            item(ItemKey::counter(TENANT, "members"), 1, "12345678"),
            due(ItemKey::actor(&actor), DueKind::Actor),
            due(ItemKey::send(TENANT, SendKey::from_u128(9)), DueKind::Send),
            past(1, &[]),
            past(2, &[1, u128::MAX]),
        ]
    }

    #[test]
    fn pieces_read_back_and_half_a_piece_does_not() {
        for piece in pieces() {
            let mut frame = Vec::new();
            write(&piece, &mut frame);
            assert!(read(&frame.clone().into()).is_some_and(|back| back == piece));
            assert!(read(&Bytes::copy_from_slice(&frame[..9])).is_none());
        }
        assert!(read(&Bytes::new()).is_none() && read(&Bytes::from_static(&[9; 60])).is_none());
    }
}
