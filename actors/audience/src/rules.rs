//! All rules of a tenant, indexed by what they look at: an event costs as much as the rules that name it.

use crate::{Compiled, Problem, Subject, Tracker, TrackerId, TrackerSpec};
use roadbook_kernel::{JourneyId, Moment, SegmentId};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

mod order;
#[cfg(test)]
mod tests;

/// A published segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentRule {
    /// Which segment.
    pub id: SegmentId,
    /// Which revision of it.
    pub revision: u32,
    /// Its condition.
    pub compiled: Compiled,
}

/// What a turn changed, as far as conditions can see it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Touched {
    /// Trackers that took an occurrence in.
    pub trackers: BTreeSet<TrackerId>,
    /// Traits whose value changed.
    pub traits: BTreeSet<String>,
    /// Tags that came, went or changed their value.
    pub tags: BTreeSet<String>,
    /// Segments that were entered or left.
    pub segments: BTreeSet<SegmentId>,
    /// Journeys that were entered or left.
    pub journeys: BTreeSet<JourneyId>,
    /// Whether the stage moved.
    pub stage: bool,
    /// Whether a vehicle came, went, or its stage moved.
    pub vehicles: bool,
    /// Whether something was said about a purpose of contact.
    pub consents: bool,
}

/// All published segments of a tenant and the trackers of everything else that counts events.
///
/// Segments stand in dependency order: one that refers to another has the higher index.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RuleSet {
    segments: Vec<SegmentRule>,
    index_of: BTreeMap<SegmentId, usize>,
    by_event: BTreeMap<String, Vec<TrackerSpec>>,
    keep: BTreeMap<TrackerId, u32>,
    by_tracker: BTreeMap<TrackerId, Vec<usize>>,
    by_trait: BTreeMap<String, Vec<usize>>,
    by_tag: BTreeMap<String, Vec<usize>>,
    by_journey: BTreeMap<JourneyId, Vec<usize>>,
    by_stage: Vec<usize>,
    by_vehicle: Vec<usize>,
    by_consent: Vec<usize>,
    /// For each segment, those whose condition names it.
    dependents: Vec<Vec<usize>>,
    true_when_blank: Vec<usize>,
}

impl RuleSet {
    /// Orders and indexes the segments, each given once with its revision.
    ///
    /// # Errors
    /// `missing_segment`, `segment_cycle` or `duplicate_segment`. The pointer is into the condition of the segment
    /// that the detail names.
    pub fn build(
        segments: Vec<(SegmentId, u32, Compiled)>,
        extra_trackers: Vec<TrackerSpec>,
    ) -> Result<Self, Vec<Problem>> {
        let mut set = RuleSet::default();
        for (id, revision, compiled) in order::by_dependency(segments)? {
            set.index_of.insert(id, set.segments.len());
            set.segments.push(SegmentRule { id, revision, compiled });
        }
        set.index(extra_trackers);
        set.true_when_blank = set.find_true_when_blank();
        Ok(set)
    }

    /// The trackers that count this event, whatever its properties; their `keep` is the largest any user needs.
    pub fn trackers_for_event(&self, event: &str) -> &[TrackerSpec] {
        self.by_event.get(event).map_or(&[], Vec::as_slice)
    }

    /// How many occurrences a tracker keeps; 0 for one that nobody uses.
    pub fn keep(&self, id: TrackerId) -> u32 {
        self.keep.get(&id).copied().unwrap_or(0)
    }

