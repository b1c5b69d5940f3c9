//! Journeys: who enters, who moves, who leaves.

use super::reaction::{Reaction, Seen};
use crate::event::{Cause, Event};
use roadbook_journey::{
    Action, Happening, Input, LOOK_AGAIN_MS, Next, Run, RunEvent, RunState, Standing, Step, may_enter, step_under,
};
use roadbook_kernel::{JourneyId, Personal, RunId};
use std::collections::BTreeMap;

impl Reaction<'_, '_, '_> {
    /// Shows one happening to every run, then to every journey that could begin with it. In this order, because the
    /// event that ends a run may begin the next one of the same journey.
    pub(super) fn walk(&mut self, seen: &Seen) {
        let happening = seen.as_happening();
        let runs: Vec<RunId> = self.state().runs.keys().copied().collect();
        for run in runs {
            self.let_go_on(run);
            self.step_run(run, Input::Happening(&happening));
        }
        let candidates = self.world.catalog.entered_by(&happening).to_vec();
        for (ordinal, journey) in candidates.into_iter().enumerate() {
            self.enter(journey, &happening, ordinal);
        }
    }

    fn enter(&mut self, journey: JourneyId, happening: &Happening<'_>, ordinal: usize) {
        let catalog = self.world.catalog;
        let Some(live) = catalog.journey(journey) else { return };
        if !live.revision.entry().matches(happening) || self.world.standing(journey) != Standing::Open {
            return;
        }
        let active = self.state().runs.values().any(|run| run.journey == journey);
        let visits = self.state().visits.get(&journey);
        if !may_enter(live.revision.reentry(), visits, active, self.at()) {
            return;
        }
        let entered = visits.map_or(0, |visits| visits.entered) as usize;
        let ordinal = u32::try_from(ordinal + entered).unwrap_or(u32::MAX);
        let entry = match happening {
            Happening::Event { properties, .. } => (*properties).clone(),
            Happening::Segment { .. } => serde_json::Map::new(),
        };
        let (id, number) = self.world.run(self.state().id, journey, ordinal, live.number);
        let Some(revision) = catalog.revision(journey, number) else { unloaded(journey, number) };
        let run = Run {
            id,
            journey,
            revision: number,
            entered_at: self.at(),
            node: revision.start().to_owned(),
            state: RunState::Ready,
            held: None,
            iterations: BTreeMap::new(),
            entry: Personal::new(entry),
        };
        self.touched.journeys.insert(journey);
        self.emit(Event::Journey { journey, step: RunEvent::Entered { run } });
        self.step_run(id, Input::Run);
    }

    /// Gives a run one input, then lets it go on until it waits or ends. `Revision::parse` refuses loops without a
    /// wait, so this comes to rest within as many steps as the journey has nodes.
    pub(super) fn step_run(&mut self, id: RunId, input: Input<'_>) {
        let Some(run) = self.state().runs.get(&id).cloned() else { return };
        let revision = match self.world.catalog.revision(run.journey, run.revision) {
            Some(revision) => revision.clone(),
            None => unloaded(run.journey, run.revision),
        };
        let standing = self.world.standing(run.journey);
        let mut next = step_under(standing, &revision, &run, input, self.state(), self.at());
        loop {
            let Some(run) = self.state().runs.get(&id).cloned() else { return };
            if self.take(&run, next) {
                return;
            }
            // A set tag or trait may decide the branch that follows, in this very instant.
            self.judge_touched();
            let Some(run) = self.state().runs.get(&id).cloned() else { return };
            next = step_under(standing, &revision, &run, Input::Run, self.state(), self.at());
        }
    }

    /// Carries out one step. True when the run rests.
    fn take(&mut self, run: &Run, taken: Step) -> bool {
        for action in taken.actions {
            self.act(run, action);
        }
        let (id, journey, at) = (run.id, run.journey, self.at());
        let (event, rests) = match taken.next {
            Next::Stay => return true,
            Next::Goto(to) => (RunEvent::Moved { run: id, from: run.node.clone(), to, at }, false),
            Next::Pause { until, listening } => (RunEvent::Paused { run: id, until, listening }, true),
            Next::Hold => {
                (RunEvent::Held { run: id, node: run.node.clone(), at, look_at: at.plus_ms(LOOK_AGAIN_MS) }, true)
            }
            Next::End(how) => (RunEvent::Ended { run: id, node: run.node.clone(), how, at }, true),
        };
        if matches!(event, RunEvent::Ended { .. }) {
            self.touched.journeys.insert(journey);
            if run.held.is_some() {
                self.emit_release(run);
            }
        }
        self.emit(Event::Journey { journey, step: event });
        rests
    }

    fn act(&mut self, run: &Run, action: Action) {
        let (at, cause) = (self.at(), Cause::Journey(run.journey));
        match action {
            Action::Send(plan) => self.message(run, &plan),
            Action::SetTag { tag, value, expires_in_ms } => {
                self.touched.tags.insert(tag.clone());
                let expires_in_ms = expires_in_ms.or_else(|| self.life_of(&tag));
                let expires_at = expires_in_ms.map(|ms| at.plus_ms(ms));
                self.emit(Event::TagSet { tag, value: Some(value), at, cause, expires_at });
            }
            Action::ClearTag { tag } => {
                self.touched.tags.insert(tag.clone());
                self.emit(Event::TagSet { tag, value: None, at, cause, expires_at: None });
            }
            Action::SetTrait { key, value } => {
                self.touched.traits.insert(key.clone());
                self.emit(Event::TraitSet { key, value, at, cause });
            }
        }
    }
}

/// The runtime loads every pinned revision before a turn begins; without it the message must fail, not exit the customer
/// silently.
fn unloaded(journey: JourneyId, number: u32) -> ! {
    panic!("revision {number} of {journey} is not loaded")
}
