//! Records of an actor's turns that stay on its row until the relay has carried them.
//!
//! The stream keeps a change for 24 hours. A relay that stands still longer would lose the record of a turn that a
//! later turn has replaced, so a record leaves the row only when its turn has its row in History. Asking costs a
//! request, keeping costs bytes; a turn asks when what is kept would make its own write a unit dearer. While the relay
//! keeps up that is every few turns, and no write unit is ever paid for what is kept. A process that wrote the row
//! before knows that the next turn will ask, and asks in the request that reads the row.
//!
//! What the relay has not carried and what is more than two kilobytes spills: see `spill.rs`.
//!
//! `log` is the last turn's record, `old` holds earlier ones:
//!
//! ```text
//! old = ( version, 8 bytes big-endian | length, 4 bytes big-endian | packed record )*
//! ```

use crate::action::{Action, Attributes, binary, key, number, text};
use crate::codec::unpack;
use crate::keys::{item_key, partition, partitions, past, range};
use crate::merge::merged;
use crate::plan::ITEM_BYTES_MAX;
use crate::query::{Row, Stored, bytes, whole, wholes, word};
use crate::store::Dynamo;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use roadbook_kernel::{ActorKey, TenantId};
use roadbook_runtime::ports::{Commit, Expect, Fault, ItemKey, Space, Turn};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes a row keeps at most; what is more spills. Each turn pays for them again, two units here; spilling them costs
/// about as much as keeping them for five more turns.
const KEPT_BYTES_MAX: usize = 2 * 1024;
/// Bytes of a row that are not in its update: the keys, the due index, names.
const AROUND: usize = 110;
const UNIT: usize = 1_024;
/// Rows of a repair scan that are asked about at once.
const ASKED_AT_ONCE: usize = 16;

/// Packed records by the version their turn made.
pub(crate) type Kept = BTreeMap<u64, Bytes>;

/// What a row kept when it was last seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) version: u64,
    pub(crate) kept: Kept,
    /// What has spilled: see `spill.rs`.
    pub(crate) spills: BTreeSet<u64>,
    /// Whether the next turn will have to ask what was carried.
    pub(crate) asks: bool,
}

impl Seen {
    /// Reads what a row keeps; `None` where it is no row.
    pub(crate) fn read(attributes: &Attributes) -> Result<Option<Self>, Fault> {
        if !attributes.contains_key("v") {
            return Ok(None);
        }
        let mut kept = if attributes.contains_key("old") { read(bytes(attributes, "old")?)? } else { Kept::new() };
        if attributes.contains_key("log") {
            let log = Bytes::copy_from_slice(bytes(attributes, "log")?);
            kept.insert(whole(attributes, "lv")?, log);
        }
        let spills = if attributes.contains_key("sp") { wholes(attributes, "sp")? } else { BTreeSet::new() };
        Ok(Some(Self { version: whole(attributes, "v")?, kept, spills, asks: false }))
    }
}

pub(crate) fn read(mut rest: &[u8]) -> Result<Kept, Fault> {
    let wrong = || Fault::Corrupt("the kept records of a row".into());
    let mut kept = Kept::new();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at_checked(12).ok_or_else(wrong)?;
        let version = u64::from_be_bytes(head[..8].try_into().map_err(|_| wrong())?);
        let length = u32::from_be_bytes(head[8..].try_into().map_err(|_| wrong())?);
        let (record, tail) = tail.split_at_checked(length as usize).ok_or_else(wrong)?;
        kept.insert(version, Bytes::copy_from_slice(record));
        rest = tail;
    }
    Ok(kept)
}

pub(crate) fn write(kept: &Kept) -> Vec<u8> {
    let mut out = Vec::with_capacity(length(kept));
    for (version, record) in kept {
        out.extend_from_slice(&version.to_be_bytes());
        out.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(record);
    }
    out
}

pub(crate) fn length(kept: &Kept) -> usize {
    kept.values().map(|record| 12 + record.len()).sum()
}

