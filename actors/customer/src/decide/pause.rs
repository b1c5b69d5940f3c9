//! Runs of paused journeys: held where they are, and let go when the pause ends. What a pause means is told in
//! `roadbook_journey::step_under`.

use super::reaction::Reaction;
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_journey::{Input, Run, RunEvent, Standing, let_go};
use roadbook_kernel::{Draft, JourneyId, RunId};

/// A journey was resumed or retired. It may stand still again by now: then nothing happens, and the next resume comes
/// back.
pub(super) fn attend(draft: &mut Draft<'_, Customer>, journey: JourneyId, world: &World<'_>) {
    let mut reaction = Reaction::new(draft, world);
    let runs: Vec<RunId> =
        reaction.state().runs.values().filter(|run| run.journey == journey).map(|run| run.id).collect();
    for run in runs {
        match world.standing(journey) {
            Standing::Open => reaction.release(run),
            Standing::Paused => {}
            Standing::Closed => reaction.step_run(run, Input::Run),
        }
    }
    reaction.settle();
}

impl Reaction<'_, '_, '_> {
    /// The one timer of a held run: is its journey still paused?
    pub(super) fn look_again(&mut self, id: RunId) {
        let Some(journey) = self.state().runs.get(&id).map(|run| run.journey) else { return };
        match self.world.standing(journey) {
            Standing::Open => self.release(id),
            Standing::Paused => self.emit(Event::Journey { journey, step: RunEvent::HeldOn { run: id } }),
            Standing::Closed => self.step_run(id, Input::Run),
        }
    }

    /// Before something that happened later is shown to a run: whoever should have been let go by now is.
    pub(super) fn let_go_on(&mut self, id: RunId) {
        let Some(run) = self.state().runs.get(&id) else { return };
        let open = self.world.standing(run.journey) == Standing::Open;
        if open && run.held.is_some_and(|held| held.since <= self.at()) {
            self.release(id);
        }
    }

    /// Lets a held run go on as of now. One that is not held goes on by itself.
    fn release(&mut self, id: RunId) {
        let Some(run) = self.state().runs.get(&id).filter(|run| run.held.is_some()).cloned() else { return };
        self.emit_release(&run);
        if let Some(input) = let_go(run.state, self.at()) {
            self.step_run(id, input);
        }
    }

    pub(super) fn emit_release(&mut self, run: &Run) {
        let step = RunEvent::Released { run: run.id, node: run.node.clone(), at: self.at() };
        self.emit(Event::Journey { journey: run.journey, step });
    }
}
