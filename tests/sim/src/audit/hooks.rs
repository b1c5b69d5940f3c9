//! Webhooks: what a turn announces to an endpoint is said there, under one id, until it is taken or honestly given up.

use super::Audited;
use crate::hooks::words;
use crate::run::at_once;
use roadbook_customer::{Customer, Effect};
use roadbook_kernel::{ActorKey, Durable, EndpointId};
use roadbook_runtime::ports::{History, Space, Store};
use roadbook_runtime::record::Record;
use roadbook_runtime::webhooks::{self, ATTEMPTS_MAX, endpoint, read};
use std::collections::BTreeMap;

/// An endpoint, about whom, and what.
type Word = (EndpointId, ActorKey, String);

impl Audited<'_> {
    pub(super) fn hooks(&self) -> Result<(), String> {
        let mut open = BTreeMap::new();
        for listener in &self.run.plan.listeners {
            let tenant = self.run.plan.tenants[listener.tenant];
            let held = at_once(endpoint(&self.run.world.memory, tenant, listener.id)).and_then(Result::ok).flatten();
            // One that was given up is told nothing, and what it was told before is no promise any more.
            if held.is_some_and(|held| held.endpoint.is_enabled()) {
                open.insert(listener.id, (tenant, listener.topics));
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        let mut intended: BTreeMap<Word, i64> = BTreeMap::new();
        for (_, key, _) in self.rows.iter().filter(|(_, key, _)| open.values().any(|(tenant, _)| *tenant == key.tenant))
        {
            let turns = at_once(self.run.world.memory.turns(key, 0, usize::MAX)).and_then(Result::ok);
            for turn in turns.unwrap_or_default() {
                let record = Record::new(&turn.record).map_err(|fault| fault.to_string())?;
                let front = record.front::<<Customer as Durable>::Effect>().map_err(|fault| fault.to_string())?;
                for effect in front.into_iter().flat_map(|front| front.effects) {
                    let Effect::Announce(said) = effect else { continue };
                    let asks = open
                        .iter()
                        .filter(|(_, (tenant, topics))| *tenant == key.tenant && topics.contains(said.topic));
                    for (id, _) in asks {
                        *intended.entry((*id, *key, words(&said))).or_default() += 1;
                    }
                }
            }
        }
        self.said(intended, &open.keys().copied().collect::<Vec<_>>())?;
        self.ended()
    }

    /// Every announcement was heard under an id of its own, and nothing else was.
    fn said(&self, mut intended: BTreeMap<Word, i64>, open: &[EndpointId]) -> Result<(), String> {
        let given_up = self.run.world.inner().given_up.clone();
        for (id, heard) in self.run.ears.heard().iter().filter(|(_, heard)| open.contains(&heard.endpoint)) {
            *intended.entry((heard.endpoint, heard.subject, heard.said.clone())).or_default() -= 1;
            let honestly = given_up.get(id).is_some_and(|attempts| *attempts >= ATTEMPTS_MAX);
            if !heard.taken && !honestly {
                return Err(format!(
                    "lost: webhook {id} was called {} times, never taken, and is not tried again",
                    heard.calls
                ));
            }
        }
        for ((endpoint, subject, said), balance) in &intended {
            if *balance > 0 {
                return Err(format!("lost: {endpoint} was never told of {subject:?}: {said}"));
            }
            if *balance < 0 {
                return Err(format!(
                    "twice: {endpoint} was told of {subject:?} under several ids, or what no turn says: {said}"
                ));
            }
        }
        Ok(())
    }

    /// Nothing that is kept still waits.
    fn ended(&self) -> Result<(), String> {
        for tenant in &self.run.plan.tenants {
            let items = at_once(self.run.world.memory.scan(Space::Delivery, *tenant, b"", None, usize::MAX));
            for (key, item) in items.and_then(Result::ok).unwrap_or_default() {
                let delivery = read(&item).map_err(|fault| fault.to_string())?;
                if !delivery.is_over() {
                    let named = webhooks::named(&key);
                    return Err(format!("stuck: webhook {named:?} is {:?}", delivery.state));
                }
            }
        }
        Ok(())
    }
}
