//! What stands in a queue: tagged, versioned, JSON.
//!
//! To change a form: 1 a variant with the next number here, 2 whoever reads it (`functions/inbox`, `functions/send`),
//! 3 its text in the test below. A former variant stays: messages wait up to 14 days, in dead-letter queues too, and while
//! a deployment is under way two versions read and write side by side.

use crate::ports::queue::{Parcel, Poke, Queue, QueueName, group_of};
use crate::ports::{DueEntry, Fault, ItemKey, Space};
use crate::router::Accepted;
use crate::webhooks;
use roadbook_identity::TenantKeys;
use roadbook_kernel::{DeliveryId, EndpointId, Moment, SendKey, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// One message of a queue. Events hold personal data: `Debug` shows how many there are and nothing of them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "is")]
pub enum Envelope {
    /// Accepted events of one tenant, in their order.
    #[serde(rename = "events.1")]
    Events {
        /// Whose.
        tenant: TenantId,
        /// What.
        events: Vec<Accepted>,
    },
    /// An actor is to look whether something is due. It carries nothing else: the actor knows.
    #[serde(rename = "poke.1")]
    Poke(Poke),
    /// A send is due.
    #[serde(rename = "send.1")]
    Send {
        /// Whose.
        tenant: TenantId,
        /// Which.
        send: SendKey,
        /// Where it stands in the due index.
        due: Moment,
    },
    /// An announcement is due.
    #[serde(rename = "announcement.1")]
    Announcement {
        /// Whose.
        tenant: TenantId,
        /// To whom.
        endpoint: EndpointId,
        /// Which.
        delivery: DeliveryId,
        /// Where it stands in the due index.
        due: Moment,
    },
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Envelope::Events { tenant, events } => write!(f, "Events({tenant}, {} events ***)", events.len()),
            Envelope::Poke(poke) => write!(f, "{poke:?}"),
            Envelope::Send { tenant, send, .. } => write!(f, "Send({tenant}, {send})"),
            Envelope::Announcement { tenant, endpoint, delivery, .. } => {
                write!(f, "Announcement({tenant}, {endpoint}, {delivery})")
            }
        }
    }
}

impl Envelope {
    /// The hint that an item is due; `None` where it is neither a send nor a delivery.
    pub fn hint(entry: &DueEntry) -> Option<Self> {
        let (key, due) = (&entry.key, entry.due);
        let tenant = key.tenant();
        match key.space() {
            Space::Send => {
                let send = SendKey::from_u128(u128::from_be_bytes(key.local().try_into().ok()?));
                Some(Envelope::Send { tenant, send, due })
            }
            Space::Delivery => {
                let (endpoint, delivery) = webhooks::named(key)?;
                Some(Envelope::Announcement { tenant, endpoint, delivery, due })
            }
            Space::Actor | Space::Claim | Space::Page | Space::Letter | Space::Document | Space::Counter => None,
        }
    }

    /// The entry that [`Envelope::hint`] was made of; `None` where this is no hint.
    pub fn entry(&self) -> Option<DueEntry> {
        match self {
            Envelope::Send { tenant, send, due } => Some(DueEntry { due: *due, key: ItemKey::send(*tenant, *send) }),
            Envelope::Announcement { tenant, endpoint, delivery, due } => {
                Some(DueEntry { due: *due, key: ItemKey::delivery(*tenant, *endpoint, *delivery) })
            }
            Envelope::Events { .. } | Envelope::Poke(_) => None,
        }
    }

    /// As text, of characters that every queue takes: SQS refuses two that JSON allows.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where it cannot be written as JSON: a defect.
    pub fn text(&self) -> Result<String, Fault> {
        text(self)
    }

    /// Reads [`Envelope::text`] back.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] with the place, never with what stands there.
    pub fn read(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|error| Fault::unreadable("a message of a queue", &error))
    }
}

