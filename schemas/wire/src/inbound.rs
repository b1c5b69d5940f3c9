//! One event to one observation.

use crate::dto::Event;
use crate::identifiers::{Collected, collect};
use crate::rejected::{Flaw, step};
use crate::{Dropped, Outcome, diagnose, evidence, time, traits};
use roadbook_customer::{Call, Observation};
use roadbook_identity::TenantKeys;
use roadbook_kernel::{MessageId, Moment, Personal};
use serde_json::{Map, Value};

/// Largest event in bytes, as Segment has it.
pub const EVENT_BYTES_MAX: usize = 32 * 1024;
/// Most properties of one event, and most traits.
pub const PROPERTIES_MAX: usize = 500;
/// Longest event name, trait name and message id in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// An event that is ready to be delivered.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Its id: the same event sent again has the same one.
    pub message: MessageId,
    /// What the producer calls it, where it does. Without a name a repeated send is a new event.
    pub producer_id: Option<String>,
    /// When it happened, by our clock: what the producer says, plus what its clock was behind ours when it sent the
    /// event. It may lie in the future; the engine then counts it as happening when it was accepted.
    pub occurred_at: Moment,
    /// What it says, and about whom.
    pub observation: Observation,
    /// Identifiers it carried that are not taken, with the reason. Others were left.
    pub dropped: Vec<Dropped>,
}

/// One event of a body: its text, and its parsed form where that was needed early.
pub(crate) struct Item<'a> {
    pub(crate) raw: &'a str,
    pub(crate) parsed: Option<Box<Event<'a>>>,
}

/// What the events of one body are read with.
pub(crate) struct Reading<'a> {
    pub(crate) keys: &'a TenantKeys,
    pub(crate) source: &'a str,
    pub(crate) received: Moment,
    pub(crate) body: &'a str,
    pub(crate) list: Option<&'static str>,
    pub(crate) call: Option<Call>,
    pub(crate) batch_sent_at: Option<Moment>,
    pub(crate) trusted: bool,
}

impl Reading<'_> {
    pub(crate) fn read(&self, index: usize, item: Item<'_>) -> Outcome {
        let raw = item.raw;
        self.event(index, item).map_err(|flaw| {
            let at = self.list.map_or_else(String::new, |list| format!("{list}/{index}"));
            (flaw.rejected(&at, index), as_it_came(raw))
        })
    }

    fn event(&self, index: usize, item: Item<'_>) -> Result<Inbound, Flaw> {
        if item.raw.len() > EVENT_BYTES_MAX {
            let detail = format!("the event has {} bytes; at most {EVENT_BYTES_MAX} are taken", item.raw.len());
            return Err(Flaw::new("event_too_large", "", detail));
        }
        if !item.raw.starts_with('{') {
            return Err(Flaw::new("event_not_an_object", "", "expected a JSON object"));
        }
        let event = match item.parsed {
            Some(event) => *event,
            None => serde_json::from_str(item.raw).map_err(|error| diagnose::flaw(self.body, item.raw, &error))?,
        };
        let call = match self.call {
            Some(call) => call,
            None => call(&event)?,
        };
        let name = name(call, &event)?;
        let occurred_at = self.occurred_at(&event)?;
        let producer_id = producer_id(&event)?;
        let message = match &producer_id {
            Some(id) => self.keys.message(self.source, id),
            None => self.nameless(index, item.raw),
        };
        let Collected { identifiers, dropped } = collect(self.keys, call, &event)?;
        let evidence = evidence::read(&event, self.trusted)?;
        let (trait_ops, properties) = traits::split(call, event)?;
        let properties = Personal::new(properties);
        let observation = Observation { call, name, identifiers, evidence, traits: trait_ops, properties };
        Ok(Inbound { message, producer_id, occurred_at, observation, dropped })
    }

    /// The producer's time, corrected by what its clock was off when it sent the event. An unreadable `sentAt` corrects
    /// nothing; an unreadable time of the event itself is an error, because the event would land on a wrong day.
    fn occurred_at(&self, event: &Event<'_>) -> Result<Moment, Flaw> {
        let (text, pointer) = match (event.timestamp.get(), event.original_timestamp.get()) {
            (Some(text), _) => (text, "/timestamp"),
            (None, Some(text)) => (text, "/originalTimestamp"),
            (None, None) => return Ok(self.received),
        };
        let said = time::read(text).map_err(|error| Flaw::new("malformed_timestamp", pointer, error.to_string()))?;
        let own = event.sent_at.get().and_then(|text| time::read(text).ok());
        Ok(match own.or(self.batch_sent_at) {
            Some(sent_at) => said.plus_ms(self.received.since_ms(sent_at)),
            None => said,
        })
    }

    /// The id of an event that its producer did not name. Two equal events of one body are two.
    fn nameless(&self, index: usize, raw: &str) -> MessageId {
        let parts: [&[u8]; 5] = [
            b"nameless message",
            self.source.as_bytes(),
            raw.as_bytes(),
            &self.received.millis().to_be_bytes(),
            &(index as u64).to_be_bytes(),
        ];
        MessageId::from_u128(self.keys.derived(&parts).0)
    }
}

