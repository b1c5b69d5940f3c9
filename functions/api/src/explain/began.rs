//! How a passage through a journey began: told by the cause that began it.

use super::Because;
use super::texts::{Said, Text, minute, say};
use crate::past;
use roadbook_customer::Event;
use roadbook_journey::RunEvent;
use roadbook_kernel::{MessageId, Moment, RunId};
use roadbook_runtime::record::Entry;

/// What let somebody in.
pub(super) struct Began {
    at: Moment,
    /// The event that set it off, be it the entry itself or what moved a segment's border; `None` where time did.
    event: Option<String>,
    message: Option<MessageId>,
}

/// Whether a cause began this passage.
pub(super) fn find(entry: &Entry<Event>, wanted: RunId) -> Option<Began> {
    let entered = entry.facts.iter().find_map(|fact| {
        let Event::Journey { step: RunEvent::Entered { run }, .. } = fact else { return None };
        (run.id == wanted).then_some(run)
    })?;
    let observed = entry.facts.iter().find_map(|fact| {
        let Event::Observed { observation, .. } = fact else { return None };
        Some(observation)
    });
    let event = observed.map(|one| one.name.clone());
    Some(Began { at: entered.entered_at, event, message: past::message(&entry.cause) })
}

/// The beginning as a reason.
pub(super) fn because(began: Option<&Began>) -> Because {
    let Some(Began { at, event, message }) = began else {
        return Because::told("entry", say(Text::BeganLongAgo, &[]));
    };
    let said = match event {
        Some(event) => say(Text::BeganWithEvent, &[("event", Said::same(event)), ("at", minute(*at))]),
        None => say(Text::BeganWithSegment, &[("at", minute(*at))]),
    };
    Because { events: message.iter().copied().collect(), ..Because::told("entry", said) }
}
