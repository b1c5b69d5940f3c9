//! Counters: what the read models say is what a recount of the rows says, less what the log is still to bring.
//!
//! Compared are the counters that have a population to count: customers, members of each segment, runs of each journey
//! and at each node. Sums over time (sends by outcome) have none.

use crate::doctor::Repair;
use crate::doctor::outbox::Outbox;
use crate::doctor::repair::Step;
use crate::doctor::report::Finding;
use crate::doctor::{Exam, PAGE, Seen};
use crate::ports::{Fault, ItemKey, Space};
use crate::projections::{CUSTOMERS, journey_stats, segment_stats};
use roadbook_kernel::{JourneyId, SegmentId, TenantId};
use std::collections::BTreeMap;

const NAME: &str = "counters";

/// The populations of one tenant: each is the sum of some counters, with a sign.
pub(crate) struct Recount {
    tenant: TenantId,
    there: BTreeMap<Population, i64>,
    whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Population {
    Customers,
    Members(SegmentId),
    Runs(JourneyId),
    At(JourneyId, String),
    Held(JourneyId, String),
}

impl Recount {
    pub(crate) const fn new(tenant: TenantId) -> Self {
        Self { tenant, there: BTreeMap::new(), whole: true }
    }

    /// A row could not be read: whatever it holds is missing from the recount.
    pub(crate) const fn give_up(&mut self) {
        self.whole = false;
    }

    /// Counts a row.
    pub(crate) fn row(&mut self, seen: &Seen) {
        let state = &seen.row.state;
        if !state.is_live() {
            return;
        }
        *self.there.entry(Population::Customers).or_default() += 1;
        for (segment, _) in state.memberships.iter().filter(|(_, membership)| membership.inside) {
            *self.there.entry(Population::Members(*segment)).or_default() += 1;
        }
        for run in state.runs.values() {
            *self.there.entry(Population::Runs(run.journey)).or_default() += 1;
            *self.there.entry(Population::At(run.journey, run.node.clone())).or_default() += 1;
            if run.held.is_some() {
                *self.there.entry(Population::Held(run.journey, run.node.clone())).or_default() += 1;
            }
        }
    }

    /// Compares.
    pub(crate) async fn finish(mut self, exam: &mut Exam<'_>, outbox: &Outbox) -> Result<(), Fault> {
        if !self.whole {
            exam.report.note(NAME, format!("{}: not compared, because a row cannot be read", self.tenant));
            return Ok(());
        }
        let mut counted = BTreeMap::<Population, i64>::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = exam.engine.store.scan(Space::Counter, self.tenant, &[], after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.local().to_vec());
            for (key, item) in &page {
                let Some((population, sign)) = population(key) else { continue };
                *counted.entry(population).or_default() += sign * item.amount();
            }
        }
        for (key, amount) in outbox.to_come(self.tenant) {
            let Some((population, sign)) = population(key) else { continue };
            *counted.entry(population).or_default() += sign * amount;
        }
        if !outbox.is_whole() {
            return Ok(());
        }
        for known in counted.keys() {
            self.there.entry(known.clone()).or_default();
        }
        for (population, there) in &self.there {
            exam.report.looked(NAME, 1);
            let says = counted.get(population).copied().unwrap_or(0);
            if says != *there {
                self.add(exam, population, *there, says);
            }
        }
        Ok(())
    }

    fn add(&self, exam: &mut Exam<'_>, population: &Population, there: i64, says: i64) {
        let (what, more, fewer) = names(population);
        // Counters of what came and what went only grow: what is too few came uncounted, what is too many went so.
        let (name, amount) = match fewer {
            Some(fewer) if there < says => (fewer, says - there),
            Some(_) | None => (more, there - says),
        };
        exam.report.add(Finding {
            check: NAME,
            code: "counter_differs",
            tenant: Some(self.tenant),
            subject: name.clone(),
            detail: format!("{what}: the counters say {says}, and there are {there}"),
            means: "a number that people see is wrong; nothing is decided by it",
            repair: Some(Repair(Step::Count { tenant: self.tenant, counter: name, amount })),
        });
    }
}

/// What people call a population, the counter that makes it larger, and the one that makes it smaller if that is
/// another.
fn names(population: &Population) -> (String, String, Option<String>) {
    match population {
        Population::Customers => ("customers".to_owned(), CUSTOMERS.to_owned(), None),
        Population::Members(segment) => (format!("members of {segment}"), segment_stats::name(*segment), None),
        Population::Runs(journey) => (
            format!("runs of {journey}"),
            journey_stats::name(*journey, "entered"),
            Some(journey_stats::name(*journey, "ended/uncounted")),
        ),
        Population::At(journey, node) => (
            format!("runs of {journey} at `{node}`"),
            journey_stats::name(*journey, &format!("node/{node}/entered")),
            Some(journey_stats::name(*journey, &format!("node/{node}/left"))),
        ),
        Population::Held(journey, node) => (
            format!("runs of {journey} held at `{node}`"),
            journey_stats::name(*journey, &format!("node/{node}/held")),
            None,
        ),
    }
}

/// Which population a counter belongs to, and whether it adds to it or takes from it.
fn population(key: &ItemKey) -> Option<(Population, i64)> {
    let name = std::str::from_utf8(key.local()).ok()?;
    match name.split('/').collect::<Vec<_>>()[..] {
        [CUSTOMERS] => Some((Population::Customers, 1)),
        ["segment", segment, "members"] => Some((Population::Members(segment.parse().ok()?), 1)),
        ["journey", journey, "entered"] => Some((Population::Runs(journey.parse().ok()?), 1)),
        ["journey", journey, "ended", _] => Some((Population::Runs(journey.parse().ok()?), -1)),
        ["journey", journey, "node", node, "entered"] => {
            Some((Population::At(journey.parse().ok()?, node.to_owned()), 1))
        }
        ["journey", journey, "node", node, "held"] => {
            Some((Population::Held(journey.parse().ok()?, node.to_owned()), 1))
        }
        ["journey", journey, "node", node, "left"] => {
            Some((Population::At(journey.parse().ok()?, node.to_owned()), -1))
        }
        _ => None,
    }
}
