//! Undoes a merge: what happened to one customer since is decided again for two, as if they had never met.
//!
//! Each begins with the state they had when they met. Then everything that happened since goes, in its order, to the
//! one whose identifiers it carries, and is decided there like the first time: traits, counts, segments, journeys and
//! timers follow. Nothing is sent by it. What was sent in the time together keeps its outcome with whoever it belongs
//! to; what would have been sent to one of the two and was not, is recorded as too late.
//!
//! What no rule can give to one of them stays with the customer who stays, and is listed for somebody to look at. A
//! withdrawal that nobody can attribute counts for both.

mod again;

use crate::event::{Correction, Event, Undecided};
use crate::sends::{SendRecord, SendStatus};
use crate::state::{Customer, Life};
use crate::world::{Begun, World};
use again::Again;
use roadbook_identity::IdentifierKey;
use roadbook_journey::RunEvent;
use roadbook_kernel::{CustomerId, JourneyId, MessageId, Moment, ReviewId, SegmentId, SendKey};
use roadbook_tenancy::SuppressReason;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One cause in the time together, with the facts that followed from it then.
#[derive(Clone, Debug)]
pub struct Happened {
    /// The message; `None` for timers.
    pub message: Option<MessageId>,
    /// When it happened, as it counts.
    pub at: Moment,
    /// The latest instant the customer had reached.
    pub reached: Moment,
    /// The facts.
    pub facts: Vec<Event>,
}

/// What deciding the past again needs.
pub trait Past {
    /// The world of a message, or of a timer of `customer` where there is none.
    fn world<'a>(
        &'a self,
        customer: CustomerId,
        message: Option<MessageId>,
        at: Moment,
        reached: Moment,
        begun: &'a Begun,
    ) -> World<'a>;

    /// The last state of a customer that was merged away.
    fn tombstone(&self, id: CustomerId) -> Option<Arc<Customer>>;

    /// Whether the one who comes back had decided a message before the two met.
    fn was_theirs(&self, message: u64) -> bool;

    /// The id of an entry of the review list.
    fn review(&self, message: MessageId) -> ReviewId;
}

/// Two customers again.
#[derive(Debug)]
pub struct Parting {
    /// The one whose id stayed.
    pub stays: Customer,
    /// The one who comes back.
    pub returns: Customer,
    /// The identifiers of the one who comes back, as they were when the two met.
    pub theirs: BTreeSet<IdentifierKey>,
    /// What happened to the one who comes back, as decided for them alone.
    pub returned: Vec<Returned>,
    /// Messages that went to the one who comes back.
    pub gone: Vec<MessageId>,
    /// Ids that were merged since, and lead to the one who comes back now.
    pub followed: Vec<CustomerId>,
    /// What nobody can tell.
    pub review: Vec<Undecided>,
    /// What the read models must be told.
    pub corrections: Vec<Correction>,
}

/// One cause as decided for the one who comes back.
#[derive(Debug)]
pub struct Returned {
    /// Its place in the past; `None` for timers.
    pub of: Option<usize>,
    /// When.
    pub at: Moment,
    /// What followed.
    pub facts: Vec<Event>,
}

/// Parts them. `together` is the customer as it is; `stays` and `returns` are the two as they were when they met;
/// `past` is everything since, in order; the turn is at `now`.
pub fn part(
    together: &Customer,
    mut stays: Customer,
    mut returns: Customer,
    past: &[Happened],
    world: &dyn Past,
    now: Moment,
) -> Parting {
    if let Life::Merged { founded, .. } = returns.life {
        returns.life = Life::Live(founded);
    }
    // No fact tells what a newer version wrote: who stays keeps it, who comes back has it in the tombstone.
    stays.later.clone_from(&together.later);
    let mut begun = Begun::default();
    let mut asked = BTreeSet::new();
    past.iter().flat_map(|one| &one.facts).for_each(|fact| note_past(fact, &mut begun, &mut asked));
    asked.extend(stays.sends.iter().chain(&returns.sends).filter(|record| has_left(record)).map(|record| record.key));
    let theirs: BTreeSet<IdentifierKey> = returns.links.iter().map(|link| link.identifier.key()).collect();
    let reached = past.first().map_or(Moment::MIN, |first| first.reached);
    let mut again = Again::new(world, &begun, stays, returns, reached);
    for (index, happened) in past.iter().enumerate() {
        again.happen(happened);
        again.close(Some(index), happened.at);
    }
    again.fire_both(now.plus_ms(1));
    again.judge_all(now);
    again.keep_what_left(past);
    let Again { state: [mut stays, mut returns], returned, gone, followed, review, .. } = again;
    for customer in [&mut stays, &mut returns] {
        too_late(customer, &asked);
    }
    stays.parted.insert(returns.id, now);
    returns.parted.insert(stays.id, now);
    let corrections = corrections(together, &stays, &returns);
    Parting { stays, returns, theirs, returned, gone, followed, review, corrections }
}

fn note_past(fact: &Event, begun: &mut Begun, asked: &mut BTreeSet<SendKey>) {
    if let Event::Journey { step: RunEvent::Entered { run }, .. } = fact {
        begun.note(run);
    }
    if let Event::Messaged { record } = fact
        && has_left(record)
    {
        asked.insert(record.key);
    }
}

/// Whether a send was handed to the relay. One that a word of the other suppressed never was, and deciding again must
/// not leave it looking as if it were on its way.
fn has_left(record: &SendRecord) -> bool {
    match record.status {
        SendStatus::Suppressed { .. } => false,
        SendStatus::Intended | SendStatus::Reported { .. } => true,
    }
}

/// What was intended only in looking back was never sent, and is too late now.
fn too_late(customer: &mut Customer, asked: &BTreeSet<SendKey>) {
    for record in customer.sends.iter_mut().filter(|record| !asked.contains(&record.key)) {
        if record.status == SendStatus::Intended {
            record.status = SendStatus::Suppressed { reason: SuppressReason::Unmerged };
        }
    }
}

fn corrections(together: &Customer, stays: &Customer, returns: &Customer) -> Vec<Correction> {
    let mut members = BTreeMap::<SegmentId, i64>::new();
    let mut here = BTreeMap::<(JourneyId, String), i64>::new();
    let mut held = BTreeMap::<(JourneyId, String), i64>::new();
    for (customer, sign) in [(together, -1), (stays, 1), (returns, 1)] {
        for (segment, membership) in &customer.memberships {
            *members.entry(*segment).or_default() += if membership.inside { sign } else { 0 };
        }
        for run in customer.runs.values() {
            *here.entry((run.journey, run.node.clone())).or_default() += sign;
            *held.entry((run.journey, run.node.clone())).or_default() += if run.held.is_some() { sign } else { 0 };
        }
    }
    let members = members.into_iter().filter(|(_, by)| *by != 0).map(|(id, by)| Correction::Members(id, by));
    let here = here.into_iter().filter(|(_, by)| *by != 0);
    let here = here.map(|((journey, node), by)| Correction::Here(journey, node, by));
    let held = held.into_iter().filter(|(_, by)| *by != 0);
    let held = held.map(|((journey, node), by)| Correction::Held(journey, node, by));
    members.chain(here).chain(held).collect()
}
