//! Where things lie.
//!
//! ```text
//! items    pk "tn_<body>/<space><bucket>"      sk  local key of the item (bytes)
//! items    pk "tn_<body>/o<bucket>"            sk  local key of an actor, 8 bytes of version: see `spill.rs`
//! due      dl "<kind><lane><shard>"            nd  8 bytes of instant that sort, then the whole key of the item
//! history  pk "tn_<body>/<kind><id in hex>"    sk  version (number)
//! ```
//! A partition key is text that begins with the tenant, so that a role can be pinned to one tenant
//! (`dynamodb:LeadingKeys`), and a person can read it. What a tenant has by the million is spread over sixteen
//! buckets; what is scanned by name and stays small lies in one. A scan in key order therefore asks at most sixteen
//! partitions, which costs sixteen requests where one would do, and buys sixteen times the write rate of a partition.

use bytes::Bytes;
use roadbook_kernel::{ActorKey, ActorKind, Hash128, Moment, TenantId};
use roadbook_runtime::ports::store::lane;
use roadbook_runtime::ports::{DueEntry, DueKind, Fault, ItemKey, Space};

/// Buckets of the spaces that have many.
const BUCKETS: u8 = 16;
/// Parts of one lane of the due index. A tenant's timers all lie in one lane; a partition of an index takes about a
/// thousand writes a second, and moving a timer is two of them.
pub(crate) const SHARDS: u8 = 4;
/// No local key goes on like this: keys are ids of fixed length and ASCII names.
const BEYOND: [u8; 64] = [0xff; 64];

/// Never change a letter: it is in stored keys.
const fn letter(space: Space) -> char {
    match space {
        Space::Actor => 'a',
        Space::Claim => 'c',
        Space::Page => 'p',
        Space::Letter => 'l',
        Space::Document => 'd',
        Space::Send => 's',
        Space::Delivery => 'y',
        Space::Counter => 'n',
    }
}

const fn buckets(space: Space) -> u8 {
    match space {
        Space::Actor | Space::Claim | Space::Page | Space::Send | Space::Delivery => BUCKETS,
        Space::Letter | Space::Document | Space::Counter => 1,
    }
}

const fn kind_letter(kind: DueKind) -> char {
    match kind {
        DueKind::Actor => 'a',
        DueKind::Send => 's',
        DueKind::Delivery => 'y',
    }
}

const fn space_of(kind: DueKind) -> Space {
    match kind {
        DueKind::Actor => Space::Actor,
        DueKind::Send => Space::Send,
        DueKind::Delivery => Space::Delivery,
    }
}

