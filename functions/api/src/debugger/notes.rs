//! What is noted of one event while it is taken.

use crate::ingest::Fate;
use roadbook_access::Authority;
use roadbook_customer::Observation;
use roadbook_kernel::{DeadLetterId, MessageId, Moment, Refusal};
use roadbook_runtime::Accepted;
use std::borrow::Cow;
use std::sync::Arc;

/// One event in its ring.
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) received: Moment,
    pub(super) from: Authority,
    pub(super) bytes: usize,
    pub(super) noted: Noted,
}

/// What an event was, and what became of it.
pub(crate) enum Noted {
    /// It was read, and delivered or queued.
    Read {
        /// Its id.
        message: MessageId,
        /// When it happened, by our clock.
        occurred: Moment,
        /// What it says.
        observation: Arc<Observation>,
        /// What became of it.
        fate: Fate,
    },
    /// It, or the whole request, could not be read.
    Refused(Refused),
}

/// Why something was not read.
pub(crate) struct Refused {
    /// The reason.
    pub(crate) reason: Refusal,
    /// Where it waits; `None` where the sender was told instead.
    pub(crate) letter: Option<DeadLetterId>,
}

impl Noted {
    /// The references to events that are about to be delivered, the last [`super::ring::EVENTS_MAX`] of them. What became
    /// of them is filled in by [`Noted::decided`].
    pub(crate) fn about(events: &[Accepted]) -> Vec<(MessageId, Moment, Arc<Observation>)> {
        let skipped = events.len().saturating_sub(super::ring::EVENTS_MAX);
        let about = |event: &Accepted| (event.id, event.occurred, event.observation.clone());
        events[skipped..].iter().map(about).collect()
    }

    /// Puts the fates to the events: of more fates than events, the last.
    pub(crate) fn decided(
        events: Vec<(MessageId, Moment, Arc<Observation>)>,
        fates: &[Fate],
    ) -> impl Iterator<Item = Noted> {
        let skipped = fates.len().saturating_sub(events.len());
        let read = |((message, occurred, observation), fate): (_, &Fate)| Noted::Read {
            message,
            occurred,
            observation,
            fate: fate.clone(),
        };
        events.into_iter().zip(&fates[skipped..]).map(read)
    }

    /// A request of which nothing was read.
    pub(crate) fn request(code: Cow<'static, str>, detail: String) -> Self {
        Noted::Refused(Refused { reason: Refusal { code, detail, places: Vec::new() }, letter: None })
    }
}
