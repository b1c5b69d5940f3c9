//! A customer's passage through a journey: what is kept, and the facts that change it.

use crate::Held;
use roadbook_kernel::{JourneyId, Moment, Personal, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A customer's passage. It is the waiting bytes of millions of customers, so stored names are one letter and what
/// is empty is not stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Which passage.
    #[serde(rename = "r")]
    pub id: RunId,
    /// Which journey.
    #[serde(rename = "j")]
    pub journey: JourneyId,
    /// The revision this passage is pinned to: it never changes under a customer who is inside.
    #[serde(rename = "v")]
    pub revision: u32,
    /// When the entering event or edge happened.
    #[serde(rename = "e")]
    pub entered_at: Moment,
    /// The name of the node the customer is at.
    #[serde(rename = "n")]
    pub node: String,
    /// What the customer does there.
    #[serde(rename = "s", default, skip_serializing_if = "RunState::is_ready")]
    pub state: RunState,
    /// Set while the journey's pause holds the customer there.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// How many sends each node has intended in this passage; nodes that intended none are absent.
    #[serde(rename = "i", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub iterations: BTreeMap<String, u32>,
    /// Properties of the entering event, for templates; empty where a segment edge let the customer in.
    #[serde(rename = "p", default, skip_serializing_if = "nothing")]
    pub entry: Personal<Map<String, Value>>,
}

fn nothing(entry: &Personal<Map<String, Value>>) -> bool {
    entry.reveal().is_empty()
}

/// What the customer does at the node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum RunState {
    /// The node is to be executed now.
    #[default]
    #[serde(rename = "r")]
    Ready,
    /// Waits for an instant and nothing else (goal and exit still interrupt).
    #[serde(rename = "w")]
    Waiting {
        /// When the wait is over.
        #[serde(rename = "u")]
        until: Moment,
    },
    /// Waits for an event, at the longest until an instant.
    #[serde(rename = "l")]
    Listening {
        /// When it gives up.
        #[serde(rename = "u")]
        until: Moment,
    },
}

impl RunState {
    /// Whether the node is to be executed now.
    pub const fn is_ready(&self) -> bool {
        matches!(self, RunState::Ready)
    }

    /// The instant a timer must fire for this passage, if it waits.
    pub const fn due(&self) -> Option<Moment> {
        match *self {
            RunState::Ready => None,
            RunState::Waiting { until } | RunState::Listening { until } => Some(until),
        }
    }
}

/// How a passage ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Reached an `exit` node: the journey was walked to its end.
    Completed,
    /// The goal happened, or a `goal` node was reached.
    Goal,
    /// An exit trigger happened.
    Exited,
    /// Given up in favour of another passage of the same customer through the same journey: the caller's word,
    /// [`crate::step`] never says it.
    Superseded,
    /// The journey was retired.
    Archived,
}

/// A fact about a passage. To add one: 1 here, 2 [`Run::apply`], 3 the read models that count nodes.
///
/// `Entered` creates a passage and `Ended` removes it: both are the business of whoever owns the list of passages.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// A customer entered.
    Entered {
        /// The passage as it begins.
        run: Run,
    },
    /// The customer went from one node to another.
    Moved {
        /// Which passage.
        run: RunId,
        /// The node that was left.
        from: String,
        /// The node that is to be executed next.
        to: String,
        /// When.
        at: Moment,
    },
    /// The customer waits at the present node.
    Paused {
        /// Which passage.
        run: RunId,
        /// When the wait is over at the latest.
        until: Moment,
        /// Whether an event can end it earlier.
        listening: bool,
    },
    /// The passage is over.
    Ended {
        /// Which passage.
        run: RunId,
        /// The node the customer was at.
        node: String,
        /// How it ended.
        how: Ending,
        /// When.
        at: Moment,
    },
    /// The journey is paused and the passage would have gone on: it is held.
    Held {
        /// Which passage.
        run: RunId,
        /// The node the customer is at.
        node: String,
        /// When it would have gone on.
        at: Moment,
        /// When it looks once more whether the journey is still paused.
        look_at: Moment,
    },
    /// It looked once more, and the journey was still paused: from now on it waits without a timer.
    HeldOn {
        /// Which passage.
        run: RunId,
    },
    /// The passage is not held any more: it goes on, or ends.
    Released {
        /// Which passage.
        run: RunId,
        /// The node the customer is at.
        node: String,
        /// When.
        at: Moment,
    },
    /// A node asked for a send. Recorded whether or not consent let it through, so that a suppressed send and its
    /// successor never share a key.
    SendIntended {
        /// Which passage.
        run: RunId,
        /// The sending node.
        node: String,
        /// 0 for the first send of this node in this passage: part of the send's business key.
        iteration: u32,
    },
}