/// FNV-1a. Stored keys stand on it, so it is written down here and not taken from a library that might change.
fn spread(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn part(bytes: &[u8], parts: u8) -> u8 {
    // The low bits of FNV mix worst.
    u8::try_from((spread(bytes) >> 32) % u64::from(parts)).unwrap_or(0)
}

/// The partition of an item.
pub(crate) fn partition(key: &ItemKey) -> String {
    let bucket = part(key.local(), buckets(key.space()));
    format!("{}/{}{bucket:x}", key.tenant(), letter(key.space()))
}

/// The partition and the place of records that have spilled from an actor's row: no item's, so no scan meets them.
pub(crate) fn spill_place(actor: &ActorKey, first: u64) -> (String, Vec<u8>) {
    let local = &actor.to_bytes()[16..];
    let partition = format!("{}/o{:x}", actor.tenant, part(local, BUCKETS));
    (partition, [local, &first.to_be_bytes()].concat())
}

/// Every partition that may hold items of a tenant's space.
pub(crate) fn partitions(space: Space, tenant: TenantId) -> impl Iterator<Item = String> {
    (0..buckets(space)).map(move |bucket| format!("{tenant}/{}{bucket:x}", letter(space)))
}

/// The key of an item, from where it lies.
pub(crate) fn item_key(partition: &str, local: &[u8]) -> Result<ItemKey, Fault> {
    let key = || {
        let (tenant, place) = partition.split_once('/')?;
        let tenant: TenantId = tenant.parse().ok()?;
        let space = Space::ALL.into_iter().find(|space| place.starts_with(letter(*space)))?;
        ItemKey::from_stored(space, [&tenant.as_u128().to_be_bytes()[..], local].concat().into())
    };
    key().ok_or_else(|| Fault::Corrupt("the key of an item".into()))
}

/// The lowest and highest local key of a scan; `None` where nothing can lie between them.
pub(crate) fn range(prefix: &[u8], after: Option<&[u8]>) -> Option<(Vec<u8>, Vec<u8>)> {
    // Behind `after` comes `after` with one byte more; no key is empty.
    let behind = after.map_or_else(|| vec![0], |after| [after, &[0]].concat());
    let low = behind.max(prefix.to_vec());
    let high = [prefix, &BEYOND].concat();
    (low <= high).then_some((low, high))
}

/// Sorts as the instant does: the sign bit is turned around.
fn sortable(at: Moment) -> [u8; 8] {
    (at.millis().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// The partition of an item in the due index.
pub(crate) fn due_partition(kind: DueKind, key: &ItemKey) -> String {
    shard_name(kind, lane(key.tenant()), part(key.local(), SHARDS))
}

fn shard_name(kind: DueKind, lane: u8, shard: u8) -> String {
    format!("{}{lane:x}{shard:x}", kind_letter(kind))
}

/// The partitions of one lane of the due index.
pub(crate) fn due_partitions(kind: DueKind, lane: u8) -> impl Iterator<Item = String> {
    (0..SHARDS).map(move |shard| shard_name(kind, lane, shard))
}

/// The place of an item in its partition of the due index.
pub(crate) fn due_place(at: Moment, key: &ItemKey) -> Vec<u8> {
    [&sortable(at)[..], key.bytes()].concat()
}

/// Bounds of a search of the due index: from an entry, or the very front, up to and including an instant.
pub(crate) fn due_range(from: Option<&DueEntry>, until: Moment) -> Option<(Vec<u8>, Vec<u8>)> {
    let low = from.map_or_else(|| vec![0], |from| due_place(from.due, &from.key));
    let high = [&sortable(until)[..], &BEYOND].concat();
    (low <= high).then_some((low, high))
}

/// The kind of a partition of the due index.
pub(crate) fn due_kind(partition: &str) -> Option<DueKind> {
    let kinds = [DueKind::Actor, DueKind::Send, DueKind::Delivery];
    kinds.into_iter().find(|kind| partition.starts_with(kind_letter(*kind)))
}

/// Reads an entry of the due index from its partition and place.
pub(crate) fn due_entry(partition: &str, place: &[u8]) -> Result<DueEntry, Fault> {
    let entry = || {
        let kind = due_kind(partition)?;
        let (at, key) = place.split_at_checked(8)?;
        let millis = (u64::from_be_bytes(at.try_into().ok()?) ^ (1 << 63)).cast_signed();
        let key = ItemKey::from_stored(space_of(kind), Bytes::copy_from_slice(key))?;
        Some(DueEntry { due: Moment::from_millis(millis), key })
    };
    entry().ok_or_else(|| Fault::Corrupt("an entry of the due index".into()))
}

/// The partition of an actor's history.
pub(crate) fn past(actor: &ActorKey) -> String {
    format!("{}/{}{:032x}", actor.tenant, char::from(actor.kind.byte()), actor.id.0)
}

/// Whose history lies in a partition; `None` where it holds something else.
pub(crate) fn past_actor(partition: &str) -> Option<ActorKey> {
    let (tenant, rest) = partition.split_once('/')?;
    let (kind, id) = rest.split_at_checked(1)?;
    let kind = ActorKind::from_byte(*kind.as_bytes().first()?)?;
    let id = (id.len() == 32).then(|| u128::from_str_radix(id, 16).ok()).flatten()?;
    Some(ActorKey { tenant: tenant.parse().ok()?, kind, id: Hash128(id) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::{CustomerId, SendKey};

    const TENANT: TenantId = TenantId::from_u128(7);

    fn customer(n: u128) -> ItemKey {
        ItemKey::actor(&ActorKey::customer(TENANT, CustomerId::from_u128(n)))
    }

    #[test]
    fn keys_read_back() {
        for key in [customer(5), ItemKey::send(TENANT, SendKey::from_u128(9)), ItemKey::counter(TENANT, "members")] {
            assert_eq!(item_key(&partition(&key), key.local()), Ok(key.clone()));
            assert!(partitions(key.space(), TENANT).any(|one| one == partition(&key)));
        }
        let entry = DueEntry { due: Moment::from_millis(-5), key: customer(5) };
        let name = due_partition(DueKind::Actor, &entry.key);
        assert_eq!(due_entry(&name, &due_place(entry.due, &entry.key)), Ok(entry.clone()));
        assert!(due_partitions(DueKind::Actor, lane(TENANT)).any(|one| one == name));
        let actor = ActorKey::customer(TENANT, CustomerId::from_u128(5));
        assert_eq!(past_actor(&past(&actor)), Some(actor));
        assert_eq!(past_actor(&format!("{}/3", past(&actor))), None, "a part of a turn's counting");
        assert!(item_key("tn_broken/a0", b"x").is_err() && due_entry("a00", b"short").is_err());
    }

    #[test]
    fn a_tenants_partitions_begin_with_its_id_and_are_used_evenly() {
        let mut taken = std::collections::BTreeMap::<String, u32>::new();
        (0..16_000u128).for_each(|n| *taken.entry(partition(&customer(n << 64 | n))).or_default() += 1);
        assert!(taken.len() == 16 && taken.values().all(|count| (800..1_200).contains(count)), "{taken:?}");
        assert!(taken.keys().all(|name| name.starts_with(&format!("{TENANT}/"))));
    }

    /// These are in stored keys: a change here loses everything that is stored.
    #[test]
    fn places_never_move() {
        assert_eq!(partition(&customer(5)), "tn_00000000000000000000000007/a5");
        assert_eq!(due_partition(DueKind::Actor, &customer(5)), "a71");
        let (spilled, place) = spill_place(&ActorKey::customer(TENANT, CustomerId::from_u128(5)), 9);
        assert_eq!((spilled.as_str(), place.len()), ("tn_00000000000000000000000007/o5", 25));
        assert!(item_key(&spilled, &place).is_err(), "it is no item");
        assert_eq!(past(&ActorKey::catalog(TENANT)), "tn_00000000000000000000000007/g00000000000000000000000000000000");
    }

    #[test]
    fn ranges_exclude_what_was_read_and_keep_to_the_prefix() {
        let holds = |range: &Option<(Vec<u8>, Vec<u8>)>, key: &[u8]| {
            range.as_ref().is_some_and(|(low, high)| low.as_slice() <= key && key <= high.as_slice())
        };
        let page = range(b"b/", Some(b"b/10"));
        assert!(holds(&page, b"b/2") && holds(&page, b"b/100") && !holds(&page, b"b/10") && !holds(&page, b"c"));
        let whole = range(b"", None);
        assert!(holds(&whole, b"\0") && holds(&whole, &[0xff; 40]));
        assert_eq!(range(b"b/", Some(b"c")), None, "behind the prefix");
        assert!(holds(&range(b"b/", Some(b"a")), b"b/"));
    }
}