/// Into which queue the hint for an item belongs, and what it says.
///
/// # Errors
/// [`Fault::Corrupt`] where the item is neither a send nor a delivery.
pub fn hinted(entry: &DueEntry) -> Result<(QueueName, String), Fault> {
    let hint = Envelope::hint(entry).ok_or_else(|| Fault::Corrupt("a hint for what is never due".into()))?;
    let queue = if entry.key.space() == Space::Send { QueueName::Sends } else { QueueName::Announcements };
    Ok((queue, hint.text()?))
}

fn text(value: &impl Serialize) -> Result<String, Fault> {
    let text = serde_json::to_string(value).map_err(|error| Fault::unreadable("a message of a queue", &error))?;
    // In JSON they stand within strings only, where an escape means the same.
    Ok(text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
}

/// Bytes of one parcel: a message of SQS holds 256 KB in every region, and a request as much.
pub const PARCEL_BYTES_MAX: usize = 200 * 1024;
/// Bytes of an envelope around its events, with room to spare.
const AROUND_BYTES: usize = 128;

/// An event that fits no parcel. Nothing was taken of those it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event has {bytes} bytes as it is queued; at most {max} fit: send less with it", max = PARCEL_BYTES_MAX - AROUND_BYTES)]
pub struct TooLarge {
    /// Its place in what was to be packed.
    pub place: usize,
    /// Its size.
    pub bytes: usize,
}

/// Why events were not packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// One is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// One cannot be written: a defect.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Packs a tenant's events: per group as few parcels as hold them, in their order.
///
/// # Errors
/// An event that is too large, by its place; then nothing is packed.
pub fn pack(keys: &TenantKeys, tenant: TenantId, events: Vec<Accepted>) -> Result<Vec<Parcel>, PackError> {
    let mut open: HashMap<String, Open> = HashMap::new();
    let mut parcels = Vec::new();
    for (place, event) in events.into_iter().enumerate() {
        let bytes = text(&event)?.len() + 1;
        if bytes + AROUND_BYTES > PARCEL_BYTES_MAX {
            return Err(TooLarge { place, bytes }.into());
        }
        let group = group_of(keys, &event);
        let next = parcels.len();
        let mine = open.entry(group.clone()).or_insert(Open { parcel: next, bytes: 0 });
        if mine.bytes > 0 && mine.bytes + bytes + AROUND_BYTES > PARCEL_BYTES_MAX {
            *mine = Open { parcel: next, bytes: 0 };
        }
        if mine.parcel == next {
            parcels.push((group, Vec::new(), Vec::new()));
        }
        mine.bytes += bytes;
        let (_, places, held) = &mut parcels[mine.parcel];
        places.push(place);
        held.push(event);
    }
    let close = |(group, events, held)| {
        let body = Envelope::Events { tenant, events: held }.text()?;
        Ok(Parcel { group, body, events })
    };
    parcels.into_iter().map(close).collect()
}

/// Hands parcels to a queue. One result per event they were packed from, `events` in all.
pub async fn queue_all(queue: &dyn Queue, parcels: Vec<Parcel>, events: usize) -> Vec<Result<(), Fault>> {
    let held: Vec<Vec<usize>> = parcels.iter().map(|parcel| parcel.events.clone()).collect();
    let mut results = vec![Ok(()); events];
    for (places, result) in held.iter().zip(queue.accept(parcels).await) {
        if let Err(fault) = result {
            places.iter().for_each(|place| results[*place] = Err(fault.clone()));
        }
    }
    results
}

/// A parcel that still has room.
struct Open {
    parcel: usize,
    bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_customer::{Call, Observation, TraitOps};
    use roadbook_identity::Kind;
    use roadbook_kernel::{ActorKey, CustomerId, MessageId, Personal};
    use serde_json::{Map, json};
    use std::sync::Arc;

    const TENANT: TenantId = TenantId::from_u128(7);

    fn keys() -> TenantKeys {
        TenantKeys::derive(&[7; 32], TENANT)
    }

    fn event(n: u128, who: &[(Kind, &str)], note: &str) -> Accepted {
        let identifiers = who.iter().map(|(kind, value)| keys().identifier(*kind, "wx1", value).unwrap()).collect();
        let observation = Observation {
            call: Call::Track,
            name: "model_viewed".into(),
            identifiers,
            evidence: Vec::new(),
            traits: TraitOps::default(),
            properties: Personal::new(Map::from_iter([("note".to_owned(), json!(note))])),
        };
        let (accepted, occurred) = (Moment::from_millis(1_000), Moment::from_millis(900));
        let position = u32::try_from(n).unwrap();
        Accepted { id: MessageId::from_u128(n), accepted, occurred, position, observation: Arc::new(observation) }
    }

    fn packed(events: &[Accepted]) -> Vec<Parcel> {
        pack(&keys(), TENANT, events.to_vec()).unwrap()
    }

    #[test]
    fn a_group_follows_the_identifier_that_stands_on_every_event() {
        let group = |who: &[(Kind, &str)]| group_of(&keys(), &event(1, who, ""));
        let before = group(&[(Kind::AnonymousId, "anonymous-1")]);
        assert_eq!(
            group(&[(Kind::UserId, "u-1"), (Kind::AnonymousId, "anonymous-1")]),
            before,
            "a login moves nothing"
        );
        assert_ne!(group(&[(Kind::UserId, "u-1"), (Kind::AnonymousId, "anonymous-2")]), before);
        let open = group(&[(Kind::Openid, "openid-of-a-test-person")]);
        assert_eq!(group(&[(Kind::UserId, "u-1"), (Kind::Openid, "openid-of-a-test-person")]), open);
        assert_eq!(group(&[(Kind::UserId, "u-1"), (Kind::Phone, "13800000000")]), group(&[(Kind::UserId, "u-1")]));
        let theirs = TenantKeys::derive(&[7; 32], TenantId::from_u128(8));
        assert_ne!(group_of(&theirs, &event(1, &[(Kind::UserId, "u-1")], "")), group(&[(Kind::UserId, "u-1")]));
        assert!(before.len() == 32 && !before.contains("anonymous"), "a hash, and nobody's name");
    }

    #[test]
    fn a_batch_is_as_few_parcels_as_hold_it_in_the_order_of_each_group() {
        let who = |n: u128| [(Kind::UserId, if n.is_multiple_of(2) { "even" } else { "odd" })];
        let note = "x".repeat(30_000);
        let events: Vec<Accepted> = (0..20).map(|n| event(n, &who(n), &note)).collect();
        let parcels = packed(&events);
        assert_eq!(parcels.len(), 4, "ten events of 30 KB per group, six of which fill a parcel");
        assert!(parcels.iter().all(|one| one.body.len() <= PARCEL_BYTES_MAX));
        for group in [&parcels[0].group, &parcels[1].group] {
            let mine: Vec<&Parcel> = parcels.iter().filter(|one| one.group == *group).collect();
            let places: Vec<usize> = mine.iter().flat_map(|one| one.events.clone()).collect();
            assert!(places.len() == 10 && places.is_sorted(), "{places:?}");
            assert_eq!(mine[0].events.len(), 6);
        }
        let small: Vec<Accepted> = (0..20).map(|n| event(n, &who(n), "")).collect();
        assert_eq!(packed(&small).len(), 2);
    }

    #[test]
    fn an_event_that_fits_no_parcel_is_named_and_nothing_is_packed() {
        let who = [(Kind::UserId, "u-1")];
        let events = vec![event(0, &who, ""), event(1, &who, &"x".repeat(PARCEL_BYTES_MAX))];
        let told = pack(&keys(), TENANT, events).unwrap_err();
        assert!(matches!(told, PackError::TooLarge(TooLarge { place: 1, .. })), "{told}");
        assert!(told.to_string().contains("bytes") && !told.to_string().contains("xxx"), "{told}");
    }

    #[test]
    fn what_was_packed_comes_back_whole_and_in_characters_that_queues_take() {
        let odd = "\u{fffe} \u{ffff} \u{0} \u{1f} \u{10ffff} 试驾 \\ufffe";
        let given = event(3, &[(Kind::AnonymousId, "a-1"), (Kind::Phone, "13800000000")], odd);
        let parcels = packed(std::slice::from_ref(&given));
        let refused = |one: char| matches!(one, '\u{fffe}' | '\u{ffff}') || (one < ' ' && !"\t\n\r".contains(one));
        assert!(!parcels[0].body.contains(refused), "{}", parcels[0].body);
        let Envelope::Events { tenant, events } = Envelope::read(&parcels[0].body).unwrap() else { panic!("events") };
        assert_eq!((tenant, events[0].position, events[0].occurred), (TENANT, 3, given.occurred));
        assert_eq!((events[0].id, events[0].accepted), (given.id, given.accepted));
        assert_eq!(events[0].observation.properties, given.observation.properties);
        assert_eq!(events[0].observation.identifiers, given.observation.identifiers);
        let shown = format!("{:?} {:?}", parcels[0], Envelope::read(&parcels[0].body).unwrap());
        assert!(!shown.contains("1380000") && !shown.contains("试驾") && shown.contains("***"), "{shown}");
    }

    /// Messages of these forms may wait in a queue while a deployment changes who reads them.
    #[test]
    fn forms_that_were_written_once_are_read_for_ever() {
        let actor = ActorKey::customer(TENANT, CustomerId::from_u128(5));
        let poke = Envelope::Poke(Poke { actor, at: Moment::from_millis(9) });
        let send = ItemKey::send(TENANT, SendKey::from_u128(3));
        let announcement = ItemKey::delivery(TENANT, EndpointId::from_u128(1), DeliveryId::from_u128(2));
        let due = |key| DueEntry { due: Moment::from_millis(4), key };
        let entries = [send, announcement].map(due);
        let hints = entries.each_ref().map(|entry| Envelope::hint(entry).unwrap());
        assert_eq!(hints.each_ref().map(|hint| hint.entry().unwrap()), entries);
        let written: Vec<String> = [&poke, &hints[0], &hints[1]].iter().map(|one| one.text().unwrap()).collect();
        assert_eq!(
            written,
            [
                r#"{"is":"poke.1","actor":{"tenant":"tn_00000000000000000000000007","kind":"customer","id":"00000000000000000000000005"},"at":9}"#,
                r#"{"is":"send.1","tenant":"tn_00000000000000000000000007","send":"snd_00000000000000000000000003","due":4}"#,
                r#"{"is":"announcement.1","tenant":"tn_00000000000000000000000007","endpoint":"whe_00000000000000000000000001","delivery":"whm_00000000000000000000000002","due":4}"#,
            ]
        );
        for text in &written {
            assert_eq!(Envelope::read(text).unwrap().text().unwrap(), *text);
        }
        let events = r#"{"is":"events.1","tenant":"tn_00000000000000000000000007","events":[{"id":"msg_00000000000000000000000001","accepted":2,"occurred":1,"position":0,"observation":{"call":"track","name":"x","identifiers":[]}}]}"#;
        assert!(matches!(Envelope::read(events), Ok(Envelope::Events { events, .. }) if events.len() == 1));
        assert!(Envelope::hint(&due(ItemKey::counter(TENANT, "x"))).is_none());
        let told = Envelope::read(r#"{"is":"events.9","name":"Test Person"}"#).unwrap_err().to_string();
        assert!(told.contains("message of a queue") && !told.contains("Test Person"), "{told}");
    }

    #[test]
    fn a_poke_waits_whole_seconds_and_never_longer_than_a_queue_keeps_it() {
        let actor = ActorKey::customer(TENANT, CustomerId::from_u128(5));
        let delay = |at: i64| Poke { actor, at: Moment::from_millis(at) }.delay_s(Moment::from_millis(10_000));
        assert_eq!([9_000, 10_000, 10_001, 11_000, 11_001].map(delay), [0, 0, 1, 1, 2].map(Some));
        assert_eq!((delay(910_000), delay(910_001)), (Some(900), None));
    }
}
