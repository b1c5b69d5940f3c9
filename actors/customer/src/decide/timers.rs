//! Time alone changed something.

use super::reaction::Reaction;
use crate::event::Event;
use crate::state::{Customer, run_due, tag_due};
use crate::world::World;
use roadbook_journey::Input;
use roadbook_kernel::{Draft, RunId, SegmentId};

/// Fires what is due at `world.at`, in this order: tags end, stages ripen, segments are judged, runs go on. A run thus sees the
/// tags and segments of the instant at which it wakes.
pub(super) fn fire(draft: &mut Draft<'_, Customer>, world: &World<'_>) {
    let at = world.at;
    let state = draft.state();
    let ended: Vec<String> = state
        .tags
        .iter()
        .filter(|(_, tag)| tag_due(tag).is_some_and(|due| due <= at))
        .map(|(key, _)| key.clone())
        .collect();
    let mut rechecks: Vec<SegmentId> = state
        .memberships
        .iter()
        .filter(|(_, membership)| membership.recheck_at.is_some_and(|due| due <= at))
        .map(|(id, _)| *id)
        .collect();
    let mut runs: Vec<_> =
        state.runs.values().filter_map(|run| run_due(run).filter(|due| *due <= at).map(|due| (due, run.id))).collect();
    runs.sort_unstable();

    let mut reaction = Reaction::new(draft, world);
    for tag in ended {
        reaction.touched.tags.insert(tag.clone());
        reaction.emit(Event::TagExpired { tag, at });
    }
    reaction.ripen();
    recheck(&mut reaction, &mut rechecks);
    for (_, run) in runs {
        wake(&mut reaction, run);
    }
    reaction.settle();
}

/// Judges the segments whose time came. One that is no longer published loses its timer instead.
fn recheck(reaction: &mut Reaction<'_, '_, '_>, due: &mut Vec<SegmentId>) {
    let rules = reaction.world.catalog.rules.clone();
    let mut indices = Vec::with_capacity(due.len());
    for id in due.drain(..) {
        match rules.index_of(id) {
            Some(index) => indices.push(index),
            None => reaction.forget_recheck(id),
        }
    }
    reaction.judge_with(&indices);
    reaction.judge_touched();
}

fn wake(reaction: &mut Reaction<'_, '_, '_>, run: RunId) {
    if reaction.state().runs.get(&run).is_some_and(|run| run.held.is_some()) {
        return reaction.look_again(run);
    }
    let ready = reaction.state().runs.get(&run).is_some_and(|run| run.state.is_ready());
    let input = if ready { Input::Run } else { Input::Timer };
    reaction.step_run(run, input);
}

impl Reaction<'_, '_, '_> {
    fn forget_recheck(&mut self, id: SegmentId) {
        let Some(known) = self.state().memberships.get(&id).cloned() else { return };
        self.emit(Event::SegmentJudged {
            segment: id,
            revision: known.revision,
            inside: known.inside,
            changed: false,
            recheck_at: None,
            at: self.world.at,
        });
    }
}
