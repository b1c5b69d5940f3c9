//! Dead letters (死信): messages that could not be applied, kept whole with their reason until somebody replays them.

use crate::ports::{Expect, Fault, Item, ItemKey, Put};
use roadbook_kernel::{DeadLetterId, Hash128, MessageId, Moment, Personal, Refusal, TenantId, sortable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a letter stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterStatus {
    /// Waits for somebody.
    Open,
    /// Somebody has said what it should have been; it waits to be sent again.
    Corrected,
    /// Was sent again as a new message.
    Replayed,
}

/// How its message can be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterKind {
    /// The body is an event as a client sent it: it goes through the front door again.
    Wire,
    /// The body is an accepted command: it goes to the actor again.
    Command,
}

/// What a message should have been, as somebody has said who looked at it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Correction {
    /// The event, in the form clients send it.
    pub body: Personal<Value>,
    /// The key or the person it came from.
    pub by: String,
    /// When.
    pub at: Moment,
}

/// One dead letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// Sorts by the time it was written.
    pub id: DeadLetterId,
    /// Whose.
    pub tenant: TenantId,
    /// The message that could not be applied.
    pub message: MessageId,
    /// How to read the body.
    pub kind: LetterKind,
    /// The write key or path it came by.
    pub source: String,
    /// When it was accepted.
    pub accepted: Moment,
    /// When it happened.
    pub occurred: Moment,
    /// Why, and where.
    pub reason: Refusal,
    /// The message itself.
    pub body: Personal<Value>,
    /// Times it was replayed.
    pub replays: u32,
    /// Where it stands.
    pub status: LetterStatus,
    /// Whether a replay was applied: from then on another replay is the same one again.
    #[serde(default)]
    pub applied: bool,
    /// What a replay sends instead of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
    /// Its line, where it came in a file; counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The letter whose refused replay this one is. Both are the same event, so what settles one settles the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<DeadLetterId>,
}

/// What a letter is made from.
pub struct Undelivered {
    /// Whose.
    pub tenant: TenantId,
    /// The message.
    pub message: MessageId,
    /// How to read the body.
    pub kind: LetterKind,
    /// The write key or path it came by.
    pub source: String,
    /// When it was accepted.
    pub accepted: Moment,
    /// When it happened.
    pub occurred: Moment,
    /// Why, and where.
    pub reason: Refusal,
    /// The message itself.
    pub body: Value,
}

impl Letter {
    /// A new letter. Its id follows from the message, so the same failure makes the same letter.
    pub fn new(from: Undelivered) -> Self {
        let id = DeadLetterId::from_u128(sortable(from.accepted, Hash128(from.message.as_u128())));
        Self {
            id,
            tenant: from.tenant,
            message: from.message,
            kind: from.kind,
            source: from.source,
            accepted: from.accepted,
            occurred: from.occurred,
            reason: from.reason,
            body: Personal::new(from.body),
            replays: 0,
            status: LetterStatus::Open,
            applied: false,
            correction: None,
            line: None,
            origin: None,
        }
    }

    /// The same letter of a message that came in a file, at this line.
    pub fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// The letter and the mark that its message has one.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where it cannot be written as JSON: a defect.
    pub fn puts(&self) -> Result<[Put; 2], Fault> {
        let item = Item { version: 1, body: self.bytes()? };
        let mark = Item { version: 1, body: bytes::Bytes::copy_from_slice(&self.id.as_u128().to_be_bytes()) };
        Ok([
            Put { key: ItemKey::letter(self.tenant, self.id), expect: Expect::Anything, item: Some(item) },
            Put { key: ItemKey::letter_of(self.tenant, self.message), expect: Expect::Anything, item: Some(mark) },
        ])
    }

    /// The letter that a mark leads to: see [`ItemKey::letter_of`].
    pub fn marked(mark: &Item) -> Option<DeadLetterId> {
        Some(DeadLetterId::from_u128(u128::from_be_bytes(mark.body.as_ref().try_into().ok()?)))
    }

    /// The stored form.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where it cannot be written as JSON: a defect.
    pub fn bytes(&self) -> Result<bytes::Bytes, Fault> {
        serde_json::to_vec(self).map(Into::into).map_err(|error| Fault::Corrupt(error.to_string()))
    }

    /// Reads a stored letter.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where it is not one.
    pub fn read(item: &Item) -> Result<Self, Fault> {
        serde_json::from_slice(&item.body).map_err(|error| Fault::unreadable("a dead letter", &error))
    }
}
