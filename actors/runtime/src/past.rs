//! What past events count for trackers that came later: read from History.

use crate::engine::Engine;
use crate::ports::Fault;
use crate::record::Record;
use roadbook_audience::{Occurrence, Tracker, TrackerId, TrackerSpec};
use roadbook_customer::Event;
use roadbook_kernel::ActorKey;
use std::collections::BTreeMap;

/// Turns read at once.
const TURNS_READ: usize = 256;

/// The occurrences in one actor's own History that these trackers keep, the newest `keep` of each. A customer's events
/// also lie under the ids that were merged into them: those are actors of their own here.
///
/// # Errors
/// A fault of the store, or a record that cannot be read.
pub async fn past(
    engine: &Engine,
    trackers: &[TrackerSpec],
    actor: &ActorKey,
) -> Result<BTreeMap<TrackerId, Tracker>, Fault> {
    let mut found = BTreeMap::<TrackerId, Tracker>::new();
    let mut after = 0;
    while !trackers.is_empty() {
        let turns = engine.history.turns(actor, after, TURNS_READ).await?;
        let Some(last) = turns.last() else { break };
        after = last.version;
        for turn in &turns {
            let body = Record::new(&turn.record)?.body::<Event>()?;
            for fact in body.entries.iter().flat_map(|entry| &entry.facts) {
                let Event::Observed { observation, by, at, .. } = fact else { continue };
                let properties = observation.properties.reveal();
                for tracker in trackers.iter().filter(|one| one.matches(&observation.name, properties)) {
                    let occurrence = Occurrence { at: *at, id: by.short() };
                    found.entry(tracker.id).or_default().note(occurrence, tracker.keep);
                }
            }
        }
    }
    Ok(found)
}
