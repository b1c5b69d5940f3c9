//! From the stream of the items table to turns: what the relay is given.

use crate::codec::unpack;
use crate::keys::{due_entry, item_key};
use aws_lambda_events::dynamodb::EventRecord;
use roadbook_kernel::{ActorKey, Moment};
use roadbook_runtime::ports::{Fault, Space, Turn};

/// The turn a record of the stream brings; `None` for a change that is no turn: something else than an actor, a
/// removal, a write that made no turn and left the log of an older one in the row.
///
/// A change that only moved a row in the due index brings the turn of that row again. The relay counts no turn twice.
///
/// # Errors
/// [`Fault::Corrupt`] where the record is not of this table, or cannot be unpacked.
pub fn turn(record: &EventRecord) -> Result<Option<Turn>, Fault> {
    let image = &record.change.new_image;
    let value = |name: &str| image.get(name);
    let (Some(log), Some(lv), Some(v)) = (value("log"), value("lv"), value("v")) else { return Ok(None) };
    let wrong = || Fault::Corrupt("a record of the stream".into());
    let version = |value: &serde_dynamo::AttributeValue| match value {
        serde_dynamo::AttributeValue::N(text) => text.parse::<u64>().map_err(|_| wrong()),
        _ => Err(wrong()),
    };
    let bytes = |value: Option<&serde_dynamo::AttributeValue>| match value {
        Some(serde_dynamo::AttributeValue::B(bytes)) => Ok(bytes.clone()),
        _ => Err(wrong()),
    };
    let (made, version) = (version(lv)?, version(v)?);
    if made != version {
        return Ok(None);
    }
    let Some(serde_dynamo::AttributeValue::S(partition)) = value("pk") else { return Err(wrong()) };
    let key = item_key(partition, &bytes(value("sk"))?)?;
    if key.space() != Space::Actor {
        return Ok(None);
    }
    let actor = ActorKey::from_bytes(key.bytes()).ok_or_else(wrong)?;
    Ok(Some(Turn { actor, version, record: unpack(&bytes(Some(log))?)? }))
}

/// The actor whose row a record brings, and when it is due next, if ever; `None` where the record is of something else.
pub fn timer(record: &EventRecord) -> Option<(ActorKey, Option<Moment>)> {
    use serde_dynamo::AttributeValue::{B, S};
    let image = &record.change.new_image;
    let (Some(S(partition)), Some(B(local))) = (image.get("pk"), image.get("sk")) else { return None };
    let key = item_key(partition, local).ok().filter(|key| key.space() == Space::Actor)?;
    let due = match (image.get("dl"), image.get("nd")) {
        (Some(S(lane)), Some(B(place))) => Some(due_entry(lane, place).ok()?.due),
        _ => None,
    };
    Some((ActorKey::from_bytes(key.bytes())?, due))
}
