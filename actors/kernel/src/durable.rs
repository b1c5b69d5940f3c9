//! The shape of every actor: state, and two pure functions over it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt;

/// A business "no": a stable snake_case code and a sentence for the person who reads it. It is final for this
/// message: it is never retried, and it changes nothing.
///
/// A refusal is stored and shown: never put personal data into it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, serde::Deserialize)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// Stable code, part of the API.
    pub code: Cow<'static, str>,
    /// What happened and what to do next.
    pub detail: String,
    /// The places in the command that are wrong, where single places are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// One wrong place in a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, serde::Deserialize)]
pub struct Place {
    /// JSON pointer into the command's body.
    pub pointer: String,
    /// Stable code.
    pub code: Cow<'static, str>,
    /// What is wrong there and what to do.
    pub detail: String,
}

impl Refusal {
    /// A refusal of the whole command.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into(), places: Vec::new() }
    }

    /// The same refusal, naming places.
    pub fn at(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        self.places.extend(places);
        self
    }
}

/// An actor's state and its laws. Both functions are pure, total and deterministic: the same state, command and
/// world give the same events and effects on every host and in every replay.
pub trait Durable: Clone + Serialize + DeserializeOwned + Send + 'static {
    /// What it is asked.
    type Command: Send + Sync;
    /// What became true. The only thing that changes state.
    type Event: Clone + fmt::Debug + Serialize + DeserializeOwned + Send;
    /// What must happen outside, after the commit.
    type Effect: Clone + fmt::Debug + Serialize + DeserializeOwned + Send;
    /// What a decision may look at besides the state: the catalog, `now`, the message's own times.
    type World<'a>;

    /// Decides one command. Writes events and effects into the draft, or refuses. A refusal must come before the
    /// first event: the engine drops whatever a refused or panicking message wrote.
    fn decide(draft: &mut Draft<'_, Self>, command: &Self::Command, world: &Self::World<'_>) -> Result<(), Refusal>
    where
        Self: Sized;

    /// Applies one event. Never fails and never looks outside.
    fn evolve(&mut self, event: &Self::Event);
}

/// The turn's working copy of a state. Reading is free; the only way to change it is an event, so what is recorded
/// and what is true cannot differ.
pub struct Draft<'a, D: Durable> {
    state: &'a mut D,
    events: &'a mut Vec<D::Event>,
    effects: &'a mut Vec<D::Effect>,
}

impl<'a, D: Durable> Draft<'a, D> {
    /// A draft over a state and the turn's growing record.
    pub fn new(state: &'a mut D, events: &'a mut Vec<D::Event>, effects: &'a mut Vec<D::Effect>) -> Self {
        Self { state, events, effects }
    }

    /// The state as the events so far have left it.
    pub fn state(&self) -> &D {
        self.state
    }

    /// Records a fact and applies it.
    pub fn emit(&mut self, event: D::Event) {
        self.state.evolve(&event);
        self.events.push(event);
    }

    /// Records something that must happen outside once this turn is committed.
    pub fn intend(&mut self, effect: D::Effect) {
        self.effects.push(effect);
    }
}
