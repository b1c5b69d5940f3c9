//! One edition of a catalog, compiled for deciding: which rule names which event, which journey begins where, what a
//! tag may be.

use crate::actor::Catalog;
use crate::tag::TagDefinition;
use roadbook_audience::{Compiled, Condition, Problem, RuleSet};
use roadbook_identity::Policy;
use roadbook_journey::{Happening, Revision, Standing, Trigger};
use roadbook_kernel::{JourneyId, Moment, SegmentId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A journey that customers can enter.
#[derive(Clone)]
pub struct LiveJourney {
    /// Which.
    pub id: JourneyId,
    /// The revision new runs are pinned to.
    pub number: u32,
    /// That revision.
    pub revision: Arc<Revision>,
}

/// One compiled edition. Immutable and shared; older journey revisions are added as runs pinned to them are met.
#[derive(Clone)]
pub struct Published {
    /// The catalog's edition.
    pub edition: u64,
    /// Segments and trackers.
    pub rules: Arc<RuleSet>,
    /// How many identifiers one person may have.
    pub identity: Arc<Policy>,
    journeys: Arc<BTreeMap<JourneyId, LiveJourney>>,
    entry_by_event: Arc<BTreeMap<String, Vec<JourneyId>>>,
    entry_by_segment: Arc<BTreeMap<SegmentId, Vec<JourneyId>>>,
    /// Journeys that do not go on, since when; all others are open.
    standings: Arc<BTreeMap<JourneyId, (Standing, Moment)>>,
    tags: Arc<BTreeMap<String, TagDefinition>>,
    pinned: Arc<BTreeMap<(JourneyId, u32), Arc<Revision>>>,
}

/// Compiles what is published. Problems here are about how things fit together (a segment that refers to one that is
/// not published, a cycle): each single definition was checked when it was saved.
pub(crate) fn compile(catalog: &Catalog) -> Result<Published, Vec<Problem>> {
    let mut segments = Vec::new();
    for (id, entry) in &catalog.segments {
        if let Some((revision, condition)) = &entry.published {
            segments.push((*id, *revision, Compiled::new(stored(condition)?)));
        }
    }
    let mut journeys = BTreeMap::new();
    let mut trackers = Vec::new();
    for (id, entry) in &catalog.journeys {
        if let Some((number, definition)) = &entry.published {
            let revision = Arc::new(Revision::parse(definition)?);
            trackers.extend(revision.trackers());
            journeys.insert(*id, LiveJourney { id: *id, number: *number, revision });
        }
    }
    let rules = Arc::new(RuleSet::build(segments, trackers)?);
    missing_segments(&journeys, &rules)?;
    let (mut by_event, mut by_segment) = (BTreeMap::<String, Vec<JourneyId>>::new(), BTreeMap::<_, Vec<_>>::new());
    for (id, journey) in &journeys {
        match journey.revision.entry() {
            Trigger::Event { event, .. } => by_event.entry(event.clone()).or_default().push(*id),
            Trigger::Segment { id: segment, .. } => by_segment.entry(*segment).or_default().push(*id),
        }
    }
    Ok(Published {
        edition: catalog.edition,
        rules,
        identity: Arc::new(catalog.identity.policy.clone()),
        journeys: Arc::new(journeys),
        entry_by_event: Arc::new(by_event),
        entry_by_segment: Arc::new(by_segment),
        standings: Arc::new(standings(catalog)),
        tags: Arc::new(catalog.tags.iter().map(|(key, entry)| (key.clone(), entry.definition.clone())).collect()),
        pinned: Arc::default(),
    })
}

fn standings(catalog: &Catalog) -> BTreeMap<JourneyId, (Standing, Moment)> {
    let standing = |entry: &crate::Entry| match (entry.archived, entry.paused_at) {
        (Some(archived), _) => Some((Standing::Closed, archived.at)),
        (None, Some(at)) => Some((Standing::Paused, at)),
        (None, None) => None,
    };
    catalog.journeys.iter().filter_map(|(id, entry)| Some((*id, standing(entry)?))).collect()
}

/// Reads a stored condition. It was checked when it was saved; today's limits do not apply to it again.
fn stored(condition: &serde_json::Value) -> Result<Condition, Vec<Problem>> {
    serde_json::from_value(condition.clone()).map_err(|error| {
        vec![Problem { pointer: String::new(), code: "unreadable_condition", detail: error.to_string() }]
    })
}

fn missing_segments(journeys: &BTreeMap<JourneyId, LiveJourney>, rules: &RuleSet) -> Result<(), Vec<Problem>> {
    let missing: Vec<Problem> = journeys
        .values()
        .flat_map(|journey| journey.revision.segments().into_iter().map(|segment| (journey.id, segment)))
        .filter(|(_, segment)| rules.index_of(*segment).is_none())
        .map(|(journey, segment)| Problem {
            pointer: String::new(),
            code: "segment_not_published",
            detail: format!("journey {journey} refers to segment {segment}, which is not published; publish it first"),
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

impl Published {
    /// Compiles the published part of a catalog.
    ///
    /// # Errors
    /// The problems, where a stored catalog no longer compiles: a fault of this program, not of the tenant.
    pub fn compile(catalog: &Catalog) -> Result<Self, Vec<Problem>> {
        compile(catalog)
    }

    /// The edition of a tenant that has published nothing.
    pub fn empty() -> Self {
        Self::compile(&Catalog::default()).unwrap_or_else(|_| unreachable!("an empty catalog always compiles"))
    }

    /// A journey customers can enter now.
    pub fn journey(&self, id: JourneyId) -> Option<&LiveJourney> {
        self.journeys.get(&id)
    }

    /// Whether runs of a journey may go on.
    pub fn standing(&self, id: JourneyId) -> Standing {
        self.standings.get(&id).map_or(Standing::Open, |(standing, _)| *standing)
    }

    /// Whether they might go on at an instant of the past: for deciding it again. Pauses that are over are forgotten.
    pub fn standing_as_of(&self, id: JourneyId, at: Moment) -> Standing {
        match self.standings.get(&id) {
            Some((standing, since)) if at >= *since => *standing,
            Some(_) | None => Standing::Open,
        }
    }

    /// What a tag means, where the tenant has described it.
    pub fn tag(&self, key: &str) -> Option<&TagDefinition> {
        self.tags.get(key)
    }

    /// The revision a run is pinned to, if it is loaded.
    pub fn revision(&self, id: JourneyId, number: u32) -> Option<&Arc<Revision>> {
        match self.journeys.get(&id) {
            Some(live) if live.number == number => Some(&live.revision),
            _ => self.pinned.get(&(id, number)),
        }
    }

    /// The same edition that also holds an older revision.
    #[must_use]
    pub fn with_pinned(&self, id: JourneyId, number: u32, revision: Arc<Revision>) -> Self {
        let mut next = self.clone();
        Arc::make_mut(&mut next.pinned).insert((id, number), revision);
        next
    }

    /// Journeys whose entry names this happening. Neither their filters nor their standing is checked yet.
    pub fn entered_by(&self, happening: &Happening<'_>) -> &[JourneyId] {
        let found = match happening {
            Happening::Event { name, .. } => self.entry_by_event.get(*name),
            Happening::Segment { id, .. } => self.entry_by_segment.get(id),
        };
        found.map_or(&[], Vec::as_slice)
    }
}
