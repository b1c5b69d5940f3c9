//! What the engine must know of an actor kind besides its laws.

use crate::engine::Engine;
use crate::message::Message;
use crate::ports::{Fault, Put};
use crate::working::WorkingSet;
use async_trait::async_trait;
use roadbook_customer::Topics;
use roadbook_kernel::{ActorKey, Draft, Durable, Moment, Refusal};
use serde_json::Value;

/// The gate's word on a message.
pub enum Admission {
    /// Decide it, on the set's current row.
    Admitted,
    /// Another row it was meant for knows it already.
    Duplicate,
    /// Not this actor's: see [`crate::Outcome::NotMine`].
    NotMine {
        /// Where to look, if known.
        forward: Option<ActorKey>,
        /// Whether a row of this id exists.
        exists: bool,
    },
    /// A business no.
    Refused(Refusal),
}

/// An actor kind the engine can host.
#[async_trait]
pub trait Hosted: Durable {
    /// What its decisions may read, loaded once per turn.
    type Scene: Send + Sync;

    /// The state before anything is known.
    fn blank(key: &ActorKey) -> Self;

    /// The earliest instant at which something happens by itself.
    fn next_due(&self) -> Option<Moment>;

    /// The law of its kind that a state breaks, if it breaks one: see `laws.rs`.
    fn broken_law(&self) -> Option<&'static str> {
        None
    }

    /// The most bytes of state that ordinary growth may reach.
    fn state_bytes_max(engine: &Engine) -> usize;

    /// The most messages one turn may fold.
    fn turn_messages_max(engine: &Engine) -> usize {
        engine.limits.turn_messages_max
    }

    /// Loads the scene, no older than `edition`.
    async fn scene(engine: &Engine, key: &ActorKey, edition: u64) -> Result<Self::Scene, Fault>;

    /// The edition of a scene.
    fn edition(scene: &Self::Scene) -> u64;

    /// Before a message is decided: identity. May change several rows of the set.
    async fn admit(
        engine: &Engine,
        scene: &mut Self::Scene,
        set: &mut WorkingSet<Self>,
        message: &Message<Self::Command>,
        now: Moment,
    ) -> Result<Admission, Fault>;

    /// Loads what the current row's decisions need (pinned revisions).
    async fn prepare(engine: &Engine, scene: &mut Self::Scene, set: &WorkingSet<Self>) -> Result<(), Fault>;

    /// Decides a message on a draft of the current row: it happened at `at`, the turn is at `now`. `merged` says that
    /// two rows just became this one.
    fn decide_message(
        scene: &Self::Scene,
        draft: &mut Draft<'_, Self>,
        key: &ActorKey,
        message: &Message<Self::Command>,
        at: Moment,
        now: Moment,
        merged: bool,
    ) -> Result<(), Refusal>;

    /// Under which ids a message of this actor may have been decided before: its own, those merged into it, and those
    /// it was one with for a time.
    fn former(key: &ActorKey, state: &Self) -> Vec<ActorKey>;

    /// Fires what is due at `at`, for an actor that has reached `reached` already.
    fn fire(
        engine: &Engine,
        scene: &Self::Scene,
        draft: &mut Draft<'_, Self>,
        key: &ActorKey,
        at: Moment,
        reached: Moment,
    );

    /// Bytes of a message, and those of them that make the state grow. An estimate: what decides is the order of size.
    fn bytes(command: &Self::Command) -> (usize, usize);

    /// What goes into the dead letters when this message is refused or panics; `None` where the sender is told.
    fn letter(command: &Self::Command) -> Option<Value>;

    /// Counter amounts that follow from a turn's facts: `runtime/projections`.
    fn count(event: &Self::Event, adds: &mut Vec<(String, i64)>);

    /// What a fact says to endpoints that asked for `topics`, as an effect of its turn; `state` is the actor after it.
    fn announce(state: &Self, event: &Self::Event, topics: Topics) -> Option<Self::Effect>;

    /// Immutable items that go with a turn.
    fn documents(key: &ActorKey, state: &Self, facts: &[&Self::Event]) -> Vec<Put>;
}
