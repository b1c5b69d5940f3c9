//! Reading a row and asking what was carried, in one request: for a process that wrote the row before, and therefore
//! knows that its next turn will have to ask.

use crate::action::{Attributes, binary, key};
use crate::keys::partition;
use crate::outbox::Seen;
use crate::plan::past_key;
use crate::query::{read_item, whole};
use crate::store::Dynamo;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use roadbook_kernel::ActorKey;
use roadbook_runtime::ports::{Fault, Item, ItemKey, Space};
use std::collections::HashMap;

/// Turns asked for. Each is half a read unit here, and a query, which is a request more, takes many for that.
const ASKED_MAX: usize = 4;

impl Dynamo {
    /// The row, and what it still has to keep noted for the turn to come. `None` where there is nothing to ask, or
    /// DynamoDB answered in part: then the row is read as any item is.
    pub(crate) async fn load_and_ask(&self, item: &ItemKey) -> Result<Option<Option<Item>>, Fault> {
        let actor = ActorKey::from_bytes(item.bytes()).filter(|_| item.space() == Space::Actor);
        let Some((actor, seen)) = actor.zip(self.seen.get(item)) else { return Ok(None) };
        if !seen.asks || seen.kept.is_empty() || seen.kept.len() > ASKED_MAX {
            return Ok(None);
        }
        let keys = questions(item, &actor, &seen).map_err(|error| Fault::Store(error.to_string()))?;
        let request = self.reads.batch_get_item();
        let request = request.request_items(&self.names.items, keys.0).request_items(&self.names.history, keys.1);
        let answer = request.send().await.map_err(|error| self.fault("read an item", &error))?;
        let of = |table: &str| answer.responses().and_then(|found| found.get(table)).into_iter().flatten();
        if answer.unprocessed_keys().is_some_and(|rest| rest.contains_key(&self.names.items)) {
            return Ok(None);
        }
        let Some(row) = of(&self.names.items).next() else { return Ok(Some(None)) };
        let mut now = Seen::read(row)?;
        for carried in of(&self.names.history).filter(|row: &&Attributes| row.contains_key("r")) {
            let version = whole(carried, "sk")?;
            now.iter_mut().for_each(|seen| drop(seen.kept.remove(&version)));
        }
        self.saw(item, now);
        read_item(row).map(Some)
    }
}

/// The row at its latest, and the rows in History of the turns it keeps.
fn questions(
    item: &ItemKey,
    actor: &ActorKey,
    seen: &Seen,
) -> Result<(KeysAndAttributes, KeysAndAttributes), BuildError> {
    let row = KeysAndAttributes::builder().keys(key(partition(item), binary(item.local()))).consistent_read(true);
    // A row without `r` holds an index only, and says nothing about the relay.
    let names = HashMap::from([("#s".to_owned(), "sk".to_owned()), ("#r".to_owned(), "r".to_owned())]);
    let carried =
        KeysAndAttributes::builder().projection_expression("#s, #r").set_expression_attribute_names(Some(names));
    let carried = seen.kept.keys().fold(carried, |keys, version| keys.keys(past_key(actor, *version)));
    Ok((row.build()?, carried.build()?))
}
