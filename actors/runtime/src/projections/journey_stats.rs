//! How many customers entered, wait in, and left each journey and each of its nodes.

use crate::ports::{Fault, Space, Store};
use roadbook_journey::{Ending, RunEvent};
use roadbook_kernel::{JourneyId, TenantId};
use std::collections::BTreeMap;

/// Counters of one node: entered minus left are there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeStats {
    /// Customers that came to the node.
    pub entered: i64,
    /// Customers that went on from it.
    pub left: i64,
    /// Customers that a pause holds there now.
    pub held: i64,
}

/// Counters of one journey.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JourneyStats {
    /// Runs begun.
    pub entered: i64,
    /// Runs ended, by how.
    pub ended: BTreeMap<String, i64>,
    /// Per node.
    pub nodes: BTreeMap<String, NodeStats>,
}

impl JourneyStats {
    /// Runs under way.
    pub fn active(&self) -> i64 {
        self.entered - self.ended.values().sum::<i64>()
    }

    /// Those among them that a pause holds.
    pub fn held(&self) -> i64 {
        self.nodes.values().map(|node| node.held).sum()
    }
}

const fn ending(how: Ending) -> &'static str {
    match how {
        Ending::Completed => "completed",
        Ending::Goal => "goal",
        Ending::Exited => "exited",
        Ending::Superseded => "superseded",
        Ending::Archived => "archived",
    }
}

/// The name of a counter of a journey.
pub(crate) fn name(journey: JourneyId, rest: &str) -> String {
    format!("journey/{journey}/{rest}")
}

pub(super) fn count(journey: JourneyId, step: &RunEvent, adds: &mut Vec<(String, i64)>) {
    let mut sum = |rest: String, amount| adds.push((name(journey, &rest), amount));
    match step {
        RunEvent::Entered { run } => {
            sum("entered".into(), 1);
            sum(format!("node/{}/entered", run.node), 1);
        }
        RunEvent::Moved { from, to, .. } => {
            sum(format!("node/{from}/left"), 1);
            sum(format!("node/{to}/entered"), 1);
        }
        RunEvent::Ended { node, how, .. } => {
            sum(format!("node/{node}/left"), 1);
            sum(format!("ended/{}", ending(*how)), 1);
        }
        RunEvent::Held { node, .. } => hold(journey, node, 1, adds),
        RunEvent::Released { node, .. } => hold(journey, node, -1, adds),
        RunEvent::Paused { .. } | RunEvent::HeldOn { .. } | RunEvent::SendIntended { .. } => {}
    }
}

/// Runs that a pause holds at a node: so many more, or fewer.
pub(super) fn hold(journey: JourneyId, node: &str, by: i64, adds: &mut Vec<(String, i64)>) {
    adds.push((name(journey, &format!("node/{node}/held")), by));
}

/// Two customers who counted as one are two again: runs that none of them would be in ended, runs that only came to be
/// by looking back began.
pub(super) fn correct(journey: JourneyId, node: &str, by: i64, adds: &mut Vec<(String, i64)>) {
    let mut add = |rest: String| adds.push((format!("journey/{journey}/{rest}"), by.abs()));
    if by > 0 {
        add("entered".into());
        add(format!("node/{node}/entered"));
    } else {
        add(format!("node/{node}/left"));
        add("ended/unmerged".into());
    }
}

/// Reads the counters of a journey.
///
/// # Errors
/// A fault of the store.
pub async fn read(store: &dyn Store, tenant: TenantId, journey: JourneyId) -> Result<JourneyStats, Fault> {
    let prefix = name(journey, "");
    let mut stats = JourneyStats::default();
    let rows = store.scan(Space::Counter, tenant, prefix.as_bytes(), None, 4_096).await?;
    for (key, item) in rows {
        let name = String::from_utf8_lossy(&key.local()[prefix.len()..]).into_owned();
        let value = item.amount();
        match name.split('/').collect::<Vec<_>>()[..] {
            ["entered"] => stats.entered = value,
            ["ended", how] => {
                stats.ended.insert(how.to_owned(), value);
            }
            ["node", node, "entered"] => stats.nodes.entry(node.to_owned()).or_default().entered = value,
            ["node", node, "held"] => stats.nodes.entry(node.to_owned()).or_default().held = value,
            ["node", node, "left"] => stats.nodes.entry(node.to_owned()).or_default().left = value,
            _ => {}
        }
    }
    Ok(stats)
}
