//! What reaches an actor, and what becomes of it.

use roadbook_identity::IdentifierKey;
use roadbook_kernel::{CustomerId, MessageId, Moment, Refusal};

/// One message to one actor.
#[derive(Clone, Debug)]
pub struct Message<C> {
    /// Derived from tenant, source and the producer's id.
    pub id: MessageId,
    /// When we accepted it: stamped once, travels with it.
    pub accepted: Moment,
    /// When it happened, corrected for the producer's clock.
    pub occurred: Moment,
    /// Its place in its batch or file: the last but one tie-break.
    pub position: u32,
    /// The identifier it was routed by; `None` for deliveries by actor id.
    pub via: Option<IdentifierKey>,
    /// Whether it may found the actor it is delivered to.
    pub founding: bool,
    /// What it asks.
    pub command: C,
}

impl<C> Message<C> {
    /// Where it stands on the time line of a turn: what happened counts, but nothing counts as later than its own
    /// acceptance.
    pub fn time(&self) -> Moment {
        self.occurred.min(self.accepted)
    }

    /// The order in which messages of one turn are decided.
    pub fn order(&self) -> (Moment, Moment, u32, MessageId) {
        (self.time(), self.accepted, self.position, self.id)
    }
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Decided and durable.
    Applied {
        /// The customer it was applied to, where it was one.
        customer: Option<CustomerId>,
        /// The version its turn made.
        version: u64,
    },
    /// Decided before; nothing changed.
    Duplicate {
        /// The customer who knows it, where it was one.
        customer: Option<CustomerId>,
    },
    /// A business no, recorded.
    Refused(Refusal),
    /// It could not be applied because of a defect of ours: it waits in the dead letters.
    Defect,
    /// This actor does not own the identifier: resolve again.
    NotMine {
        /// Where to look, if this actor knows.
        forward: Option<CustomerId>,
        /// Whether a row of this id exists: a founding message must take the next ordinal.
        exists: bool,
    },
}
