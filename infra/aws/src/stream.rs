//! From the stream of the items table to turns: what the relay is given.

use crate::codec::unpack;
use crate::keys::{due_entry, item_key};
use aws_lambda_events::dynamodb::EventRecord;
use roadbook_kernel::{ActorKey, Moment};
use roadbook_runtime::ports::{Fault, Space, Turn};
use serde_dynamo::AttributeValue;
use std::collections::BTreeSet;

/// The turn a record of the stream brings by itself; `None` for a change that is no turn: something else than an actor, a
/// removal, a write that made no turn and left the log of an older one in the row, a turn whose record has spilled (see
/// [`Dynamo::brought`](crate::Dynamo::brought)).
///
/// A change that only moved a row in the due index brings the turn of that row again. The relay counts no turn twice.
///
/// # Errors
/// [`Fault::Corrupt`] where the record is not of this table, or cannot be unpacked.
pub fn turn(record: &EventRecord) -> Result<Option<Turn>, Fault> {
    let Some(log) = record.change.new_image.get("log") else { return Ok(None) };
    let AttributeValue::B(log) = log else { return Err(wrong()) };
    let Some(Spilled { actor, .. }) = spilled(record)? else { return Ok(None) };
    let image = &record.change.new_image;
    let (Some(made), version) = (whole(image.get("lv"))?, whole(image.get("v"))?) else { return Ok(None) };
    if Some(made) != version {
        return Ok(None);
    }
    Ok(Some(Turn { actor, version: made, record: unpack(log)? }))
}

/// What a record says about records that do not lie on the row.
pub struct Spilled {
    /// Whose row.
    pub actor: ActorKey,
    /// The version this very write made, where its record is among them.
    pub made: Option<u64>,
    /// The names of the items they lie in.
    pub names: BTreeSet<u64>,
}

/// Whose row a record of the stream shows, and what has spilled from it; `None` where it is no actor's.
///
/// # Errors
/// [`Fault::Corrupt`] where the record is not of this table.
pub fn spilled(record: &EventRecord) -> Result<Option<Spilled>, Fault> {
    let image = &record.change.new_image;
    let (made, version) = (whole(image.get("lv"))?, whole(image.get("v"))?);
    if made.is_none() || version.is_none() {
        return Ok(None);
    }
    let (Some(AttributeValue::S(partition)), Some(AttributeValue::B(local))) = (image.get("pk"), image.get("sk"))
    else {
        return Err(wrong());
    };
    let key = item_key(partition, local)?;
    if key.space() != Space::Actor {
        return Ok(None);
    }
    let actor = ActorKey::from_bytes(key.bytes()).ok_or_else(wrong)?;
    let names = match image.get("sp") {
        None => BTreeSet::new(),
        Some(AttributeValue::Ns(names)) => {
            names.iter().map(|name| name.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(wrong()),
    };
    let made = made.filter(|_| made == version && !image.contains_key("log"));
    Ok(Some(Spilled { actor, made, names }))
}

fn whole(value: Option<&AttributeValue>) -> Result<Option<u64>, Fault> {
    match value {
        None => Ok(None),
        Some(AttributeValue::N(text)) => text.parse().map(Some).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

fn wrong() -> Fault {
    Fault::Corrupt("a record of the stream".into())
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
