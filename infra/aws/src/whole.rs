//! Everything in both tables, and writing it into empty ones.
//!
//! A scan reads what lies in the tables, whether a tenant's list knows of it or not. It takes a right that no function
//! has. Records that rows keep for the relay are left: whoever moves a store has carried them, so they are in History.
//! Neither do rows travel that only say that a part of a turn was counted: the turn's own row says so too.

use crate::action::{Attributes, binary, key, number, text};
use crate::codec::{pack, unpack};
use crate::keys::{due_entry, due_kind, due_partition, due_place, item_key, partition, past_actor};
use crate::ledger::BATCH_MAX;
use crate::plan::{ITEM_BYTES_MAX, ids, past_key};
use crate::query::{bytes, read_item, whole, word};
use crate::store::Dynamo;
use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use roadbook_kernel::{MessageId, Moment};
use roadbook_runtime::ports::{
    Commit, CommitError, Due, DueKind, Fault, Item, ItemKey, Piece, Place, Space, Turn, Whole,
};
use std::collections::BTreeMap;

/// Requests under way at once.
const REQUESTS_MAX: usize = 8;
const ITEMS: u8 = 0;
const PAST: u8 = 1;

#[async_trait]
impl Whole for Dynamo {
    async fn pieces(&self, from: Option<&[u8]>, limit: usize) -> Result<(Vec<Piece>, Option<Place>), Fault> {
        let (table, after) = from.map_or(Ok((ITEMS, None)), read_place)?;
        let name = if table == ITEMS { &self.names.items } else { &self.names.history };
        let request = self.reads.scan().table_name(name).consistent_read(true);
        let request = request.limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1));
        let answer = request.set_exclusive_start_key(after).send().await;
        let answer = answer.map_err(|error| self.fault("read everything", &error))?;
        let mut pieces = Vec::new();
        for row in answer.items() {
            if table == ITEMS { items(row, &mut pieces)? } else { pieces.extend(past(row)?) }
        }
        let next = match (table, answer.last_evaluated_key) {
            (_, Some(last)) => Some(place(table, &last)?),
            (ITEMS, None) => Some(vec![PAST]),
            (_, None) => None,
        };
        Ok((pieces, next))
    }

    async fn restore(&self, pieces: Vec<Piece>) -> Result<(), Fault> {
        let (mut rows, mut turns, mut apart) = (BTreeMap::<ItemKey, Attributes>::new(), Vec::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Item { key, item } => {
                    let row = self.row(&key, &item);
                    within_limit(&key, &row)?;
                    rows.insert(key, row);
                }
                Piece::Due { kind, due, key } => match rows.get_mut(&key) {
                    Some(row) => {
                        row.insert("dl".into(), text(due_partition(kind, &key)));
                        row.insert("nd".into(), binary(due_place(due, &key)));
                    }
                    None => apart.push(Due { kind, key, was: None, now: Some(due) }),
                },
                Piece::Past { turn, messages } => turns.push(past_row(&turn, &messages)),
            }
        }
        let rows: Vec<Attributes> = rows.into_values().collect();
        for (table, rows) in [(&self.names.items, rows), (&self.names.history, turns)] {
            let batches: Vec<&[Attributes]> = rows.chunks(BATCH_MAX).collect();
            for batches in batches.chunks(REQUESTS_MAX) {
                try_join_all(batches.iter().map(|batch| self.put_batch(table, batch.to_vec()))).await?;
            }
        }
        for dues in apart.chunks(REQUESTS_MAX) {
            let write = |due: &Due| self.write(Commit { dues: vec![due.clone()], ..Commit::default() });
            try_join_all(dues.iter().map(write)).await.map_err(|error| match error {
                CommitError::Fault(fault) => fault,
                CommitError::Conflict { .. } => Fault::Store("a write without a condition was refused".into()),
            })?;
        }
        Ok(())
    }
}

impl Dynamo {
    fn row(&self, at: &ItemKey, item: &Item) -> Attributes {
        let mut row = key(partition(at), binary(at.local()));
        row.insert("v".into(), number(item.version));
        row.insert("w".into(), binary(self.draw()));
        let amount = item.body.as_ref().try_into().ok().filter(|_| at.space() == Space::Counter);
        match amount.map(i64::from_be_bytes) {
            Some(amount) => row.insert("a".into(), number(amount)),
            None => row.insert("s".into(), binary(pack(&item.body))),
        };
        row
    }
}