/// The event for the dead letters. What cannot be kept as JSON (too deep, a broken surrogate) or is too large is kept
/// as text, cut to [`EVENT_BYTES_MAX`].
fn as_it_came(raw: &str) -> Value {
    let cut = || {
        let end = (0..=raw.len().min(EVENT_BYTES_MAX)).rev().find(|end| raw.is_char_boundary(*end));
        Value::String(raw[..end.unwrap_or_default()].to_owned())
    };
    if raw.len() > EVENT_BYTES_MAX { cut() } else { serde_json::from_str(raw).unwrap_or_else(|_| cut()) }
}

fn call(event: &Event<'_>) -> Result<Call, Flaw> {
    match event.kind.get() {
        Some("track") => Ok(Call::Track),
        Some("identify") => Ok(Call::Identify),
        Some("page") => Ok(Call::Page),
        Some("screen") => Ok(Call::Screen),
        Some("group") => Ok(Call::Group),
        Some("alias") => Ok(Call::Alias),
        Some(_) => Err(Flaw::new("unknown_type", "/type", KNOWN_TYPES)),
        None => Err(Flaw::new("type_missing", "/type", KNOWN_TYPES)),
    }
}

const KNOWN_TYPES: &str = "expected track, identify, page, screen, group or alias";

fn name(call: Call, event: &Event<'_>) -> Result<String, Flaw> {
    let name = match call {
        Call::Identify => "identify",
        Call::Page => "page",
        Call::Screen => "screen",
        Call::Group => "group",
        Call::Alias => "alias",
        Call::Track => {
            let missing =
                || Flaw::new("event_name_missing", "/event", "a track needs `event`, the name of what happened");
            event.event.get().ok_or_else(missing)?
        }
    };
    if name.len() > NAME_BYTES_MAX {
        return Err(Flaw::new("name_too_long", "/event", format!("at most {NAME_BYTES_MAX} bytes are taken")));
    }
    Ok(name.to_owned())
}

fn producer_id(event: &Event<'_>) -> Result<Option<String>, Flaw> {
    match event.message_id.get() {
        Some(id) if id.len() > NAME_BYTES_MAX => {
            let detail = format!("a messageId has at most {NAME_BYTES_MAX} bytes");
            Err(Flaw::new("message_id_too_long", "/messageId", detail))
        }
        id => Ok(id.map(str::to_owned)),
    }
}

/// Refuses maps that no profile or property filter could be meant for.
pub(crate) fn check_size<'k>(pointer: &str, len: usize, keys: impl Iterator<Item = &'k String>) -> Result<(), Flaw> {
    if len > PROPERTIES_MAX {
        let detail = format!("it has {len} entries; at most {PROPERTIES_MAX} are taken");
        return Err(Flaw::new("too_many_properties", pointer, detail));
    }
    for key in keys {
        if key.is_empty() || key.len() > NAME_BYTES_MAX {
            let short: String = key.chars().take(40).collect();
            let detail = format!("a name has 1 to {NAME_BYTES_MAX} bytes");
            return Err(Flaw::new("name_too_long", format!("{pointer}/{}", step(&short)), detail));
        }
    }
    Ok(())
}

/// The properties of an event: its own, and those that its call has fields for. Its own win.
pub(crate) fn properties(own: Option<Map<String, Value>>) -> Result<Map<String, Value>, Flaw> {
    let own = own.unwrap_or_default();
    check_size("/properties", own.len(), own.keys())?;
    Ok(own)
}
