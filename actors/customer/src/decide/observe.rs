//! An event arrived.

use super::reaction::{Reaction, Seen};
use super::stages;
use crate::command::{Observation, TraitOps};
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_audience::Touched;
use roadbook_kernel::{Draft, Refusal};
use std::sync::Arc;

pub(super) fn decide(
    draft: &mut Draft<'_, Customer>,
    observation: &Arc<Observation>,
    world: &World<'_>,
) -> Result<(), Refusal> {
    let first = draft.state().activity.is_empty();
    let rules = &world.catalog.rules;
    let counted: Vec<_> = rules
        .trackers_for_event(&observation.name)
        .iter()
        .filter(|tracker| tracker.matches(&observation.name, observation.properties.reveal()))
        .map(|tracker| (tracker.id, tracker.keep))
        .collect();
    let mut touched = Touched::default();
    touched.trackers.extend(counted.iter().map(|(id, _)| *id));
    touch_traits(&mut touched, &observation.traits);
    let before = stages::begin(draft, observation, world)?;
    let car = before.as_ref().and_then(|before| before.car).filter(|id| draft.state().cars.contains_key(id));
    draft.emit(Event::Observed { observation: observation.clone(), by: world.message, at: world.at, counted, car });
    if let Some(before) = before {
        stages::finish(draft, &before, &mut touched, world.at);
    }

    let mut reaction = Reaction::new(draft, world);
    reaction.touched = touched;
    reaction.seen.push_back(Seen::Observed(observation.clone()));
    if first {
        reaction.judge_first();
    }
    reaction.settle();
    Ok(())
}

fn touch_traits(touched: &mut Touched, ops: &TraitOps) {
    for named in [&ops.set, &ops.set_once, &ops.append].into_iter().flatten() {
        touched.traits.extend(named.reveal().keys().cloned());
    }
    touched.traits.extend(ops.increment.keys().cloned());
}
