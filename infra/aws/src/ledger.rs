//! Where the relay ends: the row of each turn in History, and with it the amounts the turn adds to counters.
//!
//! Most turns count nothing. Their rows are written without a condition, twenty-five in a request and one write unit
//! each: written twice they are the same. The row of a turn that counts is put only if it is not there, in one
//! transaction with its amounts, which costs twice: a row that is there takes the turn out, and the rest is tried
//! again.

use crate::action::{Action, Attributes, binary};
use crate::codec::pack;
use crate::commit::Transacted;
use crate::keys::partition;
use crate::outcome::{Trouble, trouble};
use crate::plan::{ACTIONS_MAX, TRANSACTION_BYTES_MAX, ids, past_key};
use crate::store::Dynamo;
use async_trait::async_trait;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::{Carried, Fault, ItemKey, Ledger, Turn};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows in one request.
pub(crate) const BATCH_MAX: usize = 25;
/// Bytes of one such request: 16 MB, and rows are small.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Counters beside one row: with more, a turn is noted in several transactions.
const AMOUNTS_MAX: usize = ACTIONS_MAX - 1;
const TRIES_MAX: u32 = 10;

/// What is written together: a row that says so, and amounts.
struct Entry {
    row: Action,
    amounts: Vec<(ItemKey, i64)>,
}

#[async_trait]
impl Ledger for Dynamo {
    async fn note(&self, carried: Vec<Carried>) -> Result<(), Fault> {
        let mut seen = BTreeSet::<(ActorKey, u64)>::new();
        let (mut plain, mut counting) = (Vec::new(), Vec::new());
        for one in carried.into_iter().filter(|one| seen.insert((one.turn.actor, one.turn.version))) {
            if one.adds.is_empty() { plain.push(one) } else { counting.push(one) }
        }
        self.put_rows(plain).await?;
        let mut entries: Vec<Entry> = counting.into_iter().flat_map(|one| self.entries(one)).collect();
        while !entries.is_empty() {
            let rest = entries.split_off(fitting(&entries));
            self.note_together(entries).await?;
            entries = rest;
        }
        Ok(())
    }
}

/// How many of them one transaction takes.
fn fitting(entries: &[Entry]) -> usize {
    let (mut counters, mut bytes) = (BTreeSet::new(), 0);
    for (place, entry) in entries.iter().enumerate() {
        counters.extend(entry.amounts.iter().map(|(key, _)| key));
        bytes += entry.row.bytes;
        if place > 0 && (place + 1 + counters.len() > ACTIONS_MAX || bytes > TRANSACTION_BYTES_MAX) {
            return place;
        }
    }
    entries.len()
}

impl Dynamo {
    /// The entries of a turn: one, but for a turn with more counters than a transaction takes. Then the first ones have
    /// rows that only say they were counted, and the turn's own row comes last: where it is, all was counted.
    fn entries(&self, carried: Carried) -> Vec<Entry> {
        let Carried { turn, messages, adds } = carried;
        let mut entries: Vec<Entry> = Vec::new();
        for (place, amounts) in adds.chunks(AMOUNTS_MAX).enumerate() {
            let mut row = Action::new(&self.names.history, part_key(&turn, place));
            row.set("m", binary(Vec::new()));
            row.expect_none("m");
            entries.push(Entry { row, amounts: amounts.to_vec() });
        }
        if let Some(last) = entries.last_mut() {
            let mut row = Action::new(&self.names.history, past_key(&turn.actor, turn.version));
            row.set("r", binary(pack(&turn.record)));
            row.set("m", binary(ids(&messages)));
            row.expect_none("r");
            last.row = row;
        }
        entries
    }

