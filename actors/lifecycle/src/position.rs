//! The stage of a car, and the headline stage of a person.
//!
//! **The rule of the headline.** A person has an intent (towards the next car) and cars, each with a stage of its own.
//! 1. The cars: among those they have now, the one that asks most (renewal and trade-in before service; of equals the
//!    one that changed last). Somebody who has a car that no event has named by its VIN stands as their own signs say.
//! 2. Without a car the intent is the headline.
//! 3. With a car the intent is the headline where [`crate::StepSpec::as_owner`] gives it a meaning: a comparison is an
//!    upgrade, a lead and everything after it a purchase like any other. A single look, or a lost lead, is not.
//!
//! AIPL is the highest of intent and cars; loyal where [`LOYAL`] is met by the person or by a car they have now.

use crate::{Aipl, Evidence, Phase, Place, Purchase, Region, Signal, Stage, Step};
use roadbook_kernel::Moment;
use serde::{Deserialize, Serialize};

/// What makes somebody loyal: a signal, and how often it was seen. Repeat service, repurchase, referral.
pub const LOYAL: [(Signal, usize); 3] = [(Signal::Service, 2), (Signal::Delivery, 2), (Signal::Referral, 1)];

/// Where a person or a car stands, said in every way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Position {
    /// The step of the machine.
    pub step: Step,
    /// The stage.
    pub stage: Stage,
    /// The AIPL level.
    pub aipl: Aipl,
    /// The state of the purchase, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<Purchase>,
    /// The phase of the car's life.
    pub phase: Phase,
    /// When they came to this step, or last did again what leads there.
    pub since: Moment,
    /// The signal that led there.
    pub because: Signal,
}

impl Position {
    fn at(place: Place, aipl: Aipl, as_owner: Option<(Stage, Phase)>) -> Self {
        let spec = place.step.spec();
        let (stage, phase) = as_owner.unwrap_or((spec.stage, spec.phase));
        let Place { step, since, because } = place;
        Self { step, stage, aipl, purchase: spec.purchase, phase, since, because }
    }

    /// Whether both mean the same to everybody who reads stages; since when does not count.
    pub fn says_the_same(&self, other: &Position) -> bool {
        let words = |one: &Position| (one.step, one.stage, one.aipl, one.purchase, one.phase);
        words(self) == words(other)
    }
}

/// The stage of one car, from the signs that named it.
pub fn car(evidence: &Evidence) -> Option<Position> {
    let place = evidence.home()?;
    Some(Position::at(place, evidence.loyalty().unwrap_or(place.step.spec().aipl), None))
}

/// The headline stage of a person: see the rule above. `own` are the signs about the person, `cars` those about each
/// car they have now.
pub fn headline<'e>(own: &'e Evidence, cars: impl Iterator<Item = &'e Evidence>) -> Option<Position> {
    let (mut home, mut aipl): (Option<Place>, Option<Aipl>) = (None, own.loyalty());
    for evidence in cars {
        aipl = aipl.max(evidence.loyalty());
        home = home.into_iter().chain(evidence.home()).max_by_key(urgency);
    }
    let home = home.or_else(|| own.home());
    let intent = own.intent();
    let reached = |place: &Place| place.step.spec().aipl;
    let aipl = aipl.max(home.as_ref().map(reached)).max(intent.as_ref().map(reached));
    let (place, as_owner) = match (intent, home) {
        (None, None) => return None,
        (Some(intent), None) => (intent, None),
        (None, Some(home)) => (home, None),
        (Some(intent), Some(home)) => match intent.step.spec().as_owner {
            Some(meaning) => (intent, Some(meaning)),
            None => (home, None),
        },
    };
    Some(Position::at(place, aipl.unwrap_or(place.step.spec().aipl), as_owner))
}

/// How much a car asks of its owner. Ends in a total order, or two hosts could choose differently.
fn urgency(place: &Place) -> (Stage, Moment, Step, Signal) {
    debug_assert_eq!(place.step.spec().region, Region::Home);
    (place.step.spec().stage, place.since, place.step, place.because)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadbook_kernel::DAY_MS;

    /// Signals with the days they were seen on.
    type Days<'d> = &'d [(Signal, i64)];
    type Words = (Stage, Aipl, Phase);

    fn signs(signs: Days<'_>) -> Evidence {
        let mut evidence = Evidence::default();
        signs.iter().for_each(|(signal, day)| evidence.note(*signal, Moment::from_millis(day * DAY_MS)));
        evidence
    }

    fn said(own: &[(Signal, i64)], cars: &[&[(Signal, i64)]]) -> Option<(Stage, Aipl, Phase)> {
        let cars: Vec<Evidence> = cars.iter().map(|car| signs(car)).collect();
        headline(&signs(own), cars.iter()).map(|found| (found.stage, found.aipl, found.phase))
    }

    #[test]
    fn the_headline_as_a_table() {
        use Signal as S;
        let new_car: &[_] = &[(S::Delivery, 10)];
        let old_car: &[_] = &[(S::Bind, 0), (S::Expiring, 5)];
        let table: &[(Days<'_>, &[Days<'_>], Option<Words>)] = &[
            (&[], &[], None),
            (&[(S::Touch, 1)], &[], Some((Stage::Demand, Aipl::Aware, Phase::Operate))),
            (&[(S::Compare, 1)], &[], Some((Stage::Comparison, Aipl::Interest, Phase::Buy))),
            (&[], &[new_car], Some((Stage::Service, Aipl::Purchase, Phase::Use))),
            (&[], &[new_car, old_car], Some((Stage::Renewal, Aipl::Purchase, Phase::Serve))),
            (&[(S::View, 20)], &[new_car], Some((Stage::Service, Aipl::Purchase, Phase::Use))),
            (&[(S::Compare, 20)], &[new_car], Some((Stage::Upgrade, Aipl::Purchase, Phase::Expand))),
            (&[(S::Drive, 20)], &[old_car], Some((Stage::Decision, Aipl::Purchase, Phase::Buy))),
            (&[(S::Drive, 20), (S::Defeat, 30)], &[new_car], Some((Stage::Service, Aipl::Purchase, Phase::Use))),
            (&[(S::Delivery, 10), (S::Service, 90)], &[], Some((Stage::Service, Aipl::Purchase, Phase::Repair))),
            (&[(S::Delivery, 10), (S::Aged, 90)], &[new_car], Some((Stage::Service, Aipl::Purchase, Phase::Use))),
            (&[(S::Referral, 9)], &[new_car], Some((Stage::Service, Aipl::Loyal, Phase::Use))),
            (&[(S::Delivery, 0), (S::Transfer, 9)], &[], None),
        ];
        for (own, cars, expected) in table {
            assert_eq!(said(own, cars), *expected, "{own:?} {cars:?}");
        }
    }
}