/// Whether keeping makes the write a unit dearer.
fn costs(bytes: usize, kept: &Kept) -> bool {
    let alone = bytes + AROUND;
    (alone + length(kept)).div_ceil(UNIT) > alone.div_ceil(UNIT)
}

impl Dynamo {
    /// What the rows of a commit's turns keep so far, by row.
    pub(crate) async fn kept_by(&self, commit: &Commit) -> Result<BTreeMap<ItemKey, Seen>, Fault> {
        let mut all = BTreeMap::new();
        for turn in &commit.turns {
            let item = ItemKey::actor(&turn.actor);
            let expect = commit.puts.iter().find(|put| put.key == item).map(|put| put.expect);
            let seen = match expect {
                Some(Expect::Version(version)) => self.kept(&item, Some(version)).await?,
                Some(Expect::Anything) => self.kept(&item, None).await?,
                Some(Expect::Absent) | None => Seen::default(),
            };
            all.insert(item, seen);
        }
        Ok(all)
    }

    /// Where the row is at another version than the commit expects, it does not matter: the commit will be refused.
    async fn kept(&self, item: &ItemKey, version: Option<u64>) -> Result<Seen, Fault> {
        if let Some(seen) = self.seen.get(item).filter(|seen| Some(seen.version) == version) {
            return Ok(seen);
        }
        let request = self.reads.get_item().table_name(&self.names.items).consistent_read(true);
        let request = request.projection_expression("#v, #log, #lv, #old, #sp");
        let request = request.expression_attribute_names("#v", "v").expression_attribute_names("#log", "log");
        let request = request.expression_attribute_names("#lv", "lv").expression_attribute_names("#old", "old");
        let request = request.expression_attribute_names("#sp", "sp");
        let request = request.set_key(Some(key(partition(item), binary(item.local()))));
        let answer = request.send().await.map_err(|error| self.fault("read what a row keeps", &error))?;
        let seen = answer.item().map_or(Ok(None), Seen::read)?;
        Ok(seen.unwrap_or_default())
    }

    /// Adds to a turn's write what its row goes on keeping. Returns that, and the items into which the rest spills, for
    /// the same transaction.
    pub(crate) async fn keep(
        &self,
        action: &mut Action,
        actor: &ActorKey,
        mut seen: Seen,
    ) -> Result<(Seen, Vec<Action>), Fault> {
        let (version, log) = action.logged().ok_or_else(|| Fault::Corrupt("a turn without its record".into()))?;
        if costs(action.bytes, &seen.kept) {
            for carried in self.carried(actor, &seen.kept, false).await? {
                seen.kept.remove(&carried);
            }
        }
        let mut spilling = Kept::new();
        if length(&seen.kept) > KEPT_BYTES_MAX || action.bytes + length(&seen.kept) > ITEM_BYTES_MAX {
            spilling = std::mem::take(&mut seen.kept);
        }
        let alone = action.bytes;
        if alone > ITEM_BYTES_MAX {
            action.unset("log");
            action.remove("log");
            spilling.insert(version, log);
        } else {
            seen.kept.insert(version, log);
        }
        let spilled = self.spill(action, actor, &mut seen, spilling)?;
        let older: Kept = seen.kept.range(..version).map(|(at, record)| (*at, record.clone())).collect();
        if older.is_empty() {
            action.remove("old");
        } else {
            action.set("old", binary(write(&older)));
        }
        (seen.version, seen.asks) = (version, costs(alone, &seen.kept));
        Ok((seen, spilled))
    }

