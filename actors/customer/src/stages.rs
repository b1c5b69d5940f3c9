//! Where a customer stands in the life with cars: see `actors/lifecycle`.

use crate::command::Observation;
use crate::state::Customer;
use roadbook_kernel::{Moment, VehicleId};
use roadbook_lifecycle::{About, Evidence, Position, Sign, Signal, headline, signal_of};

impl Customer {
    /// The headline stage; `None` while nothing is known.
    pub fn position(&self) -> Option<Position> {
        if self.stage.is_empty() && self.cars.is_empty() {
            return None;
        }
        headline(&self.stage, self.current_cars().map(|(_, car)| &car.stage))
    }

    /// The earliest change of stage that time alone brings: whose, and which.
    pub(crate) fn next_ripening(&self) -> Option<(Sign, Option<VehicleId>)> {
        let own = || self.stage.ripens().map(|sign| (sign, None));
        let cars = self.current_cars().filter_map(|(id, car)| car.stage.ripens().map(|sign| (sign, Some(*id))));
        // Somebody whose cars are known by their VIN grows old with those: their own signs speak of the same cars.
        if self.current_cars().any(|(_, car)| car.stage.home().is_some()) { cars.min() } else { own() }
    }

    /// Takes in what an event says about stages; `car` is the one it names, if it is known.
    pub(crate) fn note_signs(&mut self, observation: &Observation, at: Moment, car: Option<VehicleId>) {
        if let Some(signal) = signal_of(&observation.name, observation.properties.reveal()) {
            self.note_sign(signal, at, car);
        }
    }

    pub(crate) fn note_sign(&mut self, signal: Signal, at: Moment, car: Option<VehicleId>) {
        let named: Option<&mut Evidence> = car.and_then(|id| self.cars.get_mut(&id)).map(|car| &mut car.stage);
        match (signal.spec().about, named) {
            (About::Person, _) | (About::Car | About::Both, None) => self.stage.note(signal, at),
            (About::Car, Some(evidence)) => evidence.note(signal, at),
            (About::Both, Some(evidence)) => {
                evidence.note(signal, at);
                self.stage.note(signal, at);
            }
        }
    }
}
