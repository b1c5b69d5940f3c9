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
}

const fn ending(how: Ending) -> &'static str {
    match how {
        Ending::Completed => "completed",
        Ending::Goal => "goal",
        Ending::Exited => "exited",
        Ending::Superseded => "superseded",
    }
}

pub(super) fn count(journey: JourneyId, step: &RunEvent, adds: &mut Vec<(String, i64)>) {
    let mut add = |rest: String| adds.push((format!("journey/{journey}/{rest}"), 1));
    match step {
        RunEvent::Entered { run } => {
            add("entered".into());
            add(format!("node/{}/entered", run.node));
        }
        RunEvent::Moved { from, to, .. } => {
            add(format!("node/{from}/left"));
            add(format!("node/{to}/entered"));
        }
        RunEvent::Ended { node, how, .. } => {
            add(format!("node/{node}/left"));
            add(format!("ended/{}", ending(*how)));
        }
        RunEvent::Paused { .. } | RunEvent::SendIntended { .. } => {}
    }
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
    let prefix = format!("journey/{journey}/");
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
            ["node", node, "left"] => stats.nodes.entry(node.to_owned()).or_default().left = value,
            _ => {}
        }
    }
    Ok(stats)
}
