//! The engine's view of a catalog.

use crate::backfill::{self, Aim};
use crate::catalogs::revision_name;
use crate::engine::Engine;
use crate::hosted::{Admission, Hosted};
use crate::message::Message;
use crate::ports::{Expect, Fault, Item, ItemKey, Put};
use crate::working::WorkingSet;
use async_trait::async_trait;
use roadbook_catalog::{Catalog, CatalogWorld, Command, Event};
use roadbook_customer::Topics;
use roadbook_journey::Revision;
use roadbook_kernel::{ActorKey, Draft, Durable, Moment, Refusal};
use serde_json::Value;
use std::collections::BTreeMap;

#[async_trait]
impl Hosted for Catalog {
    type Scene = ();

    fn blank(_: &ActorKey) -> Self {
        Catalog::default()
    }

    fn next_due(&self) -> Option<Moment> {
        None
    }

    fn state_bytes_max(engine: &Engine) -> usize {
        engine.limits.catalog_bytes_max
    }

    /// One: the documents of a turn are made of the state it leaves, and a second edit would change the first's.
    fn turn_messages_max(_: &Engine) -> usize {
        1
    }

    async fn scene(_: &Engine, _: &ActorKey, _: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn edition((): &()) -> u64 {
        0
    }

    async fn admit(
        engine: &Engine,
        (): &mut (),
        set: &mut WorkingSet<Self>,
        _: &Message<Command>,
        _: Moment,
    ) -> Result<Admission, Fault> {
        if set.now_on().row.state_bytes > engine.limits.catalog_bytes_max {
            let refusal = Refusal::new("catalog_full", "this tenant's definitions take as much room as they can have");
            return Ok(Admission::Refused(refusal));
        }
        Ok(Admission::Admitted)
    }

    async fn prepare(_: &Engine, (): &mut (), _: &WorkingSet<Self>) -> Result<(), Fault> {
        Ok(())
    }

    fn decide_message(
        (): &(),
        draft: &mut Draft<'_, Self>,
        _: &ActorKey,
        message: &Message<Command>,
        at: Moment,
        _: Moment,
        _: bool,
    ) -> Result<(), Refusal> {
        <Catalog as Durable>::decide(draft, &message.command, &CatalogWorld { at })
    }

    fn former(key: &ActorKey, _: &Self) -> Vec<ActorKey> {
        vec![*key]
    }

    fn fire(_: &Engine, (): &(), _: &mut Draft<'_, Self>, _: &ActorKey, _: Moment, _: Moment) {}

    fn bytes(_: &Command) -> (usize, usize) {
        (0, 0) // one message is one turn
    }

    fn letter(_: &Command) -> Option<Value> {
        None
    }

    fn count(_: &Event, _: &mut Vec<(String, i64)>) {}

    fn announce(_: &Self, _: &Event, _: Topics) -> Option<()> {
        None
    }

    /// A published journey revision, for the runs that will be pinned to it; the sweep that tells customers of a
    /// change.
    fn documents(key: &ActorKey, state: &Self, facts: &[&Event]) -> Vec<Put> {
        // By aim, because a turn may change one thing twice and a commit may write an item once.
        let changed: BTreeMap<Aim, Moment> = facts.iter().filter_map(|fact| aim(state, fact)).collect();
        let sweeps =
            changed.into_iter().filter_map(|(aim, at)| backfill::begun(key.tenant, aim, state.edition, at).ok());
        let revisions = facts.iter().filter_map(|fact| state.document(fact)).filter_map(|document| {
            let body = serde_json::to_vec(&document).ok()?;
            let name = revision_name(document.journey, document.revision);
            let item = Some(Item { version: 1, body: body.into() });
            Some(Put { key: ItemKey::document(key.tenant, &name), expect: Expect::Absent, item })
        });
        sweeps.chain(revisions).collect()
    }
}

/// What customers are to be told of a change, where anything.
fn aim(state: &Catalog, fact: &Event) -> Option<(Aim, Moment)> {
    match fact {
        Event::SegmentPublished { id, at, .. } | Event::SegmentArchived { id, at } => Some((Aim::Segment(*id), *at)),
        Event::JourneyPublished { id, at, .. } => {
            let (_, definition) = state.journeys.get(id)?.published.as_ref()?;
            let counts = Revision::parse(definition).is_ok_and(|revision| !revision.trackers().is_empty());
            counts.then_some((Aim::Counts(*id), *at))
        }
        Event::JourneyResumed { id, at } | Event::JourneyArchived { id, at } => Some((Aim::Runs(*id), *at)),
        Event::SegmentDrafted { .. }
        | Event::JourneyDrafted { .. }
        | Event::JourneyPaused { .. }
        | Event::TagDefined { .. }
        | Event::TagDeleted { .. }
        | Event::IdentityPolicySet { .. } => None,
    }
}
