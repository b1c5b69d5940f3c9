//! Two customers become one.

use crate::engine::{Engine, Tally};
use crate::gate::{Customers, elsewhere, live_end};
use crate::hosted::Admission;
use crate::message::Message;
use crate::mutants::mutant;
use crate::ports::Fault;
use roadbook_customer::{Command, Customer, Event};
use roadbook_identity::{IDENTIFIERS_MAX, RefusedLink, survivor};
use roadbook_kernel::{ActorKey, CustomerId, Refusal, SegmentId};
use std::sync::Arc;

/// Makes one customer of the current one and another. The survivor becomes the current row; the other becomes a
/// tombstone that keeps its last state. Claims stay where they are: their chains now end at the survivor.
pub(crate) fn merge(engine: &Engine, set: &mut Customers, other: ActorKey, message: &Message<Command>) {
    let (mine, theirs) = (set.current, other);
    let (Some(a), Some(b)) = (mine.as_customer(), theirs.as_customer()) else { return };
    let (winner, loser) = if survivor(a, b) == a { (mine, theirs) } else { (theirs, mine) };
    let Some(lost) = set.row(&loser) else { return };
    let (by, at) = (message.id, message.time());
    let (version, inbox, last_turn, edition) =
        (lost.row.version, lost.row.inbox.clone(), lost.row.last_turn, lost.row.edition);
    let state = Arc::new(lost.row.state.clone());
    let (loser_id, winner_id) = (state.id, CustomerId::from_u128(winner.id.0));
    if let Some(working) = set.row_mut(&loser) {
        working.emit(Event::MergedInto { survivor: winner_id, by, at });
        working.row.inbox.share();
    }
    if let Some(working) = set.row_mut(&winner) {
        let shared = shared_segments(&state, &working.row.state);
        working.emit(Event::Absorbed { loser: loser_id, version, state: Some(state), shared, by, at });
        if !mutant!(InboxNotUnited) {
            working.row.inbox.unite(&inbox);
        }
        working.row.last_turn = working.row.last_turn.max(last_turn);
        working.row.edition = working.row.edition.max(edition);
    }
    set.current = winner;
    set.merged = true;
    Tally::add(&engine.tally.merges, 1);
}

fn shared_segments(a: &Customer, b: &Customer) -> Vec<SegmentId> {
    let inside = |customer: &Customer, id: &SegmentId| customer.memberships.get(id).is_some_and(|one| one.inside);
    a.memberships.keys().filter(|id| inside(a, id) && inside(b, id)).copied().collect()
}

/// An operator says that two customers are one.
pub(crate) async fn merge_with(
    engine: &Engine,
    set: &mut Customers,
    message: &Message<Command>,
    other: CustomerId,
) -> Result<Admission, Fault> {
    if let Some(elsewhere) = elsewhere(engine, set).await? {
        return Ok(elsewhere);
    }
    let there = live_end(engine, set, other).await?;
    if there == set.current {
        return Ok(Admission::Admitted);
    }
    let Some(theirs) = set.row(&there).filter(|working| working.row.state.is_live()) else {
        return Ok(Admission::Refused(Refusal::new("no_such_customer", format!("there is no customer {other}"))));
    };
    let together = theirs.row.state.links.len() + set.now_on().row.state.links.len();
    if together > IDENTIFIERS_MAX {
        let detail = format!("together they have {together} identifiers; a customer can have {IDENTIFIERS_MAX}");
        return Ok(Admission::Refused(Refusal::new(RefusedLink::TooMany.code(), detail)));
    }
    merge(engine, set, there, message);
    Ok(Admission::Admitted)
}
