//! Commands about people, as an operator or a profile page sends them.

use super::Run;
use crate::host::Host;
use crate::plan::{Tell, What};
use crate::task::{Done, Work};
use roadbook_customer::{Command, ConsentWord};
use roadbook_identity::IdentifierKey;
use roadbook_kernel::{ActorKey, CustomerId, Moment, TenantId};
use roadbook_runtime::engine::Engine;
use roadbook_runtime::ports::{Fault, ItemKey};
use roadbook_runtime::{live, read_claim, sends};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The customer and the command of each step, once they were known. A command names ids; one that comes again names
/// the same ids, or it would be another command.
pub(super) type Meant = Arc<Mutex<BTreeMap<usize, (ActorKey, Command)>>>;

impl Run {
    pub(super) fn telling(&self, host: &Host, step: usize, at: Moment) -> (TenantId, Work) {
        let What::Tell(person, tell) = self.plan.steps[step].what.clone() else { unreachable!("a step that tells") };
        let person = &self.plan.people[person];
        let tenant = self.plan.tenants[person.tenant];
        let keys = host.engine.keys.of(tenant);
        let id = keys.message("sim", &format!("tell {step}"));
        let account = person.who[0].identifier(&keys).key();
        let (engine, boxes, meant) = (host.engine.clone(), host.boxes.clone(), self.meant.clone());
        let work = Box::pin(async move {
            let told = async {
                let known = locked(&meant).get(&step).cloned();
                let (actor, command) = match known {
                    Some(known) => known,
                    None => {
                        let Some(found) = meaning(&engine, tenant, account, tell).await? else { return Ok(None) };
                        locked(&meant).entry(step).or_insert(found).clone()
                    }
                };
                sends::tell(&engine, boxes.as_ref(), actor, id, command, at).await.map(Some)
            };
            Done::Told(told.await)
        });
        (tenant, work)
    }
}

fn locked(meant: &Meant) -> std::sync::MutexGuard<'_, BTreeMap<usize, (ActorKey, Command)>> {
    meant.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Whom a command is about, and what it says in ids; `None` where there is nobody yet.
async fn meaning(
    engine: &Arc<Engine>,
    tenant: TenantId,
    account: IdentifierKey,
    tell: Tell,
) -> Result<Option<(ActorKey, Command)>, Fault> {
    let Some(owner) = owner(engine, tenant, account).await? else { return Ok(None) };
    let command = match tell {
        Tell::Consent(purpose, verdict) => Command::NoteConsent(ConsentWord::general(purpose, verdict)),
        Tell::Merge(other) => {
            let other = other.identifier(&engine.keys.of(tenant)).key();
            let Some(other) = self::owner(engine, tenant, other).await? else { return Ok(None) };
            Command::MergeWith { other }
        }
        Tell::Unbind(who) => Command::Unbind { identifier: who.identifier(&engine.keys.of(tenant)).key() },
        Tell::Unmerge => {
            let row = live(engine, tenant, owner).await?;
            let absorbed = row.and_then(|row| row.state.absorbed.keys().next_back().copied());
            let Some(other) = absorbed else { return Ok(None) };
            Command::Unmerge { other }
        }
    };
    Ok(Some((ActorKey::customer(tenant, owner), command)))
}

/// Who has an identifier, read past every cache: whoever merges people looks at them first.
async fn owner(engine: &Engine, tenant: TenantId, key: IdentifierKey) -> Result<Option<CustomerId>, Fault> {
    let Some(item) = engine.store.load(&ItemKey::claim(tenant, &key)).await? else { return Ok(None) };
    let claim = read_claim(&item)?;
    Ok((!claim.released).then_some(claim.owner))
}
