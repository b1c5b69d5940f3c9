//! The catalog actor: its state, its decisions, and what its facts change.

use crate::command::Command;
use crate::entry::{Entry, JourneyEntry, SegmentEntry};
use crate::event::{Document, Event};
use crate::references::{self, Thing};
use crate::tag::{TagDefinition, TagEntry};
use crate::{check, tags};
use roadbook_identity::Policy;
use roadbook_kernel::{Draft, Durable, Expected, JourneyId, Moment, Refusal, SegmentId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Segments and journeys a tenant may define, each; retired ones do not count.
const ENTRIES_MAX: usize = 2_000;

/// The identity policy with its revision.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityPolicy {
    /// Grows with every change; 0 is the built-in policy.
    pub revision: u32,
    /// The limits.
    pub policy: Policy,
}

/// What a catalog's decision may look at besides the state.
pub struct CatalogWorld {
    /// When.
    pub at: Moment,
}

/// The state: small enough to be one row (2,000 definitions of 200 bytes are 400 KB raw, 40 KB compressed).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalog {
    /// Grows with every change that customers must know of.
    pub edition: u64,
    /// Segments by id.
    pub segments: BTreeMap<SegmentId, SegmentEntry>,
    /// Journeys by id.
    pub journeys: BTreeMap<JourneyId, JourneyEntry>,
    /// How many identifiers one person may have.
    pub identity: IdentityPolicy,
    /// Descriptions of tags by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, TagEntry>,
    /// Changes of descriptions so far: the source of their revisions.
    #[serde(skip_serializing_if = "is_zero")]
    pub tag_changes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Durable for Catalog {
    type Command = Command;
    type Event = Event;
    type Effect = ();
    type World<'a> = CatalogWorld;

    fn decide(draft: &mut Draft<'_, Self>, command: &Command, world: &CatalogWorld) -> Result<(), Refusal> {
        let at = world.at;
        match command {
            Command::CreateSegment { id, name, condition } => {
                room(&draft.state().segments)?;
                draft_segment(draft, *id, name, condition, at)
            }
            Command::EditSegment { id, name, condition, expected } => {
                expected.check(standing(&draft.state().segments, id, "segment")?.revision)?;
                draft_segment(draft, *id, name, condition, at)
            }
            Command::PublishSegment { id } => {
                let revision = unpublished(standing(&draft.state().segments, id, "segment")?)?;
                in_force(draft, Event::SegmentPublished { id: *id, revision, at })
            }
            Command::ArchiveSegment { id, expected } => {
                expected.check(standing(&draft.state().segments, id, "segment")?.revision)?;
                references::unused(draft.state(), Thing::Segment(*id))?;
                in_force(draft, Event::SegmentArchived { id: *id, at })
            }
            Command::CreateJourney { id, name, definition } => {
                room(&draft.state().journeys)?;
                draft_journey(draft, *id, name, definition, at)
            }
            Command::EditJourney { id, name, definition, expected } => {
                expected.check(standing(&draft.state().journeys, id, "journey")?.revision)?;
                draft_journey(draft, *id, name, definition, at)
            }
            Command::PublishJourney { id } => publish_journey(draft, *id, at),
            Command::PauseJourney { id } => pause(draft, *id, at),
            Command::ResumeJourney { id } => resume(draft, *id, at),
            Command::ArchiveJourney { id, expected } => archive_journey(draft, *id, expected, at),
            Command::CreateTag { definition } => tags::create(draft, definition, at),
            Command::EditTag { definition, expected } => tags::edit(draft, definition, expected, at),
            Command::DeleteTag { key, expected } => tags::delete(draft, key, expected, at),
            Command::LoadTags { definitions } => tags::load(draft, definitions, at),
            Command::SetIdentityPolicy { policy, expected } => {
                expected.check(draft.state().identity.revision)?;
                draft.emit(Event::IdentityPolicySet { policy: policy.clone(), at });
                Ok(())
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        if !matches!(event, Event::SegmentDrafted { .. } | Event::JourneyDrafted { .. }) {
            self.edition += 1;
        }
        match event {
            Event::SegmentDrafted { id, name, condition, at } => drafted(&mut self.segments, *id, name, condition, *at),
            Event::JourneyDrafted { id, name, definition, at } => {
                drafted(&mut self.journeys, *id, name, definition, *at);
            }
            Event::SegmentPublished { id, revision, at } => publish(self.segments.get_mut(id), *revision, *at),
            Event::JourneyPublished { id, revision, at } => publish(self.journeys.get_mut(id), *revision, *at),
            Event::SegmentArchived { id, at } => archive(self.segments.get_mut(id), *at),
            Event::JourneyArchived { id, at } => archive(self.journeys.get_mut(id), *at),
            Event::JourneyPaused { id, at } => set_paused(self.journeys.get_mut(id), Some(*at), *at),
            Event::JourneyResumed { id, at } => set_paused(self.journeys.get_mut(id), None, *at),
            Event::TagDefined { definition, at } => self.describe(definition, *at),
            Event::TagDeleted { key, .. } => {
                self.tag_changes += 1;
                self.tags.remove(key);
            }
            Event::IdentityPolicySet { policy, .. } => {
                self.identity = IdentityPolicy { revision: self.identity.revision + 1, policy: policy.clone() };
            }
        }
    }
}

impl Catalog {
    /// The document a published journey leaves behind; `None` for every other event.
    pub fn document(&self, event: &Event) -> Option<Document> {
        let Event::JourneyPublished { id, revision, .. } = event else { return None };
        let (_, definition) = self.journeys.get(id)?.published.clone()?;
        Some(Document { journey: *id, revision: *revision, definition })
    }

    /// Whether a condition could be saved as a segment of this tenant.
    ///
    /// # Errors
    /// `invalid_condition` or `unknown_segment`, with every place.
    pub fn check_condition(&self, condition: &Value) -> Result<(), Refusal> {
        check::condition(self, condition)
    }

    fn describe(&mut self, definition: &TagDefinition, at: Moment) {
        self.tag_changes += 1;
        let revision = self.tag_changes;
        let created_at = self.tags.get(&definition.key).map_or(at, |known| known.created_at);
        let entry = TagEntry { definition: definition.clone(), revision, created_at, updated_at: at };
        self.tags.insert(definition.key.clone(), entry);
    }
}

fn draft_segment(
    draft: &mut Draft<'_, Catalog>,
    id: SegmentId,
    name: &str,
    condition: &Value,
    at: Moment,
) -> Result<(), Refusal> {
    check::segment(draft.state(), name, condition)?;
    draft.emit(Event::SegmentDrafted { id, name: name.to_owned(), condition: condition.clone(), at });
    Ok(())
}

fn draft_journey(
    draft: &mut Draft<'_, Catalog>,
    id: JourneyId,
    name: &str,
    definition: &Value,
    at: Moment,
) -> Result<(), Refusal> {
    check::journey(draft.state(), name, definition)?;
    draft.emit(Event::JourneyDrafted { id, name: name.to_owned(), definition: definition.clone(), at });
    Ok(())
}

fn publish_journey(draft: &mut Draft<'_, Catalog>, id: JourneyId, at: Moment) -> Result<(), Refusal> {
    let entry = standing(&draft.state().journeys, &id, "journey")?;
    let revision = unpublished(entry)?;
    // Tags may have been described since the draft was saved.
    tags::check_journey(draft.state(), &entry.draft)?;
    in_force(draft, Event::JourneyPublished { id, revision, at })
}

fn pause(draft: &mut Draft<'_, Catalog>, id: JourneyId, at: Moment) -> Result<(), Refusal> {
    let entry = standing(&draft.state().journeys, &id, "journey")?;
    if entry.published.is_none() {
        return Err(Refusal::new("not_published", "nobody is in this journey: it was never published"));
    }
    if entry.paused_at.is_some() {
        return Err(Refusal::new("already_paused", "this journey stands still already"));
    }
    in_force(draft, Event::JourneyPaused { id, at })
}

fn resume(draft: &mut Draft<'_, Catalog>, id: JourneyId, at: Moment) -> Result<(), Refusal> {
    let entry = standing(&draft.state().journeys, &id, "journey")?;
    if entry.paused_at.is_none() {
        return Err(Refusal::new("not_paused", "this journey does not stand still; there is nothing to resume"));
    }
    in_force(draft, Event::JourneyResumed { id, at })
}

fn archive_journey(
    draft: &mut Draft<'_, Catalog>,
    id: JourneyId,
    expected: &Expected,
    at: Moment,
) -> Result<(), Refusal> {
    expected.check(standing(&draft.state().journeys, &id, "journey")?.revision)?;
    references::unused(draft.state(), Thing::Journey(id))?;
    in_force(draft, Event::JourneyArchived { id, at })
}

/// A change that customers will decide under: what is published must fit together afterwards.
fn in_force(draft: &mut Draft<'_, Catalog>, event: Event) -> Result<(), Refusal> {
    check::edition(draft.state(), &event)?;
    draft.emit(event);
    Ok(())
}

fn drafted<K: Ord>(entries: &mut BTreeMap<K, Entry>, id: K, name: &str, body: &Value, at: Moment) {
    entries
        .entry(id)
        .and_modify(|entry| {
            entry.revision += 1;
            name.clone_into(&mut entry.name);
            entry.draft = body.clone();
            entry.updated_at = at;
        })
        .or_insert_with(|| Entry::new(name.to_owned(), body.clone(), at));
}

fn publish(entry: Option<&mut Entry>, revision: u32, at: Moment) {
    if let Some(entry) = entry {
        entry.published = Some((revision, entry.draft.clone()));
        entry.updated_at = at;
    }
}

fn archive(entry: Option<&mut Entry>, at: Moment) {
    if let Some(entry) = entry {
        entry.archive(at);
    }
}

fn set_paused(entry: Option<&mut Entry>, paused_at: Option<Moment>, at: Moment) {
    if let Some(entry) = entry {
        (entry.paused_at, entry.updated_at) = (paused_at, at);
    }
}

fn room<K>(entries: &BTreeMap<K, Entry>) -> Result<(), Refusal> {
    if entries.values().filter(|entry| entry.archived.is_none()).count() < ENTRIES_MAX {
        return Ok(());
    }
    Err(Refusal::new("too_many_definitions", format!("a tenant can define {ENTRIES_MAX} of them; archive one first")))
}

/// A definition that can still be changed.
fn standing<'a, K: Ord + std::fmt::Display>(
    entries: &'a BTreeMap<K, Entry>,
    id: &K,
    kind: &str,
) -> Result<&'a Entry, Refusal> {
    let entry = entries.get(id).ok_or_else(|| Refusal::new("not_found", format!("there is no {kind} {id}")))?;
    match entry.archived {
        Some(_) => Err(Refusal::new("archived", format!("this {kind} was archived for good; define a new one"))),
        None => Ok(entry),
    }
}

fn unpublished(entry: &Entry) -> Result<u32, Refusal> {
    match entry.published {
        Some((revision, _)) if revision == entry.revision => {
            Err(Refusal::new("already_published", format!("revision {revision} is in force already; edit it first")))
        }
        _ => Ok(entry.revision),
    }
}
