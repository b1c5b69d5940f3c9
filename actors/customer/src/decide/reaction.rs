//! One input sets off a chain: counts change, segments are entered, journeys move, tags are set, segments change
//! again. This is the loop that runs the chain until nothing moves.

use crate::command::Observation;
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_audience::Touched;
use roadbook_journey::{Edge, Happening};
use roadbook_kernel::{Draft, Moment, SegmentId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Happenings one input may set off. Journeys whose tags enter segments that start journeys could feed each other for
/// ever; a chain this long is a mistake in the definitions, and it is recorded as such.
const STEPS_MAX: u32 = 200;

/// Something journeys may react to, waiting for its turn.
pub(super) enum Seen {
    /// The customer did something.
    Observed(Arc<Observation>),
    /// The customer entered or left a segment.
    Crossed(SegmentId, Edge),
}

impl Seen {
    pub(super) fn as_happening(&self) -> Happening<'_> {
        match self {
            Seen::Observed(observation) => {
                Happening::Event { name: &observation.name, properties: observation.properties.reveal() }
            }
            Seen::Crossed(id, edge) => Happening::Segment { id: *id, edge: *edge },
        }
    }
}

/// The chain set off by one input.
pub(super) struct Reaction<'r, 'd, 'w> {
    pub(super) draft: &'r mut Draft<'d, Customer>,
    pub(super) world: &'r World<'w>,
    pub(super) touched: Touched,
    pub(super) seen: VecDeque<Seen>,
    steps: u32,
}

impl<'r, 'd, 'w> Reaction<'r, 'd, 'w> {
    pub(super) fn new(draft: &'r mut Draft<'d, Customer>, world: &'r World<'w>) -> Self {
        Self { draft, world, touched: Touched::default(), seen: VecDeque::new(), steps: 0 }
    }

    pub(super) fn state(&self) -> &Customer {
        self.draft.state()
    }

    pub(super) fn at(&self) -> Moment {
        self.world.at
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.draft.emit(event);
    }

    /// Marks everything a condition can read as changed.
    pub(super) fn touch_everything(&mut self) {
        let state = self.draft.state();
        self.touched.trackers.extend(state.trackers.keys().copied());
        self.touched.traits.extend(state.traits.keys().cloned());
        self.touched.tags.extend(state.tags.keys().cloned());
        self.touched.segments.extend(state.memberships.keys().copied());
        self.touched.journeys.extend(state.visits.keys().copied());
        (self.touched.stage, self.touched.vehicles, self.touched.consents) = (true, true, true);
    }

    /// Runs the chain to its end: segments first, so that journeys see what the input made true.
    pub(super) fn settle(&mut self) {
        loop {
            self.judge_touched();
            let Some(seen) = self.seen.pop_front() else { return };
            self.steps += 1;
            if self.steps > STEPS_MAX {
                self.seen.clear();
                self.emit(Event::CascadeStopped { steps: STEPS_MAX, at: self.world.at });
                return;
            }
            self.walk(&seen);
        }
    }
}
