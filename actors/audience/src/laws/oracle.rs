//! The slow and obvious meaning of a condition: over the whole history, without trackers and without timers.

use super::world::{Event, World};
use crate::{Condition, DateLiteral, DateTest, EventPick, Filter, JourneyState, Recency, TraitOp};
use roadbook_kernel::{DAY_MS, Moment};

pub(super) fn oracle(condition: &Condition, world: &World, now: Moment) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| oracle(part, world, now)),
        Condition::Any(parts) => parts.iter().any(|part| oracle(part, world, now)),
        Condition::Not(part) => !oracle(part, world, now),
        Condition::Trait(test) => match &test.op {
            TraitOp::Value(op) => op.holds(world.traits.get(&test.key)),
            TraitOp::Date(op) => {
                let date = world.traits.get(&test.key).and_then(|value| value.as_str()).and_then(DateLiteral::parse);
                date.is_some_and(|date| passes(op, date.at().millis(), now.millis()))
            }
        },
        Condition::Tag(test) => test.op.holds(world.tags.get(&test.key).map(String::as_str)),
        Condition::Segment(id) => world.segments.contains(id),
        Condition::EventCount(rule) => {
            let count = matching(world, &rule.event, &rule.filters)
                .filter(|event| event.at <= now)
                .filter(|event| rule.window.is_none_or(|span| now.millis() - event.at.millis() <= span.millis()))
                .count();
            rule.op.admits(count.cmp(&(rule.value as usize)))
        }
        Condition::EventLast(rule) => {
            let newest =
                matching(world, &rule.event, &rule.filters).map(|event| event.at).filter(|at| *at <= now).max();
            newest.is_some_and(|at| {
                let within = now.millis() - at.millis() <= rule.span.millis();
                within == (rule.recency == Recency::Within)
            })
        }
        Condition::Stage(stages) => world.stage.is_some_and(|stage| stages.contains(&stage)),
        Condition::Aipl(stages) => world.aipl.is_some_and(|stage| stages.contains(&stage)),
        Condition::Journey(test) => {
            let ended = world.ended.get(&test.state.word());
            match test.state {
                JourneyState::Running => world.running,
                JourneyState::Never => !world.running && world.ended.is_empty(),
                JourneyState::GoalReached | JourneyState::Exited | JourneyState::Completed => {
                    let age = ended.map(|at| now.millis() - at.millis());
                    age.is_some_and(|age| test.window.is_none_or(|span| (0..=span.millis()).contains(&age)))
                }
            }
        }
        Condition::Vehicle(test) => world.vehicles.iter().any(|(role, stage)| {
            let inner = World { stage: Some(*stage), ..World::default() };
            (test.roles.is_empty() || test.roles.contains(role)) && oracle(&test.matches, &inner, now)
        }),
        Condition::Consent(test) => world.consent == test.is,
        Condition::EventFirst(_) | Condition::EventAggregate(_) | Condition::Sequence(_) | Condition::List(_) => {
            unreachable!("not generated")
        }
    }
}

fn passes(test: &DateTest, date: i64, now: i64) -> bool {
    match test {
        DateTest::Before(limit) => date < limit.at().millis(),
        DateTest::After(limit) => date > limit.at().millis(),
        DateTest::WithinLastDays(days) => (0..=i64::from(*days) * DAY_MS).contains(&(now - date)),
        DateTest::WithinNextDays(days) => (0..=i64::from(*days) * DAY_MS).contains(&(date - now)),
        DateTest::OlderThanDays(days) => now - date > i64::from(*days) * DAY_MS,
    }
}

fn matching<'a>(world: &'a World, name: &str, filters: &[Filter]) -> impl Iterator<Item = &'a Event> {
    let pick = EventPick { event: name.to_owned(), filters: filters.to_vec() };
    world.events.iter().filter(move |event| {
        event.name == pick.event && pick.filters.iter().all(|filter| filter.holds(&event.properties))
    })
}
