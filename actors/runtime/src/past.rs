//! What past events count for trackers that came later: read from History.

use crate::engine::Engine;
use crate::ports::Fault;
use crate::record::Record;
use roadbook_audience::{Occurrence, Tracker, TrackerId, TrackerSpec};
use roadbook_customer::Event;
use roadbook_kernel::{ActorKey, MessageId};
use std::collections::{BTreeMap, HashSet};

/// Turns read at once.
const TURNS_READ: usize = 256;

/// The occurrences in one actor's own History that these trackers keep, the newest `keep` of each. A customer's events
/// also lie under the ids that were merged into them: those are actors of their own here. What went with a customer
/// who was taken out of this one again is in that one's History too, and counts there only.
///
/// # Errors
/// A fault of the store, or a record that cannot be read.
pub async fn past(
    engine: &Engine,
    trackers: &[TrackerSpec],
    actor: &ActorKey,
) -> Result<BTreeMap<TrackerId, Tracker>, Fault> {
    let mut reading = Reading { trackers, ..Reading::default() };
    reading.read(engine, actor).await?;
    if !reading.gone.is_empty() {
        // Who is taken out is told after what went with them: only now is it known what not to count.
        reading.found.clear();
        reading.read(engine, actor).await?;
    }
    Ok(reading.found)
}

#[derive(Default)]
struct Reading<'t> {
    trackers: &'t [TrackerSpec],
    gone: HashSet<MessageId>,
    found: BTreeMap<TrackerId, Tracker>,
}

impl Reading<'_> {
    async fn read(&mut self, engine: &Engine, actor: &ActorKey) -> Result<(), Fault> {
        let mut after = 0;
        while !self.trackers.is_empty() {
            let turns = engine.history.turns(actor, after, TURNS_READ).await?;
            let Some(last) = turns.last() else { break };
            after = last.version;
            for turn in &turns {
                let body = Record::new(&turn.record)?.body::<Event>()?;
                body.entries.iter().flat_map(|entry| &entry.facts).for_each(|fact| self.take(fact));
            }
            if turns.len() < TURNS_READ {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, fact: &Event) {
        if let Event::Parted { gone, .. } = fact {
            self.gone.extend(gone);
        }
        let Event::Observed { observation, by, at, .. } = fact else { return };
        if self.gone.contains(by) {
            return;
        }
        let properties = observation.properties.reveal();
        for tracker in self.trackers.iter().filter(|one| one.matches(&observation.name, properties)) {
            self.found.entry(tracker.id).or_default().note(Occurrence { at: *at, id: by.short() }, tracker.keep);
        }
    }
}
