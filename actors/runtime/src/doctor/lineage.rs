//! Who an id is now: the walk along tombstones, which says how it ends where it does not end well.

use crate::engine::Engine;
use crate::ports::{Fault, ItemKey};
use crate::row::Row;
use roadbook_customer::{Customer, Life};
use roadbook_kernel::{ActorKey, CustomerId, TenantId};

/// More tombstones than the engine itself follows.
const CHAIN_MAX: u32 = 64;

/// Where a chain ends.
pub(crate) enum End {
    /// At a live customer.
    Live(Box<Row<Customer>>),
    /// At an id without a row, or with one that was never born.
    Nobody(CustomerId),
    /// At a row that cannot be read.
    Unreadable(CustomerId),
    /// Nowhere: it comes back to itself or is longer than any chain may be.
    Endless,
}

impl End {
    /// The live customer.
    pub(crate) fn live(&self) -> Option<CustomerId> {
        match self {
            End::Live(row) => Some(row.state.id),
            End::Nobody(_) | End::Unreadable(_) | End::Endless => None,
        }
    }

    /// For a sentence that begins "it leads to".
    pub(crate) fn told(&self) -> String {
        match self {
            End::Live(row) => row.state.id.to_string(),
            End::Nobody(id) => format!("{id}, who does not exist"),
            End::Unreadable(id) => format!("{id}, whose row cannot be read"),
            End::Endless => "a chain of tombstones that does not end".to_owned(),
        }
    }
}

/// Follows the tombstones from an id.
pub(crate) async fn end_of(engine: &Engine, tenant: TenantId, from: CustomerId) -> Result<End, Fault> {
    let mut id = from;
    for _ in 0..CHAIN_MAX {
        let actor = ActorKey::customer(tenant, id);
        let Some(item) = engine.store.load(&ItemKey::actor(&actor)).await? else { return Ok(End::Nobody(id)) };
        let Ok(row) = Row::<Customer>::read(&actor, &item) else { return Ok(End::Unreadable(id)) };
        match row.state.life {
            Life::Live(_) => return Ok(End::Live(Box::new(row))),
            Life::Unborn => return Ok(End::Nobody(id)),
            Life::Merged { into, .. } => id = into,
        }
    }
    Ok(End::Endless)
}
