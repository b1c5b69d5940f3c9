//! A request body: the list of its events, still raw, so that one bad event cannot sink the others.

use crate::dto::Event;
use crate::inbound::{Item, Reading};
use crate::loose::Text;
use crate::{Outcome, time};
use roadbook_customer::Call;
use roadbook_identity::TenantKeys;
use roadbook_kernel::Moment;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::fmt;

/// Largest body in bytes, after decompression.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most events in one body.
pub const BATCH_EVENTS_MAX: usize = 2_500;

/// Why a whole body is not taken. Nothing of it was.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyError {
    /// Larger than [`BODY_BYTES_MAX`].
    #[error("the body has {bytes} bytes; at most {BODY_BYTES_MAX} are taken: send smaller batches")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("the body is not UTF-8 at byte {at}; JSON is sent as UTF-8 (and gzip with `Content-Encoding: gzip`)")]
    NotUtf8 {
        /// The first byte that is wrong.
        at: usize,
    },
    /// Not JSON.
    #[error("the body is not valid JSON: {what}")]
    Malformed {
        /// What is wrong, with line and column.
        what: String,
    },
    /// JSON of another shape.
    #[error("{what}")]
    Shape {
        /// What was expected.
        what: &'static str,
    },
    /// More than [`BATCH_EVENTS_MAX`] events.
    #[error("the batch has {events} events; at most {BATCH_EVENTS_MAX} are taken: send smaller batches")]
    TooManyEvents {
        /// How many it has.
        events: usize,
    },
}

impl BodyError {
    /// Stable code, part of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            BodyError::TooLarge { .. } => "body_too_large",
            BodyError::NotUtf8 { .. } => "malformed_utf8",
            BodyError::Malformed { .. } => "malformed_json",
            BodyError::Shape { .. } => "malformed_batch",
            BodyError::TooManyEvents { .. } => "too_many_events",
        }
    }

    /// The HTTP status it is answered with. None of these is worth a retry, and clients do not retry them.
    pub const fn status(&self) -> u16 {
        match self {
            BodyError::TooLarge { .. } | BodyError::TooManyEvents { .. } => 413,
            BodyError::NotUtf8 { .. } | BodyError::Malformed { .. } | BodyError::Shape { .. } => 400,
        }
    }
}

/// The events of one body, not yet looked into.
pub struct RawBatch<'a> {
    body: &'a str,
    items: Vec<Item<'a>>,
    /// What stands before the index in a pointer to an event; `None` for a single call.
    list: Option<&'static str>,
    call: Option<Call>,
    write_key: Option<String>,
    sent_at: Option<Moment>,
    trusted: bool,
}

impl fmt::Debug for RawBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBatch({} events)", self.items.len())
    }
}

/// Reads the body of `/v1/batch`: an object with `batch`, or the bare list that some SDKs send.
pub fn read_batch(body: &[u8]) -> Result<RawBatch<'_>, BodyError> {
    let body = text(body)?;
    let bare = body.trim_start().starts_with('[');
    let envelope = if bare {
        Envelope { batch: Some(serde_json::from_str(body).map_err(|error| json_error(&error))?), ..Envelope::default() }
    } else {
        serde_json::from_str::<Envelope>(body).map_err(|error| json_error(&error))?
    };
    let Some(events) = envelope.batch else {
        return Err(BodyError::Shape { what: "expected an object with `batch`, a list of events" });
    };
    if events.count > BATCH_EVENTS_MAX {
        return Err(BodyError::TooManyEvents { events: events.count });
    }
    Ok(RawBatch {
        body,
        items: events.raw.into_iter().map(|raw| Item { raw: raw.get(), parsed: None }).collect(),
        list: Some(if bare { "" } else { "/batch" }),
        call: None,
        write_key: envelope.write_key.into_string(),
        sent_at: envelope.sent_at.get().and_then(|text| time::read(text).ok()),
        trusted: false,
    })
}

/// Reads the body of a single call such as `/v1/track`. The path says which call it is, whatever `type` the body has.
pub fn read_single(call: Call, body: &[u8]) -> Result<RawBatch<'_>, BodyError> {
    let body = text(body)?.trim();
    if body.starts_with('[') {
        return Err(BodyError::Shape { what: "expected one event; a list of events goes to /v1/batch" });
    }
    let parsed = match serde_json::from_str::<Event>(body) {
        Ok(event) => Some(event),
        // A field of the wrong type is the event's flaw, not the body's: it is named when the event is read.
        Err(error) if error.classify() == Category::Data && body.starts_with('{') => None,
        Err(error) => return Err(json_error(&error)),
    };
    let write_key = match &parsed {
        Some(event) => event.write_key.clone().into_string(),
        None => serde_json::from_str::<KeyOnly>(body).ok().and_then(|body| body.write_key.into_string()),
    };
    let items = vec![Item { raw: body, parsed: parsed.map(Box::new) }];
    Ok(RawBatch { body, items, list: None, call: Some(call), write_key, sent_at: None, trusted: false })
}

impl RawBatch<'_> {
    /// The write key in the body, where a client puts it there.
    pub fn write_key(&self) -> Option<&str> {
        self.write_key.as_deref()
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none: a valid body that says nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Says that whoever sent it is a server of the tenant, not an app that anybody can imitate: only then can it attest
    /// that an identifier is somebody's.
    #[must_use]
    pub fn trusted(mut self, trusted: bool) -> Self {
        self.trusted = trusted;
        self
    }

    /// Reads every event on its own. `source` is the id of the write key that vouches for them, `received` the time of
    /// acceptance. The outcomes are in the order of the body.
    pub fn into_inbound(self, keys: &TenantKeys, source: &str, received: Moment) -> Vec<Outcome> {
        let reading = Reading {
            keys,
            source,
            received,
            body: self.body,
            list: self.list,
            call: self.call,
            batch_sent_at: self.sent_at,
            trusted: self.trusted,
        };
        self.items.into_iter().enumerate().map(|(index, item)| reading.read(index, item)).collect()
    }
}

fn text(body: &[u8]) -> Result<&str, BodyError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(BodyError::TooLarge { bytes: body.len() });
    }
    let body = std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8 { at: error.valid_up_to() })?;
    Ok(body.strip_prefix('\u{feff}').unwrap_or(body))
}

/// serde_json's sentence about wrong JSON names line and column; its sentence about a wrong type quotes the value,
/// which may be personal, and is not used.
fn json_error(error: &serde_json::Error) -> BodyError {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => BodyError::Malformed { what: error.to_string() },
        Category::Data => BodyError::Shape {
            what: "expected one JSON object: of a batch `batch` is a list of events, `writeKey` and `sentAt` are texts",
        },
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope<'a> {
    #[serde(borrow)]
    batch: Option<Events<'a>>,
    #[serde(borrow)]
    write_key: Text<'a>,
    #[serde(borrow)]
    sent_at: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KeyOnly<'a> {
    #[serde(borrow)]
    write_key: Text<'a>,
}

/// At most [`BATCH_EVENTS_MAX`] raw events; the rest are counted only, so a body of two million zeros takes no memory.
struct Events<'a> {
    raw: Vec<&'a RawValue>,
    count: usize,
}

struct EventsVisitor;

impl<'de> Visitor<'de> for EventsVisitor {
    type Value = Events<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Events<'de>, A::Error> {
        let mut raw = Vec::new();
        while raw.len() < BATCH_EVENTS_MAX {
            match list.next_element()? {
                Some(event) => raw.push(event),
                None => return Ok(Events { count: raw.len(), raw }),
            }
        }
        let mut count = raw.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Events { raw, count })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EventsVisitor)
    }
}