impl RunEvent {
    /// The passage this fact is about.
    pub const fn run_id(&self) -> RunId {
        match self {
            RunEvent::Entered { run } => run.id,
            RunEvent::Moved { run, .. }
            | RunEvent::Paused { run, .. }
            | RunEvent::Ended { run, .. }
            | RunEvent::Held { run, .. }
            | RunEvent::HeldOn { run }
            | RunEvent::Released { run, .. }
            | RunEvent::SendIntended { run, .. } => *run,
        }
    }
}

impl Run {
    /// The iteration of the next send of a node: 0 when it has sent nothing in this passage yet.
    pub fn next_iteration(&self, node: &str) -> u32 {
        self.iterations.get(node).copied().unwrap_or(0)
    }

    /// Applies one fact. A fact about another passage changes nothing; so do `Entered` and `Ended`, which the owner
    /// of the list applies by adding and removing the passage.
    pub fn apply(&mut self, event: &RunEvent) {
        if event.run_id() != self.id {
            return;
        }
        match event {
            RunEvent::Entered { .. } | RunEvent::Ended { .. } => {}
            RunEvent::Moved { to, .. } => {
                self.node.clone_from(to);
                self.state = RunState::Ready;
            }
            RunEvent::Paused { until, listening: false, .. } => self.state = RunState::Waiting { until: *until },
            RunEvent::Paused { until, listening: true, .. } => self.state = RunState::Listening { until: *until },
            RunEvent::Held { at, look_at, .. } => self.held = Some(Held { since: *at, look_at: Some(*look_at) }),
            RunEvent::HeldOn { .. } => {
                if let Some(held) = &mut self.held {
                    held.look_at = None;
                }
            }
            RunEvent::Released { .. } => self.held = None,
            RunEvent::SendIntended { node, iteration, .. } => {
                let sends = self.iterations.entry(node.clone()).or_default();
                *sends = (*sends).max(iteration.saturating_add(1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run() -> Run {
        Run {
            id: RunId::from_u128(1),
            journey: JourneyId::from_u128(2),
            revision: 3,
            entered_at: Moment::from_millis(1_000),
            node: "n1".into(),
            state: RunState::Ready,
            held: None,
            iterations: BTreeMap::new(),
            entry: Personal::default(),
        }
    }

    #[test]
    fn facts_move_pause_and_count() {
        let mut run = run();
        let id = run.id;
        let until = Moment::from_millis(9);
        run.apply(&RunEvent::Moved { run: id, from: "n1".into(), to: "n2".into(), at: Moment::from_millis(5) });
        assert_eq!((run.node.as_str(), run.state), ("n2", RunState::Ready));
        run.apply(&RunEvent::SendIntended { run: id, node: "n2".into(), iteration: 0 });
        assert_eq!(run.next_iteration("n2"), 1);
        run.apply(&RunEvent::SendIntended { run: id, node: "n2".into(), iteration: 0 });
        assert_eq!(run.next_iteration("n2"), 1, "the same fact twice counts once");
        run.apply(&RunEvent::Paused { run: id, until, listening: true });
        assert_eq!(run.state, RunState::Listening { until });
        run.apply(&RunEvent::Paused { run: RunId::from_u128(77), until, listening: false });
        assert_eq!(run.state, RunState::Listening { until }, "another passage's fact changes nothing");
    }

    #[test]
    fn a_waiting_run_is_stored_in_few_bytes_and_reads_back() {
        let mut waiting = run();
        waiting.state = RunState::Waiting { until: Moment::from_millis(1_700_000_000_000) };
        let text = serde_json::to_string(&waiting).unwrap();
        assert!(text.len() < 140, "{} bytes: {text}", text.len());
        assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), waiting);

        let mut full = run();
        full.entry = Personal::new(json!({"series": "R1"}).as_object().cloned().unwrap());
        full.iterations.insert("n1".into(), 2);
        assert_eq!(serde_json::from_value::<Run>(serde_json::to_value(&full).unwrap()).unwrap(), full);
        assert!(!format!("{full:?}").contains("R1"), "entry properties are personal: Debug masks them");
    }
}
