//! Read models kept by the relay: one file per model, each with its rows, its key and its query.

pub mod journey_stats;
pub mod segment_stats;
pub mod send_stats;

use roadbook_customer::{Correction, Event};

/// The counter of live customers.
pub(crate) const CUSTOMERS: &str = "customers";

/// The counter amounts that follow from one fact.
pub fn count(event: &Event, adds: &mut Vec<(String, i64)>) {
    match event {
        Event::Journey { journey, step } => journey_stats::count(*journey, step, adds),
        Event::SegmentJudged { segment, inside, changed: true, .. } => segment_stats::count(*segment, *inside, adds),
        Event::Absorbed { shared, .. } => segment_stats::count_shared(shared, adds),
        Event::Messaged { record } => send_stats::count_asked(record, adds),
        Event::SendReported { outcome, .. } => send_stats::count_report(outcome, adds),
        Event::Founded { .. } => adds.push((CUSTOMERS.into(), 1)),
        Event::MergedInto { .. } => adds.push((CUSTOMERS.into(), -1)),
        Event::Parted { restored, corrections, .. } => correct(*restored, corrections, adds),
        Event::SegmentJudged { .. }
        | Event::Linked { .. }
        | Event::Unlinked { .. }
        | Event::Unbound { .. }
        | Event::LinkRefused { .. }
        | Event::Observed { .. }
        | Event::Backfilled { .. }
        | Event::ConsentNoted { .. }
        | Event::TagSet { .. }
        | Event::TagExpired { .. }
        | Event::TraitSet { .. }
        | Event::CarRelated { .. }
        | Event::CarReleased { .. }
        | Event::StageRipened { .. }
        | Event::StageMoved { .. }
        | Event::CascadeStopped { .. } => {}
    }
}

/// Two customers counted as one for a while: what was counted once too often or not at all.
fn correct(restored: bool, corrections: &[Correction], adds: &mut Vec<(String, i64)>) {
    if restored {
        adds.push((CUSTOMERS.into(), 1));
    }
    for correction in corrections {
        match correction {
            Correction::Members(segment, by) => segment_stats::correct(*segment, *by, adds),
            Correction::Held(journey, node, by) => journey_stats::hold(*journey, node, *by, adds),
            Correction::Here(journey, node, by) => journey_stats::correct(*journey, node, *by, adds),
        }
    }
}
