//! What may be saved today: the grammar is larger than what can be evaluated.

use crate::problem::Place;
use crate::{Condition, Problem, parse};
use serde_json::Value;

/// [`parse`], then [`check`]: what an editor saves must pass both.
///
/// # Errors
/// Every mistake found, with its place.
pub fn accept(value: &Value) -> Result<Condition, Vec<Problem>> {
    let condition = parse(value)?;
    check(&condition)?;
    Ok(condition)
}

/// Refuses the forms that cannot be evaluated yet, each at its place.
///
/// # Errors
/// `not_yet_supported`, once for every such form.
pub fn check(condition: &Condition) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    walk(condition, &mut |condition, place| {
        if let Some(form) = later_form(condition) {
            let detail = format!("`{form}` is part of the language but cannot be evaluated yet; leave it out for now");
            problems.push(Problem::new(place, "not_yet_supported", detail));
        } else if place.is_inside("vehicle") && !fits_a_vehicle(condition) {
            let detail = "of a vehicle only `stage` and `aipl` can be asked yet, combined by `all`, `any` and `not`";
            problems.push(Problem::new(place, "not_yet_supported", detail));
        }
    });
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The word of a form that is described but not evaluated.
fn later_form(condition: &Condition) -> Option<&'static str> {
    match condition {
        Condition::All(_)
        | Condition::Any(_)
        | Condition::Not(_)
        | Condition::Trait(_)
        | Condition::Tag(_)
        | Condition::Segment(_)
        | Condition::EventCount(_)
        | Condition::EventLast(_)
        | Condition::Stage(_)
        | Condition::Aipl(_)
        | Condition::Journey(_)
        | Condition::Vehicle(_)
        | Condition::Consent(_) => None,
        Condition::EventFirst(_) => Some("first"),
        Condition::EventAggregate(aggregate) => Some(aggregate.statistic.word()),
        Condition::Sequence(_) => Some("sequence"),
        Condition::List(_) => Some("list"),
    }
}

/// What can be asked of a car.
pub(crate) fn fits_a_vehicle(condition: &Condition) -> bool {
    match condition {
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) | Condition::Stage(_) | Condition::Aipl(_) => true,
        Condition::Trait(_)
        | Condition::Tag(_)
        | Condition::Segment(_)
        | Condition::EventCount(_)
        | Condition::EventLast(_)
        | Condition::Consent(_)
        | Condition::Journey(_)
        | Condition::EventFirst(_)
        | Condition::EventAggregate(_)
        | Condition::Sequence(_)
        | Condition::List(_)
        | Condition::Vehicle(_) => false,
    }
}

/// Visits every condition with its place, outer before inner.
pub(crate) fn walk(condition: &Condition, visit: &mut dyn FnMut(&Condition, &Place<'_>)) {
    walk_at(condition, &Place::Root, visit);
}

fn walk_at(condition: &Condition, place: &Place<'_>, visit: &mut dyn FnMut(&Condition, &Place<'_>)) {
    visit(condition, place);
    let (word, parts) = match condition {
        Condition::All(parts) => ("all", parts),
        Condition::Any(parts) => ("any", parts),
        Condition::Not(part) => return walk_at(part, &place.key("not"), visit),
        Condition::Vehicle(test) => {
            return walk_at(&test.matches, &place.key("vehicle").key("matches"), visit);
        }
        Condition::Trait(_)
        | Condition::Tag(_)
        | Condition::Segment(_)
        | Condition::EventCount(_)
        | Condition::EventLast(_)
        | Condition::Stage(_)
        | Condition::Aipl(_)
        | Condition::Consent(_)
        | Condition::Journey(_)
        | Condition::EventFirst(_)
        | Condition::EventAggregate(_)
        | Condition::Sequence(_)
        | Condition::List(_) => return,
    };
    for (index, part) in parts.iter().enumerate() {
        walk_at(part, &place.key(word).index(index), visit);
    }
}
