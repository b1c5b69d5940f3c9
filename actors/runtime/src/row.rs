//! One actor's row: an envelope of fixed fields, the state as JSON, the inbox.
//!
//! ```text
//! u8 codec | u8 flags | u16 schema | u64 edition | i64 last turn | i64 due | u32 n | n bytes of state | inbox
//! ```
//! Codec 0 is plain JSON: the embedded store compresses blocks of many rows itself, which beats compressing each row.
//! On DynamoDB, where each row is a write of its own, the whole row is packed by `infra/aws/src/codec.rs`.

use crate::inbox::Inbox;
use crate::ports::{Fault, Item};
use bytes::Bytes;
use roadbook_kernel::{ActorKey, Durable, Moment};

const CODEC_JSON: u8 = 0;
const FLAG_PARKED: u8 = 1;
const HEADER: usize = 1 + 1 + 2 + 8 + 8 + 8 + 4;
/// "No timer" in the envelope.
const NEVER: i64 = i64::MAX;

/// A decoded row.
#[derive(Clone, Debug)]
pub struct Row<D> {
    /// The version it was read at; 0 where there is none yet.
    pub version: u64,
    /// The state.
    pub state: D,
    /// What was decided before.
    pub inbox: Inbox,
    /// The catalog edition of the last turn.
    pub edition: u64,
    /// The business time of the last turn; `now` never goes back behind it.
    pub last_turn: Moment,
    /// The due instant in the index.
    pub due: Option<Moment>,
    /// A timer of this actor cannot be fired: it is out of the index until a message brings it back.
    pub parked: bool,
    /// Bytes of the state as last stored.
    pub state_bytes: usize,
}

impl<D: Durable> Row<D> {
    /// The row of an actor that does not exist yet.
    pub fn blank(state: D) -> Self {
        Self {
            version: 0,
            state,
            inbox: Inbox::default(),
            edition: 0,
            last_turn: Moment::MIN,
            due: None,
            parked: false,
            state_bytes: 0,
        }
    }

    /// Reads a stored row.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where the bytes are not a row of this kind of actor.
    pub fn read(key: &ActorKey, item: &Item) -> Result<Self, Fault> {
        Self::decode(item).ok_or_else(|| Fault::Corrupt(format!("the row of {key:?} at version {}", item.version)))
    }

    /// The same for who looks at every row there is: one that cannot be read is told to the log, and passed. It must not
    /// keep anybody from seeing those behind it; `roadbook doctor` finds it.
    pub fn legible(key: &ActorKey, item: &Item) -> Option<Self> {
        let row = Self::decode(item);
        if row.is_none() {
            tracing::error!(actor = ?key, version = item.version, "the row of an actor cannot be read; it is passed over");
        }
        row
    }

    fn decode(item: &Item) -> Option<Self> {
        let body = &item.body;
        let header = body.get(..HEADER)?;
        if header[0] != CODEC_JSON {
            return None;
        }
        let word = |at: usize| header[at..at + 8].try_into().map(i64::from_le_bytes).ok();
        let state_bytes = u32::from_le_bytes(header[28..32].try_into().ok()?) as usize;
        let state = body.get(HEADER..HEADER + state_bytes)?;
        let due = word(20)?;
        Some(Self {
            version: item.version,
            state: serde_json::from_slice(state).ok()?,
            inbox: Inbox::read(&body[HEADER + state_bytes..])?,
            edition: word(4)?.cast_unsigned(),
            last_turn: Moment::from_millis(word(12)?),
            due: (due != NEVER).then(|| Moment::from_millis(due)),
            parked: header[1] & FLAG_PARKED != 0,
            state_bytes,
        })
    }

    /// The stored form. Also notes how large the state has become.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where the state cannot be written as JSON: a defect.
    pub fn write(&mut self) -> Result<Bytes, Fault> {
        let mut out = Vec::with_capacity(HEADER + self.state_bytes + 512);
        out.push(CODEC_JSON);
        out.push(if self.parked { FLAG_PARKED } else { 0 });
        out.extend_from_slice(&1u16.to_le_bytes());
        out.extend_from_slice(&self.edition.to_le_bytes());
        out.extend_from_slice(&self.last_turn.millis().to_le_bytes());
        out.extend_from_slice(&self.due.map_or(NEVER, Moment::millis).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        serde_json::to_writer(&mut out, &self.state).map_err(|error| Fault::Corrupt(error.to_string()))?;
        self.state_bytes = out.len() - HEADER;
        let len = u32::try_from(self.state_bytes).map_err(|_| Fault::Corrupt("state over 4 GB".into()))?;
        out[28..32].copy_from_slice(&len.to_le_bytes());
        self.inbox.write(&mut out);
        Ok(out.into())
    }
}
