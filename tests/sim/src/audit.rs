//! The auditor: what must be true once everything has come to rest, told from the plan and the acknowledgements alone.

mod counted;
mod hooks;
mod identity;
mod imports;
mod model;
mod sends;

pub use counted::counted;

use crate::host::Log;
use crate::journeys::{HOT, KEEN};
use crate::plan::What;
use crate::run::Run;
use crate::task::alone;
use crate::world::Job;
use roadbook_catalog::Command as Define;
use roadbook_customer::Customer;
use roadbook_kernel::{ActorKey, ActorKind, SegmentId, TenantId};
use roadbook_runtime::Outcome;
use roadbook_runtime::doctor::{Scope, examine};
use roadbook_runtime::engine::Engine;
use roadbook_runtime::ports::{DueKind, History, Space, Store};
use roadbook_runtime::record::Record;
use roadbook_runtime::relay::Relay;
use roadbook_runtime::{Memory, Row};
use serde::de::IgnoredAny;
use std::sync::Arc;

/// What the auditor looks at.
pub struct Audited<'a> {
    /// The run, over.
    pub run: &'a Run,
    /// An engine on the store, with nothing in memory.
    pub engine: Arc<Engine>,
    /// Every customer row there is, with its tenant's place in the plan.
    pub rows: Vec<(usize, ActorKey, Row<Customer>)>,
}

/// Examines a run that has come to rest.
///
/// # Errors
/// A sentence that begins with the promise that is broken: lost, twice, stuck, or what else is wrong.
pub fn audit(run: &Run) -> Result<(), String> {
    let host = run.making.host(0, 0);
    let world = &run.world;
    if run.plan.log == Log::Own {
        // What a relay left in the log when it died between its commit and the truncation.
        alone(world, Job::Relay, Relay::open(&host.engine)).map_err(|fault| fault.to_string())?;
    }
    let mut rows = Vec::new();
    for (place, tenant) in run.plan.tenants.iter().enumerate() {
        rows.extend(rows_of(&world.memory, *tenant)?.into_iter().map(|(key, row)| (place, key, row)));
    }
    let audited = Audited { run, engine: host.engine.clone(), rows };
    audited.at_rest()?;
    audited.messages_once()?;
    audited.defects_kept()?;
    audited.one_owner()?;
    audited.people()?;
    audited.editions()?;
    audited.members()?;
    audited.sends()?;
    audited.hooks()?;
    audited.files()?;
    audited.doctor()
}

fn rows_of(memory: &Memory, tenant: TenantId) -> Result<Vec<(ActorKey, Row<Customer>)>, String> {
    let prefix = [ActorKind::Customer.byte()];
    let scan = memory.scan(Space::Actor, tenant, &prefix, None, usize::MAX);
    let items = crate::run::at_once(scan).and_then(Result::ok).ok_or("the store cannot be read")?;
    let read = |(key, item): &(roadbook_runtime::ports::ItemKey, roadbook_runtime::ports::Item)| {
        let actor = ActorKey::from_bytes(key.bytes()).ok_or("a key that is no actor's")?;
        let row = Row::<Customer>::read(&actor, item).map_err(|fault| fault.to_string())?;
        Ok((actor, row))
    };
    items.iter().map(read).collect()
}

impl Audited<'_> {
    /// Nothing waits any more that should not.
    fn at_rest(&self) -> Result<(), String> {
        let now = self.run.world.now();
        for (_, key, row) in &self.rows {
            if row.parked {
                return Err(format!("stuck: {key:?} is parked"));
            }
            let due = row.state.next_due();
            if row.due != due {
                return Err(format!("stuck: {key:?} is due at {due:?}, and the index says {:?}", row.due));
            }
        }
        let left = self.run.world.queues.left();
        if let Some(first) = left.first() {
            return Err(format!("stuck: {} messages wait in queues, {first}", left.len()));
        }
        let told = &self.run.told;
        let decided = |message: &usize| {
            told.applied.contains_key(message) || told.defects.contains(message) || told.refused.contains_key(message)
        };
        if let Some((message, at)) = told.queued.iter().find(|(message, _)| !decided(message)) {
            return Err(format!("lost: m{message} was acknowledged by its queue at {at:?}, and nobody decided it"));
        }
        let sends = crate::run::at_once(self.run.world.memory.next_due(DueKind::Send)).and_then(Result::ok).flatten();
        if let Some(at) = sends.filter(|at| *at <= now) {
            return Err(format!("stuck: a send is due since {at:?}"));
        }
        Ok(())
    }

    /// Nobody was ever decided under an older catalog than before.
    fn editions(&self) -> Result<(), String> {
        for (_, key, _) in &self.rows {
            let turns = crate::run::at_once(self.run.world.memory.turns(key, 0, usize::MAX)).and_then(Result::ok);
            let mut newest = 0;
            for turn in turns.unwrap_or_default() {
                let record = Record::new(&turn.record).map_err(|fault| fault.to_string())?;
                let edition = record.body::<IgnoredAny>().map_err(|fault| fault.to_string())?.edition;
                if edition < newest {
                    return Err(format!(
                        "catalog: {key:?} v{} was decided under {edition} after {newest}",
                        turn.version
                    ));
                }
                newest = edition;
            }
        }
        Ok(())
    }

    /// Whoever has the score is in the segment, also in the one that was published late, and nobody else.
    fn members(&self) -> Result<(), String> {
        for (tenant, key, row) in self.rows.iter().filter(|(_, _, row)| row.state.is_live()) {
            let score = row.state.traits.get("score").and_then(|held| held.value()?.as_f64()).unwrap_or(0.0);
            for (segment, least) in [(HOT, 3.0), (KEEN, 2.0)] {
                if !self.is_published(*tenant, segment) {
                    continue;
                }
                let inside = row.state.memberships.get(&segment).is_some_and(|one| one.inside);
                if inside != (score >= least) {
                    return Err(format!("segment: {key:?} has {score}; inside of {segment}: {inside}"));
                }
            }
        }
        Ok(())
    }

    fn is_published(&self, tenant: usize, segment: SegmentId) -> bool {
        let publishes = |what: &What| match what {
            What::Define(of, Define::PublishSegment { id }) => *of == tenant && *id == segment,
            _ => false,
        };
        let told = &self.run.told.commands;
        let steps = self.run.plan.steps.iter().enumerate();
        steps.filter(|(_, step)| publishes(&step.what)).any(|(index, _)| {
            told.get(&index)
                .is_some_and(|(_, outcome)| matches!(outcome, Outcome::Applied { .. } | Outcome::Duplicate { .. }))
        })
    }

    /// The product's own examination.
    fn doctor(&self) -> Result<(), String> {
        let scope = Scope { tenants: self.run.plan.tenants.clone(), served_until: self.run.world.now() };
        let report =
            alone(&self.run.world, Job::Sweep, examine(&self.engine, &scope)).map_err(|fault| fault.to_string())?;
        match report.findings.first() {
            None => Ok(()),
            Some(first) => Err(format!("doctor: {} {}: {}", first.code, first.subject, first.detail)),
        }
    }
}