    /// The segments whose truth the change may have changed, each once, in dependency order. Segments that refer to
    /// one of them are among them, at any distance.
    pub fn affected(&self, touched: &Touched) -> Vec<usize> {
        let mut found = BTreeSet::new();
        found.extend(touched.trackers.iter().filter_map(|id| self.by_tracker.get(id)).flatten());
        found.extend(touched.traits.iter().filter_map(|key| self.by_trait.get(key)).flatten());
        found.extend(touched.tags.iter().filter_map(|key| self.by_tag.get(key)).flatten());
        found.extend(touched.journeys.iter().filter_map(|id| self.by_journey.get(id)).flatten());
        found.extend(self.by_stage.iter().filter(|_| touched.stage));
        found.extend(self.by_vehicle.iter().filter(|_| touched.vehicles));
        found.extend(self.by_consent.iter().filter(|_| touched.consents));
        for segment in touched.segments.iter().filter_map(|id| self.index_of(*id)) {
            found.extend(&self.dependents[segment]);
        }
        let mut in_order = Vec::with_capacity(found.len());
        // Dependents stand behind what they refer to, so taking the lowest first meets each segment once.
        while let Some(next) = found.pop_first() {
            found.extend(&self.dependents[next]);
            in_order.push(next);
        }
        in_order
    }

    /// The segment at an index of [`RuleSet::affected`].
    ///
    /// # Panics
    /// If the index did not come from this set.
    pub fn segment(&self, index: usize) -> &SegmentRule {
        &self.segments[index]
    }

    /// Every segment, in dependency order.
    pub fn segments(&self) -> &[SegmentRule] {
        &self.segments
    }

    /// The index of a segment.
    pub fn index_of(&self, id: SegmentId) -> Option<usize> {
        self.index_of.get(&id).copied()
    }

    /// How many segments there are.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segments that hold for a customer about whom nothing is known, in dependency order: evaluated once when
    /// the customer is founded, since no event of theirs need ever touch one.
    pub fn true_when_blank(&self) -> &[usize] {
        &self.true_when_blank
    }

    fn index(&mut self, extra_trackers: Vec<TrackerSpec>) {
        let mut specs: BTreeMap<TrackerId, TrackerSpec> = BTreeMap::new();
        let used = self.segments.iter().flat_map(|rule| rule.compiled.trackers().iter().cloned());
        for spec in used.chain(extra_trackers) {
            let keep = spec.keep;
            let known = specs.entry(spec.id).or_insert(spec);
            known.keep = known.keep.max(keep);
        }
        for (id, spec) in specs {
            self.keep.insert(id, spec.keep);
            self.by_event.entry(spec.event.clone()).or_default().push(spec);
        }
        self.dependents = vec![Vec::new(); self.segments.len()];
        for (index, rule) in self.segments.iter().enumerate() {
            for spec in rule.compiled.trackers() {
                self.by_tracker.entry(spec.id).or_default().push(index);
            }
            let reads = rule.compiled.reads();
            for key in &reads.traits {
                self.by_trait.entry(key.clone()).or_default().push(index);
            }
            for key in &reads.tags {
                self.by_tag.entry(key.clone()).or_default().push(index);
            }
            for id in &reads.journeys {
                self.by_journey.entry(*id).or_default().push(index);
            }
            self.by_stage.extend(reads.stage.then_some(index));
            self.by_vehicle.extend(reads.vehicles.then_some(index));
            self.by_consent.extend(reads.consents.then_some(index));
            for referred in reads.segments.iter().filter_map(|id| self.index_of.get(id)) {
                self.dependents[*referred].push(index);
            }
        }
    }

    fn find_true_when_blank(&self) -> Vec<usize> {
        let mut blank = Blank::default();
        let mut found = Vec::new();
        for (index, rule) in self.segments.iter().enumerate() {
            // Without a date or an occurrence nothing depends on time: any instant gives the same answer.
            if rule.compiled.evaluate(&blank, Moment::default()).holds {
                blank.segments.insert(rule.id);
                found.push(index);
            }
        }
        found
    }
}

/// A customer about whom nothing is known, member of the segments that hold even so.
#[derive(Default)]
struct Blank {
    segments: BTreeSet<SegmentId>,
}

impl Subject for Blank {
    fn trait_value(&self, _key: &str) -> Option<Cow<'_, Value>> {
        None
    }

    fn tag(&self, _key: &str) -> Option<&str> {
        None
    }

    fn in_segment(&self, id: SegmentId) -> bool {
        self.segments.contains(&id)
    }

    fn tracker(&self, _id: TrackerId) -> Option<&Tracker> {
        None
    }
}
