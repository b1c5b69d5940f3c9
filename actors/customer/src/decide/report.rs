//! A sender says what became of a send.

use crate::command::SendReport;
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_kernel::Draft;

/// A report about a send this customer no longer remembers is still a fact: counters and History need it.
pub(super) fn decide(draft: &mut Draft<'_, Customer>, report: &SendReport, _world: &World<'_>) {
    draft.emit(Event::SendReported { key: report.key, outcome: report.outcome.clone(), at: report.at });
}