    /// Which of these turns have their row in History. Without `latest` a row may be missed for a moment: that costs
    /// bytes, nothing else.
    pub(crate) async fn carried(&self, actor: &ActorKey, kept: &Kept, latest: bool) -> Result<BTreeSet<u64>, Fault> {
        let (Some((first, _)), Some((last, _))) = (kept.first_key_value(), kept.last_key_value()) else {
            return Ok(BTreeSet::new());
        };
        let mut carried = BTreeSet::new();
        let mut from = None;
        loop {
            let request = self.reads.query().table_name(&self.names.history).consistent_read(latest);
            let request = request.key_condition_expression("#p = :p AND #s BETWEEN :first AND :last");
            // A row without `r` holds an index only, and says nothing about the relay.
            let request = request.filter_expression("attribute_exists(#r)").projection_expression("#s");
            let request = request.expression_attribute_names("#p", "pk").expression_attribute_names("#s", "sk");
            let request = request.expression_attribute_names("#r", "r");
            let request = request.expression_attribute_values(":p", text(past(actor)));
            let request = request.expression_attribute_values(":first", number(first));
            let request = request.expression_attribute_values(":last", number(last));
            let answer = request.set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(|error| self.fault("ask what was carried", &error))?;
            for row in answer.items() {
                carried.extend(Some(whole(row, "sk")?).filter(|version| kept.contains_key(version)));
            }
            if answer.last_evaluated_key.is_none() {
                return Ok(carried);
            }
            from = answer.last_evaluated_key;
        }
    }

    /// The repair scan: turns on the rows of a tenant's actors that nobody has carried, oldest first within an actor,
    /// of up to `limit` actors after `after` (a local key), and where to go on; `None` at the end. For a relay that
    /// stood still longer than the stream keeps: hand them to [`roadbook_runtime::relay::carry`], which counts
    /// nothing twice, and then [`Dynamo::release`] what has spilled.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn outstanding(
        &self,
        tenant: TenantId,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<(Vec<Turn>, Option<Vec<u8>>), Fault> {
        let rows: Vec<(ItemKey, Seen)> =
            merged(self, partitions(Space::Actor, tenant), range(&[], after), limit).await?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|(item, _)| item.local().to_vec());
        let asked = rows.into_iter().map(async |(item, seen)| {
            let actor =
                ActorKey::from_bytes(item.bytes()).ok_or_else(|| Fault::Corrupt("the key of an actor".into()))?;
            let mut kept = seen.kept;
            for first in seen.spills {
                kept.extend(self.spilled(&actor, first).await?.unwrap_or_default());
            }
            let carried = self.carried(&actor, &kept, false).await?;
            Ok::<_, Fault>((actor, kept, carried))
        });
        // Almost every row keeps its last record, so almost every row is asked about.
        let mut asked = stream::iter(asked).buffered(ASKED_AT_ONCE);
        let mut turns = Vec::new();
        while let Some((actor, kept, carried)) = asked.try_next().await? {
            for (version, record) in kept.iter().filter(|(version, _)| !carried.contains(version)) {
                turns.push(Turn { actor, version: *version, record: unpack(record)? });
            }
        }
        Ok((turns, next))
    }

    /// Remembers what a row keeps from now on, for the actor's next turn.
    pub(crate) fn saw(&self, item: &ItemKey, seen: Option<Seen>) {
        match seen {
            Some(seen) if item.space() == Space::Actor => self.seen.insert(item.clone(), seen),
            Some(_) | None => {}
        }
    }
}

impl Stored for (ItemKey, Seen) {
    const INDEX: Option<&'static str> = None;
    const KEY: [&'static str; 2] = ["pk", "sk"];

    fn read(attributes: &Attributes) -> Result<Option<Row<Self>>, Fault> {
        let Some(seen) = Seen::read(attributes)? else { return Ok(None) };
        let order = bytes(attributes, "sk")?.to_vec();
        let item = item_key(word(attributes, "pk")?, &order)?;
        Ok(Some(Row { order, value: (item, seen) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_records_read_back() {
        let kept = Kept::from([(3, Bytes::from_static(b"three")), (u64::MAX, Bytes::new())]);
        assert_eq!(read(&write(&kept)), Ok(kept.clone()));
        assert_eq!(write(&kept).len(), length(&kept));
        assert!(read(&write(&kept)[1..]).is_err() && read(b"short").is_err());
    }

    #[test]
    fn a_turn_asks_when_keeping_would_cost_a_write_unit() {
        let kept = |length: usize| Kept::from([(1, Bytes::from(vec![0; length]))]);
        assert!(!costs(600, &Kept::new()) && !costs(600, &kept(250)) && costs(600, &kept(400)));
    }
}
