//! The engine's view of a catalog.

use crate::backfill;
use crate::catalogs::revision_name;
use crate::engine::Engine;
use crate::hosted::{Admission, Hosted};
use crate::message::Message;
use crate::ports::{Expect, Fault, Item, ItemKey, Put};
use crate::working::WorkingSet;
use async_trait::async_trait;
use roadbook_catalog::{Catalog, CatalogWorld, Command, Event};
use roadbook_kernel::{ActorKey, Draft, Durable, Moment, Refusal, SegmentId};
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

    /// A published journey revision, for the runs that will be pinned to it; the sweep that counts a published
    /// segment's past events.
    fn documents(key: &ActorKey, state: &Self, facts: &[&Event]) -> Vec<Put> {
        // By segment, because a turn may publish one twice and a commit may write an item once.
        let published: BTreeMap<SegmentId, Moment> = facts
            .iter()
            .filter_map(|fact| match fact {
                Event::SegmentPublished { id, at, .. } => Some((*id, *at)),
                Event::SegmentDrafted { .. }
                | Event::JourneyDrafted { .. }
                | Event::JourneyPublished { .. }
                | Event::IdentityPolicySet { .. } => None,
            })
            .collect();
        let sweeps =
            published.into_iter().filter_map(|(id, at)| backfill::begun(key.tenant, id, state.edition, at).ok());
        let revisions = facts.iter().filter_map(|fact| state.document(fact)).filter_map(|document| {
            let body = serde_json::to_vec(&document).ok()?;
            let name = revision_name(document.journey, document.revision);
            let item = Some(Item { version: 1, body: body.into() });
            Some(Put { key: ItemKey::document(key.tenant, &name), expect: Expect::Absent, item })
        });
        sweeps.chain(revisions).collect()
    }
}
