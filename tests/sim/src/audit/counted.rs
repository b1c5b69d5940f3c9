//! How many messages a broken promise concerns: the run says which promise, this says how much of it.

use crate::run::{Run, at_once};
use roadbook_kernel::MessageId;
use roadbook_runtime::engine::KeyRing;
use roadbook_runtime::ports::History;
use roadbook_runtime::record::Record;
use std::collections::BTreeMap;

/// Messages that were acknowledged and that no turn decided, and messages that were applied more than once. Both hold
/// at any instant of a run, for an acknowledgement follows its commit.
pub fn counted(run: &Run) -> (u64, u64) {
    let mut decided: BTreeMap<MessageId, u32> = BTreeMap::new();
    for tenant in &run.plan.tenants {
        for (actor, _) in super::rows_of(&run.world.memory, *tenant).unwrap_or_default() {
            let turns = at_once(run.world.memory.turns(&actor, 0, usize::MAX)).and_then(Result::ok);
            for turn in turns.unwrap_or_default() {
                let Ok(record) = Record::new(&turn.record) else { continue };
                record.messages().for_each(|id| *decided.entry(id).or_default() += 1);
            }
        }
    }
    let keys = KeyRing::new([7; 32]);
    let (mut lost, mut twice) = (0, run.told.applied_again.len() as u64);
    for message in run.told.applied.keys() {
        let tenant = run.plan.tenants[run.plan.tenant_of(*message)];
        let times = decided.get(&keys.of(tenant).message("test", &format!("m{message}")));
        lost += u64::from(times.is_none());
        // An unmerge has messages decided again, and writes them down a second time.
        let more = run.plan.settled && times.is_some_and(|times| *times > 1);
        twice += u64::from(more && !run.told.applied_again.contains(message));
    }
    (lost, twice)
}
