//! The laws of evidence: a join, and what is forgotten does not matter.

use crate::{Evidence, Region, Signal, Step, headline, transition};
use proptest::prelude::*;
use proptest::sample::select;
use roadbook_kernel::{DAY_MS, Moment};

const HOUR_MS: i64 = DAY_MS / 24;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) }
}

/// Times lie so close that signals meet at one instant, and so far apart that windows end between them.
fn sign() -> impl Strategy<Value = (Signal, Moment)> {
    (select(&Signal::ALL[..]), 0..40i64, 0..2i64)
        .prop_map(|(signal, day, hour)| (signal, Moment::from_millis(day * DAY_MS + hour * HOUR_MS)))
}

fn signs() -> impl Strategy<Value = Vec<(Signal, Moment)>> {
    prop::collection::vec(sign(), 0..24)
}

fn gathered(signs: &[(Signal, Moment)]) -> Evidence {
    let mut evidence = Evidence::default();
    signs.iter().for_each(|(signal, at)| evidence.note(*signal, *at));
    evidence
}

fn join(a: &Evidence, b: &Evidence) -> Evidence {
    let mut joined = a.clone();
    joined.join(b);
    joined
}

/// The machine over everything that ever happened: nothing forgotten, looks counted in the whole past.
fn walked(region: Region, signs: &[(Signal, Moment)]) -> Option<Step> {
    let mut all = signs.to_vec();
    all.sort_by_key(|(signal, at)| (*at, *signal));
    all.dedup();
    let mut step = None;
    let mut looks: Vec<Moment> = Vec::new();
    for (index, (signal, at)) in all.iter().enumerate() {
        let nth = all[..=index].iter().filter(|(one, _)| one == signal).count();
        let mut take = |signal, nth| {
            if let Some(to) = transition(region, step, signal, nth) {
                step = to;
            }
        };
        take(*signal, nth);
        // Whatever settles a look ends the counting; what follows counts anew.
        if *signal == Signal::View {
            looks.push(*at);
        } else if signal.spec().settles >= Signal::View.spec().rank {
            looks.clear();
        }
        let recent = looks.iter().filter(|look| at.since_ms(**look) <= 14 * DAY_MS).count();
        if *signal == Signal::View && recent >= 3 {
            take(Signal::Interest, 1);
            looks.clear();
        }
    }
    step
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn joining_is_commutative_associative_and_idempotent(a in signs(), b in signs(), c in signs()) {
        let (a, b, c) = (gathered(&a), gathered(&b), gathered(&c));
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert_eq!(join(&join(&a, &b), &b), join(&a, &b));
    }

    #[test]
    fn noting_twice_changes_nothing_and_storing_neither(signs in signs()) {
        let evidence = gathered(&signs);
        let mut again = evidence.clone();
        for (signal, at) in &signs {
            // Looks are counted when they are noted: an old one, noted again, meets newer ones.
            if *signal != Signal::View {
                again.note(*signal, *at);
            }
        }
        prop_assert_eq!(&again, &evidence);
        let stored = serde_json::to_string(&evidence).unwrap();
        prop_assert_eq!(serde_json::from_str::<Evidence>(&stored).unwrap(), evidence);
    }

    /// Without looks, which are counted as they come, the order of arrival does not matter at all.
    #[test]
    fn late_events_count_as_if_they_had_come_in_time(signs in signs(), seed in any::<prop::sample::Index>()) {
        let mut signs: Vec<_> = signs.into_iter().filter(|(signal, _)| *signal != Signal::View).collect();
        let evidence = gathered(&signs);
        if !signs.is_empty() {
            let middle = seed.index(signs.len());
            signs.rotate_left(middle);
            signs.reverse();
        }
        prop_assert_eq!(gathered(&signs), evidence);
    }

    /// What is kept gives the step that everything would give.
    #[test]
    fn what_is_forgotten_does_not_matter(signs in signs()) {
        let mut signs: Vec<_> = signs.into_iter().filter(|(signal, _)| *signal != Signal::Interest).collect();
        signs.sort_by_key(|(signal, at)| (*at, *signal));
        let evidence = gathered(&signs);
        let step = |place: Option<crate::Place>| place.map(|place| place.step);
        prop_assert_eq!(step(evidence.home()), walked(Region::Home, &signs));
        prop_assert_eq!(step(evidence.intent()), walked(Region::Intent, &signs), "{:?}", evidence);
    }

    /// A person with any cars has a position, or nothing is known; the order of the cars does not matter.
    #[test]
    fn the_headline_does_not_depend_on_the_order_of_cars(own in signs(), cars in prop::collection::vec(signs(), 0..4)) {
        let own = gathered(&own);
        let cars: Vec<Evidence> = cars.iter().map(|car| gathered(car)).collect();
        let found = headline(&own, cars.iter());
        prop_assert_eq!(headline(&own, cars.iter().rev()), found);
        let nothing = own.intent().is_none() && own.home().is_none() && cars.iter().all(|car| car.home().is_none());
        prop_assert_eq!(found.is_none(), nothing);
    }

    #[test]
    fn it_stays_small(signs in prop::collection::vec(sign(), 0..200)) {
        let stored = serde_json::to_string(&gathered(&signs)).unwrap();
        prop_assert!(stored.len() <= 2 + 8 * 23, "{} bytes", stored.len());
    }
}
