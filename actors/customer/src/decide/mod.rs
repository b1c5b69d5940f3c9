//! What a customer does with each command: one file per family.

mod backfill;
mod consent;
mod judge;
mod message;
mod observe;
mod pause;
mod reaction;
mod report;
mod retire;
mod stages;
mod tag;
mod timers;
mod walk;

use crate::command::Command;
use crate::effect::Effect;
use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use reaction::Reaction;
use roadbook_kernel::{Draft, Durable, Refusal};

impl Durable for Customer {
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type World<'a> = World<'a>;

    fn decide(draft: &mut Draft<'_, Self>, command: &Command, world: &World<'_>) -> Result<(), Refusal> {
        if !draft.state().is_live() {
            return Err(Refusal::new("no_such_customer", "there is no customer under this id"));
        }
        match command {
            Command::Observe(observation) => return observe::decide(draft, observation, world),
            Command::NoteConsent(word) => consent::decide(draft, word, world),
            // What there is to do was done when the two rows met: see the runtime's gate.
            Command::MergeWith { .. } | Command::Unmerge { .. } | Command::Unbind { .. } => {
                Reaction::new(draft, world).settle();
            }
            Command::ReportSend(report) => report::decide(draft, report, world),
            Command::SetTag { tag, value, expires_at, by } => {
                let said = tag::Said { tag, value: value.as_deref(), expires_at: *expires_at, by: *by };
                return tag::decide(draft, &said, world);
            }
            Command::Backfill { segment, found } => backfill::decide(draft, *segment, found, world),
            Command::Attend { journey } => pause::attend(draft, *journey, world),
            Command::Leave { segment } => retire::leave(draft, *segment, world),
        }
        Ok(())
    }

    fn evolve(&mut self, event: &Event) {
        self.apply(event);
    }
}

impl Customer {
    /// Fires everything that is due at `world.at`, and lets the rest of the customer react.
    pub fn fire(draft: &mut Draft<'_, Self>, world: &World<'_>) {
        timers::fire(draft, world);
    }

    /// After two customers became one: judges every segment anew, because counts, traits and tags came together.
    pub fn after_merge(draft: &mut Draft<'_, Self>, world: &World<'_>) {
        let mut reaction = Reaction::new(draft, world);
        reaction.touch_everything();
        reaction.settle();
    }

    /// The journey revisions this customer's runs are pinned to.
    pub fn pins(&self) -> impl Iterator<Item = (roadbook_kernel::JourneyId, u32)> + '_ {
        self.runs.values().map(|run| (run.journey, run.revision))
    }
}