    async fn note_together(&self, mut entries: Vec<Entry>) -> Result<(), Fault> {
        while !entries.is_empty() {
            let mut totals = BTreeMap::<&ItemKey, i64>::new();
            for (key, amount) in entries.iter().flat_map(|entry| &entry.amounts) {
                let total = totals.entry(key).or_default();
                *total = total.saturating_add(*amount);
            }
            let mut actions: Vec<Action> = entries.iter().map(|entry| entry.row.clone()).collect();
            for (key, amount) in totals {
                let mut action =
                    Action::new(&self.names.items, crate::action::key(partition(key), binary(key.local())));
                action.add("a", amount);
                action.add("v", 1);
                actions.push(action);
            }
            match self.transact(&actions).await? {
                Transacted::Done => return Ok(()),
                Transacted::Refused(refused) => {
                    let there: BTreeSet<usize> = refused.into_iter().map(|(place, _)| place).collect();
                    let mut place = 0..;
                    entries.retain(|_| place.next().is_some_and(|place| !there.contains(&place)));
                }
            }
        }
        Ok(())
    }

    async fn put_rows(&self, carried: Vec<Carried>) -> Result<(), Fault> {
        let mut waiting = Vec::new();
        let mut bytes = 0;
        for Carried { turn, messages, .. } in carried {
            let mut row = past_key(&turn.actor, turn.version);
            let record = pack(&turn.record);
            bytes += record.len();
            row.insert("r".into(), binary(record));
            row.insert("m".into(), binary(ids(&messages)));
            waiting.push(row);
            if waiting.len() == BATCH_MAX || bytes >= BATCH_BYTES_MAX {
                self.put_batch(&self.names.history, std::mem::take(&mut waiting)).await?;
                bytes = 0;
            }
        }
        self.put_batch(&self.names.history, waiting).await
    }

    /// Writes whole rows of one table without a condition, at most [`BATCH_MAX`].
    pub(crate) async fn put_batch(&self, table: &str, rows: Vec<Attributes>) -> Result<(), Fault> {
        let request = |row| PutRequest::builder().set_item(Some(row)).build();
        let request = |row| request(row).map(|put| WriteRequest::builder().put_request(put).build());
        let requests: Vec<WriteRequest> =
            rows.into_iter().map(request).collect::<Result<_, _>>().map_err(|error| Fault::Store(error.to_string()))?;
        let mut waiting = HashMap::from([(table.to_owned(), requests)]);
        for attempt in 0..TRIES_MAX {
            if waiting.values().all(Vec::is_empty) {
                return Ok(());
            }
            match self.writes.batch_write_item().set_request_items(Some(waiting.clone())).send().await {
                Ok(answer) => waiting = answer.unprocessed_items.unwrap_or_default(),
                // Rows written twice are the same rows.
                Err(error) if trouble(&error) != Trouble::Final => {}
                Err(error) => return Err(self.fault("write rows", &error)),
            }
            if waiting.values().any(|rest| !rest.is_empty()) {
                self.wait(attempt).await;
            }
        }
        if waiting.values().all(Vec::is_empty) { Ok(()) } else { Err(Fault::Overloaded) }
    }
}

/// The key of a part of a turn that has more amounts than one transaction takes: outside the actor's own partition, so
/// that no reader of its history meets it.
fn part_key(turn: &Turn, place: usize) -> Attributes {
    let mut key = past_key(&turn.actor, turn.version);
    let partition = format!("{}/{place}", crate::keys::past(&turn.actor));
    key.insert("pk".into(), crate::action::text(partition));
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::TenantId;

    fn entry(counters: std::ops::Range<u32>) -> Entry {
        let row = Action::new("t-history", HashMap::new());
        let amount = |n: u32| (ItemKey::counter(TenantId::from_u128(7), &n.to_string()), 1);
        Entry { row, amounts: counters.map(amount).collect() }
    }

    #[test]
    fn a_transaction_takes_as_many_turns_as_fit_with_their_counters() {
        let same = |count: usize| (0..count).map(|_| entry(0..2)).collect::<Vec<_>>();
        assert_eq!((fitting(&same(98)), fitting(&same(99))), (98, 98), "98 rows and 2 counters");
        let apart: Vec<Entry> = (0..60).map(|n| entry(n..n + 1)).collect();
        assert_eq!(fitting(&apart), 50, "50 rows and 50 counters");
        assert_eq!(fitting(&[entry(0..99), entry(0..99)]), 1);
        assert_eq!(fitting(&[entry(0..98), entry(0..98)]), 2);
    }
}
