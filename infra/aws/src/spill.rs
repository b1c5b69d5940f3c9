//! Records that a row cannot keep: items of their own, written in the transaction of the turn that moves them there.
//!
//! There are two reasons. The relay has stood still for so many turns that each one pays more for what it keeps than
//! the transaction would cost; or a record and its state are too large for one item. A large record alone is no reason:
//! to keep it costs its kilobytes once now and once when the next turn leaves it out, to spill it costs the same and the
//! state's besides.
//!
//! A spilled item is named by the version of the first record in it. The row's `sp` lists these names, so that the
//! relay and the repair scan find them; it is a set that DynamoDB changes in place, outside of the row's version. An
//! item goes when all its turns have their rows in History ([`Dynamo::release`]): first the item, then its name. A name
//! without an item says that everything was carried.

use crate::action::{Action, Attributes, binary, key};
use crate::codec::unpack;
use crate::keys::{partition, spill_place};
use crate::outbox::{Kept, Seen, length, read, write};
use crate::plan::ITEM_BYTES_MAX;
use crate::query::bytes;
use crate::store::Dynamo;
use crate::stream;
use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_dynamodb::types::AttributeValue;
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::{Fault, ItemKey, Turn};

/// Items an actor's records have spilled into at most. A relay that stood still for so long must go on before the actor
/// does.
const SPILLS_MAX: usize = 256;

fn spill_key(actor: &ActorKey, first: u64) -> Attributes {
    let (partition, place) = spill_place(actor, first);
    key(partition, binary(place))
}

impl Dynamo {
    /// Puts records into items of their own, and their names on the row.
    pub(crate) fn spill(
        &self,
        row: &mut Action,
        actor: &ActorKey,
        seen: &mut Seen,
        records: Kept,
    ) -> Result<Vec<Action>, Fault> {
        let pieces = pieces(actor, records)?;
        if pieces.is_empty() {
            return Ok(Vec::new());
        }
        if seen.spills.len() + pieces.len() > SPILLS_MAX {
            tracing::error!(
                ?actor,
                "the relay has carried nothing of this actor for a long time; it waits for the relay"
            );
            return Err(Fault::Overloaded);
        }
        let names: Vec<u64> =
            pieces.iter().filter_map(|piece| piece.first_key_value().map(|(first, _)| *first)).collect();
        row.add_each("sp", names.iter().copied());
        seen.spills.extend(&names);
        let item = |(first, piece): (u64, &Kept)| {
            let mut item = Action::new(&self.names.items, spill_key(actor, first));
            item.set("old", binary(write(piece)));
            item
        };
        Ok(names.into_iter().zip(&pieces).map(item).collect())
    }

    /// The records in a spilled item; `None` where all of them were carried and it is gone.
    pub(crate) async fn spilled(&self, actor: &ActorKey, first: u64) -> Result<Option<Kept>, Fault> {
        let request = self.reads.get_item().table_name(&self.names.items).consistent_read(true);
        let answer = request.set_key(Some(spill_key(actor, first))).send().await;
        let answer = answer.map_err(|error| self.fault("read spilled records", &error))?;
        answer.item().map(|item| read(bytes(item, "old")?)).transpose()
    }

    /// The turn a record of the stream brings, wherever its own record lies; `None` where it brings none, or one that
    /// was carried long ago.
    ///
    /// # Errors
    /// A fault of the store, or [`Fault::Corrupt`] where the record is not of this table or cannot be unpacked.
    pub async fn brought(&self, record: &EventRecord) -> Result<Option<Turn>, Fault> {
        let Some(spilled) = stream::spilled(record)? else { return Ok(None) };
        let stream::Spilled { actor, made: Some(version), names } = spilled else { return stream::turn(record) };
        let Some(first) = names.range(..=version).next_back() else { return Ok(None) };
        let records = self.spilled(&actor, *first).await?.unwrap_or_default();
        let turn = |record| Ok(Turn { actor, version, record: unpack(record)? });
        records.get(&version).map(|record| turn(record)).transpose()
    }

    /// Removes what has spilled from an actor's row and was carried meanwhile. Returns how many items went. Asked again
    /// after a fault, it goes on.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn release(&self, actor: &ActorKey) -> Result<usize, Fault> {
        let item = ItemKey::actor(actor);
        let row = key(partition(&item), binary(item.local()));
        let request = self.reads.get_item().table_name(&self.names.items).consistent_read(true);
        let request = request.projection_expression("#v, #sp").expression_attribute_names("#v", "v");
        let request = request.expression_attribute_names("#sp", "sp").set_key(Some(row.clone()));
        let answer = request.send().await.map_err(|error| self.fault("read what has spilled", &error))?;
        let names = answer.item().map_or(Ok(None), Seen::read)?.map(|seen| seen.spills).unwrap_or_default();
        let mut released = 0;
        for first in names {
            if let Some(records) = self.spilled(actor, first).await? {
                if self.carried(actor, &records, true).await?.len() < records.len() {
                    continue;
                }
                let remove = self.writes.delete_item().table_name(&self.names.items);
                let removed = remove.set_key(Some(spill_key(actor, first))).send().await;
                removed.map_err(|error| self.fault("remove spilled records", &error))?;
            }
            let update = self.writes.update_item().table_name(&self.names.items).set_key(Some(row.clone()));
            let update = update.update_expression("DELETE #sp :sp").condition_expression("attribute_exists(#v)");
            let update = update.expression_attribute_names("#sp", "sp").expression_attribute_names("#v", "v");
            let update = update.expression_attribute_values(":sp", AttributeValue::Ns(vec![first.to_string()]));
            update.send().await.map_err(|error| self.fault("forget spilled records", &error))?;
            released += 1;
        }
        Ok(released)
    }
}

/// As few items as hold them, in order.
fn pieces(actor: &ActorKey, records: Kept) -> Result<Vec<Kept>, Fault> {
    let mut pieces: Vec<Kept> = Vec::new();
    for (version, record) in records {
        let one = Kept::from([(version, record)]);
        let bytes = length(&one);
        if bytes > ITEM_BYTES_MAX {
            return Err(Fault::Store(format!(
                "the record of a turn ({actor:?}, version {version}) has {bytes} bytes packed, DynamoDB takes \
                 {ITEM_BYTES_MAX}: nothing was written"
            )));
        }
        match pieces.last_mut().filter(|piece| length(piece) + bytes <= ITEM_BYTES_MAX) {
            Some(piece) => piece.extend(one),
            None => pieces.push(one),
        }
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use roadbook_kernel::{CustomerId, TenantId};

    #[test]
    fn records_are_cut_into_items_and_one_that_fits_none_is_named() {
        let actor = ActorKey::customer(TenantId::from_u128(7), CustomerId::from_u128(5));
        let records = |sizes: &[usize]| -> Kept {
            sizes.iter().zip(1..).map(|(size, version)| (version, Bytes::from(vec![0; *size]))).collect()
        };
        let cut =
            |sizes: &[usize]| pieces(&actor, records(sizes)).map(|all| all.iter().map(Kept::len).collect::<Vec<_>>());
        assert_eq!(cut(&[]), Ok(vec![]));
        assert_eq!(cut(&[100, 200, 300]), Ok(vec![3]));
        assert_eq!(cut(&[300_000, 200_000, 100]), Ok(vec![1, 2]));
        let Err(Fault::Store(text)) = cut(&[100, 500_000]) else { panic!("it fits no item") };
        assert!(text.contains("version 2") && text.contains("nothing was written"), "{text}");
    }
}
