//! A segment is gone: whoever was inside is not any more. Nothing else follows: nothing published refers to it, and
//! nobody did anything.

use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_kernel::{Draft, SegmentId};

pub(super) fn leave(draft: &mut Draft<'_, Customer>, segment: SegmentId, world: &World<'_>) {
    let Some(known) = draft.state().memberships.get(&segment).cloned() else { return };
    let gone = world.catalog.rules.index_of(segment).is_none();
    if gone && (known.inside || known.recheck_at.is_some()) {
        draft.emit(Event::SegmentJudged {
            segment,
            revision: known.revision,
            inside: false,
            changed: known.inside,
            recheck_at: None,
            at: world.at,
        });
    }
}
