//! What a journey listens to: an event of the customer, or the customer's entering or leaving a segment.

use crate::fields::{Fields, as_text, below, complain, kind};
use roadbook_audience::{Condition, Filter, Problem};
use roadbook_kernel::SegmentId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A direction over the border of a segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The customer became a member.
    Enter,
    /// The customer ceased to be a member.
    Leave,
}

/// What a journey waits for.
#[derive(Clone, PartialEq, Debug)]
pub enum Trigger {
    /// An event of this name whose properties pass every filter.
    Event {
        /// The event's name, exactly.
        event: String,
        /// What its properties must pass.
        filters: Filters,
    },
    /// A crossing of a segment's border.
    Segment {
        /// Which segment.
        id: SegmentId,
        /// Which way.
        edge: Edge,
    },
}

/// Filters over event properties, in the condition language's own words; none passes everything.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filters(Vec<Filter>);

impl Filters {
    /// Whether the properties pass every filter.
    pub fn pass(&self, properties: &Map<String, Value>) -> bool {
        self.0.iter().all(|filter| filter.holds(properties))
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every event passes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Something that happened to the customer and that a passage may react to.
#[derive(Clone, Copy)]
pub enum Happening<'a> {
    /// An event was accepted.
    Event {
        /// Its name.
        name: &'a str,
        /// Its properties.
        properties: &'a Map<String, Value>,
    },
    /// A segment's border was crossed.
    Segment {
        /// Which segment.
        id: SegmentId,
        /// Which way.
        edge: Edge,
    },
}

impl std::fmt::Debug for Happening<'_> {
    /// Properties may be personal: only the name is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Happening::Event { name, .. } => write!(f, "event {name}"),
            Happening::Segment { id, edge } => write!(f, "{edge:?} {id}"),
        }
    }
}

impl Trigger {
    /// Whether this is what was waited for.
    pub fn matches(&self, happening: &Happening<'_>) -> bool {
        match (self, happening) {
            (Trigger::Event { event, filters }, Happening::Event { name, properties }) => {
                event == name && filters.pass(properties)
            }
            (Trigger::Segment { id, edge }, Happening::Segment { id: crossed, edge: way }) => {
                id == crossed && edge == way
            }
            (Trigger::Event { .. }, Happening::Segment { .. }) | (Trigger::Segment { .. }, Happening::Event { .. }) => {
                false
            }
        }
    }

    /// The event's name, where it is an event.
    pub fn event(&self) -> Option<&str> {
        match self {
            Trigger::Event { event, .. } => Some(event),
            Trigger::Segment { .. } => None,
        }
    }

    /// The segment, where it is one.
    pub fn segment(&self) -> Option<SegmentId> {
        match self {
            Trigger::Event { .. } => None,
            Trigger::Segment { id, .. } => Some(*id),
        }
    }
}

/// Reads `{"event":..,"where":[..]}` or `{"segment":..,"edge":..}`.
pub(crate) fn read(value: &Value, at: &str, problems: &mut Vec<Problem>) -> Option<Trigger> {
    let mut fields = Fields::open(value, at, problems)?;
    if fields.has("segment") && fields.has("event") {
        let detail = "an event and a segment are two triggers; keep one of `event` and `segment`";
        complain(problems, at, "ambiguous_trigger", detail);
        return None;
    }
    let trigger = if fields.has("segment") {
        read_segment(&mut fields, problems)
    } else if fields.has("event") {
        read_event(&mut fields, problems)
    } else {
        let detail = r#"say what to listen to: {"event":"..."} or {"segment":"seg_...","edge":"enter"}"#;
        complain(problems, at, "missing_field", detail);
        return None;
    };
    fields.close(problems);
    trigger
}

fn read_segment(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Trigger> {
    let text = fields.text("segment", problems);
    let edge = fields.choice("edge", &[("enter", Edge::Enter), ("leave", Edge::Leave)], problems);
    let id = text?.parse();
    if let Err(error) = &id {
        let error: &roadbook_kernel::IdError = error;
        complain(problems, &fields.at("segment"), "bad_id", error.to_string());
    }
    Some(Trigger::Segment { id: id.ok()?, edge: edge? })
}

/// Reads the fields `event` and `where` of any object that listens to an event.
///
/// The condition language parses both, as "it happened at least once": filters mean the same in a segment and in a
/// journey, today and after every change of that language.
pub(crate) fn read_event(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Trigger> {
    let event = fields.required("event", problems);
    let filters = fields.optional("where");
    let event = event?;
    let name = as_text(event, &fields.at("event"), problems)?;
    if name.is_empty() {
        complain(problems, &fields.at("event"), "empty_event", "name the event to listen to");
        return None;
    }
    let mut question = json!({"event": name, "count": {"op": "gte", "value": 1}});
    if let Some(filters) = filters {
        question["where"] = filters.clone();
    }
    match roadbook_audience::parse(&question) {
        Ok(Condition::EventCount(count)) => {
            Some(Trigger::Event { event: count.event, filters: Filters(count.filters) })
        }
        Ok(_) => {
            complain(problems, fields.place(), "wrong_type", "this is not an event with filters");
            None
        }
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| under(fields.place(), problem)));
            None
        }
    }
}

/// A condition's problem, seen from the definition around it.
pub(crate) fn under(at: &str, problem: Problem) -> Problem {
    Problem { pointer: format!("{at}{}", problem.pointer), ..problem }
}

/// Reads a list of triggers.
pub(crate) fn read_list(value: &Value, at: &str, max: usize, problems: &mut Vec<Problem>) -> Vec<Trigger> {
    let Value::Array(list) = value else {
        complain(problems, at, "wrong_type", format!("put a list of triggers here; this is {}", kind(value)));
        return Vec::new();
    };
    if list.len() > max {
        complain(problems, at, "too_many", format!("at most {max} triggers here; this has {}", list.len()));
        return Vec::new();
    }
    list.iter().enumerate().filter_map(|(i, item)| read(item, &below(at, &i.to_string()), problems)).collect()
}
