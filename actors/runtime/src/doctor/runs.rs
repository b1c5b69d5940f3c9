//! Runs: every journey under way stands at a node of a revision that is there, and goes on when it should.

use crate::backfill::{self, Aim};
use crate::catalogs::revision_name;
use crate::doctor::Repair;
use crate::doctor::index::shown;
use crate::doctor::repair::Step;
use crate::doctor::report::Finding;
use crate::doctor::{Exam, STUCK_MS, Seen};
use crate::ports::{Fault, ItemKey};
use roadbook_catalog::Document;
use roadbook_journey::{Revision, Run, RunState};
use roadbook_kernel::{JourneyId, TenantId};
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "runs";

/// What is known of the revisions met so far: their nodes, or nothing where they are missing.
pub(crate) struct Runs {
    tenant: TenantId,
    nodes: BTreeMap<(JourneyId, u32), Option<BTreeSet<String>>>,
    /// Journeys whose held runs were looked at: each is told of once.
    held: BTreeSet<JourneyId>,
}

impl Runs {
    pub(crate) const fn new(tenant: TenantId) -> Self {
        Self { tenant, nodes: BTreeMap::new(), held: BTreeSet::new() }
    }

    /// Looks at the runs of a live customer.
    pub(crate) async fn row(&mut self, exam: &mut Exam<'_>, seen: &Seen) -> Result<(), Fault> {
        if !seen.row.state.is_live() {
            return Ok(());
        }
        for run in seen.row.state.runs.values() {
            exam.report.looked(NAME, 1);
            let pinned = (run.journey, run.revision);
            if !self.nodes.contains_key(&pinned) {
                let nodes = self.nodes_of(exam, run.journey, run.revision).await?;
                self.nodes.insert(pinned, nodes);
            }
            if run.held.is_some() && self.held.insert(run.journey) {
                self.held(exam, seen, run.journey).await?;
            }
            match self.nodes.get(&pinned) {
                Some(Some(nodes)) if nodes.contains(&run.node) => stuck(exam, seen, run),
                Some(Some(_)) => self.at_no_node(exam, seen, run),
                // Reported once, where it was read.
                Some(None) | None => {}
            }
        }
        Ok(())
    }

    async fn nodes_of(
        &mut self,
        exam: &mut Exam<'_>,
        journey: JourneyId,
        number: u32,
    ) -> Result<Option<BTreeSet<String>>, Fault> {
        let key = ItemKey::document(self.tenant, &revision_name(journey, number));
        let item = exam.engine.store.load(&key).await?;
        let read = |item: &crate::ports::Item| {
            let document: Document = serde_json::from_slice(&item.body).ok()?;
            Revision::parse(&document.definition).ok()
        };
        if let Some(revision) = item.as_ref().and_then(read) {
            return Ok(Some(revision.node_names().map(str::to_owned).collect()));
        }
        let (code, what) = match &item {
            None => ("revision_missing", "is missing"),
            Some(_) => ("revision_unreadable", "cannot be read"),
        };
        let version = item.map(|item| item.version);
        let published = published(exam, self.tenant, journey).await?.filter(|(revision, _)| *revision == number);
        let repair = published.map(|_| Step::Revision { tenant: self.tenant, journey, revision: number, version });
        exam.report.add(Finding {
            check: NAME,
            code,
            tenant: Some(self.tenant),
            subject: revision_name(journey, number),
            detail: format!("revision {number} of {journey} {what}, and customers are in the middle of it"),
            means: "no event and no timer of these customers can be decided until it is there again",
            repair: repair.map(Repair),
        });
        Ok(None)
    }

    /// A run may be held while its journey stands still, and until the sweep that lets it go has come by.
    async fn held(&self, exam: &mut Exam<'_>, seen: &Seen, journey: JourneyId) -> Result<(), Fault> {
        let Some(catalog) = super::backfills::catalog(exam.engine, self.tenant).await? else { return Ok(()) };
        let is_paused = catalog.journeys.get(&journey).is_some_and(|entry| entry.paused_at.is_some());
        let aim = Aim::Runs(journey);
        let sweep = match backfill::sweep_of(exam.engine, self.tenant, aim).await {
            Ok(sweep) => sweep,
            // Reported where sweeps are looked at.
            Err(Fault::Corrupt(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        if is_paused || sweep.is_some_and(|sweep| !sweep.done) {
            return Ok(());
        }
        let repair = Step::Sweep { tenant: self.tenant, aim, edition: catalog.edition, anew: true };
        exam.report.add(Finding {
            check: NAME,
            code: "held_for_nothing",
            tenant: Some(self.tenant),
            subject: seen.name(),
            detail: format!("a run of {journey} is held, and the journey does not stand still"),
            means: "the run goes on only when something else happens to the customer",
            repair: Some(Repair(repair)),
        });
        Ok(())
    }

    fn at_no_node(&self, exam: &mut Exam<'_>, seen: &Seen, run: &Run) {
        exam.report.add(Finding {
            check: NAME,
            code: "node_missing",
            tenant: Some(self.tenant),
            subject: seen.name(),
            detail: format!("{} stands at node `{}`, which revision {} does not have", run.id, run.node, run.revision),
            means: "this run never goes on; only an exit or its goal ends it",
            repair: None,
        });
    }
}

/// The revision of a journey that is in force, with its definition, if the catalog can be read.
pub(crate) async fn published(
    exam: &Exam<'_>,
    tenant: TenantId,
    journey: JourneyId,
) -> Result<Option<(u32, serde_json::Value)>, Fault> {
    let catalog = super::backfills::catalog(exam.engine, tenant).await?;
    Ok(catalog.and_then(|catalog| catalog.journeys.get(&journey)?.published.clone()))
}

fn stuck(exam: &mut Exam<'_>, seen: &Seen, run: &Run) {
    // A held run waits without a timer, or with one that the timers' check looks at.
    if run.held.is_some() {
        return;
    }
    let served = exam.scope.served_until;
    let (code, detail) = match run.state {
        RunState::Ready if seen.row.last_turn < served.minus_ms(STUCK_MS) => {
            ("run_at_rest", format!("{} is to execute `{}` and nobody does", run.id, run.node))
        }
        RunState::Waiting { until } | RunState::Listening { until } if until < served.minus_ms(STUCK_MS) => (
            "run_overdue",
            format!("{} was to leave `{}` {} and is still there", run.id, run.node, shown(exam, Some(until))),
        ),
        RunState::Ready | RunState::Waiting { .. } | RunState::Listening { .. } => return,
    };
    let means = "what the journey does next, a message perhaps, does not happen";
    let (tenant, subject) = (Some(seen.actor.tenant), seen.name());
    let repair = Some(Repair(Step::Poke { actor: seen.actor, guard: seen.guard() }));
    exam.report.add(Finding { check: NAME, code, tenant, subject, detail, means, repair });
}
