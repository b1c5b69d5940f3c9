//! The catalog actor: its vocabulary, its decisions, its state.

use crate::entry::{Entry, JourneyEntry, SegmentEntry};
use crate::published;
use roadbook_audience::Problem;
use roadbook_identity::Policy;
use roadbook_journey::Revision;
use roadbook_kernel::{Draft, Durable, JourneyId, Moment, Place, Refusal, SegmentId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Segments and journeys a tenant may define, each.
const ENTRIES_MAX: usize = 2_000;
/// Bytes of one definition as JSON.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 120;

/// What a catalog can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Defines a segment.
    CreateSegment {
        /// Its id, derived from the message.
        id: SegmentId,
        /// What people call it.
        name: String,
        /// Its condition.
        condition: Value,
    },
    /// Changes a segment's draft.
    EditSegment {
        /// Which.
        id: SegmentId,
        /// What people call it.
        name: String,
        /// Its condition.
        condition: Value,
    },
    /// Puts the newest revision of a segment in force.
    PublishSegment {
        /// Which.
        id: SegmentId,
    },
    /// Defines a journey.
    CreateJourney {
        /// Its id, derived from the message.
        id: JourneyId,
        /// What people call it.
        name: String,
        /// Its definition.
        definition: Value,
    },
    /// Changes a journey's draft.
    EditJourney {
        /// Which.
        id: JourneyId,
        /// What people call it.
        name: String,
        /// Its definition.
        definition: Value,
    },
    /// Puts the newest revision of a journey in force. Runs under way stay on theirs.
    PublishJourney {
        /// Which.
        id: JourneyId,
    },
    /// Says how many identifiers of each kind one person may have. In force at once.
    SetIdentityPolicy {
        /// The limits.
        policy: Policy,
        /// The revision the author looked at.
        expected: u32,
    },
}

/// What became true.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Event {
    /// A segment has a new draft.
    SegmentDrafted {
        /// Which.
        id: SegmentId,
        /// Its name.
        name: String,
        /// Its condition.
        condition: Value,
        /// When.
        at: Moment,
    },
    /// A revision of a segment is in force.
    SegmentPublished {
        /// Which.
        id: SegmentId,
        /// Which revision.
        revision: u32,
        /// When.
        at: Moment,
    },
    /// A journey has a new draft.
    JourneyDrafted {
        /// Which.
        id: JourneyId,
        /// Its name.
        name: String,
        /// Its definition.
        definition: Value,
        /// When.
        at: Moment,
    },
    /// A revision of a journey is in force.
    JourneyPublished {
        /// Which.
        id: JourneyId,
        /// Which revision.
        revision: u32,
        /// When.
        at: Moment,
    },
    /// The identity policy changed.
    IdentityPolicySet {
        /// The limits.
        policy: Policy,
        /// When.
        at: Moment,
    },
}

/// The identity policy with its revision.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityPolicy {
    /// Grows with every change; 0 is the built-in policy.
    pub revision: u32,
    /// The limits.
    pub policy: Policy,
}

