//! What the commit log keeps of a turn.
//!
//! ```text
//! u8 format | u16 n | n x 16 bytes of message id | u32 m | m bytes of front JSON | body JSON
//! ```
//! The relay reads the front only: the effects and what to add to counters. Most turns have neither, so most turns
//! are relayed without parsing anything. The body is for History: what was accepted and what became true.

use crate::ports::Fault;
use bytes::Bytes;
use roadbook_kernel::{MessageId, Moment};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const FORMAT: u8 = 1;

/// One cause and the facts that followed from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry<E> {
    /// What set it off.
    pub cause: Trigger,
    /// What became true, in order.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<E>,
}

/// What set a part of a turn off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A message.
    Message {
        /// Its id.
        id: MessageId,
        /// When it was accepted.
        accepted: Moment,
        /// When it happened.
        occurred: Moment,
        /// The code it was refused with; `defect` where it panicked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// Timers.
    Due {
        /// The instant.
        at: Moment,
    },
    /// A message to another actor changed this one too (a merge, a move).
    Beside {
        /// That message.
        id: MessageId,
    },
}

/// The body of a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Body<E> {
    /// The turn's `now`.
    pub now: Moment,
    /// The catalog edition it decided under.
    pub edition: u64,
    /// Causes in the order they were decided.
    pub entries: Vec<Entry<E>>,
}

/// What the relay carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Front<F> {
    /// Effects in order; an effect's id is actor/version/its index here.
    #[serde(default = "Vec::new")]
    pub effects: Vec<F>,
    /// Counter names with the amounts this turn adds.
    #[serde(default = "Vec::new")]
    pub adds: Vec<(String, i64)>,
}

/// Writes a record.
///
/// # Errors
/// [`Fault::Corrupt`] where a fact cannot be written as JSON: a defect.
pub fn write<E: Serialize, F: Serialize>(front: &Front<F>, body: &Body<E>) -> Result<Bytes, Fault> {
    let json = |error: serde_json::Error| Fault::Corrupt(error.to_string());
    let ids: Vec<MessageId> = body
        .entries
        .iter()
        .filter_map(|entry| match entry.cause {
            Trigger::Message { id, .. } => Some(id),
            Trigger::Due { .. } | Trigger::Beside { .. } => None,
        })
        .collect();
    let mut out = Vec::with_capacity(512);
    out.push(FORMAT);
    out.extend_from_slice(&u16::try_from(ids.len()).unwrap_or(u16::MAX).to_le_bytes());
    ids.iter().take(usize::from(u16::MAX)).for_each(|id| out.extend_from_slice(&id.as_u128().to_le_bytes()));
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    if !front.effects.is_empty() || !front.adds.is_empty() {
        serde_json::to_writer(&mut out, front).map_err(json)?;
    }
    let len = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
    serde_json::to_writer(&mut out, body).map_err(json)?;
    // The store keeps these very bytes in its write buffer: spare capacity there would be memory nobody counts.
    out.shrink_to_fit();
    Ok(out.into())
}

/// A record, read in parts.
pub struct Record<'a> {
    ids: &'a [u8],
    front: &'a [u8],
    body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Finds the parts.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where the bytes are not a record.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Fault> {
        Self::split(bytes).ok_or_else(|| Fault::Corrupt("a turn record".into()))
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(3)?;
        if head[0] != FORMAT {
            return None;
        }
        let (ids, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([head[1], head[2]])) * 16)?;
        let (len, rest) = rest.split_at_checked(4)?;
        let (front, body) = rest.split_at_checked(u32::from_le_bytes(len.try_into().ok()?) as usize)?;
        Some(Self { ids, front, body })
    }

    /// The messages this turn decided.
    pub fn messages(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.ids.chunks_exact(16).map(|id| MessageId::from_u128(u128::from_le_bytes(id.try_into().unwrap_or_default())))
    }

    /// What the relay carries; `None` where there is nothing.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where it cannot be read.
    pub fn front<F: DeserializeOwned>(&self) -> Result<Option<Front<F>>, Fault> {
        if self.front.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(self.front).map(Some).map_err(|error| Fault::unreadable("the front of a turn", &error))
    }

    /// What happened.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where it cannot be read.
    pub fn body<E: DeserializeOwned>(&self) -> Result<Body<E>, Fault> {
        serde_json::from_slice(self.body).map_err(|error| Fault::unreadable("the body of a turn", &error))
    }
}
