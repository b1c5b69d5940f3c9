//! The sweep over History found what something newly published should count.

use super::reaction::Reaction;
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_audience::{Occurrence, TrackerId};
use roadbook_kernel::{Draft, SegmentId};
use std::collections::BTreeMap;

pub(super) fn decide(
    draft: &mut Draft<'_, Customer>,
    segment: Option<SegmentId>,
    found: &BTreeMap<TrackerId, Vec<Occurrence>>,
    world: &World<'_>,
) {
    let rules = world.catalog.rules.clone();
    let news: BTreeMap<_, _> = found
        .iter()
        .filter_map(|(id, occurrences)| {
            let known = draft.state().trackers.get(id).map_or(&[][..], |tracker| tracker.occurrences());
            let fresh: Vec<_> = occurrences.iter().filter(|one| !known.contains(one)).copied().collect();
            (!fresh.is_empty()).then(|| (*id, (rules.keep(*id), fresh)))
        })
        .collect();
    let mut touched_trackers: Vec<TrackerId> = news.keys().copied().collect();
    if !news.is_empty() {
        draft.emit(Event::Backfilled { found: news });
    }
    let mut reaction = Reaction::new(draft, world);
    reaction.touched.trackers.extend(touched_trackers.drain(..));
    // Judged even where nothing was found: a condition over traits alone holds without any event.
    reaction.judge_with(segment.and_then(|id| rules.index_of(id)).as_slice());
    reaction.settle();
}