/// A published journey revision as it is kept for the runs pinned to it: written once, in the commit that publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Which journey.
    pub journey: JourneyId,
    /// Which revision.
    pub revision: u32,
    /// Its definition.
    pub definition: Value,
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
    /// Grows with every published change.
    pub edition: u64,
    /// Segments by id.
    pub segments: BTreeMap<SegmentId, SegmentEntry>,
    /// Journeys by id.
    pub journeys: BTreeMap<JourneyId, JourneyEntry>,
    /// How many identifiers one person may have.
    pub identity: IdentityPolicy,
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
                room(draft.state().segments.len())?;
                check_segment(name, condition)?;
                draft.emit(Event::SegmentDrafted { id: *id, name: name.clone(), condition: condition.clone(), at });
            }
            Command::EditSegment { id, name, condition } => {
                find(&draft.state().segments, id, "segment")?;
                check_segment(name, condition)?;
                draft.emit(Event::SegmentDrafted { id: *id, name: name.clone(), condition: condition.clone(), at });
            }
            Command::PublishSegment { id } => {
                let revision = unpublished(find(&draft.state().segments, id, "segment")?)?;
                let event = Event::SegmentPublished { id: *id, revision, at };
                check_edition(draft.state(), &event)?;
                draft.emit(event);
            }
            Command::CreateJourney { id, name, definition } => {
                room(draft.state().journeys.len())?;
                check_journey(name, definition)?;
                draft.emit(Event::JourneyDrafted { id: *id, name: name.clone(), definition: definition.clone(), at });
            }
            Command::EditJourney { id, name, definition } => {
                find(&draft.state().journeys, id, "journey")?;
                check_journey(name, definition)?;
                draft.emit(Event::JourneyDrafted { id: *id, name: name.clone(), definition: definition.clone(), at });
            }
            Command::PublishJourney { id } => {
                let revision = unpublished(find(&draft.state().journeys, id, "journey")?)?;
                let event = Event::JourneyPublished { id: *id, revision, at };
                check_edition(draft.state(), &event)?;
                draft.emit(event);
            }
            Command::SetIdentityPolicy { policy, expected } => {
                let current = draft.state().identity.revision;
                if *expected != current {
                    let detail = format!("the policy is at revision {current} by now; read it again");
                    return Err(Refusal::new("stale_etag", detail));
                }
                draft.emit(Event::IdentityPolicySet { policy: policy.clone(), at });
            }
        }
        Ok(())
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::SegmentDrafted { id, name, condition, at } => drafted(&mut self.segments, *id, name, condition, *at),
            Event::JourneyDrafted { id, name, definition, at } => {
                drafted(&mut self.journeys, *id, name, definition, *at)
            }
            Event::SegmentPublished { id, revision, at } => {
                self.edition += 1;
                publish(self.segments.get_mut(id), *revision, *at);
            }
            Event::JourneyPublished { id, revision, at } => {
                self.edition += 1;
                publish(self.journeys.get_mut(id), *revision, *at);
            }
            Event::IdentityPolicySet { policy, .. } => {
                self.edition += 1;
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

fn room(len: usize) -> Result<(), Refusal> {
    if len < ENTRIES_MAX {
        return Ok(());
    }
    Err(Refusal::new("too_many_definitions", format!("a tenant can define {ENTRIES_MAX} of them; remove one first")))
}

fn find<'a, K: Ord + std::fmt::Display>(
    entries: &'a BTreeMap<K, Entry>,
    id: &K,
    kind: &str,
) -> Result<&'a Entry, Refusal> {
    entries.get(id).ok_or_else(|| Refusal::new("not_found", format!("there is no {kind} {id}")))
}

fn unpublished(entry: &Entry) -> Result<u32, Refusal> {
    match entry.published {
        Some((revision, _)) if revision == entry.revision => {
            Err(Refusal::new("already_published", format!("revision {revision} is in force already; edit it first")))
        }
        _ => Ok(entry.revision),
    }
}

fn check_name(name: &str, body: &Value) -> Result<(), Refusal> {
    let place = |pointer: &str, code: &'static str, detail: String| Place {
        pointer: pointer.into(),
        code: code.into(),
        detail,
    };
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let detail = format!("a name has 1 to {NAME_CHARS_MAX} characters");
        return Err(Refusal::new("invalid_name", &*detail).at([place("/name", "invalid_name", detail.clone())]));
    }
    let bytes = body.to_string().len();
    if bytes > BODY_BYTES_MAX {
        return Err(Refusal::new("definition_too_large", format!("{bytes} bytes; at most {BODY_BYTES_MAX} are kept")));
    }
    Ok(())
}

fn check_segment(name: &str, condition: &Value) -> Result<(), Refusal> {
    check_name(name, condition)?;
    let parsed = roadbook_audience::accept(condition);
    parsed.map(|_| ()).map_err(|problems| invalid("invalid_condition", "/condition", "the condition", problems))
}

fn check_journey(name: &str, definition: &Value) -> Result<(), Refusal> {
    check_name(name, definition)?;
    let parsed = Revision::parse(definition);
    parsed.map(|_| ()).map_err(|problems| invalid("invalid_journey", "/definition", "the definition", problems))
}

/// Whether everything published still fits together once `event` is true.
fn check_edition(state: &Catalog, event: &Event) -> Result<(), Refusal> {
    let mut next = state.clone();
    next.evolve(event);
    published::compile(&next)
        .map(|_| ())
        .map_err(|problems| invalid("cannot_publish", "", "what is published", problems))
}

fn invalid(code: &'static str, prefix: &str, what: &str, problems: Vec<Problem>) -> Refusal {
    let first = problems.first().map_or(String::new(), |problem| format!(": {}", problem.detail));
    let places = problems.into_iter().map(|problem| Place {
        pointer: format!("{prefix}{}", problem.pointer),
        code: problem.code.into(),
        detail: problem.detail,
    });
    Refusal::new(code, format!("{what} cannot be used{first}")).at(places)
}
