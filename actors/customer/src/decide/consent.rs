//! The customer said yes or no to a purpose.

use crate::event::Event;
use crate::state::Customer;
use crate::world::World;
use roadbook_kernel::Draft;
use roadbook_tenancy::{Purpose, Standing, Verdict};

pub(super) fn decide(draft: &mut Draft<'_, Customer>, purpose: Purpose, verdict: Verdict, world: &World<'_>) {
    let standing = Standing { as_of: world.at, verdict };
    draft.emit(Event::ConsentNoted { purpose, standing, by: world.message });
}
