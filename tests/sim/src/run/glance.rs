//! What the store holds for hosts to do by themselves, read again only after somebody wrote: asked at every step of time,
//! it was a third of what a seed costs.

use super::imports::{FilesWait, files_wait};
use super::{Run, at_once};
use roadbook_kernel::Moment;
use roadbook_runtime::Memory;
use roadbook_runtime::ports::{DueKind, ItemKey, Journal, Store};
use roadbook_runtime::relay::SYSTEM;

/// What is to be done, as of one number of writes.
#[derive(Default)]
pub(super) struct Glance {
    writes: Option<u64>,
    /// The next timer of an actor.
    pub timer: Option<Moment>,
    /// The next send.
    pub send: Option<Moment>,
    /// The next delivery to an endpoint.
    pub delivery: Option<Moment>,
    /// The files of each tenant.
    pub files: Vec<Option<FilesWait>>,
    /// Where the relay's cursor stands.
    pub cursor: u64,
    /// The last turn in the journal.
    pub last: u64,
}

impl Glance {
    /// The first of what is due.
    pub fn due(&self) -> Option<Moment> {
        [self.timer, self.send, self.delivery].into_iter().flatten().min()
    }
}

impl Run {
    /// What the store holds now.
    pub(super) fn glance(&mut self) -> &Glance {
        let memory = &self.world.memory;
        let writes = Some(memory.writes());
        if self.glance.writes != writes {
            let next = |kind| at_once(memory.next_due(kind)).and_then(Result::ok).flatten();
            let has_files = |tenant: usize| self.plan.files.iter().any(|file| file.tenant == tenant);
            let files = |(tenant, id)| if has_files(tenant) { files_wait(memory, id) } else { None };
            self.glance = Glance {
                writes,
                timer: next(DueKind::Actor),
                send: next(DueKind::Send),
                delivery: next(DueKind::Delivery),
                files: self.plan.tenants.iter().copied().enumerate().map(files).collect(),
                cursor: cursor(memory),
                last: memory.last(),
            };
        }
        &self.glance
    }

    /// Whether turns wait for the relay, and it runs.
    pub(super) fn relay_waits(&mut self, now: Moment) -> bool {
        let (cursor, last) = (self.glance().cursor, self.glance().last);
        last > self.loops.carried(cursor) && self.loops.relay_runs(now)
    }
}

/// Where the relay's cursor stands.
fn cursor(memory: &Memory) -> u64 {
    let key = ItemKey::document(SYSTEM, "relay/cursor");
    let item = at_once(memory.load(&key)).and_then(Result::ok).flatten();
    item.and_then(|item| item.body.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes)
}
