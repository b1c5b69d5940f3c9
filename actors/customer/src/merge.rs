//! Joins two customers who turned out to be one. Every line is a join, so any order of merges gives one result.

use crate::evolve::forget_old_sends;
use crate::state::Customer;
use roadbook_journey::{Held, Run, RunState};
use roadbook_kernel::Moment;

/// What two customers would be together, for whoever wants to see it before they are. Segments are not judged anew.
pub fn merged(survivor: &Customer, loser: &Customer) -> Customer {
    let mut together = survivor.clone();
    join(&mut together, loser);
    together
}

/// Takes everything of `loser` over into `survivor`. Runs stay side by side: a journey both were in goes on twice,
/// with the memory of both visits; the re-entry rule counts them together from now on.
pub(crate) fn join(survivor: &mut Customer, loser: &Customer) {
    for link in &loser.links {
        match survivor.links.iter_mut().find(|known| known.identifier.key() == link.identifier.key()) {
            Some(known) => known.grade = known.grade.max(link.grade),
            None => survivor.links.push(link.clone()),
        }
    }
    survivor.links.sort_by_key(|link| (link.at, link.by, link.identifier.key()));
    for (id, absorbed) in &loser.absorbed {
        survivor.absorbed.entry(*id).or_insert_with(|| absorbed.clone());
    }
    for (id, at) in &loser.parted {
        survivor.parted.entry(*id).and_modify(|known| *known = (*known).max(*at)).or_insert(*at);
    }
    for (key, theirs) in &loser.traits {
        survivor.traits.entry(key.clone()).and_modify(|mine| mine.join(theirs)).or_insert_with(|| theirs.clone());
    }
    for (key, theirs) in &loser.tags {
        survivor.tags.entry(key.clone()).and_modify(|mine| mine.join(theirs)).or_insert_with(|| theirs.clone());
    }
    survivor.consents.join(&loser.consents);
    for (founding, theirs) in &loser.activity {
        survivor.activity.entry(*founding).and_modify(|mine| mine.join(theirs)).or_insert(*theirs);
    }
    for (id, theirs) in &loser.trackers {
        let mine = survivor.trackers.entry(*id).or_default();
        // Room for both: the next occurrence trims to what the rules keep, which this join does not know.
        let keep = mine.occurrences().len() + theirs.occurrences().len();
        mine.join(theirs, u32::try_from(keep).unwrap_or(u32::MAX));
    }
    join_runs(survivor, loser);
    for (grant, theirs) in &loser.grants {
        survivor.grants.entry(grant.clone()).or_default().join(theirs);
    }
    for record in &loser.sends {
        match survivor.sends.iter_mut().find(|mine| mine.key == record.key) {
            Some(mine) => mine.status.advance(record.status.clone()),
            None => survivor.sends.push(record.clone()),
        }
    }
    survivor.sends.sort_by_key(|record| (record.asked_at, record.key));
    forget_old_sends(&mut survivor.sends);
    for (key, value) in &loser.later {
        survivor.later.entry(key.clone()).or_insert_with(|| value.clone());
    }
    survivor.stage.join(&loser.stage);
    for (id, theirs) in &loser.cars {
        survivor.cars.entry(*id).and_modify(|mine| mine.join(theirs)).or_insert_with(|| theirs.clone());
    }
    survivor.stores.join(&loser.stores);
    join_memberships(survivor, loser);
}

/// A run both know (it came to both by an earlier merge) is taken where it is further on.
fn join_runs(survivor: &mut Customer, loser: &Customer) {
    for (id, theirs) in &loser.runs {
        match survivor.runs.get(id) {
            Some(mine) if progress(mine) >= progress(theirs) => {}
            _ => {
                survivor.runs.insert(*id, theirs.clone());
            }
        }
    }
    for (journey, theirs) in &loser.visits {
        survivor.visits.entry(*journey).and_modify(|mine| mine.join(theirs)).or_insert_with(|| theirs.clone());
    }
}

/// Of two views of one run that are otherwise equal the one that is not held counts: its own timer brings it on.
fn progress(run: &Run) -> (u32, Moment, &str, bool, Option<Held>) {
    let until = match run.state {
        RunState::Ready => Moment::MIN,
        RunState::Waiting { until } | RunState::Listening { until } => until,
    };
    (run.iterations.values().sum(), until, run.node.as_str(), run.held.is_none(), run.held)
}

/// Memberships are judged anew right after a merge; until then "inside" is true if it was for either.
fn join_memberships(survivor: &mut Customer, loser: &Customer) {
    for (segment, theirs) in &loser.memberships {
        survivor
            .memberships
            .entry(*segment)
            .and_modify(|mine| {
                mine.inside |= theirs.inside;
                mine.since = mine.since.min(theirs.since);
                mine.revision = mine.revision.max(theirs.revision);
                mine.recheck_at = match (mine.recheck_at, theirs.recheck_at) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            })
            .or_insert_with(|| theirs.clone());
    }
}
