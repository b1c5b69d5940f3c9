//! What follows from what. The first row that fits decides; where none fits, everything stays as it is.

use crate::Step::{
    Comparing, Lead, Lost, Negotiating, Ordered, Owning, Personalising, Rebought, Renewing, Returning, Serviced,
    Touched, Trading, Viewed,
};
use crate::{Region, Signal, Step};

/// From where a transition leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// From nothing, or one of these steps.
    StartOr(&'static [Step]),
    /// From one of these steps.
    At(&'static [Step]),
    /// From anywhere on this side, nothing included.
    Anywhere,
}

/// One row of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// Which side it moves.
    pub region: Region,
    /// From where.
    pub from: From,
    /// On which signal.
    pub signal: Signal,
    /// Only from this one of its kind on: 2 = the second.
    pub nth: usize,
    /// Where to; `None` = back to nothing.
    pub to: Option<Step>,
}

const fn intent(from: From, signal: Signal, to: Option<Step>) -> Transition {
    Transition { region: Region::Intent, from, signal, nth: 1, to }
}

const fn home(from: From, signal: Signal, nth: usize, to: Option<Step>) -> Transition {
    Transition { region: Region::Home, from, signal, nth, to }
}

/// Steps of the workshop and the road: what comes next decides. A renewal and a trade-in stay until they are done.
const AT_EASE: &[Step] = &[Owning, Rebought, Serviced, Returning, Personalising];

/// The machine.
pub const TRANSITIONS: [Transition; 26] = [
    intent(From::StartOr(&[Lost]), Signal::Touch, Some(Touched)),
    intent(From::StartOr(&[Lost, Touched]), Signal::View, Some(Viewed)),
    intent(From::StartOr(&[Lost, Touched, Viewed]), Signal::Interest, Some(Comparing)),
    intent(From::StartOr(&[Lost, Touched, Viewed]), Signal::Compare, Some(Comparing)),
    intent(From::StartOr(&[Lost, Touched, Viewed]), Signal::Configure, Some(Comparing)),
    intent(From::StartOr(&[Lost, Touched, Viewed, Comparing]), Signal::Lead, Some(Lead)),
    intent(From::StartOr(&[Lost, Touched, Viewed, Comparing, Lead]), Signal::Visit, Some(Negotiating)),
    intent(From::StartOr(&[Lost, Touched, Viewed, Comparing, Lead]), Signal::Drive, Some(Negotiating)),
    intent(From::StartOr(&[Lost, Touched, Viewed, Comparing, Lead]), Signal::Quote, Some(Negotiating)),
    intent(From::StartOr(&[Lost, Touched, Viewed, Comparing, Lead, Negotiating]), Signal::Order, Some(Ordered)),
    intent(From::At(&[Ordered]), Signal::Cancel, Some(Negotiating)),
    intent(From::Anywhere, Signal::Defeat, Some(Lost)),
    intent(From::Anywhere, Signal::Delivery, None),
    home(From::Anywhere, Signal::Delivery, 2, Some(Rebought)),
    home(From::Anywhere, Signal::Delivery, 1, Some(Owning)),
    home(From::StartOr(&[]), Signal::Bind, 1, Some(Owning)),
    home(From::StartOr(AT_EASE), Signal::Service, 2, Some(Returning)),
    home(From::StartOr(AT_EASE), Signal::Service, 1, Some(Serviced)),
    home(From::StartOr(AT_EASE), Signal::Personalise, 1, Some(Personalising)),
    home(From::StartOr(AT_EASE), Signal::Expiring, 1, Some(Renewing)),
    home(From::At(&[Trading]), Signal::Expiring, 1, Some(Renewing)),
    home(From::StartOr(AT_EASE), Signal::Aged, 1, Some(Renewing)),
    home(From::StartOr(AT_EASE), Signal::Trade, 1, Some(Trading)),
    home(From::At(&[Renewing]), Signal::Trade, 1, Some(Trading)),
    home(From::Anywhere, Signal::Renewed, 1, Some(Owning)),
    home(From::Anywhere, Signal::Transfer, 1, None),
];

/// Where a signal leads from a step, `None` meaning nothing; the outer `None` = it changes nothing. `nth` is which of
/// its kind it is.
pub fn transition(region: Region, from: Option<Step>, signal: Signal, nth: usize) -> Option<Option<Step>> {
    let fits = |row: &&Transition| {
        row.region == region
            && row.signal == signal
            && nth >= row.nth
            && match (row.from, from) {
                (From::Anywhere, _) | (From::StartOr(_), None) => true,
                (From::StartOr(steps) | From::At(steps), Some(step)) => steps.contains(&step),
                (From::At(_), None) => false,
            }
    };
    TRANSITIONS.iter().find(fits).map(|row| row.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SIGNALS;

    #[test]
    fn every_row_stays_on_its_side_and_moves_by_a_signal_that_reaches_it() {
        for row in TRANSITIONS {
            assert!(row.to.is_none_or(|to| to.spec().region == row.region), "{row:?}");
            let reaches = row.signal.spec().region == row.region || row.signal == Signal::Delivery;
            assert!(reaches && row.nth <= row.signal.spec().keep, "{row:?}");
        }
    }

    #[test]
    fn every_signal_moves_somebody_or_counts_for_loyalty() {
        for spec in SIGNALS {
            let moves = TRANSITIONS.iter().any(|row| row.signal == spec.signal);
            let counts = crate::LOYAL.iter().any(|(signal, _)| *signal == spec.signal);
            assert!(moves || counts, "{:?}", spec.signal);
        }
    }

    #[test]
    fn a_transition_is_the_first_row_that_fits() {
        let to = |region, from, signal, nth| transition(region, from, signal, nth);
        assert_eq!(to(Region::Intent, None, Signal::Lead, 1), Some(Some(Lead)));
        assert_eq!(to(Region::Intent, Some(Ordered), Signal::Lead, 1), None);
        assert_eq!(to(Region::Intent, Some(Ordered), Signal::Delivery, 1), Some(None));
        assert_eq!(to(Region::Home, None, Signal::Delivery, 1), Some(Some(Owning)));
        assert_eq!(to(Region::Home, Some(Serviced), Signal::Delivery, 2), Some(Some(Rebought)));
        assert_eq!(to(Region::Home, Some(Renewing), Signal::Service, 2), None);
    }
}
