//! The model: who is whom, and what everybody did, by the plan and the acknowledgements. It knows nothing of turns,
//! claims, inboxes or hosts.

use super::Audited;
use crate::plan::{Plan, Tell, What};
use crate::run::Told;
use roadbook_runtime::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// People who are one, and what they did.
#[derive(Debug, Default)]
pub struct Family {
    /// Its people: indices into the plan.
    pub people: BTreeSet<usize>,
    /// Messages that were acknowledged as applied.
    pub messages: BTreeSet<usize>,
}

/// Whom the plan makes one, as far as it was acknowledged.
pub fn families(plan: &Plan, told: &Told) -> Vec<Family> {
    let mut leader: Vec<usize> = (0..plan.people.len()).collect();
    let mut unite = |a: usize, b: usize| {
        let (from, to) = (leader[a], leader[b]);
        leader.iter_mut().filter(|one| **one == from).for_each(|one| *one = to);
    };
    let named = |who: &roadbook_it::say::Who, tenant: usize| {
        plan.people.iter().position(|person| person.tenant == tenant && person.who.contains(who))
    };
    for (index, step) in plan.steps.iter().enumerate() {
        let What::Tell(person, Tell::Merge(other)) = &step.what else { continue };
        let merged =
            matches!(told.commands.get(&index), Some((_, Outcome::Applied { .. } | Outcome::Duplicate { .. })));
        if let Some(other) = named(other, plan.people[*person].tenant).filter(|_| merged) {
            unite(*person, other);
        }
    }
    for message in told.applied.keys() {
        let one = &plan.messages[*message];
        if let Some(other) = one.alias {
            unite(one.person, other);
        }
    }
    let mut families: BTreeMap<usize, Family> = BTreeMap::new();
    for (person, leader) in leader.iter().enumerate() {
        families.entry(*leader).or_default().people.insert(person);
    }
    for message in told.applied.keys() {
        families.entry(leader[plan.messages[*message].person]).or_default().messages.insert(*message);
    }
    families.into_values().collect()
}

impl Audited<'_> {
    /// The families of this run.
    pub fn families(&self) -> Vec<Family> {
        families(&self.run.plan, &self.run.told)
    }
}

/// Which messages explain a difference between what was added up and what should have been: one of them once too
/// often or not at all, or two of them.
pub fn explain(plan: &Plan, messages: impl Iterator<Item = usize>, difference: i64) -> String {
    let all: Vec<usize> = messages.collect();
    let mark = |message: &usize| plan.messages[*message].mark;
    if let Some(one) = all.iter().find(|message| mark(message) == difference.abs()) {
        return format!("m{one}");
    }
    let pair = all.iter().enumerate().find_map(|(place, one)| {
        let other = all[place + 1..].iter().find(|other| mark(one) + mark(other) == difference.abs())?;
        Some(format!("m{one} and m{other}"))
    });
    pair.unwrap_or_else(|| "several messages".into())
}
