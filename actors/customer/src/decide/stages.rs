//! Stages: what an event or time says about them, and which of them moved.

use super::reaction::Reaction;
use crate::cars::{self, CARS_MAX, Change, Tells};
use crate::command::Observation;
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_audience::Touched;
use roadbook_kernel::{Draft, Moment, Personal, Place, Refusal, VehicleId};
use roadbook_lifecycle::{Position, signal_of};

/// What stood before an event that may move a stage.
pub(super) struct Before {
    /// The car the event names.
    pub(super) car: Option<VehicleId>,
    person: Option<Position>,
    of_car: Option<Position>,
    relation_changed: bool,
}

/// Relates the car an event names, and remembers where everything stood. `None`, at the cost of two look-ups, for
/// every event that says nothing about stages.
///
/// # Errors
/// The customer has as many cars as one can, and the event names another one. Nothing was changed.
pub(super) fn begin(
    draft: &mut Draft<'_, Customer>,
    observation: &Observation,
    world: &World<'_>,
) -> Result<Option<Before>, Refusal> {
    let told = cars::told(observation, world.keys);
    if told.is_none() && signal_of(&observation.name, observation.properties.reveal()).is_none() {
        return Ok(None);
    }
    if let Some((id, _, tells)) = &told
        && draft.state().has_no_place_for(*id, *tells)
    {
        return Err(too_many_cars());
    }
    let car = told.as_ref().map(|(id, ..)| *id);
    let state = draft.state();
    let (person, of_car) = (state.position(), position_of(state, car));
    let relation_changed = told.is_some_and(|(id, vin, tells)| relate(draft, id, vin, tells, world));
    Ok(Some(Before { car, person, of_car, relation_changed }))
}

fn too_many_cars() -> Refusal {
    let detail = format!("a customer can have {CARS_MAX} cars, former ones included, and this event names another one");
    let place = Place { pointer: "/properties/vin".into(), code: "too_many_cars".into(), detail: detail.clone() };
    Refusal::new("too_many_cars", detail).at([place])
}

fn relate(
    draft: &mut Draft<'_, Customer>,
    car: VehicleId,
    vin: Personal<String>,
    tells: Tells,
    world: &World<'_>,
) -> bool {
    let (by, at) = (world.message, world.at);
    match draft.state().change_of_car(car, tells, at) {
        None => return false,
        Some(Change::Related(role)) => draft.emit(Event::CarRelated { car, vin, role, by, at }),
        Some(Change::Released) => draft.emit(Event::CarReleased { car, by, at }),
    }
    true
}

fn position_of(state: &Customer, car: Option<VehicleId>) -> Option<Position> {
    state.cars.get(&car?)?.position()
}

/// Tells what moved.
pub(super) fn finish(draft: &mut Draft<'_, Customer>, before: &Before, touched: &mut Touched, at: Moment) {
    let state = draft.state();
    let (person, of_car) = (state.position(), position_of(state, before.car));
    touched.vehicles |= before.relation_changed;
    if moved(before.of_car, of_car) {
        touched.vehicles = true;
        draft.emit(Event::StageMoved { car: before.car, from: before.of_car, to: of_car, at });
    }
    if moved(before.person, person) {
        touched.stage = true;
        draft.emit(Event::StageMoved { car: None, from: before.person, to: person, at });
    }
}

fn moved(before: Option<Position>, after: Option<Position>) -> bool {
    match (before, after) {
        (None, None) => false,
        (Some(before), Some(after)) => !before.says_the_same(&after),
        (None, Some(_)) | (Some(_), None) => true,
    }
}

impl Customer {
    /// The fact that a merge has moved the headline of its survivor, if it has; `before` is the survivor as they were.
    pub fn stage_after_merge(&self, before: &Customer, at: Moment) -> Option<Event> {
        let (from, to) = (before.position(), self.position());
        moved(from, to).then_some(Event::StageMoved { car: None, from, to, at })
    }
}

impl Reaction<'_, '_, '_> {
    /// Takes in what time alone has brought by now.
    pub(super) fn ripen(&mut self) {
        let at = self.world.at;
        while let Some((sign, car)) = self.state().next_ripening().filter(|(sign, _)| sign.at <= at) {
            let state = self.state();
            let before =
                Before { car, person: state.position(), of_car: position_of(state, car), relation_changed: false };
            self.emit(Event::StageRipened { car, signal: sign.signal, at: sign.at });
            finish(self.draft, &before, &mut self.touched, at);
        }
    }
}
