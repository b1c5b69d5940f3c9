//! The laws of the language, each against a slow and obvious oracle.

use crate::{Compiled, Condition, Occurrence, RuleSet, Touched, Tracker, Truth, parse};
use proptest::prelude::*;
use roadbook_kernel::{DAY_MS, MINUTE_MS, Moment, SegmentId};
use std::collections::BTreeSet;

mod oracle;
mod world;

use oracle::oracle;
use world::{World, any_json, condition, condition_like, event, segment, world};

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) }
}

/// Every instant at which something can change in a generated world, and its neighbours, ascending.
fn instants() -> Vec<Moment> {
    let mut found = Vec::new();
    for day in -4..=8 {
        for minute in -3..=6 {
            found.extend((-1..=2).map(|near| Moment::from_millis(day * DAY_MS + minute * MINUTE_MS + near)));
        }
    }
    found
}

/// Lives through all instants from `start` on as the engine does: evaluates once, then again whenever the announced
/// instant is reached, and never otherwise.
fn live_through(compiled: &Compiled, world: &World, start: Moment) -> Result<(), TestCaseError> {
    let subject = world.subject();
    let mut truth = compiled.evaluate(&subject, start);
    let mut evaluations = 0;
    for now in instants().into_iter().filter(|now| *now >= start) {
        while let Some(due) = truth.next_change_at.filter(|due| *due <= now) {
            let next = compiled.evaluate(&subject, due);
            prop_assert!(next.next_change_at.is_none_or(|later| later > due), "time goes on");
            truth = next;
            evaluations += 1;
        }
        prop_assert_eq!(truth.holds, oracle(compiled.condition(), world, now), "at {:?}", now);
    }
    prop_assert!(evaluations <= 200, "{evaluations} evaluations");
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    /// Trackers that keep no more than they must give the truth of the whole history, at every boundary, and the
    /// announced instants are never late. All events lie behind `now`.
    #[test]
    fn bounded_trackers_equal_the_whole_history(condition in condition(), mut world in world(), start in 0..40usize) {
        let compiled = Compiled::new(condition);
        world.count_for(&compiled, None);
        let last = world.events.iter().map(|event| event.at).max().unwrap_or_default();
        let later: Vec<Moment> = instants().into_iter().filter(|now| *now >= last).collect();
        live_through(&compiled, &world, later[start.min(later.len() - 1)])?;
    }

    /// Events ahead of `now` begin to count when it reaches them.
    #[test]
    fn events_ahead_count_in_time(condition in condition(), mut world in world()) {
        let compiled = Compiled::new(condition);
        world.count_for(&compiled, Some(1_000));
        live_through(&compiled, &world, instants()[0])?;
    }

    /// For a count the announced instant is exact: the truth does change there.
    #[test]
    fn a_count_changes_when_it_says(condition in world::count(), mut world in world(), now in any::<prop::sample::Index>()) {
        let compiled = Compiled::new(condition);
        world.count_for(&compiled, Some(1_000));
        let now = *now.get(&instants());
        let truth = compiled.evaluate(&world.subject(), now);
        prop_assert_eq!(truth.holds, oracle(compiled.condition(), &world, now));
        if let Some(due) = truth.next_change_at {
            prop_assert_eq!(compiled.evaluate(&world.subject(), due).holds, !truth.holds);
        }
    }

    /// A condition that is not timed changes only by what is learned.
    #[test]
    fn what_is_not_timed_has_no_next_change(condition in condition(), mut world in world()) {
        let compiled = Compiled::new(condition);
        world.count_for(&compiled, None);
        let truth = compiled.evaluate(&world.subject(), Moment::from_millis(100 * DAY_MS));
        prop_assert!(compiled.reads().timed || truth.next_change_at.is_none());
    }

    /// The explanation says what the evaluation says, at every part; its pointers lead to what they explain.
    #[test]
    fn an_explanation_agrees_with_the_evaluation(condition in condition(), mut world in world(), now in any::<prop::sample::Index>()) {
        let compiled = Compiled::new(condition);
        world.count_for(&compiled, None);
        let now = *now.get(&instants());
        let explained = compiled.explain(&world.subject(), now);
        prop_assert_eq!(explained.truth, compiled.evaluate(&world.subject(), now));
        let written = compiled.condition().to_json();
        let mut open = vec![&explained];
        while let Some(part) = open.pop() {
            prop_assert_eq!(written.pointer(&part.pointer), Some(&part.need));
            let holds = |part: &crate::Explained| part.truth.holds;
            match part.asked {
                crate::Asked::All => prop_assert_eq!(holds(part), part.parts.iter().all(holds)),
                crate::Asked::Any => prop_assert_eq!(holds(part), part.parts.iter().any(holds)),
                crate::Asked::Not => prop_assert_eq!(holds(part), !holds(&part.parts[0])),
                crate::Asked::Trait { .. }
                | crate::Asked::Tag { .. }
                | crate::Asked::Segment(_)
                | crate::Asked::Count { .. }
                | crate::Asked::Last { .. }
                | crate::Asked::Stage(_)
                | crate::Asked::Aipl(_)
                | crate::Asked::Journey { .. }
                | crate::Asked::Vehicle { .. }
                | crate::Asked::Consent { .. }
                | crate::Asked::NotSupported => prop_assert!(part.parts.is_empty()),
            }
            open.extend(&part.parts);
        }
    }

    /// Any value, any date, any instant: an answer, and the next change lies ahead.
    #[test]
    fn evaluation_never_panics(
        condition in condition(),
        traits in prop::collection::btree_map("[ab]", any_json(), 0..3),
        times in prop::collection::vec(any::<(i64, u64)>(), 0..6),
        now in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)],
    ) {
        let mut world = World { traits, ..World::default() };
        let compiled = Compiled::new(condition);
        for spec in compiled.trackers() {
            let mut tracker = Tracker::default();
            for (at, id) in &times {
                tracker.note(Occurrence { at: Moment::from_millis(*at), id: *id }, spec.keep);
            }
            world.trackers.insert(spec.id, tracker);
        }
        let now = Moment::from_millis(now);
        let Truth { next_change_at, .. } = compiled.evaluate(&world.subject(), now);
        prop_assert!(next_change_at.is_none_or(|next| next > now));
    }

    /// Any JSON gives a condition that reads back, or problems whose pointers lead somewhere.
    #[test]
    fn parsing_is_total(value in prop_oneof![any_json(), condition_like()]) {
        match parse(&value) {
            Ok(condition) => prop_assert_eq!(parse(&condition.to_json()), Ok(condition)),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(value.pointer(&problem.pointer).is_some(), "{} in {}", problem, value);
                }
            }
        }
    }

    #[test]
    fn conditions_survive_their_json(condition in condition()) {
        prop_assert_eq!(parse(&condition.to_json()), Ok(condition));
    }

    /// Noting is the newest `keep` of the set, whatever the order and however often.
    #[test]
    fn noting_keeps_the_newest_in_any_order(times in prop::collection::vec((0..20i64, 0..3u64), 0..30), keep in 0..8u32) {
        let mut tracker = Tracker::default();
        for occurrence in occurrences(&times) {
            let before = tracker.clone();
            let noted = tracker.note(occurrence, keep);
            prop_assert_eq!(noted, tracker != before);
            prop_assert!(!tracker.note(occurrence, keep), "a second time changes nothing");
        }
        let newest: BTreeSet<Occurrence> = occurrences(&times).into_iter().collect();
        let skip = newest.len().saturating_sub(keep as usize);
        prop_assert_eq!(tracker.occurrences(), newest.into_iter().skip(skip).collect::<Vec<_>>());
        let stored = serde_json::to_string(&tracker).unwrap();
        prop_assert_eq!(serde_json::from_str::<Tracker>(&stored).unwrap(), tracker);
    }

    /// Joining is commutative, associative and idempotent, and the same as noting everything in one place.
    #[test]
    fn joining_is_noting(times in prop::collection::vec((0..20i64, 0..3u64), 0..30), cut in any::<[u8; 2]>(), keep in 0..8u32) {
        let gathered = |part: &[(i64, u64)]| {
            let mut tracker = Tracker::default();
            for occurrence in occurrences(part) {
                tracker.note(occurrence, keep);
            }
            tracker
        };
        let join = |left: &Tracker, right: &Tracker| {
            let mut joined = left.clone();
            joined.join(right, keep);
            joined
        };
        let mut cuts = cut.map(|cut| cut as usize * times.len() / 255);
        cuts.sort_unstable();
        let parts = [&times[..cuts[0]], &times[cuts[0]..cuts[1]], &times[cuts[1]..]].map(gathered);
        let whole = gathered(&times);
        prop_assert_eq!(&join(&join(&parts[0], &parts[1]), &parts[2]), &whole);
        prop_assert_eq!(&join(&parts[2], &join(&parts[1], &parts[0])), &whole);
        prop_assert_eq!(&join(&whole, &parts[1]), &whole);
    }

    /// Whatever segment an event changes is among those it affects, directly or through other segments.
    #[test]
    fn no_change_is_missed(
        conditions in prop::collection::vec(condition(), 1..6),
        mut world in world(),
        event in event(),
    ) {
        let segments = conditions.into_iter().zip(0..).map(|(condition, number)| {
            // A segment may refer to earlier ones only: no cycles.
            (segment(number), 1, Compiled::new(lowered(condition, number)))
        });
        let rules = RuleSet::build(segments.collect(), Vec::new()).unwrap();
        let now = Moment::from_millis(100 * DAY_MS);
        for rule in (0..rules.len()).map(|index| rules.segment(index)) {
            world.count_for(&rule.compiled, None);
        }
        let before = members(&rules, &world, now);
        let mut touched = Touched::default();
        for spec in rules.trackers_for_event(&event.name).iter().filter(|spec| spec.matches(&event.name, &event.properties)) {
            let occurrence = Occurrence { at: event.at, id: 999 };
            if world.trackers.entry(spec.id).or_default().note(occurrence, rules.keep(spec.id)) {
                touched.trackers.insert(spec.id);
            }
        }
        let after = members(&rules, &world, now);
        let affected: BTreeSet<SegmentId> =
            rules.affected(&touched).into_iter().map(|index| rules.segment(index).id).collect();
        for changed in before.symmetric_difference(&after) {
            prop_assert!(affected.contains(changed), "{changed} changed unseen");
        }
    }
}

