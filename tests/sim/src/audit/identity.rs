//! Messages: each applied once, and to whom it belongs. Identifiers: one live owner each.

use super::Audited;
use super::model::explain;
use crate::run::at_once;
use roadbook_customer::Customer;
use roadbook_kernel::MessageId;
use roadbook_runtime::ports::{History, ItemKey, Store};
use roadbook_runtime::read_claim;
use roadbook_runtime::record::Record;
use std::collections::{BTreeMap, BTreeSet};

impl Audited<'_> {
    /// In the records of all turns every acknowledged message stands once, and nothing stands there that nobody sent.
    /// A merge that was undone has its messages decided again: there only the sums can tell.
    pub(super) fn messages_once(&self) -> Result<(), String> {
        let run = self.run;
        let mut decided: BTreeMap<MessageId, u32> = BTreeMap::new();
        for (_, key, _) in &self.rows {
            let turns = at_once(run.world.memory.turns(key, 0, usize::MAX)).and_then(Result::ok).unwrap_or_default();
            for turn in turns {
                let record = Record::new(&turn.record).map_err(|fault| fault.to_string())?;
                record.messages().for_each(|id| *decided.entry(id).or_default() += 1);
            }
        }
        for message in run.told.applied.keys() {
            let one = &run.plan.messages[*message];
            let tenant = run.plan.tenants[run.plan.people[one.person].tenant];
            let id = self.engine.keys.of(tenant).message("test", &format!("m{message}"));
            match decided.get(&id) {
                None => return Err(format!("lost: m{message} was acknowledged, and no turn decided it")),
                Some(1) => {}
                Some(_) if !run.plan.settled => {}
                Some(times) => return Err(format!("twice: m{message} was decided {times} times")),
            }
        }
        match run.told.refused.first_key_value() {
            Some((message, code)) => Err(format!("refused: m{message} was refused with {code}")),
            None => Ok(()),
        }
    }

    /// Every message that could not be decided is kept whole, to be replayed after a fix.
    pub(super) fn defects_kept(&self) -> Result<(), String> {
        for message in &self.run.told.defects {
            let tenant = self.run.plan.tenants[self.run.plan.tenant_of(*message)];
            let id = self.engine.keys.of(tenant).message("test", &format!("m{message}"));
            let letter = at_once(self.run.world.memory.load(&ItemKey::letter_of(tenant, id)));
            if letter.and_then(Result::ok).flatten().is_none() {
                return Err(format!("lost: m{message} could not be decided, and is not in the dead letters"));
            }
        }
        Ok(())
    }

    /// Every identifier of a live customer is claimed, leads to them, and to nobody else.
    pub(super) fn one_owner(&self) -> Result<(), String> {
        let mut owners = BTreeMap::new();
        let live = || self.rows.iter().filter(|(_, _, row)| row.state.is_live());
        for (_, key, row) in live() {
            for link in &row.state.links {
                let identifier = link.identifier.key();
                if let Some(other) = owners.insert((key.tenant, identifier), *key) {
                    return Err(format!("owner: one identifier belongs to {other:?} and {key:?}"));
                }
                let item = at_once(self.run.world.memory.load(&ItemKey::claim(key.tenant, &identifier)));
                let item = item.and_then(Result::ok).flatten();
                let claim = item.map(|item| read_claim(&item)).transpose().map_err(|fault| fault.to_string())?;
                let end = claim.map(|claim| self.end_of(key.tenant, claim.owner));
                if end != key.as_customer() {
                    let kind = link.identifier.kind;
                    return Err(format!("owner: the {kind} that {:?} brought to {key:?} leads to {end:?}", link.by));
                }
            }
        }
        Ok(())
    }

    fn end_of(
        &self,
        tenant: roadbook_kernel::TenantId,
        mut id: roadbook_kernel::CustomerId,
    ) -> roadbook_kernel::CustomerId {
        for _ in 0..64 {
            let at = |(_, key, _): &&(usize, roadbook_kernel::ActorKey, roadbook_runtime::Row<Customer>)| {
                key.tenant == tenant && key.as_customer() == Some(id)
            };
            match self.rows.iter().find(at).and_then(|(_, _, row)| row.state.merged_into()) {
                Some(next) => id = next,
                None => return id,
            }
        }
        id
    }

    /// What was added up is what was sent: for every tenant, and where the plan says who is whom, for everybody.
    pub(super) fn people(&self) -> Result<(), String> {
        let plan = &self.run.plan;
        for tenant in 0..plan.tenants.len() {
            let of_tenant = |message: &&usize| plan.people[plan.messages[**message].person].tenant == tenant;
            let messages: BTreeSet<usize> = self.run.told.applied.keys().filter(of_tenant).copied().collect();
            let rows = self.rows.iter().filter(|(place, _, row)| *place == tenant && row.state.is_live());
            let found: i64 = rows.map(|(_, _, row)| mark_of(&row.state)).sum();
            self.compare(&format!("tenant {tenant}"), &messages, found)?;
        }
        if !plan.settled {
            return Ok(());
        }
        for family in self.families() {
            let Some(tenant) = family.people.first().map(|person| plan.people[*person].tenant) else { continue };
            // Whoever never said who they are may be several to us.
            if !family.people.iter().all(|person| self.known_since(*person).is_some()) {
                continue;
            }
            let accounts: Vec<_> = family.people.iter().map(|person| &plan.people[*person].who[0]).collect();
            let keys = self.engine.keys.of(plan.tenants[tenant]);
            let mut owners = BTreeSet::new();
            for account in accounts {
                let key = account.identifier(&keys).key();
                let owner = self
                    .rows
                    .iter()
                    .find(|(place, _, row)| *place == tenant && row.state.is_live() && row.state.owns(&key));
                owners.extend(owner.map(|(_, key, _)| *key));
            }
            if owners.len() > 1 {
                return Err(format!("owner: people {:?} are one, and are {owners:?}", family.people));
            }
            let Some(owner) = owners.first() else { continue };
            let found = self.rows.iter().find(|(_, key, _)| key == owner).map_or(0, |(_, _, row)| mark_of(&row.state));
            self.compare(&format!("{owner:?}"), &family.messages, found)?;
        }
        Ok(())
    }

    /// Since when all names of a person are known to be theirs.
    pub(super) fn known_since(&self, person: usize) -> Option<roadbook_kernel::Moment> {
        let plan = &self.run.plan;
        let says = |message: &usize| {
            let one = &plan.messages[*message];
            one.person == person && one.name == "identify"
        };
        self.run.told.applied.iter().filter(|(message, _)| says(message)).map(|(_, at)| *at).min()
    }

    fn compare(&self, whose: &str, messages: &BTreeSet<usize>, found: i64) -> Result<(), String> {
        let plan = &self.run.plan;
        let expected: i64 = messages.iter().map(|message| plan.messages[*message].mark).sum();
        let which = || explain(plan, messages.iter().copied(), expected - found);
        match expected.cmp(&found) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(format!("lost: {} of {whose} did not count", which())),
            std::cmp::Ordering::Less => Err(format!("twice: {} of {whose} counted more than once", which())),
        }
    }
}

/// What a customer's messages have added up to.
fn mark_of(customer: &Customer) -> i64 {
    let held = customer.traits.get("mark").and_then(|held| held.value());
    held.and_then(|value| value.as_i64().or(value.as_f64().map(|number| number.round() as i64))).unwrap_or(0)
}
