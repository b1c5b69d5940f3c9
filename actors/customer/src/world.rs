//! What a customer's decision may look at besides the state.

use roadbook_catalog::Published;
use roadbook_identity::TenantKeys;
use roadbook_journey::{Run, Standing};
use roadbook_kernel::{CustomerId, JourneyId, MessageId, Moment, RunId, TenantId};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The world of one decision. Nothing in it is read during the decision: it was all loaded before.
pub struct World<'a> {
    /// Whose customer.
    pub tenant: TenantId,
    /// What the tenant has published, at one version; it holds every revision this customer's runs are pinned to.
    pub catalog: &'a Published,
    /// Derives run and send ids.
    pub keys: &'a TenantKeys,
    /// The message being decided; for a timer an id derived from the customer and the due instant.
    pub message: MessageId,
    /// When it happened: business rules use this.
    pub at: Moment,
    /// The latest instant this customer has reached, at or after `at`. Segments are judged here: at a late event's own
    /// time the newer occurrences would lie ahead and not count, and the customer would leave and enter for nothing.
    pub reached: Moment,
    /// Runs that began already, by journey and instant, when the past is decided again: they keep their ids, and with
    /// them the keys of what they sent.
    pub begun: Option<&'a Begun>,
}

/// See [`World::begun`]. Each id is given out once.
#[derive(Debug, Default)]
pub struct Begun(RefCell<BTreeMap<(JourneyId, Moment), Vec<Pinned>>>);

/// A run and the number of its revision.
type Pinned = (RunId, u32);

impl Begun {
    /// Notes a run that began, and under which revision.
    pub fn note(&mut self, run: &Run) {
        self.0.get_mut().entry((run.journey, run.entered_at)).or_default().push((run.id, run.revision));
    }

    fn take(&self, journey: JourneyId, at: Moment) -> Option<Pinned> {
        self.0.borrow_mut().get_mut(&(journey, at))?.pop()
    }
}

impl World<'_> {
    /// Whether runs of a journey may go on. In the past that is decided again a pause begins when it began: nothing is
    /// sent by deciding it.
    pub(crate) fn standing(&self, journey: JourneyId) -> Standing {
        match self.begun {
            None => self.catalog.standing(journey),
            Some(_) => self.catalog.standing_as_of(journey, self.at),
        }
    }

    /// The id of a run that begins now, and its revision: the newest, `number`, except where it begins again.
    pub(crate) fn run(&self, customer: CustomerId, journey: JourneyId, ordinal: u32, number: u32) -> Pinned {
        let begun = self.begun.and_then(|begun| begun.take(journey, self.at));
        begun.unwrap_or_else(|| (self.keys.run(customer, journey, self.at, self.message, ordinal), number))
    }
}