fn within_limit(key: &ItemKey, row: &Attributes) -> Result<(), Fault> {
    let bytes = row.get("s").and_then(|value| value.as_b().ok()).map_or(0, |blob| blob.as_ref().len());
    if bytes > ITEM_BYTES_MAX {
        let (space, tenant) = (key.space(), key.tenant());
        return Err(Fault::Store(format!(
            "an item ({space:?}) of {tenant} has {bytes} bytes packed, DynamoDB takes {ITEM_BYTES_MAX}: nothing of its \
             piece was written"
        )));
    }
    Ok(())
}

fn past_row(turn: &Turn, messages: &[MessageId]) -> Attributes {
    let mut row = past_key(&turn.actor, turn.version);
    row.insert("r".into(), binary(pack(&turn.record)));
    row.insert("m".into(), binary(ids(messages)));
    row
}

/// An item and, behind it, its place in the due index.
fn items(row: &Attributes, pieces: &mut Vec<Piece>) -> Result<(), Fault> {
    if let Some(item) = read_item(row)? {
        let key = item_key(word(row, "pk")?, bytes(row, "sk")?)?;
        pieces.push(Piece::Item { key, item });
    }
    if row.contains_key("nd") {
        let lane = word(row, "dl")?;
        let entry = due_entry(lane, bytes(row, "nd")?)?;
        let kind: DueKind = due_kind(lane).ok_or_else(|| Fault::Corrupt("an entry of the due index".into()))?;
        let due: Moment = entry.due;
        pieces.push(Piece::Due { kind, due, key: entry.key });
    }
    Ok(())
}

fn past(row: &Attributes) -> Result<Option<Piece>, Fault> {
    let Some(actor) = past_actor(word(row, "pk")?).filter(|_| row.contains_key("r")) else { return Ok(None) };
    let turn = Turn { actor, version: whole(row, "sk")?, record: unpack(bytes(row, "r")?)? };
    let ids = if row.contains_key("m") { bytes(row, "m")? } else { &[] };
    if ids.len() % 16 != 0 {
        return Err(Fault::Corrupt("the messages of a turn".into()));
    }
    let id = |bytes: &[u8]| bytes.try_into().ok().map(|bytes| MessageId::from_u128(u128::from_be_bytes(bytes)));
    Ok(Some(Piece::Past { turn, messages: ids.chunks_exact(16).filter_map(id).collect() }))
}

/// table, 1 byte | length of the partition key, 2 bytes big-endian | partition key | sort key.
fn place(table: u8, last: &Attributes) -> Result<Place, Fault> {
    let partition = word(last, "pk")?.as_bytes();
    let length = u16::try_from(partition.len()).map_err(|_| Fault::Corrupt("the key of an item".into()))?;
    let sort = match last.get("sk") {
        Some(AttributeValue::B(local)) => local.as_ref(),
        Some(AttributeValue::N(version)) => version.as_bytes(),
        _ => return Err(Fault::Corrupt("the key of an item".into())),
    };
    Ok([&[table], &length.to_be_bytes()[..], partition, sort].concat())
}

fn read_place(place: &[u8]) -> Result<(u8, Option<Attributes>), Fault> {
    let read = || {
        let (table, rest) = place.split_first()?;
        if rest.is_empty() {
            return Some((*table, None));
        }
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (partition, sort) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let partition = std::str::from_utf8(partition).ok()?;
        let sort = match *table {
            PAST => AttributeValue::N(std::str::from_utf8(sort).ok()?.to_owned()),
            _ => binary(sort),
        };
        Some((*table, Some(key(partition, sort))))
    };
    read().ok_or_else(|| Fault::Corrupt("a place in both tables".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back() {
        for (table, sort) in [(ITEMS, binary(vec![0, 255, 3])), (PAST, number(77))] {
            let last = key("tn_x/a0", sort);
            assert_eq!(read_place(&place(table, &last).unwrap()), Ok((table, Some(last))));
        }
        assert_eq!(read_place(&[PAST]), Ok((PAST, None)));
        assert!(read_place(&[]).is_err() && read_place(&[ITEMS, 0, 9, b'x']).is_err());
    }
}