fn occurrences(times: &[(i64, u64)]) -> Vec<Occurrence> {
    times.iter().map(|(at, id)| Occurrence { at: Moment::from_millis(*at), id: *id }).collect()
}

/// Which segments hold, evaluated in dependency order.
fn members(rules: &RuleSet, world: &World, now: Moment) -> BTreeSet<SegmentId> {
    let mut subject = World { segments: BTreeSet::new(), ..world.clone() };
    for rule in (0..rules.len()).map(|index| rules.segment(index)) {
        if rule.compiled.evaluate(&subject.subject(), now).holds {
            subject.segments.insert(rule.id);
        }
    }
    subject.segments
}

/// References lead to lower numbers; segment 0 has none.
fn lowered(condition: Condition, number: u32) -> Condition {
    match condition {
        Condition::All(parts) => Condition::All(parts.into_iter().map(|part| lowered(part, number)).collect()),
        Condition::Any(parts) => Condition::Any(parts.into_iter().map(|part| lowered(part, number)).collect()),
        Condition::Not(part) => Condition::Not(Box::new(lowered(*part, number))),
        Condition::Segment(_) if number == 0 => Condition::Any(Vec::new()),
        Condition::Segment(id) => Condition::Segment(segment(id.as_u128() as u32 % number)),
        other => other,
    }
}
