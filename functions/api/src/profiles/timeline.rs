//! What happened with a customer, newest first, under every id they ever had.
//!
//! The order is the order in which things happened. Turns lie in the order in which they were committed, and an event
//! that came late lies in a late turn, so a page reads turns backwards until nothing older can still belong to it:
//! within one actor no turn holds anything later than its own `now`, and `now` never goes back.

use super::{fact, live};
use crate::api::Api;
use crate::failure::Failure;
use crate::page::{Page, PageQuery};
use crate::params::{Params, PathId};
use crate::secret::Secret;
use crate::tags::{hide, published};
use axum::Json;
use axum::extract::State;
use roadbook_customer::Event;
use roadbook_kernel::{ActorKey, CustomerId, MessageId, Moment};
use roadbook_runtime::ports::Fault;
use roadbook_runtime::record::{Body, Record, Trigger};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

/// Turns read at once.
const TURNS_READ: usize = 64;

/// Where a row stands: its time, then whose turn it is of, which turn, and its place there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: Moment,
    actor: CustomerId,
    version: u64,
    index: u32,
}

const PLACE_BYTES: usize = 8 + 16 + 8 + 4;

impl Place {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PLACE_BYTES);
        bytes.extend_from_slice(&self.at.millis().to_be_bytes());
        bytes.extend_from_slice(&self.actor.as_u128().to_be_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (actor, rest) = rest.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        Some(Self {
            at: Moment::from_millis(i64::from_be_bytes(*at)),
            actor: CustomerId::from_u128(u128::from_be_bytes(*actor)),
            version: u64::from_be_bytes(*version),
            index: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

/// A row, compared by its place alone.
struct Row {
    place: Place,
    shown: Value,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Row {}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

/// The latest rows before a place, and no more of them than a page needs.
struct Latest {
    before: Option<Place>,
    rows_max: usize,
    rows: BinaryHeap<Reverse<Row>>,
}

impl Latest {
    /// Whether a row of this place would be among them.
    fn wants(&self, place: Place) -> bool {
        self.before.is_none_or(|before| place < before) && self.earliest().is_none_or(|earliest| place > earliest)
    }

    /// The place of the earliest row, once there are as many as needed.
    fn earliest(&self) -> Option<Place> {
        self.rows.peek().filter(|_| self.rows.len() >= self.rows_max).map(|Reverse(row)| row.place)
    }

    fn add(&mut self, row: Row) {
        if self.rows.len() < self.rows_max {
            self.rows.push(Reverse(row));
        } else if let Some(mut earliest) = self.rows.peek_mut() {
            *earliest = Reverse(row);
            // Dropping it restores the order.
            let _: PeekMut<'_, _> = earliest;
        }
    }
}

/// `GET /v1/profiles/{id}/timeline?limit=&cursor=`.
pub(crate) async fn timeline(
    State(api): State<Arc<Api>>,
    secret: Secret,
    PathId(id): PathId<CustomerId>,
    params: Params,
) -> Result<Json<Page>, Failure> {
    let customer = live(&api, &secret, id).await?.state;
    let keys = secret.keys(&api);
    let page = PageQuery::read(&params, &keys, format!("timeline/{}", customer.id))?;
    let before = page.after.as_deref().and_then(Place::from_bytes);
    let mut latest = Latest { before, rows_max: page.limit + 1, rows: BinaryHeap::new() };
    for actor in std::iter::once(customer.id).chain(customer.absorbed.keys().copied()) {
        read_back(&api, ActorKey::customer(secret.tenant(), actor), actor, &mut latest).await?;
    }
    let mut rows: Vec<Row> = latest.rows.into_iter().map(|Reverse(row)| row).collect();
    rows.sort_by(|a, b| b.cmp(a));
    let more = rows.len() > page.limit;
    rows.truncate(page.limit);
    let next = rows.last().filter(|_| more).map(|row| row.place.to_bytes());
    let catalog = published(&api, secret.tenant()).await?;
    rows.iter_mut().for_each(|row| hide::in_line(&catalog, &mut row.shown));
    Ok(Json(page.answer(rows.into_iter().map(|row| row.shown).collect(), next)))
}

async fn read_back(api: &Api, key: ActorKey, actor: CustomerId, latest: &mut Latest) -> Result<(), Failure> {
    let mut before = u64::MAX;
    // Read backwards, the parting comes before what went with the other.
    let mut gone = HashSet::new();
    loop {
        let turns = api.engine().history.turns_before(&key, before, TURNS_READ).await?;
        let Some(last) = turns.last() else { return Ok(()) };
        before = last.version;
        for turn in &turns {
            let body = Record::new(&turn.record)?.body::<Event>()?;
            if latest.earliest().is_some_and(|earliest| body.now < earliest.at) {
                return Ok(());
            }
            take(&body, actor, turn.version, &mut gone, latest)?;
        }
    }
}

fn take(
    body: &Body<Event>,
    actor: CustomerId,
    version: u64,
    gone: &mut HashSet<MessageId>,
    latest: &mut Latest,
) -> Result<(), Fault> {
    let mut index = 0;
    for entry in &body.entries {
        for fact in &entry.facts {
            if let Event::Parted { gone: messages, .. } = fact {
                gone.extend(messages);
            }
        }
        if matches!(&entry.cause, Trigger::Message { id, .. } if gone.contains(id)) {
            continue;
        }
        for line in fact::lines(entry) {
            let place = Place { at: line.at, actor, version, index };
            index += 1;
            if latest.wants(place) {
                latest.add(Row { place, shown: line.shown() });
            }
        }
    }
    Ok(())
}
